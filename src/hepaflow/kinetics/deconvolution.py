"""Deconvolution: the residue without a model, by regularised least squares on the sampling times themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.largest import largest
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, NO_FLOW, Direct, DirectModel, Reader, Settings, Values

FloatArray = npt.NDArray[np.float64]

#: The residue may begin before the input: the sampled vessel need not be the one that the tissue hangs on.
FIRST_LAG_S = -2.0
#: Nodes are no further apart than this where the residue changes fast; later ones are each this factor further apart.
NODE_STEP_S, FAST_NODES, GROWTH = 2.0, 10, 1.15
#: Each fitted number counts this often in cross-validation; 1 follows the noise of now and then a curve (Kim and Gu 2004 advise 1.4).
GCV_WEIGHT = 1.4
#: Simulated voxels by which the strength of a map is chosen: their RMS error is then known to some 4 %.
TRIALS = 400
#: The penalty leaves a constant residue free; this share of its mean keeps that one determined.
LEVEL = 1e-6

#: A residue whose part below zero has more than this share of the area of its part above has no integral to rely on.
BELOW_ZERO = 0.6


def nodes_of(times_s: FloatArray, inputs: Inputs) -> FloatArray:
    """Lags (k,) in s at which the residue is free, from FIRST_LAG_S on, wider apart the later. The last is no later than the time from
    the arterial peak to the last sample: what the residue does later is not in the data.
    """
    step = min(float(np.median(np.diff(times_s))), NODE_STEP_S)
    span = float(times_s[-1] - inputs.dense_times_s[inputs.dense_arterial.argmax()])
    nodes = [FIRST_LAG_S]
    while nodes[-1] < span:
        nodes.append(nodes[-1] + step)
        if len(nodes) > FAST_NODES:
            step *= GROWTH
    return np.array(nodes[:-1] if len(nodes) > 3 else [FIRST_LAG_S, 0.0, NODE_STEP_S])


def responses(times_s: FloatArray, grid_s: FloatArray, source: FloatArray, nodes: FloatArray) -> FloatArray:
    """Responses (n, k) at ``times_s`` to an input piecewise linear on a uniform grid (m,), one a node: the residue that is 1 there, falls
    linearly to 0 at the neighbouring nodes, and is 0 before the first node. Exact: with the input's first and second integrals.
    """
    step = float(grid_s[1] - grid_s[0])
    slope = np.append(np.diff(source) / step, 0.0)  # constant after the grid
    once = np.append(0.0, np.cumsum(0.5 * (source[1:] + source[:-1]) * step))
    twice = np.append(0.0, np.cumsum(once[:-1] * step + source[:-1] * step**2 / 2 + slope[:-1] * step**3 / 6))
    since = times_s[:, None] - nodes - grid_s[0]
    at = np.clip(since / step, 0, source.size - 1).astype(int)
    part = np.where(since > 0, since - at * step, 0.0)
    first = once[at] + part * (source[at] + slope[at] * part / 2)
    second = twice[at] + part * (once[at] + part * (source[at] / 2 + slope[at] * part / 6))
    mean = (second[:, :-1] - second[:, 1:]) / np.diff(nodes)  # of the first integral between two nodes
    columns = np.zeros_like(first)
    columns[:, :-1] += first[:, :-1] - mean
    columns[:, 1:] += mean - first[:, 1:]
    return np.asarray(columns)


def roughness(nodes: FloatArray) -> FloatArray:
    """Matrix (k, k) of the integrated squared slope of a residue; its jump at the first node costs nothing."""
    gap = np.diff(nodes)
    rate = (np.eye(nodes.size)[1:] - np.eye(nodes.size)[:-1]) / gap[:, None]
    matrix = rate.T @ (rate * gap[:, None])
    return np.asarray(matrix + LEVEL * np.trace(matrix) / nodes.size * np.eye(nodes.size))


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Least squares with the penalty turned into plain length: z = ``root``.T x, responses of z in singular form."""

    nodes: FloatArray
    matrix: FloatArray
    root: FloatArray
    left: FloatArray
    singular: FloatArray
    right: FloatArray

    @classmethod
    def of(cls, times_s: FloatArray, inputs: Inputs) -> _Problem:
        """From times (n,); the free baseline is projected out of the responses."""
        nodes = nodes_of(times_s, inputs)
        sources = [x for x in (inputs.dense_arterial, inputs.dense_portal) if x is not None]
        matrix = np.concatenate([responses(times_s, inputs.dense_times_s, x, nodes) for x in sources], axis=1)
        centred = matrix - matrix.mean(0)
        root = np.kron(np.eye(len(sources)), np.linalg.cholesky(roughness(nodes)))
        return cls(nodes, matrix, root, *np.linalg.svd(np.linalg.solve(root, centred.T).T, full_matrices=False))

    def operator(self, strength: float) -> FloatArray:
        """Flow-weighted residues (inputs k, n) in 1/s from raw curves."""
        filtered = self.right.T * (self.singular / (self.singular**2 + strength))
        solved = np.linalg.solve(self.root.T, filtered) @ self.left.T
        return np.asarray(solved - solved.mean(1, keepdims=True))

    def flow(self, residues: FloatArray) -> FloatArray:
        """Sum (v,) of the largest values of flow-weighted residues (inputs k, v), none below zero."""
        return np.asarray(np.maximum(residues.reshape(-1, self.nodes.size, residues.shape[1]).max(1), 0.0).sum(0))

    def freedom(self, strength: float) -> float:
        """How many numbers are fitted, the baseline included."""
        return 1.0 + float((self.singular**2 / (self.singular**2 + strength)).sum())


