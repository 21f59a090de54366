"""``inspect`` explains any folder: what each series is, what an analysis would still want, and never what a header says of the patient."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from enhanced_study import enhanced
from tiny_study import TIMES_S, pick, save, tiny, write

from hepaflow.cli.inspect import inspect
from hepaflow.dicom.kinds import _NAMES, kind_of
from hepaflow.errors import InputRefused

sys.path.insert(0, str(Path(__file__).parents[1] / "dicom_out"))
from case_for_tests import case

STORAGE = "1.2.840.10008.5.1.4.1.1."
CANARY = "CANARY"


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that folds no cell."""
    monkeypatch.setenv("COLUMNS", "220")


def said(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str, str | None]:
    """Facts, table, and the code of the refusal."""
    code = None
    texts = []
    for as_json in (True, False):
        try:
            inspect(folder, as_json=as_json)
        except InputRefused as refused:
            code = refused.code
        texts.append(capsys.readouterr().out)
    assert CANARY not in texts[0] + texts[1]
    return json.loads(texts[0]), " ".join(texts[1].split()), code


def one(sop_class: str, modality: str) -> Callable[[Path], None]:
    """A folder with one object of another kind that holds nothing but what says so."""

    def make(folder: Path) -> None:
        image = pick(tiny(), 0, 0)[0]
        image.ds.SOPClassUID, image.ds.Modality, image.ds.SeriesDescription = STORAGE + sop_class, modality, CANARY
        del image.ds.ImagePositionPatient, image.ds.PixelData
        save(image, folder / CANARY)

    return make


def nothing(folder: Path) -> None:
    folder.mkdir(exist_ok=True)


def strangers(folder: Path) -> None:
    for number in range(20):
        (folder / f"{CANARY}{number}.txt").write_bytes(np.random.default_rng(number).bytes(5000))


def still(folder: Path) -> None:
    write(pick(tiny(), 0), folder)


def dynamic(folder: Path) -> None:
    write(tiny(), folder)


def multi_frame(folder: Path) -> None:
    write([enhanced(tiny(), TIMES_S)], folder)


def dynamic_and_regions(folder: Path) -> None:
    write(tiny(), folder)
    image = pick(tiny(), 0, 0)[0]
    image.ds.SOPClassUID, image.ds.Modality, image.ds.SeriesInstanceUID = STORAGE + "481.3", "RTSTRUCT", "1.2.3.1.88"
    image.ds.SOPInstanceUID = "1.2.3.1.88.1"
    save(image, folder / "regions")


def broken(folder: Path) -> None:
    write([image for image in tiny() if (image.p, image.k) != (2, 1)], folder)


DYNAMIC = "the dynamic CT series: one that shows the same slices again and again"
DRAWN = "the images that the regions were drawn on"
STILL = "the CT images here show each place once, or cannot be told apart in time"
NO_REGIONS = "no regions in the study: vessels, liver and healthy reference would be proposed, lesions not"


@pytest.mark.parametrize(
    ("make", "what", "code", "missing", "source"),
    [
        (nothing, [], "STUDY-EMPTY", ["any DICOM image or 4D NIfTI"], None),
        (strangers, [], "STUDY-EMPTY", ["any DICOM image or 4D NIfTI"], None),
        (one("481.3", "RTSTRUCT"), ["structure set"], "STUDY-NO-CT", [DYNAMIC, DRAWN], None),
        (one("66.4", "SEG"), ["segmentation"], "STUDY-NO-CT", [DYNAMIC, DRAWN], None),
        (one("4", "MR"), ["MR images"], "STUDY-NO-CT", [DYNAMIC], None),
        (one("88.67", "SR"), ["radiation dose report"], "STUDY-NO-CT", [DYNAMIC], None),
        (one("9999", "OT"), ["other objects"], "STUDY-NO-CT", [DYNAMIC], None),
        (still, ["CT images"], "SERIES-NOT-DYNAMIC", [DYNAMIC, STILL], None),
        (
            broken,
            ["CT images"],
            "SERIES-MISSING-SLICE",
            ["what the refusal names: the dynamic series was found but cannot be assembled"],
            None,
        ),
        (dynamic, ["CT images"], None, [NO_REGIONS], "AcquisitionTime"),
        (multi_frame, ["multi-frame CT"], None, [NO_REGIONS], "FrameAcquisitionDateTime"),
        (dynamic_and_regions, ["CT images", "structure set"], None, [], "AcquisitionTime"),
    ],
)
def test_a_folder(
    make: Callable[[Path], None],
    what: list[str],
    code: str | None,
    missing: list[str],
    source: str | None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(tmp_path)
    facts, table, refused = said(tmp_path, capsys)
    assert sorted(series["what"] for series in facts["series"]) == what
    assert (refused, facts["refused"] and facts["refused"]["code"]) == (code, code)
    assert facts["missing"] == missing
    assert facts["time_source"] == source
    assert facts["files_not_dicom"] == (20 if make is strangers else 0)
    for text in (*what, *missing, *([source] if source else [])):
        assert text in table


def test_our_own_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hepaflow.dicom import write_map, write_seg, write_sr

    study = case()
    write_map.write_maps(study, tmp_path)
    write_seg.write_seg(study, tmp_path)
    write_sr.write_sr(study, tmp_path)
    facts, table, refused = said(tmp_path, capsys)
    assert refused == "STUDY-NO-CT"
    expected = {"segmentation, made by hepaflow: regions", "measurement report, made by hepaflow: lesion table"}
    for key in study.maps.maps:
        expected |= {f"parametric map, made by hepaflow: {key}", f"CT images, made by hepaflow: {key}"}
    assert {series["what"] for series in facts["series"]} == expected
    assert "parametric map, made by hepaflow: bf" in table
    assert "Müller" not in json.dumps(facts)


def test_results_beside_their_study_are_left_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Maps as images show the slices of the study again: they are no passes of it."""
    from dataclasses import replace

    from hepaflow.dicom import write_map
    from hepaflow.dicom.assemble import assemble

    images = tiny(slices=6)
    for image in images:
        image.ds.Rows, image.ds.Columns = 10, 13
        image.ds.PixelData = image.ds.PixelData[: 2 * 10 * 13]
    series = assemble(write(images, tmp_path))
    study = case()
    write_map.write_maps(replace(study, series=replace(series, times_s=series.times_s)), tmp_path / "results")
    facts, _, refused = said(tmp_path, capsys)
    assert refused is None
    assert facts["times_s"] == list(TIMES_S)
    assert [series["what"] for series in facts["series"] if series["role"] == "dynamic"] == ["CT images"]


@pytest.mark.parametrize("sop_class", sorted(set(_NAMES) - {"66.7"}))  # label maps are newer than the library's dictionary
def test_names_are_those_of_the_standard(sop_class: str) -> None:
    """Every class in the table is one that the DICOM library knows as storage."""
    from pydicom.uid import UID

    uid = UID(STORAGE + sop_class)
    assert "Storage" in uid.name
    assert kind_of(uid) == _NAMES[sop_class]
