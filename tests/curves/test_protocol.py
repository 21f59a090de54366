from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepaflow.curves.protocol import check
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries

THESIS_S = np.r_[np.arange(0, 30, 2.0), np.arange(48, 149, 20.0)]
LONG_S = np.r_[np.arange(0, 60, 2.0), np.arange(64, 250, 10.0)]
HEADERS = Acquisition(
    "AcquisitionTime",
    kvp=(80.0,) * 21,
    kernel=("STANDARD",) * 21,
    ctdi_vol_mgy=(3.6,) * 21,
    injection_to_first_s=11.0,
    contrast_volume_ml=45.0,
    contrast_flow_ml_s=5.0,
)


def _series(times=THESIS_S, *, acquisition=HEADERS, shape=(32, 4, 4), spacing=(5.0, 0.8, 0.8), **rest):
    return DynamicSeries(
        np.zeros((len(times), *shape), np.int16), Grid.from_spacing(shape, spacing), np.array(times), acquisition, **rest
    )


def _curve(times, arrival, to_peak, *, height=350.0, alpha=3.0, name="arterial"):
    x = np.maximum(np.asarray(times) - arrival, 0) / to_peak
    return TimeCurve(name, np.asarray(times, float), 45.0 + height * x**alpha * np.exp(alpha * (1 - x)))


def _verdicts(series, **given):
    return {rule.key: rule.verdict for rule in check(series, **given)}


def _arterial(times=THESIS_S, arrival=4.0):
    return _curve(times, arrival, 8.0)


def _portal(times=THESIS_S, at=26.0):
    return _curve(times, 8.0, at - 8.0, height=160.0, name="portal")


def test_a_good_study_passes_every_rule():
    series = _series(LONG_S, acquisition=dataclasses.replace(HEADERS, ctdi_vol_mgy=(1.5,) * LONG_S.size))
    liver = np.zeros(series.grid.shape, bool)
    liver[3:-3] = True
    rules = check(series, arterial=_arterial(LONG_S), portal=_portal(LONG_S), liver=liver)
    assert {rule.verdict for rule in rules} == {"pass"}
    assert len({rule.key for rule in rules}) == len(rules) == 12


def test_every_rule_says_why_in_both_languages():
    for rule in check(_series()):
        assert rule.measured
        assert rule.expected
        assert rule.why_en.endswith(".")
        assert rule.why_fr.endswith(".")
        assert rule.why_en != rule.why_fr


def test_nothing_known_is_unknown_not_passed():
    verdicts = _verdicts(_series(acquisition=Acquisition("unknown"), shape=(10, 4, 4)))
    unknown = {
        "baseline",
        "arterial-peak",
        "portal-peak",
        "coverage",
        "tube-voltage",
        "kernel",
        "injection-timing",
        "injection",
        "dose",
    }
    assert {key for key, verdict in verdicts.items() if verdict == "unknown"} == unknown


def test_the_thesis_protocol_warns_of_its_length_and_of_a_portal_peak_in_the_gap():
    verdicts = _verdicts(_series(), arterial=_arterial(), portal=_portal(at=32.0))
    assert verdicts["length"] == "warn"
    assert verdicts["portal-peak"] == "warn"
    assert verdicts["arterial-peak"] == verdicts["baseline"] == verdicts["first-pass-interval"] == "pass"
    early = _verdicts(_series(), arterial=_arterial(), portal=_portal(at=22.0))
    assert early["portal-peak"] == "pass"


@pytest.mark.parametrize(("arrival", "verdict"), [(6.0, "pass"), (0.0, "warn"), (-6.0, "fail")])
def test_baseline(arrival, verdict):
    assert _verdicts(_series(), arterial=_arterial(arrival=arrival))["baseline"] == verdict


@pytest.mark.parametrize(("step", "verdict"), [(1.0, "pass"), (2.0, "pass"), (3.0, "warn"), (4.0, "fail")])
def test_first_pass_interval(step, verdict):
    times = np.arange(0, 160, step)
    assert _verdicts(_series(times), arterial=_arterial(times))["first-pass-interval"] == verdict
    assert _verdicts(_series(times))["first-pass-interval"] == verdict


