"""Live numbers are those of the command line to the last digit, and an edit computes what it touches and nothing else."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numbers_for_tests import Drawing, Prepared, Shift, small_study

from hepaflow.domain.lesions import LesionResult, Measurement
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import HepaflowError
from hepaflow.regions.shells import window_of
from hepaflow.web import live
from hepaflow.web.live import Live
from hepaflow.web.live_values import Numbers
from hepaflow.web.region_state import Bits

Drawn = dict[str, Drawing]
ALL = ("whole", "vascular", "rim", "core", "surround")


@pytest.fixture(scope="module")
def study() -> tuple[DynamicSeries, dict[str, np.ndarray]]:
    return small_study()


@pytest.fixture
def drawn(study: tuple[DynamicSeries, dict[str, np.ndarray]]) -> Drawn:
    return {name: Drawing(mask) for name, mask in study[1].items()}


@pytest.fixture(scope="module")
def engine(study: tuple[DynamicSeries, dict[str, np.ndarray]]) -> Live:
    """At hand for all tests: none of them may make another wrong."""
    return Live(study[0], "acquired")


def smaller(mask: np.ndarray) -> np.ndarray:
    """Without its first voxel."""
    less = mask.copy()
    less[tuple(np.argwhere(mask)[0])] = False
    return less


def same_measurement(one: Measurement, other: Measurement) -> bool:
    values = all(
        np.array_equal(
            [one.parameters[k].value, one.parameters[k].sd], [other.parameters[k].value, other.parameters[k].sd], equal_nan=True
        )
        for k in other.parameters
    )
    return (
        values
        and set(one.parameters) == set(other.parameters)
        and np.array_equal(one.fit_hu, other.fit_hu, equal_nan=True)
        and (one.voxels, one.delays_s, one.r2, one.aic, one.flags)
        == (other.voxels, other.delays_s, other.r2, other.aic, other.flags)
    )


def same(found: Numbers, expected: tuple[Measurement, tuple[LesionResult, ...]]) -> bool:
    healthy, lesions = expected
    assert [one.lesion.id for one in found.lesions] == [one.lesion.id for one in lesions]
    pairs = list(zip(found.lesions, lesions, strict=True))
    return same_measurement(found.healthy.found, healthy) and all(
        one.regions.keys() == other.regions.keys()
        and all(same_measurement(one.regions[part], other.regions[part]) for part in other.regions)
        and one.ratio == other.ratio
        and one.response == other.response
        and one.flags == other.flags
        and one.lesion.volume_ml == other.lesion.volume_ml
        and one.lesion.longest_axial_diameter_mm == other.lesion.longest_axial_diameter_mm
        for one, other in pairs
    )


@pytest.fixture(scope="module")
def prepared(study: tuple[DynamicSeries, dict[str, np.ndarray]]) -> Prepared:
    return Prepared.of(study[0], {name: Drawing(mask) for name, mask in study[1].items()})


def test_every_number_is_that_of_the_command_line(prepared: Prepared, drawn: Drawn, engine: Live) -> None:
    found = engine.numbers(drawn, model="aath", parts=ALL)
    assert same(found, prepared.measured())
    assert found.lesions[0].response[0].category == "major"  # the phantom's plan for lesion-2
    assert "motion-not-corrected" in found.flags


@pytest.mark.parametrize("model", ["patlak", "max-slope"])
def test_of_another_model(prepared: Prepared, drawn: Drawn, engine: Live, model: str) -> None:
    assert same(engine.numbers(drawn, model=model, parts=ALL), prepared.measured(model))


def test_after_edits_too_and_after_undoing_them(study: Any, prepared: Prepared, drawn: Drawn, engine: Live) -> None:
    before = dict(drawn)
    drawn["lesion-2"] = drawn["lesion-2"].edited(smaller(drawn["lesion-2"].mask))
    engine.numbers(drawn, model="aath", parts=ALL)
    drawn["aorta"] = drawn["aorta"].edited(origin="proposed", shifts=(Shift(6, (6.0, 0.0, 0.0)),))
    del drawn["healthy"], drawn["lesion-3"]
    assert same(engine.numbers(drawn, model="aath", parts=ALL), Prepared.of(study[0], drawn).measured())
    undone = {name: Drawing(one.mask, version=9) for name, one in before.items()}
    assert same(engine.numbers(undone, model="aath", parts=ALL), prepared.measured())


def test_an_edit_computes_what_it_touches(study: Any, drawn: Drawn, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, done = Live(study[0], "acquired"), Counter[str]()

    def counted(name: str) -> None:
        real = getattr(live, name)
        monkeypatch.setattr(live, name, lambda *given, **more: (done.update([name]), real(*given, **more))[1])

    for name in ("measure_curve", "feed", "region_curve"):
        counted(name)

    def work(*lesions: str) -> dict[str, int]:
        done.clear()
        engine.numbers(drawn, model="patlak", lesions=lesions or None, parts=["whole"])
        return dict(done)

    assert work() == {"measure_curve": 3, "feed": 1, "region_curve": 6}  # three of vessels and spleen
    assert work() == {}
    drawn["lesion-2"] = drawn["lesion-2"].edited(smaller(drawn["lesion-2"].mask))
    assert work("lesion-2") == {"measure_curve": 1, "region_curve": 1}
    assert work() == {}
    drawn["aorta"] = drawn["aorta"].edited(smaller(drawn["aorta"].mask))
    assert work("lesion-2") == {"measure_curve": 2, "feed": 1, "region_curve": 1}
    assert work() == {"measure_curve": 1}
    drawn["healthy"] = drawn["healthy"].edited(smaller(drawn["healthy"].mask))
    assert work() == {"measure_curve": 3, "region_curve": 1}


def test_in_the_order_asked_and_no_other_begun_once_patience_is_over(drawn: Drawn, engine: Live) -> None:
    def ids(asked: list[str], patience_s: float) -> list[str]:
        found = engine.numbers(drawn, model="patlak", lesions=asked, parts=["whole"], patience_s=patience_s)
        assert set(found.parts) == {one.lesion.id for one in found.lesions}
        return [one.lesion.id for one in found.lesions]

    assert ids(["lesion-3", "lesion-2"], 600.0) == ["lesion-3", "lesion-2"]
    assert ids(["lesion-3", "lesion-2"], 0.0) == ["lesion-3"]
    assert ids([], 0.0) == []


def test_a_part_of_the_same_voxels_has_the_numbers_of_the_whole_and_is_fitted_once(
    study: Any, drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits, real = [], live.measure_curve
    monkeypatch.setattr(
        live, "measure_curve", lambda curve, *rest, **more: (fits.append(curve.name), real(curve, *rest, **more))[1]
    )
    found = Live(study[0], "acquired").numbers(drawn, model="aath", lesions=["lesion-2"])
    parts = found.lesions[0].regions
    assert parts["vascular"].voxels == parts["whole"].voxels  # no necrosis: all of it enhances
    assert same_measurement(parts["vascular"], parts["whole"])
    assert [parts[name].region for name in ("whole", "vascular")] == ["lesion-2/whole", "lesion-2/vascular"]
    assert fits == ["healthy", "lesion-2/whole"]


def test_parts_are_those_of_the_report(prepared: Prepared, drawn: Drawn, engine: Live) -> None:
    for lesion in prepared.regions.lesions:
        parts = engine.outlined(drawn, lesion.id).parts
        assert set(parts) == set(lesion.shells)
        for name, packed in parts.items():
            assert np.array_equal(packed.mask, lesion.shells[name].mask)


def test_a_packed_mask_is_the_mask_and_its_box_is_tight() -> None:
    rng = np.random.default_rng(3)
    mask = np.zeros((5, 20, 30), bool)
    mask[1:4, 5:12, 20:27] = rng.random((3, 7, 7)) > 0.6
    at = np.argwhere(mask)
    for within in ((slice(None),) * 3, window_of(mask, (5.0, 3.0, 3.0))):
        packed = Bits.of(mask, within=within)
        assert np.array_equal(packed.mask, mask)
        assert packed.box == tuple(int(edge) for low, high in zip(at.min(0), at.max(0) + 1, strict=True) for edge in (low, high))
    assert not Bits.of(np.zeros_like(mask)).mask.any()


def test_every_model_beside_the_others(drawn: Drawn, engine: Live) -> None:
    compared, lesions = engine.compare(drawn, lesion="lesion-2", part="whole")
    assert [one.curve for one in compared] == ["healthy", "lesion-2"]
    flow = next(fit.found for fit in compared[1].fits if fit.model == "aath")
    assert flow is not None
    assert lesions[0].regions["whole"].parameters["bf"].value == flow.parameters["bf"].value
    assert [one.curve for one in engine.compare(drawn, lesion=None, part="whole")[0]] == ["healthy"]


def test_the_fit_of_a_voxel_has_the_flow_of_its_tissue(drawn: Drawn, engine: Live) -> None:
    k, j, i = (int(x) for x in np.argwhere(drawn["healthy"].mask)[20])
    one = engine.at_voxel(drawn, (k, j, i))[0].found
    whole = engine.numbers(drawn, model="aath", lesions=[]).healthy.found
    assert one.voxels == 1
    # one voxel's noise is ten times that of the region's mean: within four of its own standard deviations
    assert abs(one.parameters["bf"].value - whole.parameters["bf"].value) < 4 * one.parameters["bf"].sd
    with pytest.raises(HepaflowError, match="VOXEL-OUTSIDE"):
        engine.at_voxel(drawn, (0, 0, 10_000), model="aath")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"model": "aath", "lesions": ["lesion-9"]}, "LESION-UNKNOWN"),
        ({"model": "aath", "parts": ["half"]}, "PART-UNKNOWN"),
        ({"model": "none"}, "MODEL-UNKNOWN"),
    ],
)
def test_refusals(drawn: Drawn, engine: Live, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(HepaflowError, match=code):
        engine.numbers(drawn, **asked)


def test_two_readers_at_once_get_their_own_regions(drawn: Drawn, engine: Live) -> None:
    other = drawn | {"lesion-2": Drawing(smaller(drawn["lesion-2"].mask), version=20)}
    wanted = [engine.numbers(each, model="patlak", parts=["whole"]).lesions[0].ratio for each in (drawn, other)]
    assert wanted[0] != wanted[1]
    engine._kept.clear()
    got: tuple[list[Any], list[Any]] = ([], [])

    def ask(number: int) -> None:
        for _ in range(3):
            got[number].append(engine.numbers((drawn, other)[number], model="patlak", parts=["whole"]).lesions[0].ratio)

    threads = [threading.Thread(target=ask, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == ([wanted[0]] * 3, [wanted[1]] * 3)


def test_no_more_studies_are_computed_at_once_than_are_kept(
    study: tuple[DynamicSeries, dict[str, np.ndarray]], drawn: Drawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, inside, seen = threading.Lock(), 0, Counter[int]()
    as_many = threading.Barrier(live.MOST_STUDIES)  # that many are inside together, however slow the machine

    def outlined(self: Live, drawn: Drawn, name: str) -> None:
        nonlocal inside
        with counting:
            inside += 1
            seen[inside] += 1
        as_many.wait(60)
        time.sleep(0.05)  # for one too many
        with counting:
            inside -= 1

    monkeypatch.setattr(Live, "_outlined", outlined)
    engines = [Live(study[0], "acquired") for _ in range(2 * live.MOST_STUDIES)]
    threads = [threading.Thread(target=one.outlined, args=(drawn, "lesion-2")) for one in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(seen.values()) == len(engines)
    assert max(seen) == live.MOST_STUDIES
