"""Patlak: vascular volume and transfer into the interstitium, while nothing flows back."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numba
import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.convolve import DenseInput, Residues, respond
from hepaflow.kinetics.descriptive import arrival_s
from hepaflow.kinetics.model import ARTERIAL_DELAY, FLOW_PER_MIN_100_ML, Direct, DirectModel, Reader, Settings, Values

FloatArray = npt.NDArray[np.float64]

#: Back flux is neglected until this long after arterial arrival: a choice. Behind a closed barrier four minutes are usual.
WINDOW_S = 120.0
#: Delays here are effective ones: the way to the tissue and half of its transit, about 4 s. Searched on a coarse, then on a fine step.
DELAY_BOUNDS_S, COARSE_S, FINE_S = (-1.0, 12.0), 1.0, 0.25
DELAY_CENTRE_S, DELAY_SPREAD_S = ARTERIAL_DELAY.centre + 4.0, 4.0
#: Delays come from the rise: later, back flux would pass for a later arrival.
RISE_S = 45.0
#: Fewer samples in the window beyond the unknowns than this, and the answer is flagged.
SPARE = 2
#: Columns closer to dependent than this carry no separate answer in float32.
DEPENDENT = 1e-4
#: Curves handled together: their coordinates stay in the processor's cache.
BLOCK = 512


def columns(times_s: FloatArray, inputs: Inputs, delays_s: dict[str, float]) -> FloatArray:
    """Vascular and interstitial responses (n, 2 inputs): each input, then its integral, delayed; HU and HU s per unit of volume and 1/s."""
    found = []
    for name, curve in _curves(inputs).items():
        found += [x[0] for x in _delayed(times_s, inputs.dense_times_s, curve, np.array([delays_s[name]]))]
    return np.stack(found, -1)


def window(times_s: FloatArray, inputs: Inputs, delay_s: float) -> npt.NDArray[np.bool_]:
    """Which samples (n,) the model holds for: those before arterial arrival, and from the arterial peak as the tissue sees it to WINDOW_S
    after arrival.
    """
    arrival = arrival_s(inputs)
    peak = float(inputs.dense_times_s[inputs.dense_arterial.argmax()]) + delay_s
    return np.asarray((times_s <= arrival) | ((times_s >= peak) & (times_s <= arrival + WINDOW_S)))


def _curves(inputs: Inputs) -> dict[str, FloatArray]:
    pair = {"arterial": inputs.dense_arterial, "portal": inputs.dense_portal}
    return {name: curve for name, curve in pair.items() if curve is not None}


def _delayed(times_s: FloatArray, grid_s: FloatArray, curve: FloatArray, delays_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """An input and its integral (delays, n)."""
    value = np.interp(times_s - delays_s[:, None], grid_s, curve, left=0.0)
    plateau = Residues.of((np.ones(delays_s.size), 0.0, 0.0))
    return value, respond(times_s, DenseInput.of(grid_s, curve), plateau, delays_s)


def _sets(basis: FloatArray) -> FloatArray:
    """Matrices (sets, 4, 4) that give the unknowns from a curve's four coordinates, one for every set of unknowns that may be above zero.

    ``basis`` (4, p) are the unknowns' columns in the coordinates. The first set is empty. A single input leaves the last two unknowns out.
    """
    solve = [np.zeros((4, 4))]
    for size in range(1, basis.shape[1] + 1):
        for chosen in combinations(range(basis.shape[1]), size):
            part = basis[:, chosen]
            singular = np.linalg.svd(part, compute_uv=False)
            if not singular[-1] > DEPENDENT * singular[0]:
                continue
            back = np.zeros((4, 4))
            back[list(chosen)] = np.linalg.pinv(part)
            solve.append(back)
    return np.stack(solve)


@numba.njit(cache=True, nogil=True)
def _choose(coordinates, along, solve, score, gain, which):  # type: ignore[no-untyped-def]  # pragma: no cover
    """For each curve the number ``which`` (v,) of the set without a negative unknown that explains most of it.

    ``coordinates`` (4, v) are the curves', ``along`` (4, v) their products with the unknowns' columns; ``score`` and ``gain`` (v,) are
    working rows. ``gain`` and ``which`` come in as zeros. Two loops a set, each writing little: only so does it run in vector registers.
    """
    c0, c1, c2, c3 = coordinates[0], coordinates[1], coordinates[2], coordinates[3]
    w0, w1, w2, w3 = along[0], along[1], along[2], along[3]
    for s in range(1, solve.shape[0]):
        m = solve[s]
        for v in range(score.size):
            x0 = m[0, 0] * c0[v] + m[0, 1] * c1[v] + m[0, 2] * c2[v] + m[0, 3] * c3[v]
            x1 = m[1, 0] * c0[v] + m[1, 1] * c1[v] + m[1, 2] * c2[v] + m[1, 3] * c3[v]
            x2 = m[2, 0] * c0[v] + m[2, 1] * c1[v] + m[2, 2] * c2[v] + m[2, 3] * c3[v]
            x3 = m[3, 0] * c0[v] + m[3, 1] * c1[v] + m[3, 2] * c2[v] + m[3, 3] * c3[v]
            explained = x0 * w0[v] + x1 * w1[v] + x2 * w2[v] + x3 * w3[v]
            allowed = (x0 >= 0.0) & (x1 >= 0.0) & (x2 >= 0.0) & (x3 >= 0.0)
            score[v] = explained if allowed else gain[v]
        for v in range(score.size):
            better = score[v] > gain[v]
            gain[v] = score[v] if better else gain[v]
            which[v] = np.int32(s) if better else which[v]


@numba.njit(cache=True, nogil=True)
def _apply(coordinates, tables, which, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Rows ``out`` (r, v) from coordinates (4, v) by the table (sets, r, 4) of each curve's set."""
    for r in range(out.shape[0]):
        for v in range(which.size):
            row = tables[which[v], r]
            out[r, v] = (
                row[0] * coordinates[0, v] + row[1] * coordinates[1, v] + row[2] * coordinates[2, v] + row[3] * coordinates[3, v]
            )


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Linear algebra of one set of times: ``coordinates`` (4, n) of raw curves, the unknowns' columns ``basis`` (4, p) in them, each of
    length one, their ``size`` (p,) before that, and what gives the unknowns (sets, 4, 4).
    """

    coordinates: FloatArray
    basis: FloatArray
    size: FloatArray
    solve: FloatArray

    @classmethod
    def of(cls, matrix: FloatArray, inside: npt.NDArray[np.bool_]) -> _Plan:
        """From responses (n, p) and which samples count; the free baseline is projected out."""
        centred = matrix[inside] - matrix[inside].mean(0)
        size = np.linalg.norm(centred, axis=0)
        size = np.where(size > 0, size, np.inf)  # a column that does not change in the window has no unknown
        turn, basis = np.linalg.qr(centred / size)
        coordinates = np.zeros((4, len(matrix)))
        coordinates[: turn.shape[1], inside] = (turn - turn.mean(0)).T
        padded = np.zeros((4, matrix.shape[1]))
        padded[: len(basis)] = basis
        return cls(coordinates, padded, size, _sets(padded))

    def read(self, values: Values, tables: FloatArray) -> tuple[Values, npt.NDArray[np.int32]]:
        """What ``tables`` (sets, r, 4) make of the coordinates under each curve's set, (r, v), and that set (v,); NaN for a curve that is not finite."""
        kind, count = values.dtype.type, values.shape[1]
        found, which = np.empty((tables.shape[1], count), kind), np.zeros(count, np.int32)
        operator, back = self.coordinates.astype(kind), np.zeros((4, 4), kind)
        back[: self.basis.shape[1]] = self.basis.T
        solve, chosen = self.solve.astype(kind), tables.astype(kind)
        for i in range(0, count, BLOCK):
            part = slice(i, min(i + BLOCK, count))
            here = operator @ values[:, part]
            score, gain = np.zeros((2, here.shape[1]), kind)
            _choose(here, back @ here, solve, score, gain, which[part])
            _apply(here, chosen, which[part], found[:, part])
        return found, which


