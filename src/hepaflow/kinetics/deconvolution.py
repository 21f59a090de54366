"""Deconvolution: the residue without a model, by regularised least squares on the sampling times themselves."""

from __future__ import annotations

from dataclasses import dataclass

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
#: The penalty leaves a constant residue free; this share of its mean keeps that one determined.
LEVEL = 1e-6


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

    def freedom(self, strength: float) -> float:
        """How many numbers are fitted, the baseline included."""
        return 1.0 + float((self.singular**2 / (self.singular**2 + strength)).sum())


def _settle(times_s: FloatArray, guide: Values, inputs: Inputs, noise: float) -> Settings:
    """The strength with the least generalised cross-validation over the guide, on a grid of an eighth of a decade."""
    problem = _Problem.of(times_s, inputs)
    centred = np.asarray(guide, float) - np.asarray(guide, float).mean(0)
    along = problem.left.T @ centred
    energy = (along**2).sum(1)
    outside = max(float((centred**2).sum() - energy.sum()), 0.0)
    best, chosen = np.inf, float(problem.singular[0] ** 2)
    for strength in problem.singular[0] ** 2 * 10.0 ** np.arange(-12.0, 0.01, 0.125):
        left = times_s.size - GCV_WEIGHT * problem.freedom(strength)
        if left <= 0:
            continue
        score = (outside + float(((strength / (problem.singular**2 + strength)) ** 2 * energy).sum())) / left**2
        if score < best:
            best, chosen = score, float(strength)
    return Settings(noise=noise, strength=chosen)


def _prepare(times_s: FloatArray, inputs: Inputs, settings: Settings) -> Reader:
    problem = _Problem.of(times_s, inputs)
    operator = problem.operator(settings.strength)
    gap = np.diff(problem.nodes)
    weights = 0.5 * (np.append(gap, 0.0) + np.append(0.0, gap))
    count = 1 if inputs.dense_portal is None else 2
    volume = np.tile(weights, count) @ operator
    rows = np.concatenate([FLOW_PER_MIN_100_ML * operator, 100.0 * volume[None]])
    spread = _Spread.of(rows, settings.noise)

    parts = tuple(slice(q * problem.nodes.size, (q + 1) * problem.nodes.size) for q in range(count))

    def read(values: Values) -> Direct:
        tops, which, bv = largest(rows, parts, values)
        return _quantities(tops, np.maximum(bv, 0), which, spread)

    def implied(values: Values) -> tuple[FloatArray, FloatArray]:
        curve = problem.matrix @ (operator @ np.asarray(values, float))
        baseline = np.mean(np.asarray(values, float) - curve, axis=0)
        return curve + baseline, baseline

    flags = ("deconvolution-split-uncertain",) if count == 2 else ()
    return Reader(read, implied, problem.freedom(settings.strength), flags)


@dataclass(frozen=True, slots=True, eq=False)
class _Spread:
    """Noise of what the rows read: ``shared`` (m, m) covariance of residues in mL/min/100 mL and, last, of the volume in mL/100 mL."""

    shared: FloatArray

    @classmethod
    def of(cls, rows: FloatArray, noise: float) -> _Spread:
        """From the rows (m, n)."""
        return cls(noise**2 * rows @ rows.T)

    def at(self, one: npt.NDArray[np.int32] | int, other: npt.NDArray[np.int32] | int, kind: np.dtype[np.floating]) -> Values:
        """Covariance (v,) between rows."""
        return np.asarray(self.shared.astype(kind)[one, other])


def _quantities(tops: Values, bv: Values, which: npt.NDArray[np.int32], spread: _Spread) -> Direct:
    """Quantities and SDs (v,) from the residues' tops (inputs, v) in mL/min/100 mL in rows ``which``, and the volume in mL/100 mL."""
    kind, volume = tops.dtype, len(spread.shared) - 1
    own = [spread.at(row, row, kind) for row in which]
    bf, variance = tops.sum(0), np.sum(own, axis=0)
    with_volume = np.sum([spread.at(row, volume, kind) for row in which], axis=0)
    over = np.where(bf > NO_FLOW, bf, kind.type(np.nan))  # what flows out of nothing has no share and no time
    found, of = {}, {}
    with np.errstate(invalid="ignore"):
        if len(tops) == 2:
            cross = spread.at(which[0], which[1], kind)
            variance += 2 * cross
            found = {"habf": tops[0], "hpbf": tops[1], "haf": tops[0] / over}
            change = tops[::-1] / over**2  # of the fraction with each flow, the second negative
            of = {"habf": own[0], "hpbf": own[1]}
            of["haf"] = change[0] ** 2 * own[0] + change[1] ** 2 * own[1] - 2 * change[0] * change[1] * cross
        transit = 60 * bv / over
        found |= {"bf": bf, "bv": bv, "total_mtt": transit}
        of |= {"bf": variance, "bv": np.full_like(bv, spread.shared[-1, -1])}
        of["total_mtt"] = (3600 * of["bv"] + transit**2 * variance - 120 * transit * with_volume) / over**2
        sd = {key: np.where(np.isnan(found[key]), kind.type(np.nan), np.sqrt(np.maximum(x, 0))) for key, x in of.items()}
    return Direct(found, sd)


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
