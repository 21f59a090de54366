"""What can be recomputed from a thesis's table of 57 lesions."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from hepaflow.cohort.categories import chi_square
from hepaflow.cohort.crossed import crossed
from hepaflow.cohort.ranks import mann_whitney

pytestmark = pytest.mark.external


@pytest.fixture(scope="module")
def lesions(reference: Path) -> list[dict[str, str]]:
    with (reference / "thesis_table6.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
