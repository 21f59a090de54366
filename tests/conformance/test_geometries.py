"""Maps and segments that hepaflow writes, as independent readers see them: every voxel within 1e-3 mm of its place, every value within 1e-6."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import case_for_tests
import numpy as np
import pydicom
import pytest
from geometries import GEOMETRIES, Geometry

from hepaflow.dicom import write_map, write_seg, write_sr
from hepaflow.domain.case import CaseResult
from hepaflow.domain.geometry import Grid

POSITION_MM, VALUE = 1e-3, 1e-6
DCMQI = Path(sys.executable).parent
#: Warnings of dciodvfy by object, all explained in docs/reference/dicom-output.md; nothing else may appear.
TERMS = (
    "Unrecognized defined term <QUANTITY>",
    "Unrecognized defined term <99HEPAFLOW>",
    "Unrecognized defined term <2.25.",
    "Unrecognized defined term <US> for value 1 of attribute <Rescale Type>",
)


@pytest.fixture(scope="module", params=GEOMETRIES, ids=lambda g: g.name)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[CaseResult, Path]:
    """A case with one map on the geometry, and the folder that its objects lie in."""
    geometry: Geometry = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case_for_tests, "grid", lambda kind: geometry.grid())
        study = case_for_tests.case()
    header = study.series.source["header"] | {"PatientPosition": geometry.patient_position}
    series = replace(study.series, source=study.series.source | {"header": header})
    study = replace(study, series=series, maps=replace(study.maps, maps={"bf": study.maps.maps["bf"]}))
    folder = tmp_path_factory.mktemp("objects")
    write_map.write_maps(study, folder)
    write_seg.write_seg(study, folder)
    write_sr.write_sr(study, folder)
    return study, folder


def agrees(values: np.ndarray, affine: np.ndarray, truth: np.ndarray, grid: Grid, *, within: float = 0.0) -> None:
    """``affine`` maps an index of ``values`` to mm in LPS. Every voxel of ``truth`` that is finite and not zero lies at a voxel centre of
    ``values`` and holds the same value (off by ``within`` at most); nothing else does."""
    index = np.argwhere(np.nan_to_num(truth) != 0)
    exact = (grid.to_mm(index) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    voxel = np.rint(exact).astype(int)
    off = np.abs((exact - voxel) @ affine[:3, :3].T)
    assert off.max() < POSITION_MM
    assert (voxel >= 0).all()
    assert (voxel < values.shape).all()
    np.testing.assert_allclose(values[tuple(voxel.T)], truth[tuple(index.T)], rtol=VALUE, atol=within)
    assert np.count_nonzero(np.nan_to_num(values)) == len(index)


def by_hand(path: Path, frames: np.ndarray, chosen: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Values and affine of some frames of a multi-frame object from its attributes alone (PS3.3 C.7.6.2.1.1)."""
    made = pydicom.dcmread(path)
    shared = made.SharedFunctionalGroupsSequence[0]
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    points = np.array(
        [made.PerFrameFunctionalGroupsSequence[n].PlanePositionSequence[0].ImagePositionPatient for n in chosen], float
    )
    step = (points[-1] - points[0]) / (len(points) - 1) if len(points) > 1 else np.cross(cosines[:3], cosines[3:])
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1], affine[:3, 2], affine[:3, 3] = step, cosines[3:] * spacing[0], cosines[:3] * spacing[1], points[0]
    return frames[chosen], affine


def test_pydicom(written: tuple[CaseResult, Path]) -> None:
    study, folder = written
    grid = study.series.grid
    made = pydicom.dcmread(folder / "pm_bf.dcm")
    shape = (int(made.NumberOfFrames), made.Rows, made.Columns)
    values = np.frombuffer(made.FloatPixelData, "<f4").reshape(shape)
    agrees(*by_hand(folder / "pm_bf.dcm", values, list(range(shape[0]))), study.maps.maps["bf"].values, grid)
    seg = pydicom.dcmread(folder / "segmentation.dcm")
    numbers = [f.SegmentIdentificationSequence[0].ReferencedSegmentNumber for f in seg.PerFrameFunctionalGroupsSequence]
    for one in write_seg.segments(study.regions):
        chosen = [n for n, number in enumerate(numbers) if number == one.number]
        agrees(*by_hand(folder / "segmentation.dcm", seg.pixel_array, chosen), one.mask.astype(float), grid)


