from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.survival import cumulative_incidence, kaplan_meier, log_rank
from hepaflow.errors import InputRefused

#: Miller 1981: acute myelogenous leukemia, weeks of remission, maintained and not (R survival: aml).
MAINTAINED = ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
NOT_MAINTAINED = ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
AML = (MAINTAINED[0] + NOT_MAINTAINED[0], MAINTAINED[1] + NOT_MAINTAINED[1], ["Maintained"] * 11 + ["Nonmaintained"] * 12)


def test_the_curve_of_the_maintained() -> None:
    found = kaplan_meier(*MAINTAINED)
    at_events = [value for value, events in zip(found.survival, found.events, strict=True) if events]
    assert at_events == pytest.approx([0.90909, 0.81818, 0.71591, 0.61364, 0.49091, 0.36818, 0.18409], abs=5e-6)
    assert (found.n, found.median, found.times[-1]) == (11, 31.0, 161.0)
    assert (found.at_risk[:3], found.censored[:3]) == ((11, 10, 8), (0, 1, 0))
    # printed by R: survfit(Surv(time, status) ~ 1, conf.type = "log-log") at 9 weeks, and median 31 (13, NA)
    assert found.ci95[0] == pytest.approx((0.508, 0.987), abs=5e-4)
    assert found.median_ci95 == (13.0, None)


def test_survival_at_a_time() -> None:
    found = kaplan_meier(*MAINTAINED)
    before, after, between = found.at(8.9), found.at(13), found.at(40)
    assert before is not None
    assert after is not None
    assert between is not None
    assert (before.survival, before.ci95, before.at_risk) == (1.0, None, 11)
    assert (after.survival, after.ci95, after.at_risk) == (found.survival[1], found.ci95[1], 10)
    assert (between.survival, between.at_risk) == (pytest.approx(0.36818, abs=5e-6), 3)
    assert found.at(162) is None
    assert found.at(-1) is None


def test_a_curve_that_runs_at_a_half_has_its_median_in_the_middle() -> None:
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1]).median == 2.5
    assert kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0]).median == 2.0
    assert kaplan_meier([1, 2, 3, 4], [1, 0, 0, 0]).median is None


def test_log_rank_of_the_leukemias() -> None:
    """R: survdiff(Surv(time, status) ~ x, aml) gives chi2 3.396389, p 0.06533932, expected 10.69 and 7.31."""
    found = log_rank(*AML)
    assert (found.chi2, found.p, found.df) == (pytest.approx(3.396389, abs=1e-6), pytest.approx(0.06533932, abs=1e-8), 1)
    assert (found.groups, found.n, found.observed) == (("Maintained", "Nonmaintained"), (11, 12), (7, 11))
    assert found.expected == pytest.approx((10.69, 7.31), abs=0.005)
    assert found.test == "log-rank test"


def test_log_rank_is_scipys_and_causes_are_censored() -> None:
    draw = np.random.default_rng(8)
    time, code, group = draw.exponential(10, 60), draw.integers(0, 3, 60), np.repeat(["x", "y"], 30)
    found = log_rank(time, code, group.tolist(), cause=2)
    sides = [stats.CensoredData.right_censored(time[group == one], (code != 2)[group == one]) for one in ("x", "y")]
    assert found.p == pytest.approx(stats.logrank(*sides).pvalue, rel=1e-9)
    assert "cause-specific" in found.test
    assert found == log_rank(time, np.where(code == 2, 2, 0), group.tolist(), cause=2)


def test_a_group_that_was_never_at_risk_is_not_compared() -> None:
    three = log_rank([0.5, 1, 2, 3, 4], [0, 1, 1, 1, 0], ["z", "x", "y", "x", "y"])
    two = log_rank([1, 2, 3, 4], [1, 1, 1, 0], ["x", "y", "x", "y"])
    assert (three.chi2, three.df) == (pytest.approx(two.chi2), 1)
    assert three.n == (2, 2, 1)


def test_incidence_by_hand() -> None:
    """Four lesions: progression 1, death 2, progression 3, censored 4: 1/4, then 1/4 + 1/2 * 1/2; variance of the first 3/64."""
    found = cumulative_incidence([1, 2, 3, 4], [1, 2, 1, 0])
    assert found.incidence == (0.25, 0.25, 0.5, 0.5)
    assert (found.events, found.competing, found.at_risk, found.clusters) == ((1, 0, 1, 0), (0, 1, 0, 0), (4, 3, 2, 1), 4)
    assert found.se[0] == pytest.approx(math.sqrt(3 / 64))
    reach = 1.959963984540054 * found.se[0] / (0.25 * math.log(4))
    assert found.ci95[0] == pytest.approx((0.25 ** math.exp(reach), 0.25 ** math.exp(-reach)))
    assert cumulative_incidence([1, 2], [2, 1]).ci95 == (None, pytest.approx((0.0058, 0.9104), abs=0.002))


