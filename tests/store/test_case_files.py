from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import made_up_case
import nibabel
import numpy as np
import pytest

from hepaflow.dicom.read_regions import read_regions
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Lesion, Ratio, Region
from hepaflow.store import case_files, case_json, case_tables, nifti
from hepaflow.workflow.case_folder import open_case


@pytest.fixture(scope="module")
def case() -> CaseResult:
    return made_up_case.case()


@pytest.fixture(scope="module")
def folder(case: CaseResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("files")
    case_files.write(case, home, plan={"model": "aath", "haematocrit": None}, study_digest="abc", displacements=False)
    return home


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_a_voxel_lies_where_it_lay(case: CaseResult, folder: Path) -> None:
    image = nibabel.load(folder / "maps" / "bf.nii.gz")
    data = np.asarray(image.dataobj)
    assert data.shape == (6, 5, 4)
    for k, j, i in [(0, 0, 0), (3, 4, 5), (1, 2, 3), (2, 0, 5)]:
        lps = case.series.grid.to_mm([k, j, i])
        ras = image.affine @ [i, j, k, 1]
        np.testing.assert_allclose(ras[:3], lps * [-1, -1, 1], atol=1e-4)  # the header holds single precision
        np.testing.assert_equal(data[i, j, k], case.maps.maps["bf"].values[k, j, i])
    assert image.header.get_xyzt_units()[0] == "mm"
    np.testing.assert_allclose(image.header.get_qform(), image.affine, atol=1e-4)  # a quaternion in single precision


def test_maps_come_with_deviation_and_flags(folder: Path) -> None:
    assert {path.name for path in (folder / "maps").iterdir()} == {"bf.nii.gz", "bf_sd.nii.gz", "flags.nii.gz"}
    assert np.asarray(nibabel.load(folder / "maps" / "flags.nii.gz").dataobj).dtype == np.uint8


def test_the_same_case_is_the_same_bytes(case: CaseResult, folder: Path, tmp_path: Path) -> None:
    case_files.write(case, tmp_path, plan={"model": "aath", "haematocrit": None}, study_digest="abc", displacements=False)
    for path in sorted(folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / path.relative_to(folder)).read_bytes(), path.name
    head = (folder / "maps" / "bf.nii.gz").read_bytes()[:10]
    assert head[3] == 0  # no name
    assert head[4:8] == bytes(4)  # no time
    assert len(gzip.decompress((folder / "maps" / "bf.nii.gz").read_bytes())) == 352 + 120 * 4


def test_lesions_json_is_the_contracts(folder: Path) -> None:
    found = json.loads((folder / "lesions.json").read_text())
    assert (found["schema"], found["model"], found["units"]["bf"]) == (1, "aath", "mL/min/100 g")
    assert found["healthy"]["source"] == "given"
    assert found["healthy"]["bf"] == {"value": 100.0, "sd": 2.0, "map_mean": 101.0, "map_median": 99.0}
    assert found["healthy"]["haf"] == {"value": 0.25, "sd": None, "map_mean": None, "map_median": None}
    (lesion,) = found["lesions"]
    assert (lesion["id"], lesion["volume_ml"], lesion["longest_axial_diameter_mm"]) == ("lesion-1", 1.5, 17.0)
    assert set(lesion["regions"]) == {"whole", "rim"}
    assert lesion["regions"]["whole"]["voxels"] == 12
    assert lesion["ratio"] == {"bf": {"value": 1.25, "sd": 0.04, "ci95": [1.17, 1.33]}, "haf": None}
    assert "ratio-undefined" in lesion["flags"]
    assert lesion["response"] == [
        {
            "criterion": "nancy2019-bf-ratio",
            "threshold": 0.68,
            "category": "minor",
            "probability_major": 0.001,
            "region": "whole",
            "ratio": None,
            "flags": [],
        }
    ]


def test_lesions_csv_has_a_row_a_lesion_and_region(folder: Path) -> None:
    rows = table(folder / "lesions.csv")
    assert [(row["lesion"], row["region"]) for row in rows] == [("lesion-1", "whole"), ("lesion-1", "rim")]
    assert (rows[0]["bf"], rows[0]["bf_ratio"], rows[0]["haf_ratio"], rows[0]["category"]) == ("125", "1.25", "", "minor")
    assert (rows[1]["bf"], rows[1]["bf_ratio"], rows[1]["category"]) == ("130", "", "")


def test_lesions_csv_holds_every_call_in_the_row_of_its_part(case: CaseResult) -> None:
    found = case.lesions[0]
    rim = replace(found.response[0], region="rim", category="major", ratio=Ratio(0.5, 0.1, (0.3, 0.7)))
    head, rows = case_tables.lesion_rows(replace(case, lesions=(replace(found, response=(*found.response, rim)),)))
    first, second = (dict(zip(head, row, strict=True)) for row in rows)
    assert (first["category"], first["bf_ratio"]) == ("minor", 1.25)
    assert (second["category"], second["bf_ratio"], second["bf_ratio_low"], second["haf_ratio"]) == ("major", 0.5, 0.3, None)


def test_curves_csv_has_a_column_a_region(folder: Path) -> None:
    rows = table(folder / "curves.csv")
    assert [row["time_s"] for row in rows] == ["0", "2", "4", "8"]
    assert [row["aorta"] for row in rows] == ["0", "300", "", "100"]  # the third pass was not sampled
    assert [row["fit_aorta"] for row in rows] == ["0", "20", "40", "80"]
    assert [row["lesion-1"] for row in rows] == ["0", "1", "2", ""]
    assert {"healthy", "fit_healthy", "lesion-1_rim", "fit_lesion-1_rim"} <= set(rows[0])


def test_motion_csv_has_a_row_a_pass(folder: Path) -> None:
    rows = table(folder / "motion.csv")
    assert [row["excluded"] for row in rows] == ["false", "false", "true", "false"]
    assert [row["reference"] for row in rows].index("true") == 1
    assert (rows[2]["shift_x_mm"], rows[2]["residual_before_hu"], rows[2]["residual_after_hu"]) == ("0.2", "9", "4")


def test_case_json_says_what_was_done(folder: Path) -> None:
    found = json.loads((folder / "case.json").read_text())
    assert found["schema"] == 1
    assert found["density_g_ml"] == 1.05
    assert found["haematocrit"] == {"value": None, "handling": "off: whole-blood flow"}
    assert found["steps"] == [
        {"name": "maps", "parameters": {"model": "aath"}, "input_digest": "in", "output_digest": "out", "version": "0.1.0"}
    ]
    assert found["protocol"][0]["verdict"] == "warn"
    assert found["acquisition"]["times_s"] == [0, 2, 4, 8]
    assert found["motion"]["excluded"] == [2]
    assert found["regions"]["liver"]["source"] == "proposed"
    assert found["flag_meanings"]["portal-peak-in-gap"]["severity"] == "caution"


def test_voxel_flags_are_counted_in_the_liver(case: CaseResult) -> None:
    flags = np.zeros(case.regions.liver.mask.shape, np.uint8)
    inside, outside = np.argwhere(case.regions.liver.mask), np.argwhere(~case.regions.liver.mask)
    flags[tuple(inside[0])] = 0b101
    flags[tuple(inside[1])] = 0b100
    flags[tuple(outside[0])] = 0b10
    counted = case_json.voxel_flag_counts(replace(case, maps=replace(case.maps, flags=flags)))
    assert counted == {"voxel-missing-samples": 1, "voxel-prior-driven": 2}


def test_every_flag_of_a_part_or_a_call_has_its_meaning(case: CaseResult) -> None:
    first = case.lesions[0]
    whole = replace(first.regions["whole"], flags=("fit-poor",))
    call = replace(first.response[0], flags=("response-uncertain",))
    changed = replace(first, regions=first.regions | {"whole": whole}, response=(call,))
    healthy = replace(case.healthy, flags=("fit-ambiguous",))
    said = case_json.summary(
        replace(case, healthy=healthy, lesions=(changed,)),
        plan={},
        study_digest="",
    )
    assert {"fit-poor", "response-uncertain", "fit-ambiguous"} <= set(said["flag_meanings"])


def test_nothing_names_the_patient_the_place_or_the_hour(folder: Path) -> None:
    for path in folder.rglob("*.*"):
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        assert made_up_case.CANARY.encode() not in text, path.name
        assert str(folder).encode() not in text, path.name
        assert b"seconds" not in text, path.name


def test_a_vector_field_is_one(tmp_path: Path, case: CaseResult) -> None:
    field = np.arange(360, dtype=np.float32).reshape(*made_up_case.SHAPE, 3)
    nifti.write(tmp_path / "d.nii.gz", field, case.series.grid, description="displacement")
    image = nibabel.load(tmp_path / "d.nii.gz")
    assert image.shape == (6, 5, 4, 1, 3)
    assert int(image.header["intent_code"]) == 1007
    np.testing.assert_array_equal(np.asarray(image.dataobj)[5, 3, 2, 0], field[2, 3, 5])


def test_regions_that_share_voxels_keep_them_all(case: CaseResult, tmp_path: Path) -> None:
    """Lesions that touch are drawn one over the other: criteria of size and the next analysis read them from here."""
    drawn = {name: np.zeros(case.series.grid.shape, bool) for name in ("aorta", "healthy", "lesion-1", "lesion-2", "lesion-3")}
    drawn["aorta"][0] = drawn["healthy"][1:3] = drawn["lesion-1"][1:3, :2] = drawn["lesion-2"][2:, :3] = True
    drawn["lesion-3"][2, 0, 0] = True  # wholly inside the others
    lesions = tuple(
        Lesion(name, {"whole": Region(f"{name}/whole", mask, "given")}, 1.0, 9.0, None)
        for name, mask in drawn.items()
        if name.startswith("lesion-")
    )
    aorta, healthy = (Region(name, drawn[name], "given") for name in ("aorta", "healthy"))
    shared = replace(case, regions=replace(case.regions, aorta=aorta, healthy=healthy, lesions=lesions))
    case_files.write(shared, tmp_path, plan={"model": "aath", "haematocrit": None}, study_digest="abc", displacements=False)
    again, opened = read_regions(tmp_path / "rois.nii.gz", case.series.grid).masks, open_case(tmp_path)
    assert set(again) == set(drawn)
    for name, mask in drawn.items():
        np.testing.assert_array_equal(again[name], mask, err_msg=name)
    assert set(opened.lesions) == {one.id for one in lesions}
    for name, mask in opened.lesions.items():
        np.testing.assert_array_equal(mask, drawn[name], err_msg=name)
    np.testing.assert_array_equal(opened.healthy, drawn["healthy"])
