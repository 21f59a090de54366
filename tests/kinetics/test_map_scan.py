"""The compiled passes over a dictionary against loops in float64, on small tables of random numbers."""

from __future__ import annotations

import numpy as np
import pytest

from hepaflow.kinetics.scan import (
    BAND,
    LANES,
    MANTISSA,
    SEVEN,
    best_evidence,
    best_rows,
    posterior_block,
    search_alone,
    search_block,
)

SHAPES, ARTERIAL, PORTAL = 3, 4, 2 * BAND


def searched(seed: int = 0) -> dict[str, np.ndarray]:
    """Atoms of unit length that are all alike to some degree, as responses are, times voxels of noise, and their inner products; float32."""
    rng = np.random.default_rng(seed)
    a, p = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (rng.random((SHAPES, n, 6)) for n in (ARTERIAL, PORTAL)))
    voxels = rng.standard_normal((6, LANES)) + 0.3
    cosine = np.einsum("saq,spq->sap", a, p)
    stretch = 1 / np.sqrt(1 - cosine**2)
    tables = {"unit_a": a @ voxels, "unit_p": p @ voxels, "cosine": cosine, "slant": cosine * stretch, "stretch": stretch}
    return {key: np.ascontiguousarray(x, np.float32) for key, x in tables.items()}


def explained(t: dict[str, np.ndarray]) -> np.ndarray:
    """Energy of every row (S, A, P, LANES): of both inputs where both flow, else of the artery alone."""
    x, y, c = t["unit_a"][:, :, None].astype(float), t["unit_p"][:, None].astype(float), t["cosine"][..., None].astype(float)
    fa, fp = (x - c * y) / (1 - c**2), (y - c * x) / (1 - c**2)
    return np.where((fa > 0) & (fp > 0), fa * x + fp * y, np.maximum(x, 0) ** 2)


