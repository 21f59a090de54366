from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples_for_tests import samples
from scipy import stats

from hepaflow.cohort.roc import (
    auc,
    clustered_covariance,
    delong_covariance,
    difference,
    hanley_se,
    logit_interval,
    placements,
    wald,
)
from hepaflow.cohort.sample import Sample, sample
from hepaflow.errors import InputRefused


def kernel(high: float, low: float) -> float:
    return 1.0 if high > low else 0.5 if high == low else 0.0


def components(found: Sample) -> tuple[dict[int, float], dict[int, float], float]:
    """Structural components by a double loop, keyed by the lesion."""
    x, truth = found.oriented.tolist(), found.positive.tolist()
    high, low = [i for i, t in enumerate(truth) if t], [i for i, t in enumerate(truth) if not t]
    v10 = {i: sum(kernel(x[i], x[j]) for j in low) / len(low) for i in high}
    v01 = {j: sum(kernel(x[i], x[j]) for i in high) / len(high) for j in low}
    return v10, v01, sum(v10.values()) / len(high)


def obuchowski(one: Sample, other: Sample) -> float | None:
    """Covariance of two areas with lesions in patients, written out for each patient."""
    (a10, a01, a), (b10, b01, b) = components(one), components(other)
    names = sorted(set(one.cluster.tolist()))
    high = {p: [i for i in a10 if one.cluster[i] == p] for p in names}
    low = {p: [i for i in a01 if one.cluster[i] == p] for p in names}
    i10, i01, i = sum(bool(v) for v in high.values()), sum(bool(v) for v in low.values()), len(names)
    m, n = len(a10), len(a01)
    if i10 < 2 or i01 < 2:
        return None
    ah = {p: sum(a10[k] - a for k in high[p]) for p in names}
    bh = {p: sum(b10[k] - b for k in high[p]) for p in names}
    al = {p: sum(a01[k] - a for k in low[p]) for p in names}
    bl = {p: sum(b01[k] - b for k in low[p]) for p in names}
    s10 = i10 / ((i10 - 1) * m) * sum(ah[p] * bh[p] for p in names)
    s01 = i01 / ((i01 - 1) * n) * sum(al[p] * bl[p] for p in names)
    s11 = i / (i - 1) * sum(ah[p] * bl[p] + al[p] * bh[p] for p in names)
    return s10 / m + s01 / n + s11 / (m * n)


@settings(deadline=None)
@given(samples())
def test_area_and_placements_are_pairs_counted(found: Sample) -> None:
    v10, v01, area = components(found)
    placed = placements(found)
    assert placed.auc == pytest.approx(area)
    assert placed.of_positives.tolist() == pytest.approx([v10[k] for k in sorted(v10)])
    assert placed.of_negatives.tolist() == pytest.approx([v01[k] for k in sorted(v01)])
    whole = auc(found)
    assert (whole.positives, whole.negatives, whole.clusters) == (len(v10), len(v01), len(set(found.cluster.tolist())))


@settings(deadline=None)
@given(samples())
def test_errors_by_the_written_out_formulas(found: Sample) -> None:
    v10, v01, area = components(found)
    whole = auc(found)
    if min(len(v10), len(v01)) < 2:
        assert (whole.se_delong, whole.ci95_delong, whole.ci95_delong_logit) == (None, None, None)
    else:
        s = sum((v - area) ** 2 for v in v10.values()) / (len(v10) - 1) / len(v10)
        s += sum((v - area) ** 2 for v in v01.values()) / (len(v01) - 1) / len(v01)
        assert whole.se_delong == pytest.approx(math.sqrt(s), abs=1e-7)
        assert whole.ci95_delong == pytest.approx((max(0, area - 1.959964 * s**0.5), min(1, area + 1.959964 * s**0.5)), abs=1e-6)
    by_patient = obuchowski(found, found)
    if by_patient is None:
        assert (whole.se_clustered, whole.ci95_clustered) == (None, None)
    else:
        assert whole.se_clustered == pytest.approx(math.sqrt(max(by_patient, 0.0)), abs=1e-7)


@settings(deadline=None)
@given(samples())
def test_area_knows_order_only_and_turns_with_direction_and_class(found: Sample) -> None:
    stretched = Sample(np.exp(found.values) + found.values, found.positive, found.cluster, found.direction)
    assert auc(stretched) == auc(found)
    other = "higher" if found.direction == "lower" else "lower"
    turned = auc(Sample(found.values, found.positive, found.cluster, other))  # type: ignore[arg-type]
    assert turned.auc == pytest.approx(1 - auc(found).auc)
    swapped = auc(Sample(found.values, ~found.positive, found.cluster, other))  # type: ignore[arg-type]
    assert swapped.auc == pytest.approx(auc(found).auc)
    for one in (turned, swapped):
        for name in ("se_delong", "se_clustered"):
            mine, its = getattr(auc(found), name), getattr(one, name)
            assert its == (None if mine is None else pytest.approx(mine, abs=1e-7))


