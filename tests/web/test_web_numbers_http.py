"""Numbers as pages get them: of what is drawn in the room, in plain JSON, and visits side by side."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study, draw, say_analysed
from numbers_for_tests import small_study
from room_for_tests import opened

from hepaflow.domain.motion import MotionField
from hepaflow.report.tables import category_cell, ratio_with_interval
from hepaflow.report.words import Words
from hepaflow.store import case_json, codec
from hepaflow.web import tables as t
from hepaflow.web.live import Live, Lives
from hepaflow.web.live_values import Numbers
from hepaflow.web.places import StudyPlace
from hepaflow.web.ratings import of_case
from hepaflow.web.region_state import Caliper, Identity
from hepaflow.web.regions_log import current
from hepaflow.web.room import Room

sys.path.append(str(Path(__file__).parents[1] / "workflow"))
from cases_for_tests import write_case


@dataclass(frozen=True)
class Study:
    client: Any
    room: Room
    place: StudyPlace
    url: str

    @property
    def id(self) -> str:
        return self.place.folder.name

    def post(self, path: str, **asked: Any) -> Any:
        return self.client.post(f"{self.url}/{path}", json=asked)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Study]:
    series, masks = small_study()
    with opened(tmp_path_factory.mktemp("room")) as (client, room):
        place = add_study(room)
        place.acquired.mkdir()
        codec.save(series, place.acquired)
        for name, mask in masks.items():
            draw(room, place, name, mask)
        yield Study(client, room, place, f"/api/studies/{place.folder.name}")


@pytest.fixture(scope="module")
def now(study: Study) -> Numbers:
    """What is computed of what is drawn first."""
    return Live(codec.load(study.place.acquired), "acquired").numbers(current(study.room, study.id))


def finite(tree: Any) -> bool:
    """No NaN came through: JSON has none, and Python's would be read."""
    json.dumps(tree, allow_nan=False)
    return True


def test_numbers_of_what_is_drawn(study: Study, now: Numbers) -> None:
    answer = study.post("numbers")
    assert answer.status_code == 200, answer.text
    told, found = answer.json(), now
    assert finite(told)
    assert (told["series"], told["model"]) == ("acquired", "aath")
    assert told["cursor"] == study.client.get(f"{study.url}/regions").json()["cursor"]
    for one, lesion in zip(told["lesions"], found.lesions, strict=True):
        expected = case_json.lesion(lesion_with_its_origin(lesion))
        for key in ("id", "volume_ml", "longest_axial_diameter_mm", "ratio", "response", "flags"):
            assert one[key] == expected[key], key
        assert one["version"] == 1
        for part, measured in one["parts"].items():
            for key, value in measured["parameters"].items():
                assert {name: value[name] for name in ("value", "sd")} == {
                    name: expected["regions"][part][key][name] for name in ("value", "sd")
                }
    assert told["lesions"][0]["parts"]["whole"]["parameters"]["bf"]["unit"] == "mL/min/100 g"


def test_ratings_are_those_of_the_report(study: Study, now: Numbers) -> None:
    for language in ("en", "fr"):
        words = Words(language)
        told = study.client.post(f"{study.url}/numbers?language={language}", json={}).json()
        assert len(told["lesions"]) > 1
        for one, found in zip(told["lesions"], now.lesions, strict=True):
            parts = [found.ruling.region, *(call.region for call in found.response if call is not found.ruling)]
            assert [said["region"] for said in one["ratings"]] == parts
            for said, part in zip(one["ratings"], parts, strict=True):
                call = next(call for call in found.response if call.region == part)
                assert said["category"] == category_cell(call, found, words=words).text
                assert said["probability"] == words.probability(call.probability_major)
                assert said["ratio"] == ratio_with_interval(call.ratio, words, call=call)
                assert said["part"] == words(f"shell_{part}")
                assert said["settled"] is (call.category is not None and "response-uncertain" not in call.flags)
            # what lesions.json holds is said alike
            assert of_case(case_json.lesion(lesion_with_its_origin(found)), words) == one["ratings"]


