from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from scipy import stats

from hepaflow.cohort.crossed import Crossed
from hepaflow.cohort.nancy2019 import accuracy, printed
from hepaflow.cohort.nancy2019.accuracy import checks, exact_p, flow_table, matching_tables, rates, response_table, size_sample
from hepaflow.cohort.nancy2019.check import Check
from hepaflow.cohort.roc import auc


@pytest.fixture(scope="module")
def found() -> dict[str, Check]:
    return {one.key: one for one in checks()}


#: Key -> printed, recomputed, verdict.
WANTED = {
    "bf-accuracy": ("96.5 / 96.9 / 96.5 / 96.9", "96.6 / 96.9 / 96.6 / 96.9", "rounding"),
    "bf-youden": ("not given", "0.934", "not checkable"),
    "bf-auc": ("0.9688", "899/928", "attainable"),
    "bf-p": ("<1e-12", "2.1e-13", "attainable"),
    "table-3-order": (
        "BF <1e-12, BV <1e-9, TTP <1e-4, HPBF <1e-11, Total MTT <1e-7, HABF 0.045",
        "BF ≥ 0.961, HPBF ≥ 0.947, BV ≥ 0.915, Total MTT ≥ 0.872, TTP ≥ 0.782, HABF = 0.650",
        "attainable",
    ),
    "recist-accuracy": (
        "59 / 80 / 79 / 60",
        "TP 19, FN 13, FP 5, TN 20, positive = MINOR: 59.4 / 80.0 / 79.2 / 60.6",
        "contradicted",
    ),
    "recist-from-table-6": ("19 (from the four rates)", "20", "contradicted"),
    "recist-same-class": (
        "59 and 79 against 96.5 and 96.5",
        "partial response for MAJOR: 44.0 / 90.6 / 78.6 / 67.4; BF ratio < 0.68 for MAJOR: 96.6 / 96.9 / 96.6 / 96.9",
        "contradicted",
    ),
    "size-auc": ("not given", "0.781 (0.660 to 0.901)", "not checkable"),
    "paired": ("not given", "3.1e-05 to 7.3e-04", "not checkable"),
    "baseline-below-15-mm": ("> 15 mm", "≤ 13 mm before chemotherapy", "questioned"),
}


@pytest.mark.parametrize("key", WANTED)
def test_printed_recomputed_and_verdict(found: dict[str, Check], key: str) -> None:
    assert (found[key].printed, found[key].recomputed, found[key].verdict) == WANTED[key]


def test_no_check_is_missing(found: dict[str, Check]) -> None:
    assert list(found) == list(WANTED)


def test_sentences_hold_the_figures_behind(found: dict[str, Check]) -> None:
    assert "28/29 is 96.55, printed as 96.5: sensitivity and PPV are cut" in found["bf-accuracy"].why
    assert "82.2 to 99.9 %" in found["bf-accuracy"].why
    assert "Only 899 of 928" in found["bf-auc"].why
    assert "allows 868 to 927" in found["bf-auc"].why
    assert "0.0236" in found["bf-auc"].why
    assert "never goes below 2.1e-11" in found["bf-p"].why
    assert "5 false positives force 20" in found["recist-from-table-6"].why
    assert "between -6 and -5 %, sensitivity 76.0%, specificity 71.9%" in found["size-auc"].why
    assert "exact Mann-Whitney" in found["size-auc"].why


def test_the_two_by_twos() -> None:
    assert flow_table() == Crossed(28, 1, 1, 31, "major")
    assert response_table() == Crossed(11, 3, 14, 29, "major")
    assert [float(rate) for rate in rates(response_table())] == pytest.approx([11 / 25, 29 / 32, 11 / 14, 29 / 43])
    assert flow_table().kappa == pytest.approx(0.934, abs=5e-4)
    assert response_table().kappa == pytest.approx(0.364, abs=5e-4)
    assert response_table().youden == pytest.approx(0.346, abs=5e-4)