def test_two_copies_of_each_patient_are_no_more_patients() -> None:
    draw = np.random.default_rng(3)
    time, code = np.ceil(draw.exponential(9, 30)), draw.integers(0, 3, 30)
    once, twice = (
        cumulative_incidence(time, code),
        cumulative_incidence(np.tile(time, 2), np.tile(code, 2), cluster=np.tile(np.arange(30), 2)),
    )
    assert twice.incidence == pytest.approx(once.incidence)
    assert twice.se == pytest.approx(once.se)
    assert (twice.n, twice.clusters) == (60, 30)
    assert twice.test.endswith("clustered by patient")


@pytest.mark.parametrize(
    ("time", "event", "code"),
    [
        ([], [], "SURVIVAL-UNEQUAL"),
        ([1, 2], [1], "SURVIVAL-UNEQUAL"),
        ([[1, 2]], [[1, 1]], "SURVIVAL-UNEQUAL"),
        ([-1, 2], [1, 1], "SURVIVAL-TIME"),
        ([np.nan, 2], [1, 1], "SURVIVAL-TIME"),
        ([1, 2], [1, 0.5], "SURVIVAL-EVENT"),
        ([1, 2], [1, -1], "SURVIVAL-EVENT"),
        ([1, 2], [1, np.nan], "SURVIVAL-EVENT"),
        ([1, 2], ["dead", "alive"], "SURVIVAL-EVENT"),
        ([1, 2], [1, 2], "SURVIVAL-CAUSES"),
    ],
)
def test_what_is_no_follow_up_is_refused(time: list[float], event: list[object], code: str) -> None:
    with pytest.raises(InputRefused, match=code):
        kaplan_meier(time, event)
    with pytest.raises(InputRefused, match=code):
        log_rank(time, event, ["x", "y"])
    with pytest.raises(InputRefused, match=code if code != "SURVIVAL-CAUSES" else "INCIDENCE-CAUSE"):
        cumulative_incidence(time, event, cause=0 if code == "SURVIVAL-CAUSES" else 1)


@pytest.mark.parametrize(
    ("event", "group", "code"),
    [
        ([1, 1, 1], ["x", "y"], "SURVIVAL-GROUP"),
        ([1, 1, 1], ["x", "x", "x"], "LOG-RANK-GROUPS"),
        ([0, 0, 0], ["x", "y", "y"], "LOG-RANK-GROUPS"),
        ([1, 0, 0], ["x", "y", "y"], None),
    ],
)
def test_groups_that_cannot_be_compared(event: list[int], group: list[str], code: str | None) -> None:
    if code is None:
        assert log_rank([1, 2, 3], event, group).df == 1
        return
    with pytest.raises(InputRefused, match=code):
        log_rank([1, 2, 3], event, group)


def test_groups_that_never_met_are_refused() -> None:
    with pytest.raises(InputRefused, match="LOG-RANK-GROUPS"):
        log_rank([1, 1], [1, 1], ["x", "y"])


lives = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=1, max_size=25)


@given(lives)
def test_incidence_of_all_causes_and_survival_are_one(rows: list[tuple[int, int]]) -> None:
    time, code = (np.array(column) for column in zip(*rows, strict=True))
    curve = kaplan_meier(time, code > 0)
    first, second = cumulative_incidence(time, code), cumulative_incidence(time, code, cause=2)
    whole = np.array(first.incidence) + second.incidence + curve.survival
    np.testing.assert_allclose(whole, 1.0, atol=1e-12)
    assert list(curve.survival) == sorted(curve.survival, reverse=True)
    for value, pair in zip(curve.survival, curve.ci95, strict=True):
        assert pair is None or pair[0] <= value <= pair[1]
    # without competing events the variance is Greenwood's
    single = cumulative_incidence(time, code > 0)
    for value, se, events, at_risk in zip(curve.survival, single.se, curve.events, curve.at_risk, strict=True):
        if value == curve.survival[0] and events:
            assert se == pytest.approx(math.sqrt(value * (1 - value) / at_risk), abs=1e-9)


@given(lives, st.randoms(use_true_random=False))
def test_order_of_patients_and_names_of_groups_change_nothing(rows: list[tuple[int, int]], chance) -> None:  # type: ignore[no-untyped-def]
    rows = [*rows, (3, 1), (5, 1), (5, 0), (7, 1)]
    groups = [n % 2 for n in range(len(rows))]
    everyone = list(zip(rows, groups, strict=True))
    chance.shuffle(everyone)
    mixed, swapped = [row for row, _ in everyone], [1 - group for _, group in everyone]
    one = log_rank([t for t, _ in rows], [c > 0 for _, c in rows], groups)
    other = log_rank([t for t, _ in mixed], [c > 0 for _, c in mixed], swapped)
    assert other.chi2 == pytest.approx(one.chi2, abs=1e-9)
    assert other.observed == one.observed[::-1]
    assert sum(one.expected) == pytest.approx(sum(one.observed))
    assert kaplan_meier([t for t, _ in rows], [c > 0 for _, c in rows]) == kaplan_meier(
        [t for t, _ in mixed], [c > 0 for _, c in mixed]
    )
