"""No image of another form than the others gets into a dynamic series, however the images are spread over series and objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from enhanced_study import enhanced, item
from tiny_study import PASSES, SPACING, TIMES_S, Image, pick, tiny, write

from hepaflow.dicom.assemble import assemble
from hepaflow.errors import InputRefused


def refused(images: list[Image], folder: Path) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        assemble(write(images, folder))
    return caught.value


def _other_matrix(ds: Any) -> None:
    ds.Rows, ds.Columns = ds.Columns, ds.Rows


def _smaller(ds: Any) -> None:
    ds.Rows, ds.PixelData = ds.Rows // 2, ds.PixelData[: len(ds.PixelData) // 2]


def _larger(ds: Any) -> None:
    ds.Rows, ds.PixelData = ds.Rows * 2, ds.PixelData * 2


def _finer(ds: Any) -> None:
    ds.PixelSpacing = [str(SPACING[1] / 2), str(SPACING[2] / 2)]


def _turned(ds: Any) -> None:
    ds.ImageOrientationPatient = [-float(v) for v in ds.ImageOrientationPatient]


def _elsewhere(ds: Any) -> None:
    ds.FrameOfReferenceUID = "1.2.3.99"


def _nowhere(ds: Any) -> None:
    del ds.FrameOfReferenceUID


ODD = (
    *((change, "SERIES-MATRIX") for change in (_other_matrix, _smaller, _larger)),
    *((change, "SERIES-GEOMETRY") for change in (_finer, _turned)),
    *((change, "SERIES-FRAME") for change in (_elsewhere, _nowhere)),
)


@pytest.mark.parametrize(("change", "code"), ODD, ids=[change.__name__ for change, _ in ODD])
@pytest.mark.parametrize("slices", [(0,), (1,), (3,), (0, 1), (1, 2, 3)], ids=str)
def test_any_image_that_differs_is_refused_in_one_series_and_in_a_series_a_pass(
    change: Callable[[Any], None], code: str, slices: tuple[int, ...], tmp_path: Path
) -> None:
    for series in (None, tuple(range(PASSES)), (0, 0, 0, 1, 1, 1)):
        for p in (0, 2):
            images = tiny(series=series)
            for k in slices:
                change(pick(images, p, k)[0].ds)
            assert refused(images, tmp_path / f"{series}-{p}").code == code


@pytest.mark.parametrize(("change", "code"), ODD, ids=[change.__name__ for change, _ in ODD])
def test_a_pass_of_its_own_series_and_of_another_form_is_not_left_aside(
    change: Callable[[Any], None], code: str, tmp_path: Path
) -> None:
    images = tiny(series=tuple(range(PASSES)))
    for image in pick(images, p=2):
        change(image.ds)
    assert refused(images, tmp_path).code == code


@pytest.mark.parametrize("k", range(3))
def test_any_frame_that_differs_is_refused_in_an_object_a_pass(k: int, tmp_path: Path) -> None:
    images = []
    for p in range(PASSES):
        made = enhanced(pick(tiny(series=tuple(range(PASSES))), p=p), TIMES_S, number=p + 1)
        if p == 2:
            measures = item(PixelSpacing=[str(SPACING[1] / 2), str(SPACING[2] / 2)], SliceThickness=str(SPACING[0]))
            made.ds.PerFrameFunctionalGroupsSequence[k].PixelMeasuresSequence = [measures]
        images.append(made)
    assert refused(images, tmp_path).code == "SERIES-GEOMETRY"


@pytest.mark.parametrize(
    ("name", "born", "one"),
    [
        ("DOE^JANE^^", "19500101", True),
        ("Doe^Jane", "", True),
        ("", "", True),
        ("Doé^Jane", "19500101", True),  # two files may encode it differently
        ("Doe^Joan", "19500101", False),
        ("Doe^Jane", "19510101", False),
    ],
)
def test_a_file_without_number_belongs_to_the_patient_of_its_name_and_birth(
    name: str, born: str, one: bool, tmp_path: Path
) -> None:
    images = tiny(times_s=(0.0, 2.0), slices=2)
    for image in pick(images, p=1):
        image.ds.SpecificCharacterSet = "ISO_IR 192"
        image.ds.PatientID, image.ds.PatientName, image.ds.PatientBirthDate = "", name, born
    if one:
        assert assemble(write(images, tmp_path)).flags == ()
    else:
        assert refused(images, tmp_path).code == "STUDY-MIXED"
