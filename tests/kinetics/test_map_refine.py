"""The compiled steps of the exact fit against plain linear algebra in float64, on random tables."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from hepaflow.kinetics.refine import DAMPING, FLAT, LEAST_DAMPING, RELAX, SETTLED, STIFFEN, STUCK, accept, normal_equations, step
from hepaflow.kinetics.response_table import LAG_STEP_S, LOG_RATE_STEP

RATES, LAGS, DIMS = 5, 6, 16
FIRST = np.array([np.log(0.05), -0.3])


def looked_up(nodes: np.ndarray, rate: float, lag: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Response (DIMS,) of one term and its derivatives by lag and by rate; the line of the last cell goes on outside."""
    x = (lag - FIRST[1]) / LAG_STEP_S
    t = int(np.clip(np.floor(x), 0, LAGS - 2))
    if rate == 0:
        low, high = nodes[0, t], nodes[0, t + 1]
        return low + (x - t) * (high - low), (high - low) / LAG_STEP_S, np.zeros(DIMS)
    y = (np.log(rate) - FIRST[0]) / LOG_RATE_STEP
    k = int(np.clip(np.floor(y), 0, RATES - 3))
    (a, b), (c, d) = nodes[k + 1, t : t + 2], nodes[k + 2, t : t + 2]
    x, y = x - t, y - k
    value = (1 - x) * (1 - y) * a + x * (1 - y) * b + (1 - x) * y * c + x * y * d
    by_lag = ((1 - y) * (b - a) + y * (d - c)) / LAG_STEP_S
    by_log_rate = ((1 - x) * (c - a) + x * (d - b)) / LOG_RATE_STEP
    return value, by_lag, by_log_rate / rate


@pytest.mark.parametrize("inputs", [1, 2])
def test_normal_equations_are_those_of_the_table(inputs):
    rng = np.random.default_rng(inputs)
    voxels, shape, terms_count = 60, 2, 2
    nodes = rng.normal(0.3, 1.0, (inputs, RATES, LAGS, DIMS)).astype(np.float32)
    terms = np.empty((voxels, terms_count, 3), np.float32)
    terms[..., 0] = rng.uniform(0.5, 1.5, (voxels, terms_count))
    terms[..., 1] = rng.uniform(0.0, 0.2, (voxels, terms_count))
    terms[..., 2] = np.exp(FIRST[0] + LOG_RATE_STEP * rng.uniform(-0.5, RATES - 1.2, (voxels, terms_count)))
    terms[::3, 0, 2] = 0.0
    changes = rng.standard_normal((voxels, shape, terms_count, 3)).astype(np.float32)
    changes[..., 2] *= 0.01
    delays = (FIRST[1] + LAG_STEP_S * rng.uniform(-0.8, LAGS, (voxels, inputs))).astype(np.float32)
    data = rng.standard_normal((voxels, DIMS)).astype(np.float32)
    q = shape + 2 * inputs
    flows, energy = np.full((voxels, inputs), np.nan, np.float32), np.full(voxels, np.nan, np.float32)
    normal, gradient = np.full((voxels, q, q), np.nan, np.float32), np.full((voxels, q), np.nan, np.float32)
    normal_equations(data, terms, changes, delays, nodes, FIRST, flows, energy, normal, gradient)
    patterns = set()
    for v in range(voxels):
        atoms, slopes, bends = np.zeros((inputs, DIMS)), np.zeros((inputs, DIMS)), np.zeros((inputs, shape, DIMS))
        for i in range(inputs):
            for (amplitude, start, rate), change in zip(
                terms[v].astype(float), changes[v].swapaxes(0, 1).astype(float), strict=True
            ):
                value, by_lag, by_rate = looked_up(nodes[i].astype(float), rate, start + float(delays[v, i]))
                atoms[i] += amplitude * value
                slopes[i] += amplitude * by_lag
                bends[i] += change[:, :1] * value + amplitude * change[:, 1:2] * by_lag + amplitude * change[:, 2:] * by_rate
        want, _ = nnls(atoms.T, data[v].astype(float))
        patterns.add(tuple(want > 0))
        left = data[v] - want @ atoms
        columns = np.concatenate([np.einsum("i,isd->sd", want, bends), want[:, None] * slopes, atoms])
        # sums of some dozen products in float32, of numbers of the size of the largest
        np.testing.assert_allclose(flows[v], want, rtol=1e-3, atol=1e-4)
        assert energy[v] == pytest.approx(left @ left, rel=1e-4)
        size = np.linalg.norm(columns, axis=1) + 1e-3
        np.testing.assert_allclose(normal[v] / np.outer(size, size), columns @ columns.T / np.outer(size, size), atol=2e-3)
        np.testing.assert_allclose(gradient[v] / size, columns @ left / size, atol=2e-3)
    assert len(patterns) == 2**inputs  # every set of inputs that flow was met


