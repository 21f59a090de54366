from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.bland_altman import FACTOR, bland_altman
from hepaflow.errors import InputRefused

#: Bland and Altman 1986, table 1: peak expiratory flow (l/min), first Wright and first mini Wright reading of 17 subjects.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427], float)
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451], float)


def test_the_example_of_the_lancet() -> None:
    found = bland_altman(WRIGHT, MINI, factor=2.0)
    assert (found.n, found.clusters, found.left_out, found.log, found.ratios) == (17, 17, 0, False, None)
    assert (found.bias, found.sd, found.lower, found.upper) == pytest.approx((-2.1, 38.8, -79.7, 75.5), abs=0.1)
    assert found.bias_ci95 == pytest.approx((-22.0, 17.8), abs=0.1)
    half = 2.1199 * found.sd * math.sqrt(1 / 17 + 4 / 32)
    assert found.lower_ci95 == pytest.approx((found.lower - half, found.lower + half), rel=1e-4)
    assert found.upper_ci95 == pytest.approx((found.upper - half, found.upper + half), rel=1e-4)
    assert (found.within_sd, found.between_sd) == (None, None)
    wanted = stats.linregress((WRIGHT + MINI) / 2, WRIGHT - MINI)
    assert found.proportional is not None
    assert (found.proportional.slope, found.proportional.se, found.proportional.p) == pytest.approx(
        (wanted.slope, wanted.stderr, wanted.pvalue), rel=1e-10
    )


def test_balanced_patients_by_hand() -> None:
    """Differences 1 3 / 5 7 / 0 2: means 2 6 1, variance of means 7, within 2; of one difference 7 + 2/2 = 8; between 7 - 2/2 = 6."""
    found = bland_altman([1.0, 3, 5, 7, 0, 2], np.zeros(6), cluster=["a", "a", "b", "b", "c", "c"])
    assert (found.n, found.clusters, found.bias) == (6, 3, pytest.approx(3.0))
    assert (found.sd, found.within_sd, found.between_sd) == pytest.approx((math.sqrt(8), math.sqrt(2), math.sqrt(6)))
    half = stats.t.ppf(0.975, 2) * math.sqrt(7 / 3)
    assert found.bias_ci95 == pytest.approx((3 - half, 3 + half))
    most = 8 + math.hypot(7 * (2 / stats.chi2.ppf(0.025, 2) - 1), 1 * (3 / stats.chi2.ppf(0.025, 3) - 1))
    least = 8 - math.hypot(7 * (1 - 2 / stats.chi2.ppf(0.975, 2)), 1 * (1 - 3 / stats.chi2.ppf(0.975, 3)))
    outward = math.hypot(half, FACTOR * (math.sqrt(most) - math.sqrt(8)))
    inward = math.hypot(half, FACTOR * (math.sqrt(8) - math.sqrt(least)))
    assert found.upper_ci95 == pytest.approx((found.upper - inward, found.upper + outward))
    assert found.lower_ci95 == pytest.approx((found.lower - outward, found.lower + inward))
    assert "Zou" in found.test


def test_within_patients_only_leaves_nothing_between() -> None:
    found = bland_altman([-1.0, 1, -2, 2, -3, 3], np.zeros(6), cluster=[1, 1, 2, 2, 3, 3])
    assert found.between_sd == 0.0
    assert found.within_sd == pytest.approx(math.sqrt((2 + 8 + 18) / 3))


def test_the_slope_of_clustered_lesions_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    draw = np.random.default_rng(4)
    patient = np.repeat(np.arange(9), [1, 2, 3, 4, 1, 2, 5, 2, 3])
    truth = draw.gamma(4.0, 10.0, len(patient))
    one, other = truth * 1.1 + draw.normal(0, 3, len(truth)), truth + draw.normal(0, 3, len(truth)) + draw.normal(0, 4, 9)[patient]
    found = bland_altman(one, other, cluster=patient).proportional
    model = sm.OLS(one - other, sm.add_constant((one + other) / 2))
    wanted = model.fit(cov_type="cluster", cov_kwds={"groups": patient}, use_t=True)
    assert found is not None
    assert (found.slope, found.se, found.p) == pytest.approx((wanted.params[1], wanted.bse[1], wanted.pvalues[1]), rel=1e-9)
    assert "CR1" in found.test


