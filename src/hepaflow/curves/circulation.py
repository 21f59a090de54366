"""How contrast goes round: a small model of the two inputs, for the times at which nobody looked.

Arterial: the injected box through the gamma transit of heart and lungs, then its return, a share through the organs (gamma transit)
and a share slowly through the interstitium (exponential). Portal: the arterial curve through the gamma transit of the gut. Every part
is a smear of the part before it, so nothing narrower than the bolus can appear where there are no samples.

No patient's transits are gammas. So every transit may also depart from its formula, smoothly and by a stated share of itself; what the
samples say of these departures moves the curve between them too, and what they do not say is its uncertainty.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import gammainc

FloatArray = npt.NDArray[np.float64]
#: Times in s, values in HU and standard errors of the samples, each (n,).
Samples = tuple[FloatArray, FloatArray, FloatArray]


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Bounds, usual value and how far from it patients lie (None: left to the data)."""

    low: float
    high: float
    start: float
    usual: float | None = None
    spread: float = 2.0


#: Heights are shares of the arterial peak, times are seconds, arrival counts from the first rise.
_ARTERIAL = (
    _Unknown(0.3, 20, 1.3, None, 0.5),  # height
    _Unknown(-15, 10, -3),  # arrival
    _Unknown(1, 40, 9, 9, 4),  # injection
    _Unknown(1.2, 30, 5, 5, 8),  # shape of heart and lungs
    _Unknown(1, 40, 7, 7, 8),  # mean transit of heart and lungs
    _Unknown(0, 1.0, 0.4, 0.4, 0.2),  # share that returns through organs
    _Unknown(4, 30, 14, 14, 7),  # earliest return
    _Unknown(5, 50, 18, 18, 8),  # mean of the return after that
    _Unknown(0, 1.5, 0.4, 0.4, 0.3),  # share that returns slowly
    _Unknown(15, 300, 60, 60, 40),  # how slowly
)
_PORTAL = (
    _Unknown(0.2, 3, 1.0, 1.0, 0.6),  # gain: blood is conserved but for what the gut keeps
    _Unknown(0, 25, 3, 3, 8),  # earliest transit
    _Unknown(2, 40, 12, 12, 20),  # mean transit after that
    _Unknown(1, 20, 3.5, 3.5, 8),  # shape
    _Unknown(0, 0.6, 0.05, 0.05, 0.1),  # share through a slower bed
    _Unknown(1.5, 6, 2.5, 2.5, 1),  # how much slower
)


