"""What readers give of a lesion beside its outline, and the criteria that read it: Chun, mRECIST, EASL, as the command line has them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study, draw, say_analysed
from numbers_for_tests import small_study
from regions_for_tests import disc, drawing, post, put
from room_for_tests import opened
from shown_study import acquired

from hepaflow.store import codec
from hepaflow.web import tables as t
from hepaflow.web.region_state import Identity, Reading, Viable
from hepaflow.web.room import Room
from hepaflow.web.visits import criteria
from hepaflow.workflow.case_folder import open_case
from hepaflow.workflow.visits import respond

sys.path.append(str(Path(__file__).parents[1] / "workflow"))
from cases_for_tests import write_case

AXES = {"long": [[-7, 0, 15], [8, 0, 15]], "short": [[0, -2, 15], [0, 4, 15]]}
GIVEN = ("chun", "mrecist", "easl")


@pytest.fixture(scope="module")
def opened_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Room]]:
    with drawing(tmp_path_factory.mktemp("room") / "data", acquired()) as (client, room, _):
        yield client, room


@pytest.fixture
def lesion(opened_room: tuple[Any, Room]) -> str:
    """The address of a lesion that has just been drawn, in a study of its own."""
    client, room = opened_room
    at = f"/api/studies/{put(room, acquired())}/regions/lesion-1"
    post(client, at, 0, **disc())
    return at


@pytest.fixture
def client(opened_room: tuple[Any, Room]) -> Any:
    return opened_room[0]


def test_a_group_is_kept_with_who_gave_it_and_when(client: Any, lesion: str, opened_room: tuple[Any, Room]) -> None:
    made = post(client, lesion, 1, kind="morphology", group=3)
    assert made["morphology"] == [{"reader": "Tester", "group": 3}]
    assert post(client, lesion, 2, kind="morphology", group=2)["morphology"] == [{"reader": "Tester", "group": 2}]
    assert post(client, lesion, 3, kind="morphology", group=None)["morphology"] == []
    versions = client.get(f"{lesion}/history").json()["versions"]
    assert [(one["kind"], one["who"], one["edit"]) for one in versions[1:3]] == [
        ("morphology", "Tester", {"kind": "morphology", "group": 3}),
        ("morphology", "Tester", {"kind": "morphology", "group": 2}),
    ]
    assert all(one["at"] for one in versions)
    with opened_room[1].tables.read() as connection:
        kept = connection.execute(sa.select(t.audits.c.detail).where(t.audits.c.study == lesion.split("/")[3])).scalars().all()
    assert [json.loads(detail)["deed"] for detail in kept] == ["shapes", "morphology", "morphology", "morphology"]


def test_the_group_of_one_reader_leaves_that_of_another(client: Any, opened_room: tuple[Any, Room]) -> None:
    room = opened_room[1]
    study = put(room, acquired())
    at = f"/api/studies/{study}/regions/lesion-1"
    post(client, at, 0, **disc())
    held = post(client, at, 1, kind="morphology", group=1)
    from hepaflow.web import regions_log

    state = regions_log.one(room, study, "lesion-1")
    draw(room, room.place(study), "lesion-1", state.mask, version=held["version"] + 1, morphology=(Reading("Other", 3),))
    made = post(client, at, held["version"] + 1, kind="morphology", group=2)
    assert made["morphology"] == [{"reader": "Other", "group": 3}, {"reader": "Tester", "group": 2}]


def test_an_enhancing_part_is_measured_by_axes_or_typed(client: Any, lesion: str) -> None:
    answer = client.post(lesion, json={"base": 1, "edit": {"kind": "viable", "viable": AXES}, "pass": 2})
    assert answer.status_code == 200, answer.text
    drawn = answer.json()["viable"]
    assert (drawn["long_mm"], drawn["short_mm"], drawn["pass"], drawn["axes"]["long_mm"]) == (15.0, 6.0, 2, 15.0)
    moved = post(client, lesion, 2, kind="move", mm=[1.4, 0, 0])["viable"]
    assert moved["axes"]["long"] == [
        [pytest.approx(x + (1.4 if n == 0 else 0.0)) for n, x in enumerate(end)] for end in AXES["long"]
    ]
    typed = post(client, lesion, 3, kind="viable", viable={"long_mm": 22.5, "short_mm": None})["viable"]
    assert typed == {"long_mm": 22.5, "short_mm": None, "axes": None, "pass": None}
    nothing = post(client, lesion, 4, kind="viable", viable={"long_mm": 0})["viable"]
    assert (nothing["long_mm"], nothing["short_mm"]) == (0.0, 0.0)
    assert post(client, lesion, 5, kind="viable", viable=None)["viable"] is None
    back = client.post(f"{lesion.rpartition('/')[0]}/undo", json={"cursor": client.get(lesion.rpartition("/")[0]).json()["cursor"]})
    assert back.json()["regions"][0]["viable"] == nothing


@pytest.mark.parametrize(
    ("name", "edit", "code"),
    [
        ("aorta", {"kind": "morphology", "group": 1}, "MORPHOLOGY-NOT-A-LESION"),
        ("aorta", {"kind": "viable", "viable": None}, "VIABLE-NOT-A-LESION"),
        ("lesion-1", {"kind": "viable", "viable": {"long_mm": 10, "short_mm": 11}}, "VIABLE-INVALID"),
        ("lesion-1", {"kind": "viable", "viable": {"long_mm": 10, "short_mm": 0}}, "VIABLE-INVALID"),
        (
            "lesion-1",
            {"kind": "viable", "viable": {"long": [[0, 0, 0], [0, 0, 0]], "short": [[0, 0, 0], [1, 0, 0]]}},
            "CALIPER-INVALID",
        ),
        ("lesion-1", {"kind": "morphology", "group": 4}, "REQUEST-INVALID"),
        ("lesion-1", {"kind": "viable", "viable": {"long_mm": -1}}, "REQUEST-INVALID"),
        ("lesion-1", {"kind": "viable", "viable": {"long_mm": 501}}, "REQUEST-INVALID"),
    ],
)
def test_what_cannot_be_is_refused(client: Any, opened_room: tuple[Any, Room], name: str, edit: dict[str, Any], code: str) -> None:
    at = f"/api/studies/{put(opened_room[1], acquired())}/regions/{name}"
    post(client, at, 0, **disc())
    answer = client.post(at, json={"base": 1, "edit": edit})
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]["code"] == code


def test_the_enhancing_part_is_proposed_or_said_to_be_none(tmp_path: Path) -> None:
    """Lesions of the phantom: every axis lies in the lesion, and what has none is told as null, not as a size."""
    series, masks = small_study()
    with opened(tmp_path) as (client, room):
        place = add_study(room)
        place.acquired.mkdir()
        codec.save(series, place.acquired)
        for name, mask in masks.items():
            draw(room, place, name, mask)
        url = f"/api/studies/{place.folder.name}/regions"
        found = {name: client.get(f"{url}/{name}/viable").json() for name in masks if name.startswith("lesion-")}
        whole = {name: client.get(f"{url}/{name}/caliper").json()["caliper"]["long_mm"] for name in found}
        assert {"lesion-2", "lesion-3"} == set(found)
        for name, told in found.items():
            assert 0 < told["passes"][-1] < series.passes
            assert told["axes"] is None or 0 < told["axes"]["long_mm"] <= whole[name] + 3.0  # a voxel of 3 mm
        assert any(told["axes"] is not None for told in found.values())
        assert client.get(f"{url}/lesion-9/viable").json()["error"]["code"] == "LESION-UNKNOWN"
        assert client.get(f"{url}/aorta/viable").json()["error"]["code"] == "LESION-UNKNOWN"


def visit(room: Room, date: str, given: dict[str, dict[str, Any]], first: str | None = None) -> str:
    """An analysed study with two lesions, each with what readers gave of it, linked to those of the ``first`` study."""
    place = add_study(room, patient_key="b" * 16, date=date)
    write_case(place.case, {"lesion-1": ((-20.0, 0.0, 0.0), 30.0), "lesion-2": ((20.0, 0.0, 0.0), 24.0)})
    for name, mask in open_case(place.case).lesions.items():
        identity = None if first is None else Identity(first, name)
        draw(room, place, name, mask, identity=identity, **given.get(name, {}))
    say_analysed(room, place)
    return place.folder.name


def test_criteria_that_need_a_reader_say_what_is_missing_and_never_guess(tmp_path: Path) -> None:
    with opened(tmp_path) as (client, room):
        first = visit(room, "2026-01-01", {"lesion-1": {"viable": Viable(20.0, None)}})
        second = visit(room, "2026-03-01", {}, first)
        told = client.get(f"/api/studies/{second}/criteria").json()
        by = {one["criterion"]: one for one in told["criteria"]}
        lacking = {key: [(one["visit"], one["lesion"]) for one in by[key]["missing"]] for key in GIVEN}
        every = [("visit 1", "lesion-1"), ("visit 1", "lesion-2"), ("visit 2", "lesion-1"), ("visit 2", "lesion-2")]
        assert lacking == {"chun": every, "mrecist": every[1:], "easl": every}
        assert by["mrecist"]["refused"]["code"] == "VISITS-BASELINE"
        assert by["easl"]["refused"]["code"] == "VISITS-BASELINE"
        assert by["chun"]["visits"][1]["category"] == "not_evaluable"
        assert all(one["missing"] == [] for key, one in by.items() if key not in GIVEN)
        assert all(one["limits"] for one in told["criteria"])


def test_criteria_of_readers_are_those_of_the_command_line(tmp_path: Path) -> None:
    """Enhancing diameters 20 + 16 to 14 + 9 mm: -36 %; areas 300 + 160 to 126 + 45 mm2: -63 %; groups 3 and 2 to 1 and 2 by one reader, 3 and 2 to 2 and 2 by the other."""
    first_given = {
        "lesion-1": {"viable": Viable(20.0, 15.0), "morphology": (Reading("Ada", 3), Reading("Bo", 3))},
        "lesion-2": {"viable": Viable(16.0, 10.0), "morphology": (Reading("Ada", 2), Reading("Bo", 2))},
    }
    later_given = {
        "lesion-1": {"viable": Viable(14.0, 9.0), "morphology": (Reading("Bo", 2), Reading("Ada", 1))},
        "lesion-2": {"viable": Viable(9.0, 5.0), "morphology": (Reading("Ada", 1),)},
    }
    with opened(tmp_path / "room") as (_, room):
        first = visit(room, "2026-01-01", first_given)
        second = visit(room, "2026-03-01", later_given, first)
        by = {one["criterion"]: one for one in criteria(room, second, language="en")["criteria"]}
    table = tmp_path / "visits.csv"
    table.write_text(
        "visit,date,lesion,role,organ,nodal,viable_mm,viable_perpendicular_mm,morphology,morphology_2,state\n"
        "visit 1,2026-01-01,lesion-1,target,liver,no,20,15,3,3,measured\n"
        "visit 1,2026-01-01,lesion-2,target,liver,no,16,10,2,2,measured\n"
        "visit 2,2026-03-01,lesion-1,target,liver,no,14,9,1,2,measured\n"
        "visit 2,2026-03-01,lesion-2,target,liver,no,9,5,1,,measured\n",
        encoding="utf-8",
    )
    for key, category in (("mrecist", "PR"), ("easl", "PR"), ("chun", "optimal")):
        alone = respond(table, criterion=key)
        assert by[key]["visits"][1]["category"] == alone["visits"][1]["category"] == category
        assert by[key]["visits"][1]["numbers"] == alone["visits"][1]["numbers"]
        assert by[key]["missing"] == []
        assert by[key]["readers"] == alone["readers"]
    assert by["chun"]["readers"]["n"] == 3