def test_a_pass_left_out_at_the_arterial_peak_is_a_gap():
    series = _series(excluded=(5,))
    curve = _arterial()
    values = curve.values.copy()
    values[5] = np.nan
    verdicts = _verdicts(series, arterial=TimeCurve("arterial", curve.times_s, values))
    assert verdicts["first-pass-interval"] == "fail"


def test_a_peak_at_either_end_is_no_peak():
    falling, rising = _curve(THESIS_S, -20.0, 8.0), _curve(THESIS_S, 8.0, 400.0, name="portal", alpha=1.0)
    verdicts = _verdicts(_series(), arterial=falling, portal=rising)
    assert verdicts["arterial-peak"] == verdicts["portal-peak"] == "fail"


@pytest.mark.parametrize(("last", "verdict"), [(60.0, "fail"), (150.0, "warn"), (230.0, "pass")])
def test_length(last, verdict):
    assert _verdicts(_series(np.arange(0, last, 2.0)))["length"] == verdict


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_a_cut_liver_warns_whatever_the_array_order(order):
    liver = np.zeros((32, 10, 10), bool)
    liver[4:, 2:8, 2:8] = True
    grid = Grid.from_spacing(liver.shape, (5.0, 3.0, 3.0))
    turned = Grid(tuple(liver.shape[a] for a in order), grid.affine[:, [*order, 3]])
    series = DynamicSeries(np.zeros((21, *turned.shape), np.int16), turned, THESIS_S, HEADERS)
    assert _verdicts(series, liver=liver.transpose(order))["coverage"] == "warn"
    whole = liver.copy()
    whole[-1] = False
    assert _verdicts(series, liver=whole.transpose(order))["coverage"] == "pass"


@pytest.mark.parametrize(("step", "measured"), [(5.0, "↑ 100 %, ↓ 0 %"), (-5.0, "↑ 0 %, ↓ 100 %")])
def test_a_cut_liver_says_at_which_end_and_slices_may_run_either_way(step, measured):
    liver = np.zeros((32, 10, 10), bool)
    liver[4:, 2:8, 2:8] = True
    affine = np.array([[0.0, 0.0, 3.0, 0.0], [0.0, 3.0, 0.0, 0.0], [step, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    series = DynamicSeries(np.zeros((21, *liver.shape), np.int16), Grid(liver.shape, affine), THESIS_S, HEADERS)
    rules = {rule.key: rule.measured for rule in check(series, arterial=None, portal=None, liver=liver)}
    assert rules["coverage"].endswith(measured)
    assert rules["geometry"] == "3 × 3 × 5 mm"  # in the plane, then between slices


@pytest.mark.parametrize(
    ("change", "key", "verdict"),
    [
        ({"kvp": (80.0,) * 15 + (100.0,) * 6}, "tube-voltage", "fail"),
        ({"kernel": ("A",) * 15 + ("B",) * 6}, "kernel", "warn"),
        ({"injection_to_first_s": 20.0}, "injection-timing", "warn"),
        ({"contrast_volume_ml": 100.0, "contrast_flow_ml_s": 3.0}, "injection", "warn"),
        ({"contrast_flow_ml_s": None}, "injection", "unknown"),
        ({"ctdi_vol_mgy": (9.0,) * 21}, "dose", "warn"),
        ({"ctdi_vol_mgy": (9.0,) * 15 + (None,) * 6}, "dose", "unknown"),
    ],
)
def test_header_rules(change, key, verdict):
    assert _verdicts(_series(acquisition=dataclasses.replace(HEADERS, **change)))[key] == verdict


def test_dose_of_the_thesis_protocol():
    """21 passes of 3.6 mGy over 16 cm: about 1200 mGy cm and 18 mSv."""
    dose = next(rule for rule in check(_series()) if rule.key == "dose")
    assert "1210 mGy·cm" in dose.measured
    assert "18 mSv" in dose.measured


def test_thick_slices_warn():
    assert _verdicts(_series(spacing=(7.0, 1.0, 1.0)))["geometry"] == "warn"
    assert _verdicts(_series(spacing=(10.0, 1.0, 1.0)))["geometry"] == "fail"