@settings(deadline=None)
@given(samples())
def test_patients_of_one_lesion_are_delong(found: Sample) -> None:
    alone = Sample(found.values, found.positive, np.arange(len(found.values)), found.direction)
    placed = [placements(alone)]
    assert clustered_covariance(placed, alone) == pytest.approx(delong_covariance(placed), abs=1e-12, nan_ok=True)


@settings(deadline=None)
@given(samples())
def test_numbers_of_patients_may_have_gaps(found: Sample) -> None:
    apart = Sample(found.values, found.positive, found.cluster * 3 + 2, found.direction)
    assert auc(apart) == auc(found)
    assert difference(apart, apart) == difference(found, found)


def test_interval_over_patients_takes_t_of_the_rarer_class() -> None:
    """Positives in patients 0, 1, 2; negatives in 3, 4: one degree of freedom, t 12.7062."""
    found = sample([1, 4, 5, 2, 3, 0, 2], [True, True, True, True, False, False, False], [0, 1, 2, 2, 3, 3, 4])
    whole = auc(found)
    assert whole.se_clustered is not None
    area, se = whole.auc, whole.se_clustered
    at, reach = math.log(area / (1 - area)), 12.70620474 * se / (area * (1 - area))
    assert whole.ci95_clustered == pytest.approx(tuple(1 / (1 + math.exp(-(at + sign * reach))) for sign in (-1, 1)), rel=1e-6)
    assert whole.se_delong is not None
    reach = 1.959963985 * whole.se_delong / (area * (1 - area))
    assert whole.ci95_delong_logit == pytest.approx(tuple(1 / (1 + math.exp(-(at + sign * reach))) for sign in (-1, 1)), rel=1e-6)


def test_patients_with_lesions_of_both_classes() -> None:
    """Patients 0 and 1 hold both classes, their lesions move together."""
    found = sample([1, 2, 4, 5, 3, 0], [False, True, False, True, True, False], [0, 0, 1, 1, 2, 3])
    by_patient = obuchowski(found, found)
    assert by_patient is not None
    assert auc(found).se_clustered == pytest.approx(math.sqrt(by_patient))


def test_wholly_apart_and_all_equal() -> None:
    apart = auc(sample([1, 2, 3, 4], [False, False, True, True]))
    assert (apart.auc, apart.se_delong, apart.ci95_delong_logit, apart.ci95_clustered) == (1.0, 0.0, None, None)
    equal = auc(sample([2, 2, 2, 2], [False, False, True, True]))
    assert (equal.auc, equal.se_delong, equal.ci95_delong_logit) == (0.5, 0.0, None)
    one = auc(sample([1, 2, 3, 4], [False, True, False, True], [7, 7, 7, 7]))
    assert (one.clusters, one.se_clustered) == (1, None)
    assert one.se_delong is not None


@settings(deadline=None)
@given(samples(), st.data())
def test_difference_of_two_values_of_the_same_lesions(found: Sample, data: st.DataObject) -> None:
    again = [float(v) for v in data.draw(st.lists(st.integers(-3, 3), min_size=len(found.values), max_size=len(found.values)))]
    other = Sample(np.array(again), found.positive, found.cluster, "higher")
    apart = difference(found, other)
    assert apart.difference == pytest.approx(components(found)[2] - components(other)[2])
    assert apart.n == len(found.values)
    turned = difference(other, found)
    assert turned.difference == -apart.difference
    assert turned.p == (None if apart.p is None else pytest.approx(apart.p))
    covariances = [obuchowski(a, b) for a, b in ((found, found), (other, other), (found, other))]
    if None in covariances:
        assert (apart.z_clustered, apart.p_clustered, apart.ci95_clustered) == (None, None, None)
        return
    var = covariances[0] + covariances[1] - 2 * covariances[2]  # type: ignore[operator]
    freedom = min(len(set(found.cluster[side].tolist())) for side in (found.positive, ~found.positive)) - 1
    areas = [components(one)[2] for one in (found, other)]
    whole = all(0.0 < area < 1.0 for area in areas) and min(covariances[0], covariances[1]) > 1e-9  # type: ignore[operator, type-var]
    if var > 1e-9:
        assert apart.se_clustered == pytest.approx(math.sqrt(var))
    if var > 1e-9 and not whole:
        z = apart.difference / math.sqrt(var)
        reach = stats.t.ppf(0.975, freedom) * math.sqrt(var)
        assert apart.z_clustered == pytest.approx(z)
        assert apart.p_clustered == pytest.approx(2 * (1 - stats.t.cdf(abs(z), freedom)), abs=1e-9)
        assert apart.ci95_clustered == pytest.approx((apart.difference - reach, apart.difference + reach))
    if whole and var > 1e-9:
        assert apart.z_clustered is not None
        assert apart.p_clustered == pytest.approx(2 * stats.t.sf(abs(apart.z_clustered), freedom))
        assert apart.ci95_clustered is not None
        low, high = apart.ci95_clustered
        assert low <= apart.difference <= high
        if 0.04 < apart.p_clustered < 0.06:
            return  # on the edge the two may differ by rounding
        assert (low > 0.0 or high < 0.0) == (apart.p_clustered < 0.05)


