from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize

from hepaflow.cohort.logistic import Logistic, logistic, robust_covariance

ROWS = st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 5)), min_size=4, max_size=30)


def arrays(rows: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, truth, cluster = zip(*rows, strict=True)
    return np.column_stack([np.ones(len(rows)), np.array(x, float)]), np.array(truth), np.array(cluster)


def apart(design: np.ndarray, truth: np.ndarray) -> bool:
    """Whether a line parts the classes, wholly or with lesions on it."""
    high, low = design[truth, 1], design[~truth, 1]
    return not len(high) or not len(low) or high.min() >= low.max() or low.min() >= high.max()


@given(ROWS)
def test_the_gradient_is_zero_or_there_is_no_estimate(rows: list[tuple[int, bool, int]]) -> None:
    design, truth, _ = arrays(rows)
    fit = logistic(design, truth)
    if apart(design, truth) or np.ptp(design[:, 1]) == 0:
        assert fit is None
        return
    assert fit is not None
    assert fit.probability == pytest.approx(1 / (1 + np.exp(-design @ fit.coefficients)))
    assert design.T @ (truth - fit.probability) == pytest.approx(np.zeros(2), abs=1e-8)
    chance = np.where(truth, fit.probability, 1 - fit.probability)
    assert fit.log_likelihood == pytest.approx(np.log(chance).sum())
    weight = fit.probability * (1 - fit.probability)
    by_hand = [[(weight * design[:, i] * design[:, j]).sum() for j in range(2)] for i in range(2)]
    assert fit.information == pytest.approx(np.array(by_hand))


@given(ROWS, st.floats(0.01, 50), st.floats(-4, 4))
def test_a_penalized_fit_is_where_an_optimizer_ends(rows: list[tuple[int, bool, int]], ridge: float, shift: float) -> None:
    design, truth, cluster = arrays(rows)
    offset = shift * (cluster - 2.0) / 3
    penalty = np.array([0.5, ridge])
    fit = logistic(design, truth, offset=offset, penalty=penalty)

    def loss(b: np.ndarray) -> float:
        score = design @ b + offset
        return float(np.logaddexp(0, np.where(truth, -score, score)).sum() + 0.5 * (penalty * b**2).sum())

    assert fit is not None
    found = optimize.minimize(loss, np.zeros(2), method="BFGS", options={"gtol": 1e-7})
    assert fit.coefficients == pytest.approx(found.x, abs=1e-4)
    assert loss(fit.coefficients) <= found.fun + 1e-10
    assert fit.log_likelihood == pytest.approx(-loss(fit.coefficients) + 0.5 * (penalty * fit.coefficients**2).sum())
    weight = fit.probability * (1 - fit.probability)
    assert fit.information == pytest.approx((design.T * weight) @ design + np.diag(penalty))


@given(ROWS)
def test_ridge_shrinks(rows: list[tuple[int, bool, int]]) -> None:
    design, truth, _ = arrays(rows)
    slopes = []
    for ridge in (0.1, 1.0, 10.0, 1e6):
        fit = logistic(design, truth, penalty=np.array([1e-3, ridge]))
        assert fit is not None
        slopes.append(abs(float(fit.coefficients[1])))
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(slopes))
    assert slopes[-1] == pytest.approx(0, abs=1e-3)


def test_two_by_two_by_hand() -> None:
    """3 of 4 against 1 of 4: intercept log(1/3), slope log 9."""
    design = np.column_stack([np.ones(8), [1] * 4 + [0] * 4])
    fit = logistic(design, np.array([1, 1, 1, 0, 1, 0, 0, 0], bool))
    assert fit is not None
    assert fit.coefficients == pytest.approx([math.log(1 / 3), math.log(9)])


@given(st.lists(st.tuples(st.floats(-13.8, 13.8), st.booleans()), min_size=2, max_size=20))
def test_an_intercept_beside_any_offset_makes_the_sum_right(rows: list[tuple[float, bool]]) -> None:
    offset, truth = np.array([o for o, _ in rows]), np.array([t for _, t in rows])
    fit = logistic(np.ones((len(rows), 1)), truth, offset=offset)
    if truth.all() or not truth.any():
        assert fit is None
        return
    assert fit is not None
    assert fit.probability.sum() == pytest.approx(truth.sum(), abs=1e-7)


def test_bold_probabilities_with_one_wrong() -> None:
    """Five lesions at log odds 13.8, four of them positive; five at -13.8: the first five must come down to 4/5."""
    offset = np.repeat([13.8, -13.8], 5)
    fit = logistic(np.ones((10, 1)), np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], bool), offset=offset)
    assert fit is not None
    assert fit.coefficients[0] == pytest.approx(math.log(4) - 13.8, abs=1e-6)


def test_columns_that_say_nothing_new() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        two = rng.normal(size=(12, 2))
        design = np.column_stack([np.ones(12), two, two @ rng.normal(size=2) + 0.3])
        assert logistic(design, np.arange(12) % 2 == 0) is None
    assert logistic(np.ones((4, 2)), np.array([True, False, True, False])) is None


def test_scale_of_a_column_is_taken_up_by_its_coefficient() -> None:
    rng = np.random.default_rng(2)
    x, truth = rng.normal(size=40), rng.random(40) < 0.5
    fits = [logistic(np.column_stack([np.ones(40), scale * x]), truth) for scale in (1.0, 1e-3, 1e3)]
    found = [one for one in fits if one is not None]
    assert len(found) == 3
    for one, scale in zip(found, (1.0, 1e-3, 1e3), strict=True):
        assert one.coefficients * [1, scale] == pytest.approx(found[0].coefficients, rel=1e-6)


def sandwich(fit: Logistic, design: np.ndarray, truth: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    meat = np.zeros((2, 2))
    names = set(cluster.tolist())
    for name in names:
        u = sum(design[k] * (truth[k] - fit.probability[k]) for k in range(len(truth)) if cluster[k] == name)
        meat += np.outer(u, u)
    bread = np.linalg.inv(fit.information)
    return np.asarray(bread @ meat @ bread * len(names) / (len(names) - 1))


@given(ROWS)
def test_the_sandwich_by_patients_written_out(rows: list[tuple[int, bool, int]]) -> None:
    design, truth, cluster = arrays(rows)
    fit = logistic(design, truth)
    assume(fit is not None)
    assert fit is not None
    if len(set(cluster.tolist())) == 1:
        assert np.isnan(robust_covariance(fit, design, truth, cluster)).all()
        return
    found = robust_covariance(fit, design, truth, cluster)
    assert found == pytest.approx(sandwich(fit, design, truth, cluster), rel=1e-6, abs=1e-9)
    assert robust_covariance(fit, design, truth, 10 * cluster + 4) == pytest.approx(found, rel=1e-9, abs=1e-12)