def test_highdicom(written: tuple[CaseResult, Path]) -> None:
    from highdicom import imread
    from highdicom.seg import segread

    study, folder = written
    volume = imread(folder / "pm_bf.dcm").get_volume()
    agrees(volume.array, volume.affine, study.maps.maps["bf"].values, study.series.grid)
    segmentation = segread(folder / "segmentation.dcm")
    for one in write_seg.segments(study.regions):
        found = segmentation.get_volume(segment_numbers=[one.number], allow_missing_positions=True)
        agrees(found.array[..., 0], found.affine, one.mask.astype(float), study.series.grid)


def itk_image(image: object) -> tuple[np.ndarray, np.ndarray]:
    """Array (slices, rows, columns) and affine of an image of SimpleITK, which is in LPS as DICOM is."""
    import SimpleITK as sitk  # noqa: N813 - the name that its documentation uses

    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()  # type: ignore[attr-defined]
    affine[:3, :3], affine[:3, 3] = direction[:, ::-1], image.GetOrigin()  # type: ignore[attr-defined]
    return sitk.GetArrayFromImage(image), affine


def test_dcmqi_and_simpleitk(written: tuple[CaseResult, Path], tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    if not (DCMQI / "paramap2itkimage").is_file():
        pytest.skip("dcmqi is not installed")
    study, folder = written
    for program, name, rest in (
        ("paramap2itkimage", "pm_bf.dcm", ()),
        ("segimage2itkimage", "segmentation.dcm", ("--prefix", "seg")),
    ):
        subprocess.run(
            [DCMQI / program, "--inputDICOM", folder / name, "--outputDirectory", tmp_path, "--outputType", "nrrd", *rest],
            capture_output=True,
            check=True,
        )
    (found,) = tmp_path.glob("pmap*.nrrd")
    agrees(*itk_image(sitk.ReadImage(str(found))), study.maps.maps["bf"].values, study.series.grid)
    for one in write_seg.segments(study.regions):
        image = sitk.ReadImage(str(tmp_path / f"seg-{one.number}.nrrd"))
        agrees(*itk_image(image), one.mask * float(one.number), study.series.grid)


def test_simpleitk_reads_the_image_series(written: tuple[CaseResult, Path]) -> None:
    """The int16 form: values within half a step of the map's."""
    sitk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    study, folder = written
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder / "images_bf"))
    values, affine = itk_image(sitk.ReadImage(names))
    truth, slope = study.maps.maps["bf"].values, write_map.step(study.maps.maps["bf"].values)
    values = np.where(values <= -32768 * slope * (1 - VALUE), 0.0, values)  # padding
    kept = np.where(np.abs(np.nan_to_num(truth)) > slope, truth, 0.0)
    assert np.count_nonzero(kept) > 0.9 * np.count_nonzero(np.nan_to_num(truth))
    values = np.where(np.abs(values) > slope * (1 + VALUE), values, 0.0)
    agrees(values, affine, np.where(np.rint(kept / slope) > 1, kept, 0.0), study.series.grid, within=slope * (0.5 + VALUE))


def lines_of(command: list[str | Path]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_dciodvfy_finds_no_error(written: tuple[CaseResult, Path]) -> None:
    _, folder = written
    for path in sorted(folder.rglob("*.dcm")):
        said = lines_of(["dciodvfy", path])
        assert [line for line in said if not any(term in line for term in TERMS)] == []
        assert not [line for line in said if line.startswith("Error")]


@pytest.mark.skipif(shutil.which("dcentvfy") is None, reason="dcentvfy (dicom3tools) is not installed")
def test_dcentvfy_finds_one_study(written: tuple[CaseResult, Path]) -> None:
    _, folder = written
    said = lines_of(["dcentvfy", *sorted(folder.rglob("*.dcm"))])
    # the definitions of the report and of the others differ, not their values
    assert [line for line in said if "attribute - Element=<AccessionNumber> IE <Study> versus <Series>" not in line] == []
    assert not [line for line in said if line.startswith("Error")]