def test_an_input_that_changes_nothing_has_no_flow():
    nodes = np.zeros((2, RATES, LAGS, DIMS), np.float32)
    nodes[1] = 1.0
    one = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    rest = (np.zeros((1, 1, 1, 3), np.float32), np.zeros((1, 2), np.float32))
    for way in (slice(None), slice(None, None, -1)):
        flows, energy = np.full((1, 2), np.nan, np.float32), np.full(1, np.nan, np.float32)
        normal, gradient = np.empty((1, 5, 5), np.float32), np.empty((1, 5), np.float32)
        data = np.full((1, DIMS), 3.0, np.float32)
        normal_equations(data, one, *rest, np.ascontiguousarray(nodes[way]), FIRST, flows, energy, normal, gradient)
        np.testing.assert_array_equal(flows, [[0.0, 3.0][way]])
        assert energy[0] == 0


def test_two_inputs_alike_are_not_told_apart():
    nodes = np.ones((2, RATES, LAGS, DIMS), np.float32)
    nodes[1] *= 1.0 + 1e-5 * np.arange(DIMS, dtype=np.float32)
    flows, energy = np.empty((1, 2), np.float32), np.empty(1, np.float32)
    normal, gradient = np.empty((1, 5, 5), np.float32), np.empty((1, 5), np.float32)
    term = np.array([[[1.0, 0.0, 0.0]]], np.float32)
    rest = (np.zeros((1, 1, 1, 3), np.float32), np.zeros((1, 2), np.float32))
    normal_equations(np.full((1, DIMS), 3.0, np.float32), term, *rest, nodes, FIRST, flows, energy, normal, gradient)
    assert (flows == 0).sum() == 1
    assert flows.sum() == pytest.approx(3.0, rel=1e-3)


LOWER, UPPER = np.array([0.0, -1.0, -2.0]), np.array([4.0, 5.0, 4.0])


