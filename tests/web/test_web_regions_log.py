"""What is drawn is never lost: versions, undo, edits that come at once, edits that come too late."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from regions_for_tests import at_once, disc, drawing, post, put, voxels
from shown_study import SHAPE, acquired

from hepaflow.dicom.read_regions import read_regions
from hepaflow.store import codec
from hepaflow.web import regions_log, views_studies
from hepaflow.web import tables as t
from hepaflow.web.drawn import flags_of
from hepaflow.web.region_rows import Deed
from hepaflow.web.region_state import Caliper
from hepaflow.web.regions_log import Step
from hepaflow.web.room import Room


@pytest.fixture(scope="module")
def opened_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    with drawing(tmp_path_factory.mktemp("room") / "data", acquired()) as (client, room, _):
        yield client, room


@pytest.fixture
def at(opened_room: tuple[Any, Room]) -> str:
    """A study of its own for every test."""
    return f"/api/studies/{put(opened_room[1], acquired())}/regions"


@pytest.fixture
def client(opened_room: tuple[Any, Room]) -> Any:
    return opened_room[0]


@pytest.fixture
def room(opened_room: tuple[Any, Room]) -> Room:
    return opened_room[1]


def study_of(at: str) -> str:
    return at.split("/")[3]


def names(client: Any, at: str) -> dict[str, int]:
    return {one["name"]: one["version"] for one in client.get(at).json()["regions"] if not one["deleted"]}


def test_an_outline_becomes_a_region_and_its_voxels(client: Any, at: str) -> None:
    made = post(client, f"{at}/lesion-1", 0, **disc())
    assert (made["version"], made["kind"], made["origin"], made["by"]) == (1, "lesion", "drawn", "Tester")
    mask = voxels(client, f"{at}/lesion-1", SHAPE)
    assert mask.sum() == made["voxels"] > 0
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [4]
    assert made["volume_ml"] == pytest.approx(made["voxels"] * 3.0 * 0.8 * 0.7 / 1000)
    assert client.get(at).json()["cursor"] > 0


def test_slices_between_two_outlines_are_filled_and_a_null_takes_one_away(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc(2))
    post(client, f"{at}/lesion-1", 1, **disc(6, radius=6.0))
    mask = voxels(client, f"{at}/lesion-1", SHAPE)
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [2, 3, 4, 5, 6]
    assert (np.diff(mask.sum(axis=(1, 2))[2:7]) > 0).all()
    left = post(client, f"{at}/lesion-1", 2, kind="shapes", shapes={"6": None})
    assert list(left["shapes"]) == ["2"]
    assert voxels(client, f"{at}/lesion-1", SHAPE).any(axis=(1, 2)).sum() == 1


def test_the_list_says_where_outlines_lie_and_the_region_all_their_points(client: Any, at: str) -> None:
    points = [[10.0 + 5.0 * np.sin(angle), 10.0 + 5.0 * np.cos(angle)] for angle in np.linspace(0.0, 6.28, 4000)]
    made = post(client, f"{at}/lesion-1", 0, kind="shapes", shapes={k: {"kind": "freehand", "points": points} for k in ("2", "6")})
    answer = client.get(at)
    assert answer.json()["regions"][0]["slices"] == [2, 6]
    assert len(answer.content) < 2000
    told = client.get(f"{at}/lesion-1/shapes").json()
    assert (told["version"], told["shapes"]) == (1, made["shapes"])
    assert told["shapes"]["6"]["points"] == points
    # what is undone and redone is found without its points
    assert client.post(f"{at}/undo", json={"cursor": answer.json()["cursor"]}).json()["redo"]


def test_the_brush_drops_the_outline_of_its_slice_and_an_outline_the_brush(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **{**disc(2), "shapes": disc(2)["shapes"] | disc(6)["shapes"]})
    stroke = {"kind": "brush", "plane": "axial", "index": 6, "path": [[3.0, 3.0]], "radius_mm": 2.0}
    painted = post(client, f"{at}/lesion-1", 1, **stroke)
    assert list(painted["shapes"]) == ["2"]
    before = voxels(client, f"{at}/lesion-1", SHAPE)
    post(client, f"{at}/lesion-1", 2, **disc(2, radius=5.0))
    after = voxels(client, f"{at}/lesion-1", SHAPE)
    assert (after[6] == before[6]).all()
    assert after[2].sum() > before[2].sum()
    assert list(post(client, f"{at}/lesion-1", 3, **disc(6))["shapes"]) == ["2", "6"]


def test_erasing_all_of_a_region_is_refused_and_leaves_it(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    wipe = {"kind": "brush", "plane": "axial", "index": 4, "path": [[12.0, 13.0]], "radius_mm": 50.0, "erase": True}
    # the picture's rows and columns are turned; a stroke this wide covers the whole slice all the same
    assert post(client, f"{at}/lesion-1", 1, 422, **wipe)["error"]["code"] == "REGION-EMPTY"
    assert names(client, at) == {"lesion-1": 1}


def test_given_voxels_come_back_as_they_were(client: Any, at: str) -> None:
    box, inside = (1, 4, 5, 10, 3, 9), np.random.default_rng(3).random((3, 5, 6)) < 0.5
    bits = base64.b64encode(np.packbits(inside).tobytes()).decode()
    post(client, f"{at}/aorta", 0, kind="mask", box=box, bits=bits)
    expected = np.zeros(SHAPE, bool)
    expected[1:4, 5:10, 3:9] = inside
    assert (voxels(client, f"{at}/aorta", SHAPE) == expected).all()
    for wrong in ({"box": (1, 4, 5, 10, 3, 99), "bits": bits}, {"box": box, "bits": bits[:8]}, {"box": box, "bits": "&&&&"}):
        assert post(client, f"{at}/aorta", 1, 422, kind="mask", **wrong)["error"]["code"] == "MASK-INVALID"


def test_moving_a_region_moves_voxels_outline_and_caliper_alike(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    axes = {"long": [[0, 0, 15], [9, 0, 15]], "short": [[4, -2, 15], [4, 2, 15]]}
    post(client, f"{at}/lesion-1", 1, kind="caliper", caliper=axes)
    before = voxels(client, f"{at}/lesion-1", SHAPE)
    # rows of 0.8 mm to posterior, columns of 0.7 mm to the right, slices of 3 mm downwards
    moved = post(client, f"{at}/lesion-1", 2, kind="move", mm=[-1.4, 1.6, -3.0])
    assert (voxels(client, f"{at}/lesion-1", SHAPE) == np.roll(before, (1, 2, 2), axis=(0, 1, 2))).all()
    assert moved["shapes"]["5"]["points"][0] == [10.0, 15.0]
    assert moved["caliper"]["long"][0] == pytest.approx([-1.4, 1.6, 12.0])
    back = post(client, f"{at}/lesion-1", 3, kind="move", mm=[1.4, -1.6, 3.0])
    assert back["voxels"] == int(before.sum())
    assert post(client, f"{at}/lesion-1", 4, kind="move", mm=[0.1, 0.1, 0.2])["version"] == 4


def test_undo_and_redo_go_through_every_version_and_back(client: Any, at: str) -> None:
    masks = [np.zeros(SHAPE, bool)]
    post(client, f"{at}/lesion-1", 0, **disc())
    for version, radius in ((1, 5.0), (2, 6.0)):
        masks.append(voxels(client, f"{at}/lesion-1", SHAPE))
        post(client, f"{at}/lesion-1", version, **disc(radius=radius))
    last = voxels(client, f"{at}/lesion-1", SHAPE)
    cursor = client.get(at).json()["cursor"]
    for wanted in (masks[2], masks[1]):
        answer = client.post(f"{at}/undo", json={"cursor": cursor}).json()
        cursor = answer["cursor"]
        assert (voxels(client, f"{at}/lesion-1", SHAPE) == wanted).all()
    answer = client.post(f"{at}/undo", json={"cursor": cursor}).json()
    assert answer["regions"][0]["deleted"]
    assert (answer["undo"], answer["redo"]) == (False, True)
    assert client.post(f"{at}/undo", json={"cursor": answer["cursor"]}).json()["error"]["code"] == "NOTHING-TO-UNDO"
    for _ in range(3):
        answer = client.post(f"{at}/redo", json={"cursor": answer["cursor"]}).json()
    assert (voxels(client, f"{at}/lesion-1", SHAPE) == last).all()
    assert not answer["redo"]


def test_a_new_edit_ends_what_could_be_redone(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    post(client, f"{at}/lesion-1", 1, **disc(radius=6.0))
    client.post(f"{at}/undo", json={"cursor": client.get(at).json()["cursor"]})
    post(client, f"{at}/lesion-2", 0, **disc(1))
    assert not client.get(at).json()["redo"]


def test_undo_looks_at_the_log_that_the_reader_saw(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    seen = client.get(at).json()["cursor"]
    post(client, f"{at}/lesion-2", 0, **disc(1))
    answer = client.post(f"{at}/undo", json={"cursor": seen})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CURSOR-MOVED")
    assert names(client, at) == {"lesion-1": 1, "lesion-2": 1}


def test_renaming_is_one_deed(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    assert post(client, f"{at}/lesion-1", 1, kind="rename", to="lesion-7")["name"] == "lesion-7"
    assert names(client, at) == {"lesion-7": 1}
    client.post(f"{at}/undo", json={"cursor": client.get(at).json()["cursor"]})
    assert list(names(client, at)) == ["lesion-1"]
    post(client, f"{at}/lesion-2", 0, **disc(1))
    assert post(client, f"{at}/lesion-2", 1, 422, kind="rename", to="lesion-1")["error"]["code"] == "RENAME-TAKEN"
    assert post(client, f"{at}/lesion-2", 1, 422, kind="rename", to="lesion-2-rim")["error"]["code"] == "REGION-NAME"


def test_the_second_of_two_edits_on_one_version_is_told_and_kept(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    mine = post(client, f"{at}/lesion-1", 1, **disc(radius=5.0))
    late = post(client, f"{at}/lesion-1", 1, 409, **disc(radius=7.0))
    assert late["error"]["code"] == "REGION-CHANGED"
    assert late["current"] == mine
    versions = client.get(f"{at}/lesion-1/history").json()["versions"]
    assert [(row["version"], row["kind"], row["lost"]) for row in versions] == [
        (1, "shapes", False),
        (2, "shapes", False),
        (-1, "lost", True),
    ]
    assert versions[-1]["edit"]["kind"] == "shapes"
    again = client.post(f"{at}/lesion-1/restore", json={"version": late["lost"], "base": 2}).json()
    assert again["version"] == 3
    assert again["voxels"] == versions[-1]["voxels"] > mine["voxels"]


def test_a_request_sent_twice_is_done_once(client: Any, at: str) -> None:
    body = {"base": 0, "edit": disc(), "key": "0123456789abcdef"}
    first, second = (client.post(f"{at}/lesion-1", json=body) for _ in range(2))
    assert (second.status_code, second.json()) == (200, first.json())
    assert len(client.get(f"{at}/lesion-1/history").json()["versions"]) == 1


def test_a_renaming_sent_twice_answers_with_the_new_name_however_late(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    body = {"base": 1, "edit": {"kind": "rename", "to": "lesion-7"}, "key": "rename_%_key"}
    first = client.post(f"{at}/lesion-1", json=body).json()
    assert (first["name"], first["deleted"]) == ("lesion-7", False)
    for number in range(1, 56):
        post(client, f"{at}/lesion-7", number, kind="move", mm=[(-1) ** number * 4.0, 0, 0])
    again = client.post(f"{at}/lesion-1", json=body)
    assert (again.status_code, again.json()["name"], again.json()["deleted"]) == (200, "lesion-7", False)
    other = client.post(f"{at}/lesion-1", json=body | {"key": "rename_x_key"})
    assert other.status_code == 422  # another request: the name is taken


def test_of_edits_that_come_at_once_one_is_first_and_none_is_lost(client: Any, at: str, room: Room) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    at_once(room, study_of(at))


def test_rows_of_the_log_cannot_be_changed_or_removed(client: Any, at: str, room: Room) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    for statement in (sa.delete(t.edits), sa.update(t.edits).values(who="nobody")):
        with pytest.raises(sa.exc.DatabaseError), room.tables.begin() as connection:
            connection.execute(statement)
    assert names(client, at) == {"lesion-1": 1}


def test_every_edit_is_in_the_trail_and_an_undo_says_whose(client: Any, at: str, room: Room) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    regions_log.undo(room, study_of(at), cursor=client.get(at).json()["cursor"], who="Somebody else")
    with room.tables.read() as connection:
        query = sa.select(t.audits.c.who, t.audits.c.what, t.audits.c.detail).where(t.audits.c.study == study_of(at))
        rows = [tuple(row) for row in connection.execute(query.order_by(t.audits.c.id))]
    assert rows[-2][:2] == ("Tester", "regions-changed")
    assert rows[-1][:2] == ("Somebody else", "regions-changed")
    assert '"of": "Tester"' in rows[-1][2]


def test_a_signed_case_takes_no_edit(client: Any, at: str, room: Room) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    cursor = client.get(at).json()["cursor"]
    say_signed(room, at, '{"reader": "A", "at": "2026-01-01T00:00:00Z"}')
    assert post(client, f"{at}/lesion-1", 1, 409, **disc(radius=6.0))["error"]["code"] == "CASE-SIGNED"
    assert client.post(f"{at}/undo", json={"cursor": cursor}).json()["error"]["code"] == "CASE-SIGNED"
    assert client.post(f"{at}/lesion-1/restore", json={"version": 1, "base": 1}).json()["error"]["code"] == "CASE-SIGNED"
    say_signed(room, at, None)
    assert post(client, f"{at}/lesion-1", 1, **disc(radius=6.0))["version"] == 2


def say_signed(room: Room, at: str, signature: str | None) -> None:
    with room.tables.begin() as connection:
        connection.execute(sa.update(t.studies).where(t.studies.c.id == study_of(at)).values(signed=signature))


def test_a_deleted_region_keeps_its_versions_and_can_be_drawn_anew(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    assert post(client, f"{at}/lesion-1", 1, kind="delete")["deleted"]
    assert names(client, at) == {}
    assert post(client, f"{at}/lesion-1", 2, 422, kind="move", mm=[5, 5, 5])["error"]["code"] == "REGION-UNKNOWN"
    assert post(client, f"{at}/lesion-1", 0, **disc(1))["version"] == 3
    back = client.post(f"{at}/lesion-1/restore", json={"version": 1, "base": 3}).json()
    assert (back["version"], list(back["shapes"]), back["deleted"]) == (4, ["4"], False)


def test_vessels_are_moved_in_single_passes_and_lesions_are_not(client: Any, at: str, room: Room) -> None:
    post(client, f"{at}/aorta", 0, **disc())
    post(client, f"{at}/aorta", 1, kind="shift", **{"pass": 3}, mm=[1.0, 2.0, -3.0])
    made = post(client, f"{at}/aorta", 2, kind="shift", **{"pass": 1}, mm=[0.0, 1.0, 0.0])
    assert (made["origin"], made["by"]) == ("drawn", "Tester")
    assert made["shifts"] == [{"pass": 1, "mm": [0.0, 1.0, 0.0]}, {"pass": 3, "mm": [1.0, 2.0, -3.0]}]
    assert regions_log.drawn_shifts(room, study_of(at)) == [{"region": "aorta", **shift} for shift in made["shifts"]]
    assert len(post(client, f"{at}/aorta", 3, kind="shift", **{"pass": 3}, mm=[0, 0, 0])["shifts"]) == 1
    assert post(client, f"{at}/aorta", 4, 422, kind="shift", **{"pass": 6}, mm=[1, 0, 0])["error"]["code"] == "SHIFT-PASS"
    post(client, f"{at}/lesion-1", 0, **disc())
    answer = post(client, f"{at}/lesion-1", 1, 422, kind="shift", **{"pass": 1}, mm=[1, 0, 0])
    assert answer["error"]["code"] == "SHIFT-NOT-A-VESSEL"


def test_a_lesion_is_linked_to_one_of_the_same_patient_alone(client: Any, at: str, room: Room) -> None:
    earlier, stranger = put(room, acquired()), put(room, acquired(), patient_key="p2")
    for study in (earlier, stranger):
        post(client, f"/api/studies/{study}/regions/lesion-4", 0, **disc())
    post(client, f"{at}/lesion-1", 0, **disc())
    link = {"kind": "identity", "identity": {"study": earlier, "lesion": "lesion-4"}}
    assert post(client, f"{at}/lesion-1", 1, **link)["identity"] == link["identity"]
    assert regions_log.links(room, study_of(at)) == {earlier: {"lesion-1": "lesion-4"}}
    assert regions_log.earlier(room, study_of(at)) is None
    case = room.place(earlier).case
    (case / "dicom").mkdir(parents=True)
    (case / "dicom" / "segmentation.dcm").touch()
    for there, given in (("lesion-9", None), ("lesion-4", {"case": str(case), "links": {"lesion-1": "lesion-4"}})):
        (case / "lesions.json").write_text(json.dumps({"lesions": [{"id": there}]}))
        assert regions_log.earlier(room, study_of(at)) == given
    post(client, f"{at}/lesion-2", 0, **disc(1))
    assert post(client, f"{at}/lesion-2", 1, 422, **link)["error"]["code"] == "IDENTITY-TWICE"
    for study, lesion, status, code in (
        (stranger, "lesion-4", 422, "IDENTITY-OTHER-PATIENT"),
        (study_of(at), "lesion-1", 422, "IDENTITY-SAME-STUDY"),
        (earlier, "lesion-9", 404, "REGION-UNKNOWN"),
        ("0" * 12, "lesion-4", 404, "STUDY-UNKNOWN"),
    ):
        wrong = {"kind": "identity", "identity": {"study": study, "lesion": lesion}}
        assert post(client, f"{at}/lesion-2", 1, status, **wrong)["error"]["code"] == code


def test_a_lesion_is_one_lesion_of_another_visit_whoever_says_so(client: Any, at: str, room: Room) -> None:
    there = f"/api/studies/{put(room, acquired(), patient_key='p3')}/regions"
    at = f"/api/studies/{put(room, acquired(), patient_key='p3')}/regions"
    for url in (there, at):
        post(client, f"{url}/lesion-1", 0, **disc(1))
        post(client, f"{url}/lesion-2", 0, **disc(4))

    def linked(url: str, lesion: str, base: int, other: str, status: int = 200) -> Any:
        found = None if not other else {"study": study_of(there if url == at else at), "lesion": other}
        return post(client, f"{url}/{lesion}", base, status, kind="identity", identity=found)

    linked(at, "lesion-1", 1, "lesion-1")
    linked(at, "lesion-1", 2, "")
    linked(at, "lesion-2", 1, "lesion-1")
    again = client.post(f"{at}/lesion-1/restore", json={"version": 2, "base": 3})
    assert (again.status_code, again.json()["error"]["code"]) == (422, "IDENTITY-TWICE")
    for lesion, other in (("lesion-1", "lesion-1"), ("lesion-2", "lesion-2")):  # from the other side
        assert linked(there, lesion, 1, other, 422)["error"]["code"] == "IDENTITY-TWICE"
    linked(there, "lesion-1", 1, "lesion-2")
    assert regions_log.links(room, study_of(at)) == {study_of(there): {"lesion-2": "lesion-1"}}


def test_a_name_by_which_another_visit_knows_a_lesion_stays(client: Any, room: Room) -> None:
    earlier, later = (f"/api/studies/{put(room, acquired(), patient_key='p4')}/regions" for _ in range(2))
    for url in (earlier, later):
        post(client, f"{url}/lesion-1", 0, **disc(1))
        post(client, f"{url}/lesion-2", 0, **disc(4))
    link = {"study": study_of(earlier), "lesion": "lesion-1"}
    post(client, f"{later}/lesion-1", 1, kind="identity", identity=link)
    assert post(client, f"{earlier}/lesion-1", 1, 409, kind="rename", to="lesion-9")["error"]["code"] == "RENAME-LINKED"
    post(client, f"{earlier}/lesion-1", 1, kind="delete")
    assert post(client, f"{earlier}/lesion-2", 1, 409, kind="rename", to="lesion-1")["error"]["code"] == "RENAME-LINKED"
    assert post(client, f"{earlier}/lesion-2", 1, kind="rename", to="lesion-9")["name"] == "lesion-9"
    post(client, f"{later}/lesion-1", 2, kind="identity", identity=None)
    assert post(client, f"{earlier}/lesion-9", 1, kind="rename", to="lesion-1")["name"] == "lesion-1"


@pytest.mark.parametrize(
    "edit",
    [
        {"kind": "paint"},
        {"kind": "brush", "plane": "axial", "index": 1, "path": [], "radius_mm": 2},
        {"kind": "brush", "plane": "axial", "index": 1, "path": [[1, 1]], "radius_mm": 0},
        {"kind": "shapes", "shapes": {}},
        {"kind": "shapes", "shapes": {"-1": None}},
        {"kind": "click", "at": [1, 2]},
        {"kind": "move", "mm": [1e9, 0, 0]},
        {"kind": "rename", "to": ""},
    ],
)
def test_what_no_page_sends_is_refused_in_the_one_shape(client: Any, at: str, edit: dict[str, Any]) -> None:
    answer = client.post(f"{at}/lesion-1", json={"base": 0, "edit": edit})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "REQUEST-INVALID")


@pytest.mark.parametrize(
    "number", ["2147483648", "9223372036854775808", "-9223372036854775809", "1e400", "NaN", "Infinity", "1" + "0" * 5000]
)
def test_a_number_beyond_those_of_the_database_is_refused_in_the_one_shape(client: Any, at: str, number: str) -> None:
    sent = {
        "lesion-1": '{"base": @, "edit": {"kind": "delete"}}',
        "lesion-1/restore": '{"version": @, "base": 0}',
        "lesion-2/restore": '{"version": 1, "base": @}',
        "lesion-2": '{"base": 0, "edit": {"kind": "move", "mm": [@, 0, 0]}}',
        "undo": '{"cursor": @}',
    }
    for path, body in sent.items():
        answer = client.post(f"{at}/{path}", content=body.replace("@", number), headers={"Content-Type": "application/json"})
        if path == "undo" and number == "2147483648":
            assert answer.json()["error"]["code"] in {"CURSOR-MOVED", "NOTHING-TO-UNDO"}  # the log may come that far
        else:
            assert (answer.status_code, list(answer.json())) == (400, ["error"]), (path, answer.text[:200])


@pytest.mark.parametrize("name", ["kidney", "lesion-", "lesion-1-rim", "LESION-1", "lesion-" + "x" * 40])
def test_a_region_of_another_name_is_refused(client: Any, at: str, name: str) -> None:
    assert post(client, f"{at}/{name}", 0, 422, **disc())["error"]["code"] == "REGION-NAME"


def test_an_analysis_is_given_exactly_what_is_drawn(client: Any, at: str, room: Room) -> None:
    assert regions_log.write_drawn(room, study_of(at)) is None
    post(client, f"{at}/liver", 0, **disc(radius=11.0))
    post(client, f"{at}/healthy", 0, **disc(row=6.0, column=8.0, radius=3.0))
    post(client, f"{at}/portal_vein", 0, **disc(row=17.0, column=18.0, radius=3.0))
    post(client, f"{at}/lesion-1", 0, **disc())
    post(client, f"{at}/lesion-2", 0, **disc(row=14.0, column=15.0))
    path = regions_log.write_drawn(room, study_of(at))
    assert path is not None
    found = read_regions(path, acquired().grid)
    for name in names(client, at):
        assert (found.masks[name] == voxels(client, f"{at}/{name}", SHAPE)).all(), name
    assert set(found.masks) == set(names(client, at))
    assert "region-overlap" in found.flags
    before = path.read_bytes()
    post(client, f"{at}/lesion-2", 1, kind="delete")
    later = regions_log.write_drawn(room, study_of(at))
    assert later not in (None, path)
    assert path.read_bytes() == before


def test_an_edit_while_regions_are_gathered_is_in_what_the_analysis_is_said_to_rest_on(
    client: Any, at: str, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    gathered, late = regions_log.current, [disc(radius=7.0)]

    def then_drawn(of: Room, study: str) -> dict[str, Any]:
        found = gathered(of, study)
        if late:
            post(client, f"{at}/lesion-1", 1, **late.pop())
        return found

    monkeypatch.setattr(regions_log, "current", then_drawn)
    given = views_studies._drawn(room, study_of(at))
    assert given.path is not None
    assert given.cursor == client.get(at).json()["cursor"]
    mask = read_regions(Path(given.path), acquired().grid).masks["lesion-1"]
    assert (mask == voxels(client, f"{at}/lesion-1", SHAPE)).all()


def test_the_pass_on_screen_goes_with_what_was_drawn_before_an_analysis(client: Any, at: str, room: Room) -> None:
    answer = client.post(f"{at}/lesion-1", json={"base": 0, "edit": disc(), "pass": 3})
    assert answer.json()["version"] == 1
    path = regions_log.write_drawn(room, study_of(at))
    assert path is not None
    assert read_regions(path, acquired().grid).frame == 3
    client.post(f"{at}/lesion-2", json={"base": 0, "edit": disc(1), "pass": 2})
    path = regions_log.write_drawn(room, study_of(at))
    assert path is not None
    assert read_regions(path, acquired().grid).frame is None


def test_regions_of_different_passes_are_not_mixed_without_a_word(client: Any, at: str, room: Room) -> None:
    mixed = "regions-on-different-passes"

    def draw(name: str, base: int, at_pass: int, edit: dict[str, Any]) -> Any:
        answer = client.post(f"{at}/{name}", json={"base": base, "edit": edit, "pass": at_pass})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def told() -> tuple[list[str], tuple[str, ...], int | None]:
        path = regions_log.write_drawn(room, study_of(at))
        assert path is not None
        found = read_regions(path, acquired().grid)
        live = flags_of(room.place(study_of(at)), regions_log.current(room, study_of(at)).values())
        return list(live), tuple(flag for flag in found.flags if flag == mixed), found.frame

    draw("lesion-1", 0, 2, disc())
    assert told() == ([], (), 2)
    draw("lesion-2", 0, 5, disc(1))
    assert told() == ([mixed], (mixed,), None)
    assert draw("lesion-1", 1, 5, {"kind": "caliper", "caliper": None})["frame"] == 2  # no edit of its shape
    assert draw("lesion-1", 1, 5, disc(3))["frame"] == 5
    assert told() == ([], (), 5)
    assert client.post(f"{at}/undo", json={"cursor": client.get(at).json()["cursor"]}).status_code == 200
    assert told() == ([mixed], (mixed,), None)


def test_the_caliper_is_proposed_from_the_voxels_and_kept_when_it_is_set(client: Any, at: str) -> None:
    post(client, f"{at}/lesion-1", 0, **disc())
    axes = client.get(f"{at}/lesion-1/caliper").json()["caliper"]
    assert axes["long_mm"] >= axes["short_mm"] > 0
    kept = post(client, f"{at}/lesion-1", 1, kind="caliper", caliper=axes)["caliper"]
    assert kept["long_mm"] == pytest.approx(axes["long_mm"], abs=0.02)
    assert post(client, f"{at}/lesion-1", 2, kind="caliper", caliper=None)["caliper"] is None


def test_a_region_tells_its_hu_in_a_pass_and_a_lesion_its_diameter(client: Any, at: str, room: Room) -> None:
    for name in ("lesion-1", "aorta"):
        post(client, f"{at}/{name}", 0, 200, **disc())
    series = codec.load(room.place(study_of(at)).acquired)
    inside = voxels(client, f"{at}/lesion-1", SHAPE)
    told = client.get(f"{at}/lesion-1/facts").json()
    values = series.voxels[told["pass"]][inside].astype(float)
    values = values[np.isfinite(values)]
    assert told["hu"] == {"mean": pytest.approx(values.mean()), "sd": pytest.approx(values.std(ddof=1)), "voxels": values.size}
    assert (told["set"], told["version"]) == ("acquired", 1)
    proposed = client.get(f"{at}/lesion-1/caliper").json()["caliper"]["long_mm"]
    assert told["longest_axial_diameter_mm"] == pytest.approx(proposed, abs=0.01)
    other = client.get(f"{at}/lesion-1/facts?pass=2").json()
    assert other["pass"] == 2
    assert other["hu"]["mean"] != told["hu"]["mean"]
    assert client.get(f"{at}/aorta/facts").json()["longest_axial_diameter_mm"] is None
    for query, code in (("pass=99", "PASS-UNKNOWN"), ("set=corrected", "SET-UNKNOWN"), ("pass=-1", "REQUEST-INVALID")):
        assert client.get(f"{at}/lesion-1/facts?{query}").json()["error"]["code"] == code
    assert client.get(f"{at}/lesion-7/facts").json()["error"]["code"] == "REGION-UNKNOWN"


def test_a_caliper_is_by_who_set_it_whoever_draws_then(client: Any, at: str, room: Room) -> None:
    study = study_of(at)
    post(client, f"{at}/lesion-1", 0, **disc())
    assert regions_log.measured_by(room, study) == {}
    axes = client.get(f"{at}/lesion-1/caliper").json()["caliper"]
    post(client, f"{at}/lesion-1", 1, kind="caliper", caliper={key: axes[key] for key in ("long", "short")})
    state = regions_log.one(room, study, "lesion-1")
    later = replace(state, hand=(4,))
    regions_log.write(room, study, Deed("mask", "Somebody else", {}), [Step(later, state.version)])
    assert regions_log.measured_by(room, study) == {"lesion-1": "Tester"}
    other = replace(later, caliper=Caliper(((0.0, 0.0, 0.0), (9.0, 0.0, 0.0)), ((0.0, 0.0, 0.0), (0.0, 4.0, 0.0))))
    regions_log.write(room, study, Deed("caliper", "Somebody else", {}), [Step(other, state.version + 1)])
    assert regions_log.measured_by(room, study) == {"lesion-1": "Somebody else"}
    client.post(f"{at}/undo", json={"cursor": client.get(at).json()["cursor"]})
    assert regions_log.measured_by(room, study) == {"lesion-1": "Tester"}
    post(client, f"{at}/lesion-1", state.version + 3, kind="caliper", caliper=None)
    assert regions_log.measured_by(room, study) == {}
