"""Areas, their errors and cut-offs against pROC, and the clustered errors against Obuchowski's sums written out unit by unit, on random data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from asking_r import ask_r, row

from hepaflow.cohort.cutoff import curve, youden
from hepaflow.cohort.roc import auc, clustered_covariance, delong_covariance, difference, placements
from hepaflow.cohort.sample import Direction, Sample, sample

pytestmark = pytest.mark.external
CLOSE = {"rel": 1e-8, "abs": 1e-10}
#: Ours from ranks, the other from sums over pairs: rounding only.
SUMS = {"rtol": 0, "atol": 1e-12}
SIGNS: dict[Direction, str] = {"higher": "<", "lower": ">"}


def drawn(seed: int, *, tied: bool, direction: Direction = "higher") -> tuple[Sample, Sample]:
    """Two values of 30 to 90 lesions in half as many patients, one better than the other."""
    rng = np.random.default_rng(seed)
    n = 30 + 20 * seed
    truth, patient = rng.random(n) < 0.4, rng.integers(0, n // 2, n)
    own = rng.normal(size=n)[patient] + (1.0 if direction == "higher" else -1.0) * truth
    values = [scale * own + rng.normal(size=n) for scale in (1.5, 0.7)]
    first, second = (sample(x.round(0) if tied else x, truth, patient, direction=direction) for x in values)
    return first, second


@pytest.mark.parametrize("direction", SIGNS)
@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("seed", range(4))
def test_areas_and_cuts_of_proc(seed: int, tied: bool, direction: Direction) -> None:
    first, second = drawn(seed, tied=tied, direction=direction)
    script = (
        f"suppressMessages(library(pROC)); y <- {row(first.positive.astype(int))}; "
        f"make <- function(x) roc(y, x, levels = c(0, 1), direction = '{SIGNS[direction]}'); "
        f"a <- make({row(first.values)}); b <- make({row(second.values)}); "
        "t <- roc.test(a, b, method = 'delong', paired = TRUE); k <- as.matrix(coords(a, 'best', best.method = 'youden', "
        "ret = c('threshold', 'specificity', 'sensitivity'), transpose = FALSE)); "
        "c(auc(a), var(a), ci.auc(a, method = 'delong')[c(1, 3)], cov(a, b), t$statistic, t$p.value, t$conf.int, nrow(k), t(k), "
        "a$thresholds, a$sensitivities, a$specificities)"
    )
    wanted = ask_r(script, package="pROC")
    found, apart = auc(first), difference(first, second)
    assert found.se_delong is not None
    assert found.ci95_delong is not None
    assert apart.ci95 is not None
    covariance = delong_covariance([placements(first), placements(second)])[0, 1]
    ours = [found.auc, found.se_delong**2, *found.ci95_delong, covariance, apart.z, apart.p, *apart.ci95]
    assert ours == pytest.approx(wanted[: len(ours)], **CLOSE)
    rest = wanted[len(ours) :]
    best, many = youden(first), int(rest[0])
    assert best is not None
    cuts = sorted((one.threshold, one.specificity, one.sensitivity) for one in best.equal)
    assert np.ravel(cuts) == pytest.approx(np.ravel(sorted(zip(*[iter(rest[1 : 1 + 3 * many])] * 3, strict=True))), **CLOSE)
    ends = curve(first)
    theirs = np.array(rest[1 + 3 * many :]).reshape(3, -1)
    order = np.argsort(theirs[0]), np.argsort(ends.thresholds)
    for mine, other in zip((ends.thresholds, ends.sensitivity, ends.specificity), theirs, strict=True):
        np.testing.assert_allclose(mine[order[1]], other[order[0]], rtol=1e-8)


def obuchowski(samples: list[Sample]) -> np.ndarray:
    """Covariance of areas by Obuchowski 1997, unit by unit and patient by patient, straight from its definitions."""
    truth, patient = samples[0].positive.tolist(), samples[0].cluster.tolist()
    diseased, healthy = ([k for k, one in enumerate(truth) if one is side] for side in (True, False))
    patients = sorted(set(patient))
    sums = []
    for one in samples:
        x = one.oriented.tolist()
        win = {(d, h): 1.0 if x[d] > x[h] else 0.5 if x[d] == x[h] else 0.0 for d in diseased for h in healthy}
        area = math.fsum(win.values()) / len(win)
        v10 = {d: math.fsum(win[d, h] for h in healthy) / len(healthy) for d in diseased}
        v01 = {h: math.fsum(win[d, h] for d in diseased) / len(diseased) for h in healthy}
        sums.append([(sum(v10[d] - area for d in diseased if patient[d] == i), sum(v01[h] - area for h in healthy if patient[h] == i)) for i in patients])  # fmt: skip
    m, n = len(diseased), len(healthy)
    i10, i01, i = len({patient[d] for d in diseased}), len({patient[h] for h in healthy}), len(patients)
    made = np.empty((len(samples), len(samples)))
    for a, first in enumerate(sums):
        for b, second in enumerate(sums):
            s10 = i10 / ((i10 - 1) * m) * sum(p[0] * q[0] for p, q in zip(first, second, strict=True))
            s01 = i01 / ((i01 - 1) * n) * sum(p[1] * q[1] for p, q in zip(first, second, strict=True))
            s11 = i / (i - 1) * sum(p[0] * q[1] for p, q in zip(first, second, strict=True))
            s11_other = i / (i - 1) * sum(p[1] * q[0] for p, q in zip(first, second, strict=True))
            made[a, b] = s10 / m + s01 / n + (s11 + s11_other) / (m * n)
    return made


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
@pytest.mark.parametrize("seed", range(6))
def test_clustered_errors_unit_by_unit(seed: int, tied: bool) -> None:
    samples = list(drawn(seed, tied=tied))
    placed = [placements(one) for one in samples]
    wanted = obuchowski(samples)
    np.testing.assert_allclose(clustered_covariance(placed, samples[0]), wanted, **SUMS)
    assert auc(samples[0]).se_clustered == pytest.approx(math.sqrt(wanted[0, 0]), rel=1e-12)
    apart = difference(*samples)
    assert apart.se_clustered == pytest.approx(math.sqrt(wanted[0, 0] + wanted[1, 1] - 2 * wanted[0, 1]), rel=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_patients_of_one_lesion_are_delong(seed: int) -> None:
    samples = [sample(one.values, one.positive) for one in drawn(seed, tied=True)]
    placed = [placements(one) for one in samples]
    plain = delong_covariance(placed)
    np.testing.assert_allclose(clustered_covariance(placed, samples[0]), plain, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose(obuchowski(samples), plain, rtol=1e-10, atol=1e-15)