def test_every_band_has_its_best_row():
    t = searched()
    every = explained(t)
    bands = PORTAL // BAND
    best, place = np.zeros((bands, LANES), np.float32), np.zeros((2, bands, LANES), np.float32)
    half = search_block(*t.values(), best, place)
    rows = np.zeros((bands, 3, LANES), np.int32)
    best_rows(*t.values(), place[half], rows)
    for band in range(bands):
        own = every[:, :, band * BAND : (band + 1) * BAND]
        top = own.max((0, 1, 2))
        # float32, and a difference divided by the sine of the angle between two atoms
        np.testing.assert_allclose(best[band], top, rtol=1e-4, atol=1e-5)
        s, a, p = rows[band]
        found = every[s, a, p, np.arange(LANES)]
        np.testing.assert_allclose(found[top > 0], top[top > 0], rtol=1e-4)
        assert ((p >= band * BAND) & (p < (band + 1) * BAND)).all()
        alone = own[s, a, :, np.arange(LANES)].max(1) <= (np.maximum(t["unit_a"][s, a, np.arange(LANES)], 0.0) ** 2) * (1 + 1e-6)
        assert alone.any()
        assert not alone.all()
        assert (p[alone] == band * BAND + BAND // 2).all()


def test_a_better_row_seen_before_is_kept():
    t = searched()
    best, place = np.full((2, LANES), 1e6, np.float32), np.full((2, 2, LANES), 7, np.float32)
    half = search_block(*t.values(), best, place)
    assert (best == 1e6).all()
    assert (place[half] == 7).all()


@pytest.mark.parametrize("rows", [6, 7])
def test_best_row_of_one_input(rows):
    unit = np.random.default_rng(rows).standard_normal((rows, LANES)).astype(np.float32)
    best, place = np.zeros(LANES, np.float32), np.zeros((2, LANES), np.float32)
    half = search_alone(unit, best, place)
    np.testing.assert_array_equal(best, np.maximum(unit.max(0), 0))
    np.testing.assert_array_equal(place[half], np.where(unit.max(0) > 0, unit.argmax(0), 0))


def weighed(seed: int = 0) -> dict[str, np.ndarray]:
    """Tables of a posterior in float32: flows of about sqrt(MANTISSA), so that evidence is some powers of two."""
    rng = np.random.default_rng(seed)
    size = np.sqrt(MANTISSA)
    delays = np.linspace(-1.0, 3.0, 2 * SEVEN)
    pair = np.stack([rng.uniform(0.1, 0.7, (2, 2 * SEVEN, 2 * SEVEN)), rng.uniform(0.6, 1.6, (2, 2 * SEVEN, 2 * SEVEN))], -1)
    pair = np.concatenate([pair, MANTISSA * rng.uniform(-4, 0, (2, 2 * SEVEN, 2 * SEVEN, 1))], -1)

    def alone(late: np.ndarray) -> np.ndarray:
        variance = rng.uniform(0.5, 1.5, (2, 2 * SEVEN))
        weight = MANTISSA * rng.uniform(-4, 0, (2, 2 * SEVEN))
        return np.stack([variance, weight, variance * MANTISSA / 10, np.broadcast_to(late, (2, 2 * SEVEN))], -1)

    dots_a, dots_p = (size * rng.normal(0.8, 1.2, (2, 2 * SEVEN, LANES)) for _ in range(2))
    dots_a[..., :9] = dots_p[..., :9] = -size  # voxels without any flow
    tables = {
        "dots_a": dots_a, "dots_p": dots_p, "pair": pair, "inverse": rng.uniform(0.5, 1.5, (2, 2 * SEVEN)),
        "spread": MANTISSA / 10 * rng.uniform(0.5, 1.5, (2, 2 * SEVEN, 3)) * np.array([1, 1, -0.3]),
        "alone_a": alone(delays), "alone_p": alone(np.full(2 * SEVEN, delays.mean())), "delays": delays,
        "start": MANTISSA * rng.uniform(120, 130, LANES),
    }  # fmt: skip
    return {key: np.ascontiguousarray(x, np.float32) for key, x in tables.items()}


def rows_of(t: dict[str, np.ndarray], s: int) -> list[tuple[np.ndarray, ...]]:
    """Evidence, arterial and portal flow (LANES,), their variances and covariance and the arterial delay of every row of one shape."""
    da, dp = t["dots_a"][s].astype(float), t["dots_p"][s].astype(float)
    found = []
    for a in range(len(da)):
        for p in range(t["pair"].shape[2]):
            k, c, weight = t["pair"][s, a, p].astype(float)
            i = float(t["inverse"][s, a])
            fp = c * (dp[p] - k * da[a])
            fa = da[a] * i - k * fp
            evidence = np.where((fa > 0) & (fp > 0), da[a] ** 2 * i + fp**2 / c + weight, -np.inf)
            found.append((evidence, fa, fp, *t["spread"][s, a].astype(float), float(t["delays"][a])))
    for d, table, artery in ((da, t["alone_a"], True), (dp, t["alone_p"], False)):
        for row, (variance, weight, own, late) in zip(d, table[s].astype(float), strict=False):
            x = np.maximum(row, 0)
            flow, none = x * variance, np.zeros(LANES)
            flows = (flow, none, own, 0.0) if artery else (none, flow, 0.0, own)
            found.append((x**2 * variance + weight, *flows, 0.0, late))
    return found


def power(z: np.ndarray) -> np.ndarray:
    """2 to the power z / MANTISSA - 127, with a straight line between whole powers."""
    whole = np.floor(np.maximum(z, 0.0) / MANTISSA)
    return np.where(z > 0, 2.0 ** (whole - 127) * (1 + z / MANTISSA - whole), 0.0)


def test_the_best_evidence_is_that_of_the_best_row():
    t = weighed()
    best = np.full(LANES, -np.inf, np.float32)
    best[0] = 1e12  # better than any
    best_evidence(*(t[k] for k in ("dots_a", "dots_p", "pair", "inverse", "alone_a", "alone_p")), best)
    want = np.max([row[0] for s in range(2) for row in rows_of(t, s)], 0)
    assert best[0] == np.float32(1e12)
    # differences of float32
    np.testing.assert_allclose(best[1:], want[1:], rtol=1e-5, atol=1e-5 * MANTISSA)


@pytest.mark.parametrize("inputs", [2, 1])
def test_sums_are_those_of_all_rows(inputs):
    t = weighed(seed=inputs)
    if inputs == 1:
        t |= {"dots_p": t["dots_p"][:, :0], "pair": t["pair"][:, :, :0], "alone_p": t["alone_p"][:, :0]}
    weight, flow, square = (np.full((2, LANES), np.nan, np.float32) for _ in range(3))
    before = np.random.default_rng(0).random((7, LANES)).astype(np.float32)
    out = before.copy()
    posterior_block(*t.values(), weight, flow, square, out.reshape(-1))
    want = np.zeros((7, LANES))
    for s in range(2):
        w, a1, p1, a2, p2, ap, late = np.zeros((7, LANES))
        for evidence, fa, fp, va, vp, vap, delay in rows_of(t, s):
            own = power(evidence + t["start"].astype(float))
            w += own
            a1, p1 = a1 + own * fa, p1 + own * fp
            a2, p2, ap = a2 + own * (fa**2 + va), p2 + own * (fp**2 + vp), ap + own * (fa * fp + vap)
            late += own * delay
        f1, f2 = a1 + p1, a2 + 2 * ap + p2
        # mean and variance of arterial over total flow, to second order about the ratio of the means, the mean half-way to a bound
        # and the variance that of 0 and 1 at the most; half where nothing flows
        flowing = f1 > w
        assert flowing.sum() == LANES - 9
        total = np.where(flowing, f1 / w, 1.0)
        ratio = np.where(flowing, a1 / w / total, 0.5)
        off_af, off_f2 = (a2 + ap) / w - ratio * total * total, f2 / w - total**2
        mean = ratio + np.where(flowing, (ratio * off_f2 - off_af) / total**2, 0.0)
        mean = np.clip(mean, 0.5 * ratio, 0.5 * (1 + ratio))
        variance = np.where(flowing, (a2 - 2 * ratio * (a2 + ap) + ratio**2 * f2) / w / total**2, 0.0)
        want += [a1, p1, w * mean, a2, p2, w * (mean**2 + np.clip(variance, 0.0, mean * (1 - mean))), late]
        # evidence of about 127 MANTISSA in float32 is known to 64 steps, which is 1e-5 of a weight
        np.testing.assert_allclose(weight[s], w, rtol=1e-4)
        np.testing.assert_allclose(flow[s], f1, rtol=1e-4)
        np.testing.assert_allclose(square[s], f2, rtol=1e-4)
    scale = np.maximum(np.abs(want).max(1, keepdims=True), 1.0)
    np.testing.assert_allclose((out - before) / scale, want / scale, rtol=3e-4, atol=1e-6)


def test_evidence_far_below_the_start_weighs_nothing():
    t = weighed()
    t["start"] = np.full(LANES, -60.0 * MANTISSA, np.float32)
    weight, flow, square = (np.full((2, LANES), np.nan, np.float32) for _ in range(3))
    out = np.zeros(7 * LANES, np.float32)
    posterior_block(*t.values(), weight, flow, square, out)
    for found in (weight, flow, square, out):
        np.testing.assert_array_equal(found, 0.0)
