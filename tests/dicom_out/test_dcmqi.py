"""What another library (dcmqi, on DCMTK and ITK) makes of maps, segments and report; runs where its programs are installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from case_for_tests import case

from hepaflow.dicom import write_map, write_seg, write_sr

#: The wheel puts its programs beside the interpreter.
PLACES = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
pytestmark = pytest.mark.skipif(shutil.which("paramap2itkimage", path=PLACES) is None, reason="dcmqi is not installed")


def run(program, source, *rest):
    subprocess.run([shutil.which(program, path=PLACES), "--inputDICOM", source, *rest], capture_output=True, text=True, check=True)


def agrees(path, truth, grid):
    """Every non-zero finite voxel of ``truth`` lies at a voxel centre of the image, holds the same value, and nothing else does."""
    image = nibabel.load(path)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.affine  # NIfTI is RAS, hepaflow LPS
    values = np.nan_to_num(np.asarray(image.dataobj))
    index = np.argwhere(np.nan_to_num(truth) != 0)
    exact = (grid.to_mm(index) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    voxel = np.rint(exact).astype(int)
    assert np.abs(exact - voxel).max() < 1e-3  # DICOM decimal strings, and NIfTI's float32 affine
    np.testing.assert_array_equal(values[tuple(voxel.T)], truth[tuple(index.T)])
    assert np.count_nonzero(values) == len(index)


@pytest.mark.parametrize(("kind", "real"), [("axial", True), ("oblique", False), ("feet-first", True)])
def test_reads_the_same(kind, real, tmp_path):
    study = case(kind, real=real)
    write_map.write_maps(study, tmp_path)
    seg, sr = write_seg.write_seg(study, tmp_path), write_sr.write_sr(study, tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    run("paramap2itkimage", tmp_path / "pm_bf.dcm", "--outputDirectory", out, "--outputType", "nii")
    run("segimage2itkimage", seg, "--outputDirectory", out, "--outputType", "nii", "--prefix", "seg")
    run("tid1500reader", sr, "--outputMetadata", out / "sr.json")
    agrees(next(out.glob("pmap*.nii*")), study.maps.maps["bf"].values, study.series.grid)
    for segment in write_seg.segments(study.regions):
        agrees(next(out.glob(f"seg-{segment.number}.nii*")), segment.mask * float(segment.number), study.series.grid)
    read = json.loads((out / "sr.json").read_text())
    assert [group["TrackingIdentifier"] for group in read["Measurements"]] == ["healthy", "lesion-1", "lesion-1 rim", "lesion-2"]