@pytest.mark.parametrize(
    ("p", "flags", "said"),
    [
        (0.7, ["response-uncertain"], "minor response, not settled: less than 95\xa0% sure"),
        (1.0, [], "minor response"),
        (None, ["region-too-small"], "not rated: "),
    ],
)
def test_a_rating_that_is_not_settled_says_so(p: float | None, flags: list[str], said: str) -> None:
    call = {
        "criterion": "c",
        "threshold": 0.68,
        "category": None if p is None else "minor",
        "probability_major": p,
        "region": "whole",
    }
    lesion = {"id": "lesion-1", "volume_ml": 1.0, "longest_axial_diameter_mm": 9.0, "flags": []}
    other = {**call, "region": "vascular", "flags": [], "ratio": {"value": 0.7, "sd": 0.1, "ci95": [0.5, 0.9]}}
    heads, one = of_case({**lesion, "response": [{**call, "flags": flags, "ratio": None}, other]}, Words("en"))
    assert (heads["region"], heads["part"], heads["ratio"]) == ("vascular", "vascular part", "0.70 (0.50 to 0.90)")
    assert one["category"].startswith(said)
    assert one["settled"] is (p == 1.0)
    assert one["probability"] == {0.7: "70.0%", 1.0: ">\xa099.9%", None: "not available"}[p]


def lesion_with_its_origin(lesion: Any) -> Any:
    """What lesions.json says of where a lesion comes from is not told of live ones."""
    from hepaflow.domain.lesions import Region

    whole = Region("whole", np.ones((1, 1, 1), bool), "given")
    return replace(lesion, lesion=replace(lesion.lesion, shells={"whole": whole}))


@pytest.mark.parametrize(("method", "told"), [("none", True), ("rigid", False)])
def test_motion_that_an_analysis_did_not_correct_is_told(study: Study, tmp_path: Path, method: str, told: bool) -> None:
    place, series = StudyPlace(tmp_path), codec.load(study.place.acquired)
    for folder in (place.acquired, place.corrected, place.case / "steps" / "motion"):
        folder.mkdir(parents=True)
    codec.save(series, place.acquired)
    codec.save(series, place.corrected)
    fields = np.zeros((series.passes, 1, 1, 1, 3), np.float32)
    grid = replace(series.grid, shape=(1, 1, 1))
    field = MotionField(method, 2, grid, fields, (), (1.0, 1.0), np.zeros((1, 1, 1), np.float32))
    codec.save(field, place.case / "steps" / "motion")
    found = Lives().of(place).numbers(current(study.room, study.id), lesions=[])
    assert found.series == "corrected"
    assert ("motion-not-corrected" in found.flags) is told


@pytest.mark.parametrize("told", [(), ("regions-on-different-passes",)])
def test_what_is_to_know_of_regions_goes_with_their_numbers(
    study: Study, monkeypatch: pytest.MonkeyPatch, told: tuple[str, ...]
) -> None:
    monkeypatch.setattr("hepaflow.web.views_numbers.flags_of", lambda place, states: told if states else ())
    assert [flag for flag in study.post("numbers", lesions=[]).json()["flags"] if flag.startswith("regions-")] == list(told)


def test_a_curve_is_its_fit_and_what_is_left(study: Study) -> None:
    told = study.post("numbers", lesions=["lesion-2"], parts=["whole"]).json()
    for one in (told["healthy"], told["lesions"][0]["parts"]["whole"]):
        curve = {key: np.array(value, float) for key, value in one["curve"].items()}
        # nine digits are told
        assert curve["fit"] + curve["residual"] == pytest.approx(curve["hu"], abs=1e-5)
        assert (curve["low"] <= curve["high"]).all()
        assert curve["hu"][: told["inputs"]["baseline_passes"]].mean() == pytest.approx(float(curve["baseline_hu"]), abs=3.0)
    dense = told["inputs"]["dense"]
    assert len(dense["times_s"]) == len(dense["arterial"]) == len(dense["portal"])
    assert [one["id"] for one in told["lesions"]] == ["lesion-2"]


def test_a_model_that_is_read_has_no_interval(study: Study) -> None:
    told = study.post("numbers", model="max-slope", lesions=[]).json()
    assert told["model"] == "max-slope"
    assert told["healthy"]["curve"]["low"] is None
    assert finite(told)


