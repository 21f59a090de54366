"""Published values of tests, and what can be recomputed from a thesis's table of 57 lesions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from hepaflow.cohort.categories import chi_square, fisher_exact
from hepaflow.cohort.crossed import Crossed, crossed
from hepaflow.cohort.paired import mcnemar
from hepaflow.cohort.proportion import proportion
from hepaflow.cohort.ranks import mann_whitney

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def published(reference: Path) -> dict[str, dict[str, object]]:
    return {entry["id"]: entry for entry in json.loads((reference / "stat_reference.json").read_text(encoding="utf-8"))}


@pytest.fixture(scope="module")
def lesions(reference: Path) -> list[dict[str, str]]:
    with (reference / "thesis_table6.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def ours() -> dict[str, list[float | None]]:
    every = {
        name: mcnemar(*pairs) for name, pairs in {"mathworks": (59, 121), "chartreview": (61, 27), "chartreview2": (20, 6)}.items()
    }
    found: dict[str, list[float | None]] = {
        f"mcnemar.{name}": [test.chi2_corrected, test.p_chi2_corrected] for name, test in every.items()
    }
    found["mcnemar.R"] = [mcnemar(150, 86).chi2_corrected, mcnemar(150, 86).chi2]
    found["mcnemar.midp"] = [mcnemar(16, 6).p_mid]
    found["clopper"] = [*proportion(28, 29).ci95_exact, *proportion(31, 32).ci95_exact]
    found["wilson.newcombe"] = list(proportion(81, 263).ci95_wilson)
    found["cp.newcombe"] = list(proportion(81, 263).ci95_exact)
    return found


@pytest.mark.parametrize("name", sorted(ours()))
def test_recomputed_values(name: str, published: dict[str, dict[str, object]]) -> None:
    assert ours()[name] == pytest.approx(published[name]["recomputed"], rel=1e-9)


def test_two_sided_fisher(published: dict[str, dict[str, object]]) -> None:
    two_sided = published["fisher.R.tea"]["recomputed"][1]  # type: ignore[index]
    assert Crossed(3, 1, 1, 3, "major").fisher_p == pytest.approx(two_sided)
    assert fisher_exact(np.array([[3, 1], [1, 3]])).p == pytest.approx(two_sided)


def test_size_change_tells_histology(lesions: list[dict[str, str]]) -> None:
    """AUC 624.5 of 800 pairs; p 3.1e-4 by the normal approximation is 2.0e-4 exactly; categories against histology 13.24, p .0013."""
    change = np.array([float(lesion["recist_pct_change"]) for lesion in lesions])
    major = np.array([lesion["histology_blazer"] == "major" for lesion in lesions])
    found = mann_whitney(change[~major], change[major])
    assert (found.statistic, found.n_first, found.n_second, found.ties) == (624.5, 32, 25, True)
    assert found.p == pytest.approx(1.985e-4, rel=1e-3)  # 2.0e-4 in two million random draws
    kinds = [lesion["recist_class_thesis"] for lesion in lesions]
    counts = np.array(
        [
            [sum(m == side and k == kind for m, k in zip(major, kinds, strict=True)) for kind in ("PR", "SD", "PD")]
            for side in (True, False)
        ]
    )
    assert (counts.tolist(), round(chi_square(counts).statistic or 0, 2)) == ([[11, 12, 2], [3, 15, 14]], 13.24)


def test_partial_response_for_major(lesions: list[dict[str, str]]) -> None:
    responded = np.array([lesion["recist_class_thesis"] == "PR" for lesion in lesions])
    found = crossed(responded, np.array([lesion["histology_blazer"] == "major" for lesion in lesions]))
    assert (found.tp, found.fp, found.fn, found.tn) == (11, 3, 14, 29)
    assert (found.youden, found.kappa) == (pytest.approx(0.346, abs=5e-4), pytest.approx(0.364, abs=5e-4))
