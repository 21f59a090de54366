from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort.power import (
    ONE_EACH,
    Clustering,
    StudySize,
    binormal_variance,
    design_effect,
    size_for_auc,
    size_for_log_rank,
    size_for_mcnemar,
    size_for_proportion,
    size_for_two_aucs,
)
from hepaflow.errors import InputRefused

Z = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
#: 32 patients: 21 with one lesion, 3 with 2, 1 with 3, 3 with 4, 1 with 5, 2 with 6, 1 with 7 (lesions by patient of the thesis Nancy 2019).
NANCY = Clustering((1,) * 21 + (2,) * 3 + (3,) + (4,) * 3 + (5,) + (6,) * 2 + (7,), 0.5)


def test_the_design_effect_of_the_thesis() -> None:
    assert (len(NANCY.sizes), sum(NANCY.sizes)) == (32, 66)
    assert design_effect(NANCY.sizes, 1.0) == pytest.approx(3.58, abs=0.005)
    assert [round(design_effect(NANCY.sizes, icc), 2) for icc in (0.3, 0.5, 0.8)] == [1.77, 2.29, 3.06]
    assert design_effect([4, 4], 0.0) == 1.0


def test_a_sensitivity_by_hand() -> None:
    """1.96^2 * 0.9 * 0.1 / 0.1^2 = 34.57 positives, of which half of all lesions are: 69.1."""
    found = size_for_proportion(0.9, 0.1, share=0.5)
    assert found == StudySize(35, "lesions of the class", 70, 70, 70, 1.0, 0.05, None, found.formula)
    assert "Buderer" in found.formula
    clustered = size_for_proportion(0.9, 0.1, share=0.5, clustering=NANCY)
    needed = Z[0] ** 2 * 9 / 0.5 * NANCY.design_effect
    assert (clustered.counted, clustered.independent) == (35, 70)
    assert (clustered.lesions, clustered.patients) == (math.ceil(needed), math.ceil(needed * 32 / 66))
    assert "Kish" in clustered.formula


def test_schoenfelds_events() -> None:
    """4 (1.96 + 0.84)^2 / ln(2)^2 = 65.4."""
    found = size_for_log_rank(0.5, event_share=0.6)
    assert (found.counted, found.counted_as, found.patients) == (66, "events", math.ceil(4 * sum(Z) ** 2 / math.log(2) ** 2 / 0.6))
    assert size_for_log_rank(2.0, event_share=0.6) == found
    assert size_for_log_rank(0.5, event_share=0.6, allocation=0.25).counted == math.ceil(sum(Z) ** 2 / (0.1875 * math.log(2) ** 2))


def test_connors_pairs() -> None:
    """psi 0.3, delta 0.2."""
    wanted = (Z[0] * math.sqrt(0.3) + Z[1] * math.sqrt(0.3 - 0.04)) ** 2 / 0.04
    found = size_for_mcnemar(0.25, 0.05)
    assert (found.counted, found.patients, found.counted_as) == (math.ceil(wanted), math.ceil(wanted), "pairs of readings")
    assert size_for_mcnemar(0.05, 0.25, share=0.5).lesions == math.ceil(wanted / 0.5)


