from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.cox import EVENTS_PER_COVARIATE, Cox, cox
from hepaflow.cohort.survival import log_rank
from hepaflow.errors import InputRefused

NAMES = ["a", "b"]


def drawn(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    table = np.column_stack([draw.normal(size=n), draw.integers(0, 2, n)])
    return np.ceil(draw.exponential(10, n) * np.exp(-0.5 * table[:, 0])), draw.integers(0, 4, n) > 0, table


def test_coefficients_and_errors_are_those_of_statsmodels_with_ties() -> None:
    import statsmodels.api as sm

    time, event, table = drawn(1)
    found = cox(time, event, table, NAMES)
    wanted = sm.PHReg(time, table, status=event, ties="efron").fit(disp=0)
    assert [one.coefficient for one in found.hazards] == pytest.approx(wanted.params, abs=1e-6)
    assert [one.se for one in found.hazards] == pytest.approx(wanted.bse, abs=1e-6)
    assert [one.p for one in found.hazards] == pytest.approx(wanted.pvalues, abs=1e-6)
    assert found.log_likelihood == pytest.approx(wanted.llf, abs=1e-6)
    assert (found.n, found.events, found.clusters, found.ties) == (60, int(event.sum()), 60, "Efron")
    first = found.hazards[0]
    assert first.hazard_ratio == pytest.approx(math.exp(first.coefficient))
    assert first.ci95 == pytest.approx(
        tuple(math.exp(first.coefficient + z * first.se) for z in (-1.959963984540054, 1.959963984540054))
    )


def test_without_ties_the_robust_error_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    time, event, table = drawn(2)
    time = time + np.linspace(0, 0.5, len(time))
    patient = np.sort(np.random.default_rng(2).integers(0, 20, len(time)))
    found = cox(time, event, table, NAMES, cluster=patient)
    wanted = sm.PHReg(time, table, status=event, ties="efron").fit(groups=patient, disp=0)
    assert [one.se for one in found.hazards] == pytest.approx(wanted.bse, abs=1e-6)
    assert found.clusters == len(np.unique(patient))
    assert "Lin and Wei" in found.test


def test_two_deaths_by_hand() -> None:
    """Death of x = 1 among x = 1 0 1 0, then of x = 0 among 0 1 0: with h the hazard ratio, L = h / (2 h + 2) / (h + 2)."""
    found = cox([1, 2, 3, 4], [1, 1, 0, 0], [[1.0], [0.0], [1.0], [0.0]], ["x"])
    # score 1 - h/(h+1) - h/(h+2) = 0: h^2 = 2
    assert found.hazards[0].hazard_ratio == pytest.approx(math.sqrt(2))
    h = math.sqrt(2)
    assert found.hazards[0].se == pytest.approx((h / (h + 1) ** 2 + 2 * h / (h + 2) ** 2) ** -0.5)
    assert found.log_likelihood == pytest.approx(math.log(h / (2 * h + 2)) + math.log(1 / (h + 2)))


def test_hazards_that_cross_are_found_not_proportional() -> None:
    draw = np.random.default_rng(5)
    group = np.repeat([0.0, 1.0], 100)
    time = np.where(group == 1, draw.weibull(4.0, 200), draw.weibull(0.6, 200))
    crossed = cox(time, np.ones(200), group[:, None], ["group"])
    steady = cox(draw.exponential(1, 200) / (1 + group), np.ones(200), group[:, None], ["group"])
    assert crossed.proportionality[0].p is not None
    assert steady.proportionality[0].p is not None
    assert crossed.proportionality[0].p < 1e-6
    assert steady.proportionality[0].p > 0.01
    assert [one.name for one in crossed.proportionality] == ["group", "all covariates"]
    assert crossed.proportionality[1].chi2 == pytest.approx(crossed.proportionality[0].chi2)


def test_every_patient_twice_is_no_more_patients() -> None:
    time, event, table = drawn(7)
    time = time + np.linspace(0, 0.5, len(time))
    patient = np.arange(60)
    once = cox(time, event, table, NAMES, cluster=patient)
    # copies half a moment later keep the risk sets: coefficients move little, the robust error hardly, the naive one falls by the root of two
    late = np.concatenate([time, time + 1e-9])
    twice = cox(late, np.tile(event, 2), np.tile(table, (2, 1)), NAMES, cluster=np.tile(patient, 2))
    naive = cox(late, np.tile(event, 2), np.tile(table, (2, 1)), NAMES)
    for one, two, plain in zip(once.hazards, twice.hazards, naive.hazards, strict=True):
        assert two.se == pytest.approx(one.se, rel=0.05)
        assert plain.se < 0.8 * two.se


def test_few_events_are_told() -> None:
    time, _, table = drawn(3)
    for events, few in ((2 * EVENTS_PER_COVARIATE - 1, True), (2 * EVENTS_PER_COVARIATE, False)):
        assert cox(time, np.arange(60) < events, table, NAMES).few_events is few


def refused(**changed: object) -> Cox:
    time, event, table = drawn(4, 12)
    given_here: dict[str, object] = {"time": time, "event": event, "covariates": table, "names": NAMES, **changed}
    return cox(**given_here)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"names": ["a"]}, "COX-COLUMNS"),
        ({"names": ["a", "a"]}, "COX-COLUMNS"),
        ({"covariates": np.zeros((12, 0)), "names": []}, "COX-COLUMNS"),
        ({"covariates": np.zeros(12)}, "COX-COLUMNS"),
        ({"covariates": np.full((12, 2), np.nan)}, "COX-MISSING: 12 of 12"),
        ({"covariates": np.ones((12, 2))}, "COX-COLLINEAR"),
        ({"covariates": np.arange(12.0)[:, None] * [1, 2]}, "COX-COLLINEAR"),
        ({"event": np.zeros(12)}, "COX-NO-EVENT"),
        ({"cluster": ["p"] * 12}, "COX-ONE-CLUSTER"),
        ({"cluster": ["p"] * 11}, "CLUSTER-UNEQUAL"),
        ({"time": -np.ones(12)}, "SURVIVAL-TIME"),
        ({"event": np.full(12, 2)}, "SURVIVAL-CAUSES"),
    ],
)
def test_what_cannot_be_fitted_is_refused(changed: dict[str, object], code: str) -> None:
    with pytest.raises(InputRefused, match=code):
        refused(**changed)


