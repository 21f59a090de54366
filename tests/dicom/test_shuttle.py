"""A table that shuttles between positions: one stack, every slice at its own times; anything that makes no common passes is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from enhanced_study import enhanced
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_study import START_S, Image, clock, hounsfield, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

SLICES = 8
ROUNDS = (0.0, 4.0, 8.0, 14.0, 24.0, 44.0)


def shuttle(edges: tuple[int, ...] = (4,), turn_s: float = 1.5, *, back: bool = False, overlap: int = 0) -> list[Image]:
    """Slices below ``edges[0]``, then up to ``edges[1]`` and so on, each position ``turn_s`` after the one before; ``back``: every second
    round runs the other way. Acquisition numbers count the visits of positions."""
    images = tiny(times_s=ROUNDS, slices=SLICES)
    position = np.searchsorted(edges, np.arange(SLICES), side="right")
    count = len(edges) + 1
    for image in images:
        turn = int(position[image.k])
        turn = count - 1 - turn if back and image.p % 2 else turn
        image.ds.AcquisitionTime = clock(START_S + ROUNDS[image.p] + turn_s * turn)
        image.ds.AcquisitionNumber = image.p * count + turn + 1
    return images


def times_of(edges: tuple[int, ...], turn_s: float, back: bool) -> np.ndarray:
    position = np.searchsorted(edges, np.arange(SLICES), side="right")
    turns = np.stack([len(edges) - position if back and p % 2 else position for p in range(len(ROUNDS))])
    return np.asarray(ROUNDS)[:, None] + turn_s * turns


def check(series: DynamicSeries, expected: np.ndarray) -> None:
    assert series.flags == ("shuttle-table",)
    assert series.slice_times_s is not None
    np.testing.assert_allclose(series.slice_times_s, expected, atol=1e-9)
    np.testing.assert_allclose(series.times_s, expected.min(axis=1), atol=1e-9)
    np.testing.assert_array_equal(series.voxels, hounsfield(len(ROUNDS), SLICES))


@pytest.mark.parametrize("numbered", ["visits", "rounds", "no"])
@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("edges", [(4,), (3,), (6,), (2, 5)], ids=str)
def test_positions_in_one_series(edges: tuple[int, ...], back: bool, numbered: str, tmp_path: Path) -> None:
    images = shuttle(edges, 1.2, back=back)
    for image in images:
        if numbered != "visits":
            del image.ds.AcquisitionNumber
        if numbered == "rounds":
            image.ds.TemporalPositionIdentifier = image.p + 1
    check(assemble(write(images, tmp_path)), times_of(edges, 1.2, back))


@pytest.mark.parametrize("edges", [(4,), (3,), (2, 5)], ids=str)
def test_a_series_a_position(edges: tuple[int, ...], tmp_path: Path) -> None:
    images = shuttle(edges, 1.2)
    for image in images:
        number = int(np.searchsorted(edges, image.k, side="right"))
        image.ds.SeriesInstanceUID = f"1.2.3.1.{number}"
    check(assemble(write(images, tmp_path)), times_of(edges, 1.2, False))


def test_a_multi_frame_object_a_position(tmp_path: Path) -> None:
    images = shuttle()
    objects = []
    for n, chosen in enumerate(([i for i in images if i.k < 4], [i for i in images if i.k >= 4])):
        made = enhanced(chosen, np.asarray(ROUNDS) + 1.5 * n, number=n + 1)
        made.ds.SOPInstanceUID = f"1.2.3.1.70.{n}"
        objects.append(made)
    check(assemble(write(objects, tmp_path)), times_of((4,), 1.5, False))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edge=st.integers(2, 6), turn_s=st.floats(1.7, 3.4), back=st.booleans(), seed=st.integers(0, 99))
def test_any_order_of_files(edge: int, turn_s: float, back: bool, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    turn_s = round(turn_s, 3)
    images = shuttle((edge,), turn_s, back=back)
    order = np.random.default_rng(seed).permutation(len(images))
    check(assemble(write(images, tmp_path_factory.mktemp("x"), order=order)), times_of((edge,), turn_s, back))


def code(images: list[Image], folder: Path) -> str:
    with pytest.raises(InputRefused) as caught:
        assemble(write(images, folder))
    return caught.value.code


@pytest.mark.parametrize("numbered", [False, True])
def test_a_visit_that_is_missing_is_refused(numbered: bool, tmp_path: Path) -> None:
    images = [i for i in shuttle() if not (i.p == 3 and i.k >= 4)]
    for image in images:
        if not numbered:
            del image.ds.AcquisitionNumber
    assert code(images, tmp_path) == "SERIES-MISSING-SLICE"


@pytest.mark.parametrize("apart", [False, True])
def test_positions_that_overlap_are_refused(apart: bool, tmp_path: Path) -> None:
    """The two middle slices are seen from both positions, twice as often as the others."""
    images = shuttle()
    for image in shuttle():
        if image.k in (3, 4):
            other = 1 - int(image.k >= 4)
            image.ds.AcquisitionTime = clock(START_S + ROUNDS[image.p] + 1.5 * other)
            image.ds.AcquisitionNumber = 2 * image.p + other + 1
            image.ds.SOPInstanceUID += ".7"
            image.ds.PixelData = image.ds.PixelData[::-1]
            images.append(image)
    for image in images:
        if apart:
            image.ds.SeriesInstanceUID = f"1.2.3.1.{(int(image.ds.AcquisitionNumber) - 1) % 2}"
            del image.ds.AcquisitionNumber
    assert code(images, tmp_path) == "SERIES-SHUTTLE"


@pytest.mark.parametrize("apart", [False, True])
def test_positions_one_after_the_other_are_refused(apart: bool, tmp_path: Path) -> None:
    images = shuttle(turn_s=60.0)
    for image in images:
        if apart:
            image.ds.SeriesInstanceUID = f"1.2.3.1.{int(image.k >= 4)}"
    assert code(images, tmp_path) == "SERIES-SHUTTLE"


def test_positions_that_leave_a_gap_are_refused(tmp_path: Path) -> None:
    images = [i for i in shuttle() if i.k != 4]
    assert code(images, tmp_path) == "SERIES-SPACING"