def test_size_points_down_for_major_response() -> None:
    size = size_sample()
    assert (size.direction, size.clusters, int(size.positive.sum())) == ("lower", 57, 25)
    assert auc(size).auc == pytest.approx(624.5 / 800)


def test_exact_p_of_u_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.4, 1.5):
        x, y = rng.normal(size=29) + shift, rng.normal(size=32)
        theirs = stats.mannwhitneyu(x, y, method="exact")
        assert exact_p(int(theirs.statistic)) == pytest.approx(theirs.pvalue, rel=1e-9)
    assert exact_p(464) == 1.0
    assert exact_p(928) == pytest.approx(2 / math.comb(61, 29))
    assert exact_p(0) == exact_p(928)


def test_the_least_area_that_the_two_by_two_allows() -> None:
    """The major lesion above the cut above a minors only, the minor one below it below b majors only: enumerated."""
    reached = set()
    for above, below in itertools.product(range(32), range(29)):
        # places: 28 majors low, 1 major high; 31 minors high, 1 minor low
        major = [k / 29 for k in range(28)] + [100 + above + 0.5]
        minor = [100.0 + k for k in range(1, 32)] + [(28 - below) / 29 - 0.5 / 29]
        reached.add(sum(x < y for x in major for y in minor))
    assert (min(reached), max(reached)) == (868, 927)
    assert 899 in reached


def test_tables_that_print_so_by_brute_force() -> None:
    """Up to 12 lesions: every 2 x 2, rounded or cut by decimal text."""
    texts = ("67", "50", "57", "60")

    def fits(a: int, n: int, text: str) -> bool:
        return n > 0 and text in {str(100 * a // n), str((200 * a + n) // (2 * n))}

    wanted = [
        (tp, fp, fn, tn)
        for tp, fp, fn, tn in itertools.product(range(13), repeat=4)
        if tp + fp + fn + tn <= 12
        and fits(tp, tp + fn, texts[0])
        and fits(tn, tn + fp, texts[1])
        and fits(tp, tp + fp, texts[2])
        and fits(tn, tn + fn, texts[3])
    ]
    made = matching_tables(texts, 12)
    assert sorted((one.tp, one.fp, one.fn, one.tn) for one in made) == sorted(wanted)
    assert (4, 3, 2, 3) in wanted
    assert matching_tables(("0", "0", "0", "0"), 2) == [Crossed(0, 1, 1, 0, "?")]
    assert matching_tables(("0", "100", "0", "0"), 6) == []


def test_paired_bounds_over_every_overlap(found: dict[str, Check]) -> None:
    """Right and wrong of both rules on 25 major and 32 minor lesions, every overlap of the margins."""
    chances = []
    for missed in (0, 1):  # whether the major lesion that blood flow misses has a baseline
        for only_size_major, only_size_minor in itertools.product(range(missed + 1), range(2)):
            # discordant: flow right and size wrong, the other way round
            flow_only = (25 - missed) - (11 - only_size_major) + 31 - (29 - only_size_minor)
            size_only = only_size_major + only_size_minor
            chances.append(stats.binomtest(size_only, size_only + flow_only).pvalue)
    assert found["paired"].recomputed == f"{min(chances):.1e} to {max(chances):.1e}"


@pytest.mark.parametrize(
    ("name", "value", "part", "verdict"),
    [
        ("BF_PRINTED", ("96.6", "96.9", "96.6", "96.9"), accuracy._flow_rule, "contradicted"),
        ("AUC", "0.9353", accuracy._flow_area, "attainable"),
        ("AUC", "0.9989", accuracy._flow_area, "attainable"),
        ("AUC", "0.9343", accuracy._flow_area, "contradicted"),
        ("AUC", "1.0000", accuracy._flow_area, "contradicted"),
        ("RECIST_PRINTED", ("44", "90", "78", "67"), accuracy._size_rule, "not checkable"),
    ],
)
def test_verdicts_follow_the_figures(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object, part: Callable[[], Iterator[Check]], verdict: str
) -> None:
    monkeypatch.setattr(printed, name, value)
    assert next(part()).verdict == verdict