def test_areas_by_hand() -> None:
    """At 0.5 the variance of one positive is 0.0792 (1 + positives / negatives)."""
    assert binormal_variance(0.5, share=0.25) == pytest.approx(0.0792 * (1 + 1 / 3))
    a = 1.414 * stats.norm.ppf(0.8)
    spread = 0.0099 * math.exp(-(a**2) / 2) * (5 * a**2 + 8 + a**2 + 8)
    assert binormal_variance(0.8, share=0.5) == pytest.approx(spread)
    wanted = (Z[0] * math.sqrt(0.1584) + Z[1] * math.sqrt(spread)) ** 2 / 0.3**2
    found = size_for_auc(0.8, share=0.5)
    assert (found.counted, found.lesions, found.power) == (math.ceil(wanted), math.ceil(2 * wanted), 0.8)
    high = binormal_variance(0.9, share=0.5)
    null, apart = 2 * binormal_variance(0.85, share=0.5) * 0.6, spread + high - 0.8 * math.sqrt(spread * high)
    pair = size_for_two_aucs(0.9, 0.8, correlation=0.4, share=0.5)
    assert pair.counted == math.ceil((Z[0] * math.sqrt(null) + Z[1] * math.sqrt(apart)) ** 2 / 0.1**2)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: design_effect([], 0.5), "POWER-SIZES"),
        (lambda: design_effect([2, 0], 0.5), "POWER-SIZES"),
        (lambda: design_effect([2], 1.1), "POWER-ICC"),
        (lambda: design_effect([2], math.nan), "POWER-ICC"),
        (lambda: size_for_proportion(1.0, 0.1, share=0.5), "POWER-RANGE: expected"),
        (lambda: size_for_proportion(0.9, 0.0, share=0.5), "POWER-RANGE: half width"),
        (lambda: size_for_proportion(0.9, 0.1, share=0.0), "POWER-RANGE: the share"),
        (lambda: size_for_auc(0.7, 0.7, share=0.5), "POWER-NO-DIFFERENCE"),
        (lambda: size_for_auc(0.7, share=1.0), "POWER-RANGE: share"),
        (lambda: size_for_auc(0.7, share=0.5, power=1.0), "POWER-RANGE: power"),
        (lambda: size_for_two_aucs(0.7, 0.8, correlation=1.0, share=0.5), "POWER-RANGE: the correlation"),
        (lambda: size_for_two_aucs(0.7, 0.7, correlation=0.5, share=0.5), "POWER-NO-DIFFERENCE"),
        (lambda: size_for_mcnemar(0.2, 0.2), "POWER-NO-DIFFERENCE"),
        (lambda: size_for_mcnemar(0.8, 0.3), "POWER-RANGE: the discordant"),
        (lambda: size_for_log_rank(1.0, event_share=0.5), "POWER-NO-DIFFERENCE"),
        (lambda: size_for_log_rank(-1.0, event_share=0.5), "POWER-RANGE: the hazard"),
        (lambda: size_for_log_rank(0.5, event_share=1.5), "POWER-RANGE: the share"),
        (lambda: size_for_log_rank(0.5, event_share=0.5, alpha=0.0), "POWER-RANGE: alpha"),
    ],
)
def test_what_cannot_be_planned_is_refused(call, code: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputRefused, match=code):
        call()


areas = st.floats(0.55, 0.95)


@given(areas, areas, st.floats(0.0, 0.9), st.floats(0.1, 0.9))
def test_two_areas_are_the_same_either_way_and_correlation_helps(
    one: float, other: float, correlation: float, share: float
) -> None:
    if abs(one - other) < 0.02:
        one, other = 0.6, 0.8
    found = size_for_two_aucs(one, other, correlation=correlation, share=share)
    assert found == size_for_two_aucs(other, one, correlation=correlation, share=share)
    assert found.counted <= size_for_two_aucs(one, other, correlation=0.0, share=share).counted
    assert size_for_two_aucs(one, other, correlation=correlation, share=share, power=0.95).lesions >= found.lesions


@given(st.lists(st.integers(1, 9), min_size=1, max_size=30), st.floats(0, 1), areas)
def test_alike_lesions_need_more(sizes: list[int], icc: float, auc: float) -> None:
    clustering = Clustering(tuple(sizes), icc)
    found, alone = size_for_auc(auc, share=0.5, clustering=clustering), size_for_auc(auc, share=0.5, clustering=ONE_EACH)
    assert 1.0 <= clustering.design_effect <= max(sizes) + 1e-12
    assert found.independent == alone.independent == alone.patients
    assert found.lesions >= found.independent
    assert found.patients <= found.lesions