def test_a_covariate_that_tells_all_events_apart_has_no_hazard_ratio() -> None:
    with pytest.raises(InputRefused, match="COX-NOT-FINITE"):
        cox([1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0], [[1.0], [1.0], [1.0], [0.0], [0.0], [0.0]], ["x"])


def test_one_event_does_not_tell_whether_hazards_are_proportional() -> None:
    found = cox([1, 2, 3, 4], [0, 1, 0, 0], [[0.0], [1.0], [0.0], [2.0]], ["x"])
    assert [(one.chi2, one.p) for one in found.proportionality] == [(None, None)] * 2


def test_a_unit_too_large_for_its_ratio_is_refused() -> None:
    time, event, table = drawn(1)
    with pytest.raises(InputRefused, match="COX-UNIT"):
        cox(time, event, table / 10_000, NAMES)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.01, 1000.0]), st.floats(-100, 100))
def test_unit_origin_and_order(seed: int, scale: float, shift: float) -> None:
    time, event, table = drawn(seed, 50)
    order = np.random.default_rng(seed).permutation(50)
    found = cox(time, event, table, NAMES, cluster=np.arange(50) // 2)
    moved = cox(time[order], event[order], table[order] * scale + shift, NAMES, cluster=order // 2)
    for one, other in zip(found.hazards, moved.hazards, strict=True):
        assert (other.coefficient * scale, other.se * scale) == pytest.approx((one.coefficient, one.se), rel=1e-6, abs=1e-9)
    for check, again in zip(found.proportionality, moved.proportionality, strict=True):
        assert again.chi2 == pytest.approx(check.chi2, rel=1e-5, abs=1e-8)


def test_without_ties_the_score_test_is_the_log_rank_test() -> None:
    """At a hazard ratio near one Wald's z^2 is near the log-rank chi2."""
    draw = np.random.default_rng(11)
    time, group = draw.exponential(1, 400), np.repeat([0, 1], 200)
    wald = cox(time, np.ones(400), group[:, None], ["group"]).hazards[0]
    assert wald.z**2 == pytest.approx(log_rank(time, np.ones(400), group.tolist()).chi2, rel=0.02)
    assert wald.p == pytest.approx(2 * stats.norm.sf(abs(wald.z)))