def _settle(times_s: FloatArray, guide: Values, inputs: Inputs, noise: float) -> Settings:
    """One curve: the strength that predicts its samples best. Many: that one for the usual curve, or, if it is weaker, the one that reads
    the flow of the median curve best at the noise of a single one.
    """
    problem = _Problem.of(times_s, inputs)
    curves = np.asarray(guide, float)
    strength = _predicting(problem, curves)
    if curves.shape[1] > 1:
        typical = np.median(curves - curves.mean(0), axis=1)  # voxels that hold a vessel or move are the fewer
        strength = min(strength, _reading_flow(problem, typical, _predicting(problem, typical[:, None]), noise))
    return Settings(noise=noise, strength=strength)


def _strengths(problem: _Problem) -> FloatArray:
    """What is tried: twelve decades up to the largest squared singular value, an eighth of a decade apart."""
    return np.asarray(problem.singular[0] ** 2 * 10.0 ** np.arange(-12.0, 0.01, 0.125))


def _predicting(problem: _Problem, curves: FloatArray) -> float:
    """The strength with the least generalised cross-validation of curves (n, v), the median of their squares."""
    centred = curves - curves.mean(0)
    energy = (problem.left.T @ centred) ** 2
    outside = np.maximum((centred**2).sum(0) - energy.sum(0), 0.0)
    best, chosen = np.inf, float(problem.singular[0] ** 2)
    for strength in _strengths(problem):
        left = curves.shape[0] - GCV_WEIGHT * problem.freedom(strength)
        if left <= 0:
            continue
        score = float(np.median(outside + (strength / (problem.singular**2 + strength)) ** 2 @ energy)) / left**2
        if score < best:
            best, chosen = score, float(strength)
    return chosen


def _reading_flow(problem: _Problem, curve: FloatArray, least: float, noise: float) -> float:
    """The strength, ``least`` or more, that reads the flow of ``curve`` (n,) with the least RMS error once normal ``noise`` is on it.

    The truth is what ``least`` reads without that noise. Cross-validation over the voxels themselves would ask how well samples are
    predicted: at the noise of a voxel a residue without a top does that as well, and a few voxels that move outvote all others.
    """
    drawn = np.random.default_rng(0).standard_normal((curve.size, TRIALS))  # the same for every strength: the error is smooth in it
    trials = curve[:, None] + noise * drawn
    truth = float(problem.flow(problem.operator(least) @ curve[:, None])[0])
    best, chosen = np.inf, least
    for strength in _strengths(problem):
        if strength < least:
            continue
        error = float(((problem.flow(problem.operator(strength) @ trials) - truth) ** 2).mean())
        if error < best:
            best, chosen = error, float(strength)
    return chosen


def _prepare(times_s: FloatArray, inputs: Inputs, settings: Settings) -> Reader:
    problem = _Problem.of(times_s, inputs)
    operator = problem.operator(settings.strength)
    gap = np.diff(problem.nodes)
    weights = 0.5 * (np.append(gap, 0.0) + np.append(0.0, gap))
    count = 1 if inputs.dense_portal is None else 2
    volume = np.tile(weights, count) @ operator
    rows = np.concatenate([FLOW_PER_MIN_100_ML * operator, 100.0 * volume[None]])
    shared = settings.noise**2 * rows @ rows.T

    parts = tuple(slice(q * problem.nodes.size, (q + 1) * problem.nodes.size) for q in range(count))

    def read(values: Values) -> Direct:
        tops, which, bv = largest(rows, parts, values)
        return _quantities(tops, bv, which, shared)

    def implied(values: Values) -> tuple[FloatArray, FloatArray]:
        curve = problem.matrix @ (operator @ np.asarray(values, float))
        baseline = np.mean(np.asarray(values, float) - curve, axis=0)
        return curve + baseline, baseline

    def undetermined(curve: FloatArray) -> tuple[tuple[str, ...], tuple[str, ...]]:
        residues = operator @ curve
        areas = np.tile(weights, count) * residues
        still = FLOW_PER_MIN_100_ML * float(np.abs(residues).max()) < NO_FLOW  # nothing comes: the volume is zero
        if still or -areas[areas < 0].sum() <= BELOW_ZERO * areas[areas > 0].sum():
            return (), ()
        return ("bv", "total_mtt"), ("deconvolution-volume-undetermined",)

    flags = ("deconvolution-split-uncertain",) if count == 2 else ()
    return Reader(read, implied, problem.freedom(settings.strength), flags, undetermined)