#: How far transits may depart from their formulas (one sigma, as a share): the samples weigh these sizes. The usual one is fitted with.
DEPARTURES = (0.05, 0.1, 0.2, 0.4)
USUAL_DEPARTURE = 0.1
#: Over which share of the transit time a departure goes one way.
REACH = 0.35
#: A transit may also pass where its formula has nothing: this share of it is taken as half again as slow and broadly spread.
ASTRAY = 0.15
#: No sample is closer to its vessel than this share of the peak, whatever its standard error.
LEAST_ERROR = 0.002
#: Prior precision of an unknown that has no usual value, in spreads.
UNHELD = 0.04
#: Changes that make up less than this share of the uncertainty are left out.
NEGLIGIBLE = 2e-3


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A fitted curve (m,) in HU on the dense grid, one-sigma changes ``modes`` (q, m) that the samples leave open, how it ``follows``
    each sample (n, m), and the ``misfit`` (RMS at the samples, HU) of the formulas without departures.
    """

    curve: FloatArray
    modes: FloatArray
    follows: FloatArray
    misfit: float


def _nothing(dense_s: FloatArray, _theta: FloatArray) -> FloatArray:
    return np.empty((0, dense_s.size))


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """``curve`` (m,) of unknowns on a grid, and its one-sigma ``departures`` (r, m); unknowns with their starting values by index.

    ``inherited`` (q, m) are one-sigma changes that come from what the curve is made of.
    """

    curve: Callable[[FloatArray, FloatArray], FloatArray]
    departures: Callable[[FloatArray, FloatArray], FloatArray]
    unknowns: tuple[_Unknown, ...]
    starts: dict[int, tuple[float, ...]]
    inherited: Callable[[FloatArray, FloatArray], FloatArray] = _nothing


def fit_bolus(dense_s: FloatArray, samples: Samples) -> Shape:
    """The arterial shape nearest ``samples`` (times s, HU, standard errors; each (n,)) on the uniform grid ``dense_s`` (m,). Deterministic."""
    t, y, _ = samples
    top, peak = float(y.max()), float(t[y.argmax()])
    rising = t[(y > 0.1 * top) & (t <= peak)]
    onset = float(rising[0]) if rising.size else peak - 5.0
    way = _Way(
        lambda dense, theta: top * _bolus(dense - onset, theta),
        lambda dense, theta: top * _bolus_departures(dense - onset, theta),
        _ARTERIAL,
        {3: (4.0, 8.0, 3.0), 4: (6.0, 9.0, 4.0)},
    )
    return _fit(way, dense_s, samples)


def fit_transit(dense_s: FloatArray, arterial: FloatArray, changes: FloatArray, samples: Samples) -> Shape:
    """The portal shape nearest ``samples`` (as :func:`fit_bolus`): ``arterial`` (m,) HU sent through the gut. Deterministic.

    ``changes`` (q, m) are one-sigma changes of the arterial curve: portal samples that it does not explain may be its fault.
    """

    def blood(dense: FloatArray) -> FloatArray:
        return np.interp(dense, dense_s, arterial)

    way = _Way(
        lambda dense, theta: _sent(blood(dense), _gut(dense, theta)),
        lambda dense, theta: _sent_all(_depart(_gut(dense, theta), _middles(dense, theta[1]), theta[2]), blood(dense)),
        _PORTAL,
        {2: (6.0, 12.0, 20.0)},
        lambda dense, theta: _sent_all(changes, _gut(dense, theta)),
    )
    return _fit(way, dense_s, samples)


def _fit(way: _Way, dense_s: FloatArray, samples: Samples) -> Shape:
    t, y, sd = samples
    low, high, start = (np.array([getattr(u, name) for u in way.unknowns], float) for name in ("low", "high", "start"))
    held = np.array([u.usual is not None for u in way.unknowns])
    usual = np.array([u.usual or 0.0 for u in way.unknowns])[held]
    spread = np.array([u.spread for u in way.unknowns])
    coarse = np.arange(dense_s[0], dense_s[-1] + 0.5, 0.5)
    white = np.diag(1.0 / (0.003 * y.max() + 0.015 * np.abs(y)))

    def residual(theta: FloatArray, white: FloatArray) -> FloatArray:
        misfit = np.interp(t, coarse, way.curve(coarse, theta)) - y
        return np.concatenate([white @ misfit, (theta[held] - usual) / spread[held]])

    fits = []
    for n in range(3):
        guess = start.copy()
        for index, values in way.starts.items():
            guess[index] = values[n]
        fits.append(least_squares(residual, guess, args=(white,), bounds=(low, high), x_scale=spread, max_nfev=60))
    first = min(fits, key=lambda found: float(found.cost))
    misfit = float(np.sqrt(np.mean((np.interp(t, coarse, way.curve(coarse, first.x)) - y) ** 2)))
    # the same again, now knowing how misfits of neighbouring samples go together
    noise = np.hypot(sd, LEAST_ERROR * y.max())
    loose = np.concatenate([USUAL_DEPARTURE * way.departures(dense_s, first.x), way.inherited(dense_s, first.x)])
    loose = _at(t, dense_s, loose)
    white = np.linalg.inv(np.linalg.cholesky(loose.T @ loose + np.diag(noise**2)))
    best = least_squares(residual, first.x, args=(white,), bounds=(low, high), x_scale=spread, max_nfev=60)
    theta = np.asarray(best.x)
    steps = np.where(theta + 0.01 * spread <= high, 0.01, -0.01) * spread
    curve = way.curve(dense_s, theta)
    moved = np.stack([way.curve(dense_s, row) for row in theta + np.diag(steps)])
    inherited = way.inherited(dense_s, theta)
    rows = np.concatenate([(moved - curve) / (steps / spread)[:, None], inherited, way.departures(dense_s, theta)])
    expected = np.zeros(theta.size)
    expected[held] = (usual - theta[held]) / spread[held]
    start_at = curve + expected @ rows[: theta.size]
    known = np.concatenate([np.where(held, 1.0, UNHELD), np.ones(len(inherited))])
    return _average(rows, known, (t, y - np.interp(t, dense_s, start_at), noise), dense_s, start_at, misfit)


def _average(
    rows: FloatArray, known: FloatArray, samples: Samples, dense_s: FloatArray, expected: FloatArray, misfit: float
) -> Shape:
    """The shape over all sizes of departure, each with the weight that the samples give it.

    ``rows`` (r, m) are changes of the curve, of the unknowns (prior precision ``known``) and then of the departures; ``samples`` are what
    is left of them beside the ``expected`` curve (m,).
    """
    t, left, noise = samples
    at = _at(t, dense_s, rows)
    log_weights, means, follows, changes = [], [], [], []
    for size in DEPARTURES:
        scale = np.concatenate([known**-0.5, np.full(len(rows) - known.size, size)])[:, None]
        spread = (scale * at).T @ (scale * at) + np.diag(noise**2)
        solved = np.linalg.solve(spread, np.column_stack([left, (scale * at).T @ (scale * rows)]))
        log_weights.append(-0.5 * float(left @ solved[:, 0]) - 0.5 * float(np.linalg.slogdet(spread)[1]))
        follows.append(solved[:, 1:])
        means.append(left @ solved[:, 1:])
        values, vectors = np.linalg.eigh(np.eye(len(rows)) + (scale * at / noise) @ (scale * at / noise).T)
        # at least one by construction; rounding must not take it below
        changes.append((vectors / np.sqrt(np.maximum(values, 1.0))).T @ (scale * rows))
    weights = np.exp(np.array(log_weights) - max(log_weights))
    weights /= weights.sum()
    mean = weights @ np.stack(means)
    spreads = [np.sqrt(w) * np.vstack([c, m - mean]) for w, c, m in zip(weights, changes, means, strict=True)]
    return Shape(expected + mean, _principal(np.concatenate(spreads)), np.einsum("s,snm->nm", weights, np.stack(follows)), misfit)


def _principal(changes: FloatArray) -> FloatArray:
    """The few orthogonal changes (q, m) that make up the covariance of ``changes`` (r, m)."""
    _, size, rows = np.linalg.svd(changes, full_matrices=False)
    keep = size**2 > NEGLIGIBLE * (size**2).sum()
    return np.asarray(size[keep, None] * rows[keep])


def _at(t: FloatArray, dense: FloatArray, rows: FloatArray) -> FloatArray:
    return np.stack([np.interp(t, dense, row) for row in rows])


def _bolus(since_onset: FloatArray, theta: FloatArray) -> FloatArray:
    first, back = _first_and_back(since_onset, theta)
    return first + _sent(first, back)


def _first_and_back(since_onset: FloatArray, theta: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The first pass (m,) and what returns of it a step (m,)."""
    height, arrival, width, shape, mean, again, delay, turn, tail, slow = theta
    x = since_onset - arrival
    first = height * (gammainc(shape, np.maximum(x, 0) * shape / mean) - gammainc(shape, np.maximum(x - width, 0) * shape / mean))
    since = _edges(since_onset, delay)
    return np.asarray(first), again * np.diff(gammainc(2.0, 2.0 * since / turn)) - tail * np.diff(np.exp(-since / slow))