def test_parts_as_bits_of_their_box(study: Study) -> None:
    parts = study.client.get(f"{study.url}/regions/lesion-2/parts/rim/mask")
    k0, k1, j0, j1, i0, i1 = (int(edge) for edge in parts.headers["x-box"].split(","))
    size = (k1 - k0, j1 - j0, i1 - i0)
    bits = np.unpackbits(np.frombuffer(parts.content, np.uint8), count=int(np.prod(size)))
    rim = study.post("numbers", lesions=["lesion-2"], parts=["rim"]).json()["lesions"][0]["parts"]["rim"]
    assert bits.sum() == rim["voxels"]
    assert parts.headers["x-version"] == "1"
    for path, code in (
        ("lesion-2/parts/half", "PART-UNKNOWN"),
        ("lesion-9/parts/rim", "LESION-UNKNOWN"),
        ("aorta/parts/rim", "LESION-UNKNOWN"),
    ):
        answer = study.client.get(f"{study.url}/regions/{path}/mask")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, code)


def test_every_model_and_a_voxel(study: Study) -> None:
    told, french = (study.post(f"numbers/compare?language={one}", region="lesion-2").json() for one in ("en", "fr"))
    assert told["curves"][1]["sentence"].startswith("Blood flow in mL/min/100 g is ")
    assert french["curves"][1]["sentence"].startswith("Le flux sanguin")
    assert finite(told)
    assert [curve["curve"] for curve in told["curves"]] == ["healthy", "lesion-2"]
    assert told["curves"][1]["models"]["aath"]["category"] == "major"
    assert len(told["curves"][1]["ranking"]) >= 3
    k, j, i = (int(x) for x in np.argwhere(current(study.room, study.id)["healthy"].mask)[5])
    fit = study.client.get(f"{study.url}/curve/fit", params={"at": f"{k},{j},{i}"}).json()
    assert (fit["model"], fit["at"], fit["voxels"]) == ("aath", [k, j, i], 1)
    near = study.client.get(f"{study.url}/curve", params={"at": f"{k},{j},{i}", "radius_mm": 10, "set": "acquired"}).json()
    wide = study.client.get(
        f"{study.url}/curve/fit", params={"at": f"{k},{j},{i}", "radius_mm": 10, "model": "one-compartment"}
    ).json()
    assert (wide["model"], wide["voxels"]) == ("one-compartment", near["voxels"])
    assert near["voxels"] > 1
    for at, code in (
        ("1,2", "VOXEL-INVALID"),
        ("a,b,c", "VOXEL-INVALID"),
        ("1,2,99999", "VOXEL-OUTSIDE"),
        ("-1,0,0", "VOXEL-OUTSIDE"),
    ):
        assert study.client.get(f"{study.url}/curve/fit", params={"at": at}).json()["error"]["code"] == code


def test_every_viewer_may_ask() -> None:
    from hepaflow.web.rules import needed_role

    assert {needed_role("POST", f"/api/studies/0123456789ab/{path}") for path in ("numbers", "numbers/compare")} == {"viewer"}


def visit(
    room: Room,
    date: str,
    *,
    diameters: dict[str, float],
    ratios: dict[str, float],
    same: dict[str, tuple[str, str]],
    patient: str = "a",
) -> str:
    """An analysed study of one patient; ``same`` links its lesions to those of another study."""
    place = add_study(room, patient_key=patient * 16, date=date)
    centres = {"lesion-1": (-20.0, 0.0, 0.0), "lesion-2": (20.0, 0.0, 0.0)}
    write_case(place.case, {name: (centres[name], size) for name, size in diameters.items()}, ratios=ratios)
    for name, mask in masks_of(place).items():
        ends = ((0.0, 0.0, 0.0), (diameters[name], 0.0, 0.0))
        caliper = Caliper(ends, ((0.0, 0.0, 0.0), (0.0, diameters[name] / 2, 0.0)))
        draw(room, place, name, mask, caliper=caliper, identity=Identity(*same[name]) if name in same else None)
    say_analysed(room, place)
    return place.folder.name


def masks_of(place: StudyPlace) -> dict[str, np.ndarray]:
    from hepaflow.workflow.case_folder import open_case

    return open_case(place.case).lesions


