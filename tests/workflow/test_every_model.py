"""Every model of the catalogue through the whole line: what it gives is in every file, what it cannot give in none."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from hepaflow import cli
from hepaflow.dicom import codes
from hepaflow.dicom.write_ct import write_study
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import KineticModel, ResidueModel
from hepaflow.phantom import PhantomSpec, build
from hepaflow.store import nifti

pytestmark = pytest.mark.slow
FIRST, LAST = 8, 17
KEPT = ("aorta", "portal_vein", "spleen", "liver", "healthy", "lesion-2")
#: The liver is kept this many voxels around the healthy region and the lesion: maps of all of it take most of the time.
NEAR = 2
#: In every case, whatever the model.
ALWAYS = {"ttp", "msi"}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("study")
    phantom = build(PhantomSpec(breathing_mm=0.0))
    affine = np.array(phantom.grid.affine)
    affine[:3, 3] = phantom.grid.to_mm([FIRST, 0, 0])
    grid = replace(phantom.grid, shape=(LAST - FIRST, *phantom.grid.shape[1:]), affine=affine)
    series = replace(phantom.series, voxels=phantom.series.voxels[:, FIRST:LAST].copy(), grid=grid)
    write_study(series, home / "dicom", patient_id="tiny", patient_name="tiny", uid_seed="test")
    number = {name: label for label, name in phantom.names.items() if name in KEPT}
    labels = np.where(np.isin(phantom.labels, list(number.values())), phantom.labels, 0)[FIRST:LAST]
    place = np.argwhere(np.isin(labels, [number["healthy"], number["lesion-2"]]))
    box = tuple(slice(max(a - NEAR, 0), b + NEAR + 1) for a, b in zip(place.min(0), place.max(0), strict=True))
    near = np.zeros(labels.shape, bool)
    near[box] = True
    labels = np.where((labels == number["liver"]) & ~near, 0, labels)
    nifti.write(home / "rois.nii.gz", labels, grid, description="regions")
    named = {str(label): name for name, label in number.items()}
    (home / "rois.json").write_text(json.dumps({"labels": named, "frame": phantom.reference}))
    return home


@pytest.fixture(scope="module")
def begun(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case of one model: in a copy of it, what a model has no part in is done for every other, and what only this one gives must go."""
    folder = tmp_path_factory.mktemp("begun") / "case"
    assert analyze(study, folder, "--model", "one-compartment") == 0
    return folder


def analyze(study: Path, out: Path, *options: str) -> int:
    command = ["analyze", study / "dicom", "--rois", study / "rois.nii.gz", "--out", out, "--motion", "none", *options]
    with pytest.raises(SystemExit) as ended:
        cli.app([str(word) for word in command], prog_name="hepaflow")
    return int(ended.value.code or 0)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.key)
def test_a_model_gives_what_it_can_and_nothing_else(
    model: KineticModel, study: Path, begun: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = shutil.copytree(begun, tmp_path / "case")
    flow = "bf" in model.quantities
    assert analyze(study, out, "--model", model.key) == (0 if flow else 4)
    said = capsys.readouterr().err
    assert ("gives no blood flow" in said) is not flow

    given = {*model.quantities, *ALWAYS}
    share = {"data_share"} if isinstance(model, ResidueModel) else set()
    assert maps_in(out) == given | share
    found = json.loads((out / "lesions.json").read_text())
    assert found["model"] == model.key
    assert set(found["units"]) == given | share
    (lesion,) = found["lesions"]
    for region in (found["healthy"], lesion["regions"]["whole"]):
        numbers = {key: x for key, x in region.items() if isinstance(x, dict) and "value" in x}
        assert set(numbers) == given
        assert all(x[part] is not None for x in numbers.values() for part in ("value", "sd", "map_mean", "map_median"))
    assert set(lesion["ratio"]) == given
    assert all(ratio is not None for ratio in lesion["ratio"].values())
    call = lesion["response"][0]
    assert (call["category"] is not None) is flow
    assert call["flags"].count("response-not-evaluable") == (0 if flow else 1)
    assumed = flow and model.key != "aath"
    assert ("response-assumes-model" in call["flags"]) is assumed

    with (out / "lesions.csv").open() as file:
        (head, whole, *_) = csv.reader(file)
    assert {name for name in head if name.endswith("_map_mean")} == {f"{key}_map_mean" for key in given}
    assert all(whole[head.index(key)] for key in given)
    dicom = {path.name for path in (out / "dicom").iterdir()}
    assert {name for name in dicom if name.startswith("pm_")} == {f"pm_{key}.dcm" for key in given | share}
    any_map = pydicom.dcmread(out / "dicom" / f"pm_{model.quantities[0]}.dcm")
    assert codes.method(model.key).meaning in str(any_map)

    case = json.loads((out / "case.json").read_text())
    assert ("response-not-from-this-model" in case["flags"]) is not flow
    assert ("response-assumes-model" in case["flags"]) is assumed
    assert set(found["healthy"]["flags"]) <= set(case["flags"])
    codes_used = {*case["flags"], *found["healthy"]["flags"], *lesion["flags"], *call["flags"]}
    assert codes_used <= set(case["flag_meanings"])
    report = (out / "report.html").read_text()
    assert ("gives no blood flow, which the response criterion reads" in report) is not flow
    assert ("Criterion says" in report) is flow


def maps_in(out: Path) -> set[str]:
    names = {path.name.removesuffix(".nii.gz") for path in (out / "maps").iterdir()}
    return {name for name in names - {"flags"} if not name.endswith("_sd")}


def test_exact_maps_are_another_step_and_say_so(study: Path, begun: Path, tmp_path: Path) -> None:
    out = shutil.copytree(begun, tmp_path / "case")
    before = json.loads((out / "lesions.json").read_text())
    assert "posterior mean" in (out / "report.html").read_text()
    assert analyze(study, out, "--model", "one-compartment", "--estimation", "exact") == 0
    after, case = (json.loads((out / name).read_text()) for name in ("lesions.json", "case.json"))
    (step,) = [step for step in case["steps"] if step["name"] == "maps"]
    assert (case["plan"]["estimation"], step["parameters"]["estimation"]) == ("exact", "exact")
    assert maps_in(out) == {*MODELS[1].quantities, *ALWAYS}
    # numbers of regions come from their mean curves: only the map beside them changes
    assert before["healthy"]["bf"]["value"] == after["healthy"]["bf"]["value"]
    assert before["healthy"]["bf"]["map_mean"] != after["healthy"]["bf"]["map_mean"]
    assert re.search("exact\\s+least\\s+squares", (out / "report.html").read_text())


def test_a_model_that_is_read_has_no_exact_maps(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert analyze(study, tmp_path / "case", "--model", "patlak", "--estimation", "exact") == 2
    assert capsys.readouterr().err.startswith("CONFIG-INVALID")
    assert not (tmp_path / "case").exists()
