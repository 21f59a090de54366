"""Two cases of one patient, linked, and what changed between them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from cases_for_tests import middle, write_case

from hepaflow.errors import InputRefused
from hepaflow.workflow import changes
from hepaflow.workflow.case_folder import open_case, open_tables
from hepaflow.workflow.link import link

BEFORE = {"lesion-1": ((-25.0, 0.0, 8.0), 24.0), "lesion-2": ((20.0, 14.0, -10.0), 18.0), "lesion-3": ((10.0, -28.0, 0.0), 16.0)}
#: The same lesions under other names; the third is gone and another is new.
AFTER = {"lesion-1": ((20.0, 14.0, -10.0), 12.0), "lesion-2": ((-25.0, 0.0, 8.0), 20.0), "lesion-4": ((-5.0, 30.0, 15.0), 14.0)}


def test_lesions_are_found_again_under_other_names_and_in_another_position(tmp_path: Path) -> None:
    first = write_case(tmp_path / "first", BEFORE)
    second = write_case(tmp_path / "second", AFTER, moved_mm=(40.0, -25.0, 60.0))
    found = link(first, second)
    assert {(pair["first"], pair["second"]) for pair in found["links"]} == {("lesion-1", "lesion-2"), ("lesion-2", "lesion-1")}
    assert all(pair["distance_mm"] < 4.0 for pair in found["links"])  # a voxel
    assert (found["only_first"], found["only_second"]) == (["lesion-3"], ["lesion-4"])
    assert found["proposed"] is True


def test_sizes_are_those_of_the_outlines(tmp_path: Path) -> None:
    first = write_case(tmp_path / "first", BEFORE)
    table = json.loads((first / "lesions.json").read_text())
    for one in table["lesions"]:
        one["longest_axial_diameter_mm"] = 1000.0
    (first / "lesions.json").write_text(json.dumps(table))
    ratios = {pair["first"]: pair["size_ratio"] for pair in link(first, write_case(tmp_path / "second", AFTER))["links"]}
    assert ratios["lesion-1"] == pytest.approx(20 / 24, abs=0.2)  # voxels of 4 mm
    assert ratios["lesion-2"] == pytest.approx(12 / 18, abs=0.2)


def test_a_case_reads_back_what_was_written(tmp_path: Path) -> None:
    case = open_case(write_case(tmp_path / "case", BEFORE, moved_mm=(40.0, 0.0, 0.0)))
    for name, (center, _) in BEFORE.items():
        found = case.grid.to_mm(np.argwhere(case.lesions[name]).mean(axis=0)) - np.array([40.0, 0.0, 0.0])
        assert found == pytest.approx(middle() + np.array(center), abs=1.5)  # voxels of 5 x 4 x 4 mm
    assert case.liver[case.lesions["lesion-1"]].all()
    assert case.map("haf") is None
    assert case.tables.lesion("lesion-9") is None
    assert case.healthy is None


@pytest.mark.parametrize("damage", ["image.nii.gz", "rois.nii.gz", "rois.json", "lesions.json", "case.json"])
@pytest.mark.parametrize("how", ["missing", "cut", "nonsense"])
def test_a_damaged_case_is_refused_by_name(tmp_path: Path, damage: str, how: str) -> None:
    folder = write_case(tmp_path / "case", BEFORE)
    path = folder / damage
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:60] if how == "cut" else b"[]")
    with pytest.raises(InputRefused, match=r"^CASE-UNREADABLE: the first case is not"):
        link(folder, folder)


def test_changes_are_judged_against_repeatability_in_both_names(tmp_path: Path) -> None:
    first = open_tables(write_case(tmp_path / "first", BEFORE, ratios={"lesion-1": 1.0}))
    second = open_tables(write_case(tmp_path / "second", AFTER, ratios={"lesion-2": 0.62}))
    found = {one.quantity: one.assessment for one in changes.of_lesion(first, second, ("lesion-1", "lesion-2"))}
    assert found["bf"].category == "decrease"
    assert found["bf"].reasons[0].text.en == "Blood flow -38 %, beyond the 31 % that repeats differ by."
    assert found["haf"].category == "not_evaluable"  # nobody measured how repeats of it differ
    assert [one.quantity for one in changes.beyond(changes.of_lesion(first, second, ("lesion-1", "lesion-2")))] == ["bf"]
    assert changes.of_lesion(first, second, ("lesion-9", "lesion-2")) == ()


@pytest.mark.parametrize(
    ("made", "apart", "category"),
    [
        ({}, (), "decrease"),
        ({"kvp": 100.0}, ("protocol",), "decrease"),
        ({"model": "patlak"}, ("model",), "not_comparable"),
    ],
)
def test_cases_made_in_another_way_are_flagged_or_not_compared(tmp_path: Path, made: dict, apart: tuple, category: str) -> None:
    first = open_tables(write_case(tmp_path / "first", BEFORE))
    second = open_tables(write_case(tmp_path / "second", BEFORE, ratios={"lesion-1": 0.5}, **made))
    assert changes.differs(first, second) == apart
    found = {one.quantity: one.assessment for one in changes.of_lesion(first, second, ("lesion-1", "lesion-1"))}["bf"]
    assert found.category == category
    assert ("protocol-differs" in found.flags) is ("protocol" in apart)


def test_another_time_axis_or_release_is_another_protocol_or_release(tmp_path: Path) -> None:
    first, second = (write_case(tmp_path / name, BEFORE) for name in ("first", "second"))
    tree = json.loads((second / "case.json").read_text())
    for change, apart in (
        ({"acquisition": tree["acquisition"] | {"times_s": [0.0, 2.0, 5.5]}}, ("protocol",)),
        ({"acquisition": tree["acquisition"] | {"times_s": [0.0, 2.9, 4.0]}}, ()),
        ({"acquisition": tree["acquisition"] | {"times_s": [0.0, 2.0]}}, ("protocol",)),
        ({"software": {"version": "0.2.0"}}, ("release",)),
    ):
        (second / "case.json").write_text(json.dumps(tree | change))
        assert changes.differs(open_tables(first), open_tables(second / "lesions.json")) == apart


def test_pictures_keep_their_holes(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "case", BEFORE)
    case = open_case(folder)
    assert np.isfinite(case.image).all()
    assert case.image.dtype == np.float32


def test_few_partners_are_called_poor(tmp_path: Path) -> None:
    first = write_case(tmp_path / "first", BEFORE)
    elsewhere = {
        "lesion-1": ((30.0, 20.0, 20.0), 10.0),
        "lesion-2": ((-30.0, -25.0, -15.0), 10.0),
        "lesion-3": ((0.0, 38.0, 0.0), 10.0),
    }
    assert link(first, write_case(tmp_path / "second", elsewhere))["poor"] is True
    assert link(first, write_case(tmp_path / "third", BEFORE))["poor"] is False


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("lesions.json", {"lesions": [{"id": "lesion-1", "regions": []}]}),
        ("lesions.json", {"lesions": [{"id": "lesion-1", "regions": {"whole": [1]}}]}),
        ("lesions.json", {"lesions": [{"id": "lesion-1", "regions": {"whole": {"bf": {"value": 10**400, "sd": "x"}}}}]}),
        ("case.json", {"acquisition": []}),
        ("case.json", {"acquisition": {"times_s": ["a", None, 10**400]}}),
        ("case.json", {"acquisition": {"times_s": 3}}),
    ],
)
def test_a_case_with_odd_entries_is_compared_as_far_as_it_goes(tmp_path: Path, file: str, change: dict) -> None:
    first, second = (write_case(tmp_path / name, BEFORE) for name in ("first", "second"))
    tree = json.loads((second / file).read_text())
    (second / file).write_text(json.dumps(tree | change))
    found = changes.of_lesion(open_tables(first), open_tables(second), ("lesion-1", "lesion-1"))
    assert {one.assessment.category for one in found} <= {"not_evaluable", "within_repeatability"}