def test_criteria_side_by_side(study: Study) -> None:
    """Two lesions shrink by 40 %: partial response by size; by blood flow one is a major response and one is not."""
    client, room = study.client, study.room
    first = visit(room, "2026-01-01", diameters={"lesion-1": 40.0, "lesion-2": 30.0}, ratios={}, same={})
    url = f"/api/studies/{first}/criteria"
    alone = client.get(url).json()
    assert (len(alone["visits"]), alone["criteria"]) == (1, [])
    swapped = {"lesion-2": (first, "lesion-1"), "lesion-1": (first, "lesion-2")}
    second = visit(
        room, "2026-03-01", diameters={"lesion-2": 24.0, "lesion-1": 18.0}, ratios={"lesion-2": 0.4, "lesion-1": 1.1}, same=swapped
    )
    told = client.get(f"/api/studies/{second}/criteria").json()
    french = client.get(f"/api/studies/{second}/criteria", params={"language": "fr"}).json()
    assert next(one["name"] for one in french["criteria"] if one["criterion"] == "who") == "OMS"
    for one, other in zip(told["criteria"], french["criteria"], strict=True):
        assert one["rule"] != other["rule"]
        for seen, same in zip(one["visits"], other["visits"], strict=True):
            assert (seen["category"], seen["numbers"]) == (same["category"], same["numbers"])
            assert seen["text"] is None or seen["text"] != same["text"]
            assert all(a["rule"] != b["rule"] for a, b in zip(seen["lesions"], same["lesions"], strict=True))
    assert [one["study"] for one in told["visits"]] == [first, second]
    assert {row["lesion"]: row["name"] for row in told["lesions"][second]} == {"lesion-1": "lesion-2", "lesion-2": "lesion-1"}
    assert told["unlinked"] == []
    for row in told["lesions"][second]:  # what was measured by hand, by whom, and the outline beside it
        assert (row["diameter_mm"], row["perpendicular_mm"]) == {"lesion-2": (24.0, 12.0), "lesion-1": (18.0, 9.0)}[row["lesion"]]
        assert row["caliper_by"] == "Tester"
        assert row["outline_mm"][1] > 1.2 * row["perpendicular_mm"]  # the outlines are round
    found = {one["criterion"]: one for one in told["criteria"]}
    assert found["recist-1.1"]["visits"][1]["category"] == "PR"
    assert found["who"]["visits"][1]["category"] == "PR"
    by_flow = {one["lesion"]: one["category"] for one in found["nancy2019-bf-ratio"]["visits"][1]["lesions"]}
    assert by_flow == {"lesion-1": "major", "lesion-2": "minor"}
    assert "choi" in found
    # The same study once more is no third visit, and the one that is asked about stands for it.
    with room.tables.begin() as connection:
        connection.execute(sa.update(t.studies).where(t.studies.c.id == second).values(facts=json.dumps({"digest": "same"})))
    copy = add_study(room, patient_key="a" * 16, date="2026-03-01", digest="same")
    write_case(copy.case, {"lesion-1": ((-20.0, 0.0, 0.0), 20.0)}, ratios={})
    for asked, shown in ((first, copy.folder.name), (second, second)):
        answer = client.get(f"/api/studies/{asked}/criteria").json()
        assert [one["study"] for one in answer["visits"]] == [first, shown]
        for row in answer["lesions"][shown]:
            read = [row["diameter_mm"], row["perpendicular_mm"]]
            assert (row["caliper_by"], read == row["outline_mm"]) == (
                (None, True) if shown == copy.folder.name else ("Tester", False)
            )
    shutil.rmtree(copy.folder)
    with room.tables.begin() as connection:
        connection.execute(sa.delete(t.studies).where(t.studies.c.id == copy.folder.name))
    link = client.get(f"/api/studies/{first}/link", params={"other": second}).json()
    assert {(row["first"], row["second"]) for row in link["links"]} == {("lesion-1", "lesion-1"), ("lesion-2", "lesion-2")}
    assert link["links"][0]["first_mm"] == pytest.approx(link["links"][0]["second_mm"], abs=5.0)