def stood(seed: int = 0, voxels: int = 40) -> tuple[np.ndarray, ...]:
    """Unknown (one of shape, two delays), flows, energy, normal matrix and gradient of some voxels."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((voxels, 5, 12))
    gradient = np.einsum("vqd,vd->vq", columns, 0.3 * rng.standard_normal((voxels, 12)))
    gradient[:, 3:] *= 0.01  # flows are always at their best
    normal = np.einsum("vqd,vrd->vqr", columns, columns)
    unknown = rng.uniform(LOWER, UPPER, (voxels, 3))
    return unknown, np.full((voxels, 2), 5.0, np.float32), rng.uniform(1, 2, voxels), normal, gradient


def stepped(state: tuple[np.ndarray, ...], damping: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    unknown, flows, energy, normal, gradient = state
    single = tuple(np.ascontiguousarray(x, np.float32) for x in (flows, energy, normal, gradient))
    move, worth = np.full((rows.size, unknown.shape[1]), np.nan), np.zeros(rows.size, bool)
    step(rows, (unknown, *single), LOWER, UPPER, damping, move, worth)
    return move, worth


def solved(state: tuple[np.ndarray, ...], damping: float, v: int, free: list[int]) -> tuple[np.ndarray, float]:
    """Where a damped step of the ``free`` unknowns of voxel ``v`` leads, and how far the misfit would fall."""
    unknown, _, _, normal, gradient = state
    matrix = normal[v][np.ix_(free, free)] + np.diag([damping * normal[v, j, j] if j < 3 else 0.0 for j in free])
    change = np.linalg.solve(matrix, gradient[v, free])
    end = unknown[v].copy()
    for j, x in zip(free, change, strict=True):
        if j < 3:
            end[j] = np.clip(end[j] + x, LOWER[j], UPPER[j])
    return end, float(change @ gradient[v, free])


def test_a_step_solves_the_damped_equations_and_stays_in_bounds():
    state = stood()
    rows = np.random.default_rng(1).permutation(40)[:30]
    damping = np.geomspace(1e-3, 10, 40)
    state[2][:] = np.random.default_rng(2).permutation(
        np.geomspace(1e3, 1e7, 40)
    )  # some of so large a misfit that the fall is nothing
    move, worth = stepped(state, damping, rows)
    for place, v in enumerate(rows):
        end, fall = solved(state, damping[v], v, [0, 1, 2, 3, 4])
        # float32 of matrices with condition numbers of some tens
        np.testing.assert_allclose(move[place], end, rtol=1e-4, atol=1e-4)
        if not 0.99 < fall / (SETTLED * state[2][v]) < 1.01:
            assert worth[place] == (fall > SETTLED * state[2][v])
    assert 0 < worth.sum() < 30
    assert ((move == LOWER) | (move == UPPER)).any()


@pytest.mark.parametrize(
    ("put", "free"),
    [
        ({"unknown": (0, 0.0), "gradient": (0, -0.5)}, [1, 2, 3, 4]),  # at its lower bound and would leave
        ({"unknown": (0, 0.0), "gradient": (0, 0.5)}, [0, 1, 2, 3, 4]),
        ({"unknown": (0, 4.0), "gradient": (0, 0.5)}, [1, 2, 3, 4]),
        ({"unknown": (0, 4.0), "gradient": (0, -0.5)}, [0, 1, 2, 3, 4]),
        ({"unknown": (2, 4.0), "gradient": (2, 0.5)}, [0, 1, 3, 4]),
        ({"unknown": (1, 2.0), "gradient": (1, -0.5)}, [0, 1, 2, 3, 4]),
        ({"unknown": (1, 2.0), "gradient": (1, 0.5)}, [0, 1, 2, 3, 4]),
        ({"flows": (0, 0.0)}, [0, 2, 4]),  # an input without flow takes its delay with it
        ({"flows": (1, 0.0)}, [0, 1, 3]),
        ({"normal": (0, 0.0)}, [1, 2, 3, 4]),
    ],
)
def test_what_cannot_move_takes_no_part(put, free):
    state = stood(seed=3, voxels=6)
    names = dict(zip(("unknown", "flows", "energy", "normal", "gradient"), state, strict=True))
    for key, (j, value) in put.items():
        if key == "normal":
            names[key][2, j] = names[key][2, :, j] = value
        else:
            names[key][2, j] = value
    move, worth = stepped(state, np.full(6, 0.1), np.array([2]))
    end, fall = solved(state, 0.1, 2, free)
    np.testing.assert_allclose(move[0], end, rtol=1e-4, atol=1e-4)
    assert worth[0]
    assert fall > SETTLED * state[2][2]


def test_of_two_unknowns_that_do_the_same_one_moves():
    unknown, flows, energy, normal, gradient = stood(seed=4, voxels=1)
    unknown[0] = [1.0, 1.0, 1.0]
    normal[0, 2], normal[0, :, 2] = normal[0, 1], normal[0, :, 1]
    normal[0, 2, 2], gradient[0, 2] = normal[0, 1, 1], gradient[0, 1]
    state = (unknown, flows, energy, normal, gradient)
    move, _ = stepped(state, np.zeros(1), np.array([0]))
    assert move[0, 2] == 1.0
    np.testing.assert_allclose(move[0], solved(state, 0.0, 0, [0, 1, 3, 4])[0], rtol=1e-3, atol=1e-3)


def test_a_trial_is_kept_where_the_misfit_falls():
    """Voxel 3 falls much, 1 a little, 6 stays, 2 rises a little, 5 rises, 4 is stuck by its damping; 0 and 7 take no part."""
    energy = np.full(8, 100.0, np.float32)
    trial = {3: 50.0, 1: 100.0 - 5e-4, 6: 100.0, 2: 100.0 + 5e-3, 5: 120.0, 4: 120.0}
    rows = np.array(list(trial))
    damping = np.array([1.0, 1.0, 1.0, 2e-4, 0.5 * STUCK, 1.0, 1.0, 1.0])
    rng = np.random.default_rng(0)
    state = (
        rng.random((8, 3)), rng.random((8, 2), np.float32), energy, rng.random((8, 5, 5), np.float32), rng.random((8, 5), np.float32)
    )  # fmt: skip
    new = (
        rng.random((6, 3)), rng.random((6, 2), np.float32), np.array(list(trial.values()), np.float32),
        rng.random((6, 5, 5), np.float32), rng.random((6, 5), np.float32),
    )  # fmt: skip
    before = [x.copy() for x in state]
    going = np.zeros(6, bool)
    accept(rows, *new, state, damping, going)
    kept = [0, 1]  # of the six
    for now, was, offered in zip(state, before, new, strict=True):
        want = was.copy()
        want[rows[kept]] = offered[kept]
        np.testing.assert_array_equal(now, want)
    assert going.tolist() == [True, False, False, False, True, False]
    assert SETTLED * 100 > 5e-4
    assert FLAT * 100 > 5e-3
    np.testing.assert_allclose(damping, [1.0, RELAX, STIFFEN, LEAST_DAMPING, 0.5 * STUCK * STIFFEN, STIFFEN, STIFFEN, 1.0])
    assert LEAST_DAMPING < DAMPING < 1 < STIFFEN