def _settle(times_s: FloatArray, guide: Values, inputs: Inputs, noise: float) -> Settings:
    """The delays under which the model leaves least of the rise of the guide's mean curve, first pass included.

    Noise of unknown level; a normal prior on each delay decides where the curve does not.
    """
    curves = _curves(inputs)
    early = times_s <= arrival_s(inputs) + RISE_S
    if early.sum() < 2 * len(curves) + 2:
        early[:] = True
    mean = np.asarray(guide, float).mean(1)[early]
    centre = np.full(len(curves), np.mean(DELAY_BOUNDS_S))
    for step, reach in ((COARSE_S, float(np.ptp(DELAY_BOUNDS_S)) / 2), (FINE_S, COARSE_S)):
        tried = [np.clip(c + np.arange(-reach, reach + step / 2, step), *DELAY_BOUNDS_S) for c in centre]
        delays = np.stack([x.ravel() for x in np.meshgrid(*tried, indexing="ij")], -1)
        matrices = np.concatenate(
            [
                np.stack(_delayed(times_s[early], inputs.dense_times_s, curve, delays[:, q]), -1)
                for q, curve in enumerate(curves.values())
            ],
            axis=-1,
        )
        surprise = (((delays - DELAY_CENTRE_S) / DELAY_SPREAD_S) ** 2).sum(1)
        centre = delays[np.argmin(mean.size * np.log(_left(matrices, mean)) + surprise)]
    return Settings(noise=noise, delays_s=dict(zip(curves, (float(x) for x in centre), strict=True)))