def test_an_interval_near_one_is_put_together_from_both() -> None:
    truth = [True] * 6 + [False] * 6
    high = sample([9, 8, 7, 6, 5, 3, 4, 2, 2, 1, 1, 0], truth)
    low = sample([9, 2, 7, 6, 1, 3, 4, 8, 2, 5, 1, 0], truth)
    apart, alone = difference(high, low), (auc(high), auc(low))
    covariance = clustered_covariance([placements(high), placements(low)], high)
    alike = covariance[0, 1] / math.sqrt(covariance[0, 0] * covariance[1, 1])
    (first_low, first_high), (second_low, second_high) = alone[0].ci95_clustered, alone[1].ci95_clustered  # type: ignore[misc]
    down, up = alone[0].auc - first_low, second_high - alone[1].auc
    assert apart.ci95_clustered is not None
    assert apart.ci95_clustered[0] == pytest.approx(apart.difference - math.sqrt(down**2 - 2 * alike * down * up + up**2))
    up, down = first_high - alone[0].auc, alone[1].auc - second_low
    assert apart.ci95_clustered[1] == pytest.approx(apart.difference + math.sqrt(up**2 - 2 * alike * up * down + down**2))


@settings(deadline=None)
@given(samples(), st.data())
def test_difference_by_lesions_is_delongs(found: Sample, data: st.DataObject) -> None:
    size = len(found.values)
    again = [float(v) for v in data.draw(st.lists(st.integers(-3, 3), min_size=size, max_size=size))]
    other = Sample(np.array(again), found.positive, found.cluster, "lower")
    apart = difference(found, other)
    (a10, a01, a), (b10, b01, b) = components(found), components(other)
    if min(len(a10), len(a01)) < 2:
        assert (apart.z, apart.p, apart.ci95) == (None, None, None)
        return
    var = sum(((a10[k] - a) - (b10[k] - b)) ** 2 for k in a10) / (len(a10) - 1) / len(a10)
    var += sum(((a01[k] - a) - (b01[k] - b)) ** 2 for k in a01) / (len(a01) - 1) / len(a01)
    if var > 1e-9:
        z = (a - b) / math.sqrt(var)
        assert apart.z == pytest.approx(z, abs=1e-9)
        assert apart.p == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-9)
        assert apart.ci95 == pytest.approx((a - b - 1.959964 * var**0.5, a - b + 1.959964 * var**0.5), abs=1e-6)


def test_a_value_against_itself_has_no_test() -> None:
    found = sample([1, 3, 2, 4], [False, False, True, True])
    assert difference(found, found) == type(difference(found, found))(0.0, 4, None, None, None, 0.0, None, None, None)


def test_other_lesions_are_not_compared() -> None:
    found = sample([1, 3, 2, 4], [False, False, True, True], [1, 1, 2, 2])
    for other in (
        sample([1, 3, 2, 4], [False, True, False, True], [1, 1, 2, 2]),
        sample([1, 3, 2, 4], [False, False, True, True], [1, 2, 2, 2]),
    ):
        with pytest.raises(InputRefused, match="ROC-NOT-PAIRED"):
            difference(found, other)


def test_hanley_by_hand() -> None:
    """A = 3/4: Q1 = 3/5, Q2 = 9/14; m = 4, n = 6."""
    spread = 0.75 * 0.25 + 3 * (0.6 - 0.5625) + 5 * (9 / 14 - 0.5625)
    assert hanley_se(0.75, 4, 6) == pytest.approx(math.sqrt(spread / 24))
    assert hanley_se(1.0, 4, 6) == 0.0
    assert hanley_se(0.96875, 29, 32) == pytest.approx(0.0236, abs=5e-5)


@settings(deadline=None)
@given(st.floats(1e-6, 1 - 1e-6), st.floats(1e-6, 0.5), st.sampled_from([1.0, 2.0, 30.0, math.inf]))
def test_logit_interval_holds_its_value_and_stays_a_share(value: float, se: float, freedom: float) -> None:
    found = logit_interval(value, se, freedom=freedom)
    assert found is not None
    low, high = found
    assert 0 <= low <= value <= high <= 1
    quantile = stats.t.ppf(0.975, 1e9 if math.isinf(freedom) else freedom)
    if high < 1 - 1e-9 and low > 1e-9:
        width = math.log(high / (1 - high)) - math.log(low / (1 - low))
        assert width == pytest.approx(2 * quantile * se / (value * (1 - value)), rel=1e-5)


def test_no_logit_interval_without_spread_or_at_the_ends() -> None:
    assert [logit_interval(*pair) for pair in ((0.5, 0.0), (0.0, 0.1), (1.0, 0.1))] == [None] * 3
    assert wald(0.95, 0.1) == pytest.approx((0.95 - 0.1959964, 1.0))
    assert wald(0.05, 0.1) == pytest.approx((0.0, 0.05 + 0.1959964))


def test_every_order_of_two_and_two() -> None:
    seen = [auc(sample(list(order), [True, True, False, False])).auc for order in itertools.permutations([1.0, 2.0, 3.0, 4.0])]
    assert sorted(set(seen)) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert np.mean(seen) == 0.5