def test_of_two_lesions_linked_to_one_the_second_is_told_and_not_dropped(study: Study) -> None:
    client, room = study.client, study.room
    first = visit(room, "2026-01-01", diameters={"lesion-1": 40.0}, ratios={}, same={}, patient="f")
    same = {"lesion-1": (first, "lesion-1"), "lesion-2": (first, "lesion-1")}
    second = visit(room, "2026-03-01", diameters={"lesion-1": 24.0, "lesion-2": 18.0}, ratios={}, same=same, patient="f")
    told = client.get(f"/api/studies/{second}/criteria").json()
    assert {row["lesion"]: row["name"] for row in told["lesions"][second]} == {"lesion-1": "lesion-1", "lesion-2": None}
    assert told["unlinked"] == [{"study": second, "lesion": "lesion-2"}]


def test_a_lesion_that_nobody_linked_is_no_new_one(study: Study) -> None:
    client, room = study.client, study.room
    earliest = next(
        one["id"]
        for one in client.get("/api/studies").json()["studies"]
        if one["date"] == "2026-01-01" and one["patient_key"] == "a" * 16
    )
    third = visit(
        room, "2026-05-01", diameters={"lesion-1": 40.0, "lesion-2": 15.0}, ratios={}, same={"lesion-1": (earliest, "lesion-1")}
    )
    told = client.get(f"/api/studies/{third}/criteria").json()
    assert {"study": third, "lesion": "lesion-2"} in told["unlinked"]
    recist = next(one for one in told["criteria"] if one["criterion"] == "recist-1.1")
    assert recist["visits"][2]["category"] == "NE"  # its other target was not linked: not seen, not gone


def test_what_is_drawn_is_paired_and_a_link_counts_from_either_visit(study: Study) -> None:
    """The reader is in the earlier visit, says which lesions are which of the later one's, and draws one that no analysis knows."""
    client, room = study.client, study.room
    sizes = {"lesion-1": 40.0, "lesion-2": 30.0}
    later = visit(room, "2026-03-01", diameters=sizes, ratios={}, same={}, patient="b")
    same = {name: (later, name) for name in sizes}
    earlier = visit(room, "2026-01-01", diameters=sizes, ratios={}, same=same, patient="b")
    told = client.get(f"/api/studies/{earlier}/criteria").json()
    assert (told["unlinked"], told["unanalysed"]) == ([], [])
    assert next(one for one in told["criteria"] if one["criterion"] == "recist-1.1")["visits"][1]["category"] == "SD"

    place = room.place(later)
    draw(room, place, "lesion-2", masks_of(place)["lesion-2"], version=2, deleted=True)
    draw(room, place, "lesion-7", np.roll(masks_of(place)["lesion-2"], 1, axis=0))
    there = client.get(f"/api/studies/{earlier}/link", params={"other": later}).json()
    back = client.get(f"/api/studies/{later}/link", params={"other": earlier}).json()
    pairs = {(one["first"], one["second"]): one for one in there["links"]}
    assert {pair: one["linked"] for pair, one in pairs.items()} == {("lesion-1", "lesion-1"): True, ("lesion-2", "lesion-7"): False}
    for one in back["links"]:  # asked from the other side it is the same pair, with the same distance
        other = pairs[one["second"], one["first"]]
        assert (one["distance_mm"], one["linked"]) == (other["distance_mm"], other["linked"])
        assert one["size_ratio"] == pytest.approx(1 / other["size_ratio"])
        assert one["first_mm"] == other["second_mm"]

    assert (
        client.get(f"/api/studies/{later}").json()["lesions"] == 2
    )  # those that are drawn; one gone and one new since the analysis
    told = client.get(f"/api/studies/{later}/criteria").json()
    assert {row["lesion"] for row in told["lesions"][later]} == {"lesion-1"}  # what is gone is not rated, nor asked to be linked
    assert told["unanalysed"] == told["unlinked"] == [{"study": later, "lesion": "lesion-7"}]


def test_pairs_are_proposed_of_analysed_studies_alone(study: Study) -> None:
    client, room = study.client, study.room
    one = visit(room, "2026-01-01", diameters={"lesion-1": 40.0, "lesion-2": 30.0}, ratios={}, same={}, patient="c")
    other = add_study(room, patient_key="c" * 16, date="2026-02-01").folder.name
    answer = client.get(f"/api/studies/{one}/link", params={"other": other})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "CASE-MISSING")
