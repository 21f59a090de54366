from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort import combine as module
from hepaflow.cohort.combine import INNER_FOLDS, OUTER_FOLDS, PENALTIES, ROUNDS, Rule, combine
from hepaflow.cohort.logistic import logistic
from hepaflow.cohort.roc import auc
from hepaflow.cohort.sample import Sample
from hepaflow.errors import InputRefused

NAMES = ("flow", "volume")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round and three penalties: a whole run is thousands of fits."""
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "PENALTIES", (0.1, 3.0, 100.0))


def study(seed: int, *, signal: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(16), 2) * 3
    truth = (np.arange(32) % 4) < 2
    return np.column_stack([rng.normal(size=32) + signal * truth, 5 + 10 * rng.normal(size=32)]), truth, cluster


def test_a_rule_is_log_odds_of_standardized_columns() -> None:
    rule = Rule(("a", "b"), np.array([1.0, 2.0]), np.array([2.0, 4.0]), 0.5, np.array([1.0, -3.0]), 1.0)
    columns = np.array([[1.0, 2.0], [3.0, 2.0], [1.0, 6.0], [1e9, 2.0]])
    odds = np.exp([0.5, 1.5, -2.5])
    assert rule.probability(columns)[:3] == pytest.approx(odds / (1 + odds))
    assert rule.probability(columns)[3] == 1.0


def test_what_tells_is_found_and_noise_is_not() -> None:
    columns, truth, cluster = study(1)
    found = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))
    assert (found.n, found.clusters, found.rule.names) == (32, 16, NAMES)
    assert found.rule.penalty in PENALTIES
    assert found.rule.coefficients[0] > 2 * abs(found.rule.coefficients[1])
    assert found.auc == auc(Sample(found.held_out, truth, cluster))
    assert found.apparent_auc == auc(Sample(found.rule.probability(columns), truth, cluster)).auc
    assert found.auc.auc > 0.8
    assert ((found.held_out > 0) & (found.held_out < 1)).all()


@pytest.mark.usefixtures("quick")
def test_held_out_areas_of_noise_are_those_of_chance() -> None:
    """Twelve studies without signal: the apparent area flatters, the held-out one does not."""
    own, held = [], []
    for seed in range(12):
        columns, truth, cluster = study(seed, signal=0.0)
        found = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(seed))
        own.append(found.apparent_auc)
        held.append(found.auc.auc)
    assert np.mean(own) > 0.55
    assert np.mean(held) < 0.53  # below one half rather than above: a patient held out turns the others' mean against it


@pytest.mark.usefixtures("quick")
def test_same_generator_same_rule_and_scale_of_columns_does_not_matter() -> None:
    columns, truth, cluster = study(2)
    one = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(5))
    other = combine(columns * [3.0, 0.01] + [7.0, -2.0], truth, cluster, names=NAMES, rng=np.random.default_rng(5))
    assert other.held_out == pytest.approx(one.held_out, abs=1e-9)
    assert other.rule.coefficients == pytest.approx(one.rule.coefficients, abs=1e-8)
    assert other.rule.centre == pytest.approx(columns.mean(axis=0) * [3.0, 0.01] + [7.0, -2.0])
    assert other.rule.scale == pytest.approx(columns.std(axis=0) * [3.0, 0.01])


def test_no_rule_sees_the_patients_it_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round's ten fits are of the patients outside their fold, and every lesion is judged once a round."""
    columns, truth, cluster = study(3)
    monkeypatch.setattr(module, "PENALTIES", (1.0,))
    fits, real = [], module._fit

    def spy(part: np.ndarray, own: np.ndarray, patients: np.ndarray, **rest: object) -> Rule:
        fits.append(sorted(set(patients.tolist())))
        assert len(part) == len(own) == len(patients)
        return real(part, own, patients, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_fit", spy)
    found = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))
    everyone = set(range(16))
    assert len(fits) == OUTER_FOLDS * ROUNDS + 1
    for start in range(0, OUTER_FOLDS * ROUNDS, OUTER_FOLDS):
        judged = [sorted(everyone - set(inside)) for inside in fits[start : start + OUTER_FOLDS]]
        assert sorted(patient for fold in judged for patient in fold) == sorted(everyone)
        assert {len(fold) for fold in judged} == {1, 2}
    assert set(fits[-1]) == everyone
    assert fits[0] != fits[OUTER_FOLDS]
    assert found.held_out.shape == (32,)


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=60), st.integers(2, 10), st.integers(0, 9))
def test_folds_never_split_a_patient_and_share_out_the_positive(lesions: list[tuple[int, bool]], wanted: int, seed: int) -> None:
    patients, truth = np.array([p for p, _ in lesions]), np.array([t for _, t in lesions])
    fold = module._folds(patients, truth, wanted, np.random.default_rng(seed))
    names = sorted(set(patients.tolist()))
    of = {name: set(fold[patients == name].tolist()) for name in names}
    assert all(len(folds) == 1 for folds in of.values())
    dealt = [next(iter(of[name])) for name in names]
    sizes = np.bincount(dealt, minlength=wanted)
    assert sizes.max() - sizes.min() <= 1
    mostly = [next(iter(of[name])) for name in names if truth[patients == name].mean() > 0.5]
    assert np.ptp(np.bincount(mostly, minlength=wanted)) <= 1


