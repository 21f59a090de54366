"""Nodules beside an ablation zone, and what is not one."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from shapes_for_tests import ball, grid_of, middle, points

from hepaflow.errors import InputRefused, UsageError
from hepaflow.therapy.residual import Healthy, Look, Rule, look

GRID = grid_of((2.0, 2.0, 2.0), 40.0)
AT, CENTER = points(GRID), middle(GRID)
ZONE, LIVER = ball(AT, CENTER, 15.0), ball(AT, CENTER, 38.0)
HEALTHY = Healthy(20.0, 80.0, 4.0, 8.0)
NODULE = CENTER + np.array([18.0, 0.0, 0.0])


def flows(*, nodule: float = 0.0, rim: bool = False, habf: float = 45.0, hpbf: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    arterial, portal = np.full(GRID.shape, 20.0, np.float32), np.full(GRID.shape, 80.0, np.float32)
    arterial[ZONE] = portal[ZONE] = 1.0
    odd = ball(AT, NODULE, nodule) if nodule else np.zeros_like(ZONE)
    if rim:
        odd = odd | (ball(AT, CENTER, 18.5) & ~ZONE)
    arterial[odd & ~ZONE], portal[odd & ~ZONE] = habf, hpbf
    return arterial, portal


def looked(**drawn: float) -> Look:
    return look(*flows(**drawn), zone=ZONE, liver=LIVER, healthy=HEALTHY, grid=GRID)  # type: ignore[arg-type]


def test_a_nodule_is_found_where_it_lies_with_its_values() -> None:
    found = looked(nodule=6.0)
    assert found.assessment.category == "suspicious"
    (nodule,) = found.nodules
    assert np.array(nodule.center_mm) == pytest.approx(NODULE + np.array([1.0, 0.0, 0.0]), abs=2.5)
    beside = ball(AT, NODULE, 6.0) & ~ZONE & ball(AT, CENTER, 26.0)
    assert nodule.volume_ml == pytest.approx(beside.sum() * GRID.voxel_ml, rel=0.1)
    assert (nodule.habf, nodule.hpbf) == (45.0, 30.0)
    assert nodule.share < 0.2
    assert found.assessment.reasons[0].numbers["nodules"] == 1
    assert "not validated" in found.assessment.reasons[0].text.en


def test_an_even_rim_is_no_nodule() -> None:
    found = looked(rim=True)
    assert found.assessment.category == "nothing_seen"
    assert found.rim_share > 0.9
    assert looked().assessment.category == "nothing_seen"
    assert looked().rim_share == 0.0


@pytest.mark.parametrize(
    ("habf", "hpbf", "seen"),
    [(30.0, 56.0, True), (29.9, 56.0, False), (30.0, 56.1, False), (30.0, 80.0, False), (20.0, 30.0, False)],
)
def test_both_flows_must_be_off_by_the_rule(habf: float, hpbf: float, seen: bool) -> None:
    assert (looked(nodule=6.0, habf=habf, hpbf=hpbf).assessment.category == "suspicious") is seen


def test_a_wide_spread_of_healthy_liver_asks_for_more() -> None:
    noisy = Healthy(20.0, 80.0, 13.0, 8.0)  # 20 + 2 * 13 = 46
    drawn = flows(nodule=6.0)
    assert not look(*drawn, zone=ZONE, liver=LIVER, healthy=noisy, grid=GRID).nodules
    assert not look(*drawn, zone=ZONE, liver=LIVER, healthy=Healthy(20.0, 80.0, 4.0, 26.0), grid=GRID).nodules  # 80 - 52 = 28


def test_size_place_and_coverage_count() -> None:
    drawn = flows(nodule=6.0)
    assert not look(*drawn, zone=ZONE, liver=LIVER, healthy=HEALTHY, grid=GRID, rule=Rule(least_ml=2.0)).nodules
    assert not look(*drawn, zone=ZONE, liver=LIVER & (AT[..., 0] < CENTER[0] + 10.0), healthy=HEALTHY, grid=GRID).nodules
    far = look(*drawn, zone=ZONE, liver=LIVER, healthy=HEALTHY, grid=GRID, rule=Rule(width_mm=3.0))
    assert sum(one.volume_ml for one in far.nodules) < 0.5 * looked(nodule=6.0).nodules[0].volume_ml
    arterial, portal = drawn
    arterial[AT[..., 1] < CENTER[1] + 2.0] = np.nan
    unknown = look(arterial, portal, zone=ZONE, liver=LIVER, healthy=HEALTHY, grid=GRID)
    assert unknown.assessment.category == "not_evaluable"
    assert look(*drawn, zone=ZONE, liver=ZONE, healthy=HEALTHY, grid=GRID).assessment.category == "not_evaluable"


def test_the_largest_of_several_comes_first() -> None:
    arterial, portal = flows(nodule=6.0)
    small = ball(AT, CENTER - np.array([18.0, 0.0, 0.0]), 4.0) & ~ZONE
    arterial[small], portal[small] = 45.0, 30.0
    found = look(arterial, portal, zone=ZONE, liver=LIVER, healthy=HEALTHY, grid=GRID).nodules
    assert [one.volume_ml for one in found] == sorted((one.volume_ml for one in found), reverse=True)
    assert len(found) == 2


def test_what_cannot_be_looked_at_is_refused() -> None:
    drawn, nothing = flows(), np.zeros_like(ZONE)
    with pytest.raises(InputRefused, match="MASK-EMPTY"):
        look(*drawn, zone=nothing, liver=LIVER, healthy=HEALTHY, grid=GRID)
    with pytest.raises(InputRefused, match="MASK-SHAPE"):
        look(*drawn, zone=ZONE, liver=LIVER[1:], healthy=HEALTHY, grid=GRID)
    for healthy in (Healthy(0.0, 80.0, 1.0, 1.0), Healthy(20.0, 0.0, 1.0, 1.0)):
        with pytest.raises(InputRefused, match="HEALTHY-NO-FLOW"):
            look(*drawn, zone=ZONE, liver=LIVER, healthy=healthy, grid=GRID)
    for wrong in ({"width_mm": 0.0}, {"rim_share": 1.1}, {"least_ml": -1.0}):
        with pytest.raises(UsageError, match="RESIDUAL-RULE"):
            Rule(**wrong)