def _bolus_departures(since_onset: FloatArray, theta: FloatArray) -> FloatArray:
    """Departures (r, m) of the way through heart and lungs and of the way round again."""
    height, arrival, width, shape, mean, _, delay, turn, _, _ = theta
    first, back = _first_and_back(since_onset, theta)
    step = float(since_onset[1] - since_onset[0])
    x = since_onset - arrival
    lungs = np.diff(gammainc(shape, np.maximum(np.append(x, x[-1] + step) - 0.5 * step, 0.0) * shape / mean))
    passed = np.cumsum(_depart(lungs, x, mean), axis=1)
    boxed = height * np.stack([row - np.interp(x - width, x, row, left=0.0) for row in passed])
    return np.concatenate([boxed + _sent_all(boxed, back), _sent_all(_depart(back, _middles(since_onset, delay), turn), first)])


def _gut(dense: FloatArray, theta: FloatArray) -> FloatArray:
    """What of the arterial curve reaches the portal vein a step later (m,)."""
    gain, lag, mean, shape, share, ratio = theta
    since = _edges(dense, lag)
    through = (1 - share) * gammainc(shape, since * shape / mean) + share * gammainc(shape, since * shape / (mean * ratio))
    return np.asarray(gain * np.diff(through))


def _depart(transit: FloatArray, since: FloatArray, mean: float) -> FloatArray:
    """Departures (r, m) by their own size of a ``transit`` (m,), each smooth in the logarithm of the time ``since`` (m,) its start."""
    stray = np.sqrt(np.maximum(since, 0.0)) * np.exp(-since / mean)
    strays = stray.sum() or 1.0  # none where the transit starts at the end of the curve
    expected = (1 - ASTRAY) * transit + ASTRAY * transit.sum() / strays * stray
    position = np.log(np.maximum(since, 1e-3) / mean)
    places = np.arange(np.log(0.1), np.log(8.0) + REACH, REACH)
    # bumps one width apart overlap to a variance of sqrt(pi) times that of one
    bumps = np.pi**-0.25 * np.exp(-0.5 * ((position - places[:, None]) / REACH) ** 2)
    return np.asarray(expected * bumps)


def _edges(dense: FloatArray, delay: float) -> FloatArray:
    """Lags (m + 1,) in s after ``delay`` between which each step of a transit lies."""
    step = float(dense[1] - dense[0])
    return np.asarray(np.maximum((np.arange(dense.size + 1) - 0.5) * step - delay, 0.0))


def _middles(dense: FloatArray, delay: float) -> FloatArray:
    return np.asarray((dense - dense[0]) - delay)


def _sent(curve: FloatArray, transit: FloatArray) -> FloatArray:
    return np.asarray(np.convolve(curve, transit)[: curve.size])


def _sent_all(rows: FloatArray, transit: FloatArray) -> FloatArray:
    return np.stack([_sent(row, transit) for row in rows])
