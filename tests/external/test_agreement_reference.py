"""Agreement and survival against published values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hepaflow.cohort.bland_altman import bland_altman
from hepaflow.cohort.icc import icc
from hepaflow.cohort.kappa import weighted_kappa
from hepaflow.cohort.survival import kaplan_meier, log_rank

pytestmark = pytest.mark.external

TARGETS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
MAINTAINED = ([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
NOT_MAINTAINED = ([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
#: Freireich 1963: weeks of remission on 6-MP and placebo.
SIX_MP = (
    [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35],
    [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1] + [0] * 5,
)
PLACEBO = ([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21)


@pytest.fixture
def published(reference: Path) -> dict[str, Any]:
    file = reference / "stat_reference.json"
    if not file.is_file():
        pytest.skip("no stat_reference.json in the reference data")
    return {entry["id"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))}


def check(entry: dict[str, Any], found: Any) -> None:
    np.testing.assert_allclose(found, entry["published"], atol=entry["tolerance"], rtol=0)
    np.testing.assert_allclose(np.ravel(found), np.ravel(entry["recomputed"]), rtol=1e-9)


def test_icc_of_shrout_and_fleiss(published: dict[str, Any]) -> None:
    found = icc(TARGETS)
    check(
        published["icc.shroutfleiss"],
        [one.value for one in (found.one, found.two, found.three, found.one_k, found.two_k, found.three_k)],
    )


def test_limits_of_bland_and_altman(published: dict[str, Any]) -> None:
    found = bland_altman(WRIGHT, MINI, factor=2.0)
    entry = published["blandaltman1986"]
    np.testing.assert_allclose([found.bias, found.sd, found.lower, found.upper], entry["recomputed"], rtol=1e-9)
    np.testing.assert_allclose([found.bias, found.sd, found.lower, found.upper], entry["published"], atol=0.1)


def test_kappa(published: dict[str, Any]) -> None:
    first, second = [1] * 25 + [2] * 25, [1] * 20 + [2] * 5 + [1] * 10 + [2] * 15
    check(published["kappa.wiki"], weighted_kappa(first, second, categories=(1, 2), weights="none").kappa)


def test_leukemias(published: dict[str, Any]) -> None:
    curve = kaplan_meier(*MAINTAINED)
    check(published["km.aml"], [*(s for s, d in zip(curve.survival, curve.events, strict=True) if d), curve.median])
    for key, one, other in (("logrank.aml", MAINTAINED, NOT_MAINTAINED), ("logrank.freireich", SIX_MP, PLACEBO)):
        found = log_rank(one[0] + other[0], one[1] + other[1], [0] * len(one[0]) + [1] * len(other[0]))
        check(published[key], [found.chi2, found.p])
    assert (kaplan_meier(*SIX_MP).median, kaplan_meier(*PLACEBO).median) == (23.0, 8.0)