def _left(matrices: FloatArray, curve: FloatArray) -> FloatArray:
    """What non-negative least squares with a free baseline leaves of ``curve`` (n,), squared and summed (s,), for matrices (s, n, p).

    Every set of unknowns is tried; the best without a negative one is the answer.
    """
    centred = matrices - matrices.mean(1, keepdims=True)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    centred = centred / np.where(size > 0, size, np.inf)
    data = curve - curve.mean()
    gram, right = centred.transpose(0, 2, 1) @ centred, np.einsum("snp,n->sp", centred, data)
    gram += DEPENDENT**2 * np.eye(gram.shape[-1])
    gain = np.zeros(len(matrices))
    for size_of_set in range(1, gram.shape[-1] + 1):
        for chosen in combinations(range(gram.shape[-1]), size_of_set):
            picked = np.array(chosen)
            x = np.linalg.solve(gram[:, picked[:, None], picked], right[:, picked, None])[..., 0]
            gain = np.maximum(gain, np.where((x >= 0).all(1), (x * right[:, picked]).sum(1), 0.0))
    whole = float(data @ data)
    return np.maximum(whole - gain, 1e-12 * whole + 1e-300)


def _prepare(times_s: FloatArray, inputs: Inputs, settings: Settings) -> Reader:
    matrix = columns(times_s, inputs, settings.delays_s)
    inside = window(times_s, inputs, settings.delays_s["arterial"])
    spare = int(inside.sum()) - matrix.shape[1] - 1
    flags = ("patlak-window-short",) if spare < SPARE else ()
    if spare < 0:
        return Reader(_nothing, flags=flags)
    plan = _Plan.of(matrix, inside)
    per_unit = np.zeros((2, 4))
    per_unit[0, : matrix.shape[1] : 2] = 100.0 / plan.size[::2]
    per_unit[1, 1 : matrix.shape[1] : 2] = FLOW_PER_MIN_100_ML / plan.size[1::2]
    tables = per_unit @ plan.solve
    spread = settings.noise * np.linalg.norm(tables, axis=-1)
    spread[0] = spread[-1]  # where nothing is above zero: as if everything were free

    def read(values: Values) -> Direct:
        kind = values.dtype.type
        (volume, transfer), which = plan.read(values, tables)
        bad = np.isnan(volume)
        sd = [np.where(bad, kind(np.nan), column.astype(kind)[which]) for column in spread.T]
        return Direct({"bv": volume, "ktrans": transfer}, {"bv": sd[0], "ktrans": sd[1]})

    def implied(values: Values) -> tuple[FloatArray, FloatArray]:
        whole = np.asarray(values, float)
        curve = (matrix / plan.size) @ plan.read(whole, plan.solve)[0][: matrix.shape[1]]
        baseline = (whole - curve)[inside].mean(0)
        return np.where(inside[:, None], curve + baseline, np.nan), baseline

    return Reader(read, implied, matrix.shape[1] + 1.0, flags)


def _nothing(values: Values) -> Direct:
    empty = np.full(values.shape[1], np.nan, values.dtype)
    return Direct({"bv": empty, "ktrans": empty.copy()}, {"bv": empty.copy(), "ktrans": empty.copy()})


PATLAK = DirectModel(
    key="patlak",
    name="dual-input Patlak",
    settle=_settle,
    prepare=_prepare,
    quantities=("bv", "ktrans"),
    fewest=7,
    formula=(
        "C(t) = b + va ca(t - da) + vp cp(t - dp) + Ka integral of ca(t - da) + Kp integral of cp(t - dp), none below zero; BV = va + vp, "
        "Ktrans = Ka + Kp; only samples before arterial arrival, and from the arterial peak to 120 s after arrival"
    ),
    cannot=(
        "It gives no blood flow, transit time or fraction; Ktrans is the permeability only where flow is much higher, and is too low where "
        "contrast flows back within two minutes, as in most of the liver."
    ),
    sources=("Patlak CS et al. J Cereb Blood Flow Metab 1983;3:1", "Hom J et al. AJNR Am J Neuroradiol 2009;30:1366"),
)