def test_logarithms_give_ratios() -> None:
    found = bland_altman([2.0, 4.0, 8.0, 9.0], [1.0, 2.0, 4.0, 3.0], log=True)
    assert found.bias == pytest.approx((3 * math.log(2) + math.log(3)) / 4)
    assert found.ratios == pytest.approx((math.exp(found.bias), math.exp(found.lower), math.exp(found.upper)))
    assert found.test.endswith("of natural logarithms")


def test_pairs_without_a_reading_are_left_out_and_counted() -> None:
    found = bland_altman([1.0, np.nan, 2, 5, 4], [1.0, 2, 3, 4, np.nan], cluster=[1, 1, 2, 2, 3])
    assert (found.n, found.clusters, found.left_out) == (3, 2, 2)
    assert found.proportional is None
    assert bland_altman([3.0, 1, 2], [1.0, 3, 2]).proportional is None


@pytest.mark.parametrize(
    ("first", "second", "settings", "code"),
    [
        ([1.0, 2], [1.0, 2], {}, "PAIRS-TOO-FEW"),
        ([1.0, 2, 3], [1.0, 2], {}, "PAIRS-UNEQUAL"),
        ([[1.0, 2, 3]], [[1.0, 2, 3]], {}, "PAIRS-UNEQUAL"),
        ([1.0, 2, np.inf], [1.0, 2, 3], {}, "PAIRS-INFINITE"),
        ([1.0, 2, 3], [1.0, 2, 3], {"cluster": [1, 1]}, "CLUSTER-UNEQUAL"),
        ([1.0, 2, 3], [1.0, 2, 3], {"cluster": [1, 1, 1]}, "AGREEMENT-ONE-PATIENT"),
        ([1.0, 2, 0], [1.0, 2, 3], {"log": True}, "AGREEMENT-LOG"),
        ([1.0, 2, 3], [1.0, 2, 3], {"factor": 0.0}, "AGREEMENT-FACTOR"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    first: list[float], second: list[float], settings: dict[str, object], code: str
) -> None:
    with pytest.raises(InputRefused, match="^" + code):
        bland_altman(first, second, **settings)  # type: ignore[arg-type]


numbers = st.floats(1, 100).map(lambda value: round(value, 3))
rows = st.lists(st.tuples(numbers, numbers, st.integers(0, 5)), min_size=6, max_size=25).filter(
    lambda pairs: len({patient for *_, patient in pairs}) > 2
)


@given(rows)
def test_the_other_way_round_all_turns(pairs: list[tuple[float, float, int]]) -> None:
    one, other, patient = (np.array(column) for column in zip(*pairs, strict=True))
    found, turned = bland_altman(one, other, cluster=patient), bland_altman(other, one, cluster=patient)
    assert (turned.bias, turned.sd) == pytest.approx((-found.bias, found.sd), abs=1e-9)
    assert turned.lower_ci95 == pytest.approx(tuple(-limit for limit in reversed(found.upper_ci95)), abs=1e-8)
    assert found.lower_ci95[0] <= found.lower <= found.bias <= found.upper <= found.upper_ci95[1]
    assert found.bias_ci95[0] <= found.bias <= found.bias_ci95[1]


@given(rows)
def test_a_lesion_a_patient_is_no_clustering(pairs: list[tuple[float, float, int]]) -> None:
    one, other, _ = (np.array(column) for column in zip(*pairs, strict=True))
    assert bland_altman(one, other, cluster=np.arange(len(one))[::-1]) == bland_altman(one, other)


def test_intervals_of_limits_go_with_the_unit() -> None:
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(8), 3)
    one = rng.normal(size=24) * 20 + 60
    other = one + rng.normal(size=8)[patient] * 4 + rng.normal(size=24) * 5
    found = bland_altman(one, other, cluster=patient)
    for scale in (0.01, 100.0):
        again = bland_altman(scale * one, scale * other, cluster=patient)
        for name in ("bias_ci95", "lower_ci95", "upper_ci95"):
            assert getattr(again, name) == pytest.approx([scale * end for end in getattr(found, name)])
