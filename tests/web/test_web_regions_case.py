"""Regions of an analysed study: those that the analysis proposed are taken over, those drawn on another pass are carried along the motion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from regions_for_tests import disc, post, put, send, voxels
from room_for_tests import opened
from shown_study import SHAPE, acquired, corrected

from hepaflow.dicom.read_regions import read_regions
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Lesion, Region, Regions
from hepaflow.domain.motion import MotionField
from hepaflow.store import codec, nifti
from hepaflow.web import regions_log
from hepaflow.web.import_regions import carried
from hepaflow.web.region_rows import Deed
from hepaflow.web.region_state import Bits, RegionState
from hepaflow.web.regions_log import Step
from hepaflow.web.room import Room
from hepaflow.web.staleness import changed_since

REFERENCE = 4
SHIFT_MM = (-1.4, 1.6, -3.0)  # two columns, two rows, one slice


def box(k: slice, j: slice, i: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[k, j, i] = True
    return mask


LIVER, AORTA = box(slice(1, 7), slice(4, 20), slice(2, 14)), box(slice(0, 8), slice(18, 21), slice(15, 18))
HEALTHY, LESION = box(slice(2, 4), slice(6, 9), slice(3, 6)), box(slice(3, 5), slice(12, 16), slice(6, 10))


def found(grid: Grid, *, aorta: str = "given") -> Regions:
    lesion = Lesion("lesion-1", {"whole": Region("lesion-1/whole", LESION, "given")}, 0.1, 4.0)
    return Regions(
        grid,
        aorta=Region("aorta", AORTA, aorta),  # type: ignore[arg-type]
        portal_vein=None,
        liver=Region("liver", LIVER, "proposed", ("liver-proposed",)),
        healthy=Region("healthy", HEALTHY, "proposed", ("healthy-proposed",)),
        lesions=(lesion,),
    )


def moved(grid: Grid) -> MotionField:
    """Pass 2 lies elsewhere by whole voxels; the others do not move."""
    nodes = Grid((3, 4, 4), grid.affine @ np.diag([4.0, 8.0, 9.0, 1.0]))
    fields = np.zeros((6, 3, 4, 4, 3), np.float32)
    fields[2] = SHIFT_MM
    return MotionField("rigid", REFERENCE, nodes, fields, (), (1.0, 1.0), np.zeros((3, 4, 4), np.float32))


def analyse(room: Room, study: str, regions: Regions) -> None:
    """Leaves what an analysis leaves of its regions."""
    place = room.place(study)
    for name, value in (("regions", regions), ("motion", moved(regions.grid))):
        folder = place.case / "steps" / name
        folder.mkdir(parents=True, exist_ok=True)
        codec.save(value, folder)
    place.corrected.mkdir(exist_ok=True)
    codec.save(corrected(acquired()), place.corrected)
    (place.case / "rois.json").write_text(json.dumps({"labels": {}, "frame": REFERENCE}))
    (place.case / "case.json").write_text("{}")


@pytest.fixture(scope="module")
def opened_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    with opened(tmp_path_factory.mktemp("room") / "data") as (client, room):
        yield client, room


def test_what_an_analysis_proposed_is_taken_over_and_is_nobodys_edit(opened_room: tuple[Any, Room]) -> None:
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    post(client, f"{at}/lesion-1", 0, **disc())
    mine, cursor = voxels(client, f"{at}/lesion-1", SHAPE), client.get(at).json()["cursor"]
    analyse(room, study, found(acquired().grid))
    answer = client.get(at).json()
    assert {one["name"]: (one["origin"], one["version"]) for one in answer["regions"]} == {
        "aorta": ("given", 1),
        "liver": ("proposed", 1),
        "healthy": ("proposed", 1),
        "lesion-1": ("drawn", 1),
    }
    assert (voxels(client, f"{at}/lesion-1", SHAPE) == mine).all()
    assert (voxels(client, f"{at}/liver", SHAPE) == LIVER).all()
    assert answer["cursor"] == cursor
    client.post(f"{at}/undo", json={"cursor": cursor})
    assert {one["name"]: one["deleted"] for one in client.get(at).json()["regions"]}["liver"] is False
    # a proposal that nobody touched stays one in the next analysis
    path = regions_log.write_drawn(room, study)
    assert path is not None
    handed = read_regions(path, acquired().grid)
    assert handed.proposed == {"healthy", "liver"}
    assert handed.frame == REFERENCE
    states = regions_log.current(room, study)
    assert (states["liver"].from_case, states["aorta"].from_case) == (True, False)
    post(client, f"{at}/liver", 1, **disc(radius=9.0))
    assert not regions_log.one(room, study, "liver").from_case


def test_a_second_analysis_adds_what_is_new_and_leaves_what_was_drawn(opened_room: tuple[Any, Room]) -> None:
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    first = found(acquired().grid)
    analyse(room, study, first)
    post(client, f"{at}/aorta", 1, **disc(row=19.0, column=16.0, radius=3.0))
    post(client, f"{at}/healthy", 1, kind="delete")
    drawn = voxels(client, f"{at}/aorta", SHAPE)
    analyse(room, study, replace(first, portal_vein=Region("portal_vein", HEALTHY, "proposed")))
    names = {one["name"]: (one["version"], one["deleted"]) for one in client.get(at).json()["regions"]}
    assert names["portal_vein"] == (1, False)
    assert names["healthy"] == (2, True)
    assert (voxels(client, f"{at}/aorta", SHAPE) == drawn).all()


def test_what_was_proposed_on_images_that_breathe_is_proposed_anew_by_the_analysis(opened_room: tuple[Any, Room]) -> None:
    """Outlines of organs on one uncorrected pass are displaced on another: the analysis is not given them, and its own take their place."""
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    hasty = RegionState("liver", Bits.of(np.roll(LIVER, 2, axis=1)), origin="proposed", provisional=True)
    kept = replace(hasty, name="healthy", bits=Bits.of(HEALTHY))
    regions_log.write(room, study, Deed("propose", "ada", {}), [Step(hasty, 0), Step(kept, 0)])
    assert regions_log.write_drawn(room, study) is None
    post(client, f"{at}/healthy", 1, **disc())  # touched: it is the reader's now
    path = regions_log.write_drawn(room, study)
    assert path is not None
    assert set(read_regions(path, acquired().grid).masks) == {"healthy"}
    cursor = client.get(at).json()["cursor"]
    mine = voxels(client, f"{at}/healthy", SHAPE)
    analyse(room, study, found(acquired().grid))
    answer = client.get(at).json()
    assert answer["cursor"] == cursor
    assert {one["name"]: one["version"] for one in answer["regions"]} == {"aorta": 1, "liver": 2, "healthy": 2, "lesion-1": 1}
    assert (voxels(client, f"{at}/liver", SHAPE) == LIVER).all()
    assert (voxels(client, f"{at}/healthy", SHAPE) == mine).all()
    with room.tables.read() as connection:
        assert not changed_since(connection, study, cursor)


def test_what_comes_back_of_a_proposal_is_what_the_analysis_put_in_its_place(opened_room: tuple[Any, Room]) -> None:
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    hasty = RegionState("liver", Bits.of(np.roll(LIVER, 2, axis=1)), origin="proposed", provisional=True)
    regions_log.write(room, study, Deed("propose", "ada", {}), [Step(hasty, 0)])
    analyse(room, study, found(acquired().grid))
    for way, there in (("undo", False), ("redo", True)):
        answer = client.post(f"{at}/{way}", json={"cursor": client.get(at).json()["cursor"]})
        assert [one["deleted"] is not there for one in answer.json()["regions"]] == [True]
    assert (voxels(client, f"{at}/liver", SHAPE) == LIVER).all()
    base = regions_log.one(room, study, "liver").version
    assert client.post(f"{at}/liver/restore", json={"version": 1, "base": base}).status_code == 200
    assert (voxels(client, f"{at}/liver", SHAPE) == LIVER).all()
    assert not regions_log.one(room, study, "liver").provisional


def test_half_an_analysis_is_not_taken_over(opened_room: tuple[Any, Room]) -> None:
    client, room = opened_room
    study = put(room, acquired())
    analyse(room, study, found(acquired().grid))
    (room.place(study).case / "case.json").unlink()
    assert client.get(f"/api/studies/{study}/regions").json()["regions"] == []


def test_what_was_drawn_on_another_pass_is_carried_along_the_motion() -> None:
    grid = acquired().grid
    there = carried({"lesion-1": LESION}, grid, moved(grid), 2)["lesion-1"]
    # in pass 2 the tissue lies two columns and rows and one slice further than in the reference
    assert (there == np.roll(LESION, (-1, -2, -2), axis=(0, 1, 2))).all()
    assert (carried({"lesion-1": LESION}, grid, moved(grid), 3)["lesion-1"] == LESION).all()


def test_a_set_of_another_pass_is_brought_to_the_reference(opened_room: tuple[Any, Room], tmp_path: Path) -> None:
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    analyse(room, study, found(acquired().grid))
    nifti.write(tmp_path / "rois.nii.gz", LESION.astype(np.int16), acquired().grid, description="regions")
    (tmp_path / "rois.json").write_text(json.dumps({"labels": {"1": "lesion-5"}, "frame": 2}))
    answer = send(client, at, {name: (tmp_path / name).read_bytes() for name in ("rois.nii.gz", "rois.json")})
    assert answer.status_code == 200, answer.text
    assert (voxels(client, f"{at}/lesion-5", SHAPE) == np.roll(LESION, (-1, -2, -2), axis=(0, 1, 2))).all()
    path = regions_log.write_drawn(room, study)
    assert path is not None
    assert read_regions(path, acquired().grid).frame == REFERENCE


@pytest.mark.parametrize(("method", "at_pass", "status"), [("rigid", REFERENCE, 200), ("rigid", 2, 422), ("none", 2, 200)])
def test_what_is_drawn_where_organs_lie_elsewhere_is_refused(
    opened_room: tuple[Any, Room], method: str, at_pass: int, status: int
) -> None:
    client, room = opened_room
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions"
    drawn = {"base": 0, "edit": disc(), "pass": at_pass, "set": "acquired"}
    assert client.post(f"{at}/lesion-8", json=drawn).status_code == 200  # nothing is aligned yet
    analyse(room, study, found(acquired().grid))
    field = replace(moved(acquired().grid), method=method)
    codec.save(field, room.place(study).case / "steps" / "motion")
    answer = client.post(f"{at}/lesion-9", json=drawn)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["code"] == "DRAWN-ELSEWHERE"
    assert client.post(f"{at}/lesion-10", json=drawn | {"set": "corrected"}).status_code == 200