def test_the_penalty_is_that_of_least_deviance_in_held_out_patients() -> None:
    columns, truth, cluster = study(4)
    patients = np.unique(cluster, return_inverse=True)[1]
    rule = module._fit(columns, truth, patients, names=NAMES, rng=np.random.default_rng(8))
    fold = module._folds(patients, truth, INNER_FOLDS, np.random.default_rng(8))
    lost = []
    for penalty in PENALTIES:
        total = 0.0
        for k in range(INNER_FOLDS):
            inside = fold != k
            centre, scale = columns[inside].mean(axis=0), columns[inside].std(axis=0)
            design = np.column_stack([np.ones(inside.sum()), (columns[inside] - centre) / scale])
            fit = logistic(design, truth[inside], penalty=np.array([1e-6, penalty, penalty]))
            assert fit is not None
            score = fit.coefficients[0] + (columns[~inside] - centre) / scale @ fit.coefficients[1:]
            total += 2 * np.logaddexp(0, np.where(truth[~inside], -score, score)).sum()
        lost.append(total)
    assert rule.penalty == PENALTIES[int(np.argmin(lost))]


def test_penalties_go_from_hardly_any_to_nearly_all() -> None:
    assert (PENALTIES[0], PENALTIES[-1], len(PENALTIES)) == (pytest.approx(0.01), pytest.approx(300.0), 10)
    assert (OUTER_FOLDS, INNER_FOLDS, ROUNDS) == (10, 5, 5)


@pytest.mark.usefixtures("quick")
def test_few_patients_or_lesions_of_a_class_are_refused() -> None:
    rng = np.random.default_rng(0)
    generator = np.random.default_rng(0)

    def of(patients: int, high: int, low: int) -> int:
        truth = np.arange(high + low) < high
        return combine(
            rng.normal(size=(high + low, 2)), truth, np.arange(high + low) % patients, names=NAMES, rng=generator
        ).clusters

    assert of(10, 5, 5) == 10
    for patients, high, low in ((9, 5, 5), (10, 4, 6), (10, 6, 4), (10, 10, 0)):
        with pytest.raises(InputRefused, match="COMBINE-FEW"):
            of(patients, high, low)


def test_a_column_of_one_value_is_refused() -> None:
    columns, truth, cluster = study(0)
    columns[:, 1] = 3.0
    with pytest.raises(InputRefused, match="COMBINE-CONSTANT"):
        combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))


@pytest.mark.usefixtures("quick")
def test_a_column_that_is_constant_but_for_one_patient_still_has_a_rule() -> None:
    columns, truth, cluster = study(0)
    columns[:, 1] = np.where(np.arange(32) < 2, 4.0, 3.0)
    found = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))
    assert np.isfinite(found.held_out).all()


def test_a_column_with_gaps_is_refused() -> None:
    columns, truth, cluster = study(0)
    columns[3, 0] = np.nan
    with pytest.raises(InputRefused, match="COMBINE-GAPS"):
        combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))


@pytest.mark.usefixtures("quick")
def test_wholly_apart_has_a_rule_all_the_same() -> None:
    _, truth, cluster = study(0)
    columns = np.column_stack([np.where(truth, 2.0, -2.0), np.random.default_rng(1).normal(size=32)])
    found = combine(columns, truth, cluster, names=NAMES, rng=np.random.default_rng(0))
    assert (found.auc.auc, found.apparent_auc) == (1.0, 1.0)
    assert np.isfinite(found.rule.coefficients).all()