@numba.njit(cache=True, nogil=True)
def _derive(tops, which, volume, shared, found, sd):  # type: ignore[no-untyped-def]  # pragma: no cover
    """BF, total MTT, HAF (3, v) and the SDs of BF, total MTT, HAF, HABF and HPBF (5, v), to first order from the covariance ``shared`` of the rows.

    ``tops`` (inputs, v) in mL/min/100 mL lie in rows ``which``; ``volume`` (v,) in mL/100 mL is the last row's.
    """
    last, count = shared.shape[0] - 1, tops.shape[0]
    for v in range(volume.size):
        i, flow = which[0, v], tops[0, v]
        variance, with_volume = shared[i, i], shared[i, last]
        sd[3, v] = np.sqrt(variance)
        if count == 2:
            j, portal = which[1, v], tops[1, v]
            cross = shared[i, j]
            sd[4, v] = np.sqrt(shared[j, j])
            total = flow + portal
            split = portal * portal * variance + flow * flow * shared[j, j] - 2 * flow * portal * cross
            over = total if total > NO_FLOW else np.nan
            found[2, v] = flow / over
            sd[2, v] = np.sqrt(max(split, 0.0)) / (over * over)
            variance += shared[j, j] + 2 * cross
            with_volume += shared[j, last]
            flow = total
        over = flow if flow > NO_FLOW else np.nan  # what flows out of nothing has no share and no time
        transit = 60 * volume[v] / over
        of_transit = 3600 * shared[last, last] + transit * transit * variance - 120 * transit * with_volume
        found[0, v] = flow
        found[1, v] = transit
        sd[0, v] = np.sqrt(max(variance, 0.0))
        sd[1, v] = np.sqrt(max(of_transit, 0.0)) / over


def _quantities(tops: Values, volume: Values, which: npt.NDArray[np.int32], shared: FloatArray) -> Direct:
    """Quantities with their SD (v,) from what :func:`_derive` takes."""
    kind = tops.dtype
    found, sd = np.empty((3, volume.size), kind), np.empty((5, volume.size), kind)
    volume = np.maximum(volume, 0)
    _derive(tops, which, volume, shared.astype(kind), found, sd)
    sd[:, np.isnan(volume)] = np.nan
    quantities = {"bf": found[0], "bv": volume, "total_mtt": found[1]}
    spread = {"bf": sd[0], "bv": np.where(np.isnan(volume), volume, kind.type(np.sqrt(shared[-1, -1]))), "total_mtt": sd[1]}
    if len(tops) == 2:
        quantities |= {"habf": tops[0], "hpbf": tops[1], "haf": found[2]}
        spread |= {"habf": sd[3], "hpbf": sd[4], "haf": sd[2]}
    return Direct(quantities, spread)


DECONVOLUTION = DirectModel(
    key="deconvolution",
    name="model-free deconvolution",
    settle=_settle,
    prepare=_prepare,
    quantities=("bf", "habf", "hpbf", "haf", "bv", "total_mtt"),
    fewest=8,
    formula=(
        "C(t) = b + (Fa Ra * ca)(t) + (Fp Rp * cp)(t) with free residues, least squares with their integrated squared slope as penalty; "
        "HABF = max Fa Ra, HPBF = max Fp Rp, BV = integral of both residues up to the time from arterial peak to last sample, total MTT = BV / BF"
    ),
    cannot=(
        "It cannot tell how flow splits between artery and portal vein where a late arterial residue explains the portal inflow, nor vessel "
        "from interstitium; its flow is smoothed."
    ),
    sources=(
        "Ostergaard L et al. Magn Reson Med 1996;36:715",
        "Kim YJ, Gu C. J R Stat Soc B 2004;66:337",
        "Golub GH et al. Technometrics 1979;21:215",
    ),
)
