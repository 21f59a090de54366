"""96 ways in which sound files do not make one regular dynamic series, or do so in an unusual way; and permutations of their order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from enhanced_study import ENHANCED_CT, enhanced
from enhanced_study import item as one_item
from fault import TIMES_S, Fault, lay, study, truth
from tiny_study import (
    AXIAL,
    COLUMNS,
    FEET_FIRST,
    OBLIQUE,
    ORIGIN,
    PRONE,
    ROWS,
    SPACING,
    START_S,
    Image,
    clock,
    hounsfield,
    origin_of,
    set_hu,
)

Images = list[Image]
PERMUTATIONS = 100


def changed(change: Callable[[Image], object], *, p: int | None = None, k: int | None = None, **how: Any) -> Callable[[Path], Path]:
    """The study with ``change`` done to the images of one pass, one slice, or all."""

    def build(folder: Path) -> Path:
        images = study(**how)
        for image in images:
            if p in (None, image.p) and k in (None, image.k):
                change(image)
        return lay(images, folder)

    return build


def kept(
    keep: Callable[[Image], bool], change: Callable[[Image], object] = lambda image: None, **how: Any
) -> Callable[[Path], Path]:
    """The study without some of its images."""

    def build(folder: Path) -> Path:
        images = [image for image in study(**how) if keep(image)]
        for image in images:
            change(image)
        return lay(images, folder)

    return build


def with_more(more: Callable[[Images], Images], **how: Any) -> Callable[[Path], Path]:
    """The study and other images beside it."""

    def build(folder: Path) -> Path:
        images = study(**how)
        return lay([*images, *more(images)], folder)

    return build


def put(**values: object) -> Callable[[Image], None]:
    """Attributes of an image set; None removes one."""

    def change(image: Image) -> None:
        for keyword, value in values.items():
            if value is None:
                delattr(image.ds, keyword)
            else:
                setattr(image.ds, keyword, value)

    return change


def copies(images: Images, series: str, **values: object) -> Images:
    """The same images as another series."""
    found = copy.deepcopy(images)
    for n, image in enumerate(found):
        image.ds.SeriesInstanceUID, image.ds.SOPInstanceUID = f"1.2.3.1.{series}", f"1.2.3.1.{series}.{n}"
        put(**values)(image)
    return found


def moved(by: Callable[[Image], np.ndarray]) -> Callable[[Image], None]:
    def change(image: Image) -> None:
        image.ds.ImagePositionPatient = [f"{v:.6f}" for v in origin_of(image.k) + by(image)]

    return change


def timed(keyword: str, form: Callable[[Image], object]) -> Callable[[Image], None]:
    """Another clock in place of AcquisitionTime."""

    def change(image: Image) -> None:
        del image.ds.AcquisitionTime
        setattr(image.ds, keyword, form(image))

    return change


def rescaled(slope: float, intercept: float) -> Callable[[Image], None]:
    """The same HU by another rescale."""

    def change(image: Image) -> None:
        image.ds.RescaleSlope, image.ds.RescaleIntercept = str(slope), str(intercept)
        set_hu(image.ds, truth()[image.p, image.k])

    return change


def of_pass(image: Image) -> float:
    return TIMES_S[image.p]


def seconds(image: Image) -> str:
    return clock(START_S + of_pass(image))


def missing() -> Iterator[Fault]:
    gone = ("SERIES-MISSING-SLICE",)
    yield Fault("a slice of one pass missing", kept(lambda i: (i.p, i.k) != (1, 1)), gone)
    yield Fault("the outer slice of the last pass missing", kept(lambda i: (i.p, i.k) != (3, 2)), gone)
    yield Fault("the first slice of the first pass missing", kept(lambda i: (i.p, i.k) != (0, 0)), gone)
    yield Fault("most of a pass missing", kept(lambda i: i.p != 2 or i.k == 0), (*gone, "SERIES-DUPLICATE"))
    yield Fault("a slice missing everywhere", kept(lambda i: i.k != 2, slices=5), ("SERIES-SPACING",))
    rest = {"hu": truth()[[0, 1, 3]], "times_s": (0.0, 2.0, 20.0)}
    numbered = kept(lambda i: i.p != 2, lambda i: put(TemporalPositionIdentifier=i.p + 1)(i))
    yield Fault("a numbered pass dropped", numbered, (), ("pass-missing",), **rest)
    counted = kept(lambda i: i.p != 2, lambda i: put(TemporalPositionIdentifier=i.p + (i.p < 2), NumberOfTemporalPositions=4)(i))
    yield Fault("a counted pass dropped", counted, (), ("pass-missing",), **rest)
    yield Fault("one pass only", kept(lambda i: i.p == 0), ("SERIES-NOT-DYNAMIC",))


def twice() -> Iterator[Fault]:
    said = ("duplicate-slices-ignored",)
    yield Fault("a file twice", with_more(lambda images: [images[5]]), (), said)
    yield Fault("a pass twice", with_more(lambda images: images[3:6]), (), said)
    yield Fault("a file sent again", with_more(lambda images: _again(images[5], truth()[1, 2])), (), said)
    yield Fault("a twin of another content", with_more(lambda images: _again(images[5], truth()[3, 2])), ("SERIES-DUPLICATE",))
    same = with_more(lambda images: _again(images[5], truth()[3, 2], SOPInstanceUID=images[5].ds.SOPInstanceUID))
    yield Fault("one name for two contents", same, ("SERIES-DUPLICATE",))
    yield Fault("two reconstructions", with_more(lambda images: copies(images, "60", ConvolutionKernel="B40f")), ("SERIES-TIMES",))


def _again(image: Image, hu: np.ndarray, **values: object) -> Images:
    twin = copy.deepcopy(image)
    put(**({"SOPInstanceUID": "1.2.3.1.77"} | values))(twin)
    set_hu(twin.ds, hu)
    return [twin]


def mixed() -> Iterator[Fault]:
    yield Fault("two studies", with_more(lambda images: study(seed=2)), ("STUDY-MIXED",))
    yield Fault("two patients", changed(put(PatientID="CANARY 2"), p=1, k=1), ("STUDY-MIXED",))
    yield Fault("a patient without number in one file", changed(put(PatientID=""), p=1, k=1))
    nobody = put(PatientID="", PatientName="CANARY^OTHER")
    yield Fault("another name without number in one pass", changed(nobody, p=1), ("STUDY-MIXED",))
    unborn = put(PatientID="", PatientBirthDate="19600101")
    yield Fault("another date of birth without number in one file", changed(unborn, p=1, k=1), ("STUDY-MIXED",))
    yield Fault("a frame of reference in one pass", changed(put(FrameOfReferenceUID="1.2.3.99"), p=1), ("SERIES-FRAME",))
    yield Fault("two series, two frames", changed(_frame_of_late, series=(0, 0, 1, 1)), ("SERIES-FRAME",))
    yield Fault("no frame of reference", changed(put(FrameOfReferenceUID=None)), (), ("frame-of-reference-missing",))
    yield Fault("another modality", changed(put(SOPClassUID="1.2.840.10008.5.1.4.1.1.4")), ("STUDY-NO-CT",))
    yield Fault("single images that claim to be multi-frame", changed(put(SOPClassUID=ENHANCED_CT)), ("FILE-DAMAGED",))
    yield Fault("one multi-frame object", frames())
    yield Fault("frames that are not all described", frames(_undescribed), ("FILE-DAMAGED",))
    yield Fault("a frame that does not say where it lies", frames(_nowhere), ("HEADER-MISSING",))
    yield Fault("a multi-frame object with a frame missing", frames(keep=lambda i: (i.p, i.k) != (2, 1)), ("SERIES-MISSING-SLICE",))
    yield Fault("a multi-frame object with fewer pixels than frames", frames(_fewer_pixels), ("FILE-TRUNCATED",))

    for name, item in (
        ("PixelMeasuresSequence", {"PixelSpacing": [0.4, 0.5]}),
        ("PixelValueTransformationSequence", {"RescaleIntercept": 0, "RescaleSlope": 1, "RescaleType": "HU"}),
    ):
        yield Fault(f"two items in {name}", frames(_twice(name, item)), ("FILE-DAMAGED",))
    yield Fault("two items of what all frames share", frames(_shared_twice), ("FILE-DAMAGED",))


def _twice(keyword: str, values: dict[str, object]) -> Callable[[Any], None]:
    return lambda ds: ds.SharedFunctionalGroupsSequence[0][keyword].value.append(one_item(**values))


def _shared_twice(ds: Any) -> None:
    ds.SharedFunctionalGroupsSequence.append(copy.deepcopy(ds.SharedFunctionalGroupsSequence[0]))


def frames(
    change: Callable[[Any], object] = lambda ds: None, *, keep: Callable[[Image], bool] = lambda image: True
) -> Callable[[Path], Path]:
    """The study as one multi-frame object, with ``change`` done to it."""

    def build(folder: Path) -> Path:
        made = enhanced([image for image in study() if keep(image)], TIMES_S)
        change(made.ds)
        return lay([made], folder)

    return build


def _undescribed(ds: Any) -> None:
    del ds.PerFrameFunctionalGroupsSequence[-1]


def _nowhere(ds: Any) -> None:
    del ds.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def _fewer_pixels(ds: Any) -> None:
    ds.PixelData = ds.PixelData[: -ROWS * COLUMNS * 2]


def _frame_of_late(image: Image) -> None:
    if image.p >= 2:
        image.ds.FrameOfReferenceUID = "1.2.3.99"


def places() -> Iterator[Fault]:
    for axes, what in ((AXIAL, "head first"), (FEET_FIRST, "feet first"), (PRONE, "prone"), (AXIAL[:, [1, 2, 0]], "sagittal")):
        yield Fault(f"a stack {what}", changed(lambda image: None, axes=axes))
    backward = changed(lambda i: put(ImagePositionPatient=[f"{v:.6f}" for v in ORIGIN - i.k * SPACING[0] * OBLIQUE[:, 2]])(i))
    yield Fault("slices numbered downwards", backward, hu=truth()[:, ::-1])
    yield Fault("gantry tilt", changed(moved(lambda i: 0.5 * i.k * OBLIQUE[:, 1])), ("GEOMETRY-SHEARED",))
    lean = changed(put(ImageOrientationPatient=[1, 0, 0, 0.5, 0.5, 0]))
    yield Fault("directions that are not at right angles", lean, ("GEOMETRY-ORIENTATION",))
    turned = changed(put(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]), p=2)
    yield Fault("an orientation that changes", turned, ("SERIES-GEOMETRY",))
    yield Fault("uneven spacing", changed(moved(lambda i: 0.6 * OBLIQUE[:, 2]), k=2), ("SERIES-SPACING",))
    yield Fault("a table moved sideways", changed(moved(lambda i: 3.0 * OBLIQUE[:, 0]), p=2), ("SERIES-GEOMETRY",))
    along = ("SERIES-SPACING", "SERIES-MISSING-SLICE", "SERIES-GEOMETRY", "SERIES-SHUTTLE")
    yield Fault("a table moved along", changed(moved(lambda i: 1.1 * OBLIQUE[:, 2]), p=2), along)
    shuttle = kept(lambda i: (i.k < 4) == (i.p % 2 == 0), lambda i: put(AcquisitionNumber=i.p + 1)(i), slices=8)
    both, first = hounsfield(len(TIMES_S), 8), [0, 2]  # a pass is the first position and the second one after it
    rounds = np.concatenate([both[first, :4], both[[1, 3], 4:]], axis=1)
    shuttled = tuple(TIMES_S[p] for p in first)
    yield Fault("a table that shuttles", shuttle, (), ("shuttle-table",), hu=rounds, times_s=shuttled)
    yield Fault("a matrix that changes", changed(_halved, p=2), ("SERIES-MATRIX",))
    each = {"series": (0, 1, 2, 3)}
    for change, what, code in (
        (_halved, "matrix of half the size", "SERIES-MATRIX"),
        (_doubled, "matrix of twice the size", "SERIES-MATRIX"),
        (_transposed, "matrix transposed", "SERIES-MATRIX"),
        (put(PixelSpacing=[SPACING[1] / 2, SPACING[2] / 2]), "spacing halved", "SERIES-GEOMETRY"),
        (_negated, "orientation negated", "SERIES-GEOMETRY"),
        (put(FrameOfReferenceUID="1.2.3.99"), "frame of reference", "SERIES-FRAME"),
        (put(FrameOfReferenceUID=None), "frame of reference gone", "SERIES-FRAME"),
    ):
        for k in (0, 1):
            yield Fault(f"a series a pass, slice {k + 1} of one with another {what}", changed(change, p=2, k=k, **each), (code,))
    yield Fault(
        "a series a pass, one of another spacing", changed(put(PixelSpacing=[0.4, 0.55]), p=2, **each), ("SERIES-GEOMETRY",)
    )
    yield Fault("an object a pass, a frame of another spacing", _object_a_pass, ("SERIES-GEOMETRY",))
    yield Fault("pixel spacing that changes", changed(put(PixelSpacing=[1.0, 1.1]), p=2), ("SERIES-GEOMETRY",))


def _halved(image: Image) -> None:
    image.ds.Rows, image.ds.PixelData = ROWS // 2, bytes(ROWS * COLUMNS)


def _doubled(image: Image) -> None:
    image.ds.Rows, image.ds.PixelData = ROWS * 2, image.ds.PixelData * 2


def _transposed(image: Image) -> None:
    image.ds.Rows, image.ds.Columns = COLUMNS, ROWS


def _negated(image: Image) -> None:
    image.ds.ImageOrientationPatient = [-float(v) for v in image.ds.ImageOrientationPatient]


def _object_a_pass(folder: Path) -> Path:
    images = study(series=(0, 1, 2, 3))
    made = [enhanced([image for image in images if image.p == p], TIMES_S, number=p + 1) for p in range(4)]
    made[2].ds.PerFrameFunctionalGroupsSequence[1].PixelMeasuresSequence = [one_item(PixelSpacing=[0.4, 0.55])]
    return lay(made, folder)


def times() -> Iterator[Fault]:
    wrong = ("SERIES-TIMES",)
    yield Fault("all times equal", changed(put(AcquisitionTime="102118")), wrong)
    yield Fault("two passes of one time", changed(put(AcquisitionTime=clock(START_S + TIMES_S[1])), p=2), wrong)
    yield Fault("times against the numbers", changed(lambda i: put(AcquisitionNumber=9 - i.p)(i)), wrong)
    yield Fault("two slices exchanged in time", changed(_exchanged), wrong)
    yield Fault("no times", changed(put(AcquisitionTime=None)), wrong)
    yield Fault("no times but numbers", changed(lambda i: put(AcquisitionTime=None, TemporalPositionIdentifier=i.p + 1)(i)), wrong)
    yield Fault("a time missing in one file", changed(put(AcquisitionTime=None), p=1, k=1), wrong)
    yield Fault("a time that is none", changed(lambda i: _raw_time(i, "25:99"), p=1, k=1), ("HEADER-VALUE",))
    yield Fault("AcquisitionDateTime only", changed(timed("AcquisitionDateTime", lambda i: "20240314" + seconds(i))))
    zones = timed(
        "AcquisitionDateTime", lambda i: "20240314" + clock(START_S + of_pass(i) + 3600 * (i.p > 1)) + ("+0100", "+0200")[i.p > 1]
    )
    yield Fault("a clock set from winter to summer", changed(zones))
    half = timed("AcquisitionDateTime", lambda i: "20240314" + seconds(i) + "+0100" * (i.p > 1))
    yield Fault("an offset from UTC in half of the passes", changed(half), wrong)
    yield Fault("a frame of another reference time", frames(_late_reference), (), ("time-encodings-disagree",))
    yield Fault("TriggerTime only", changed(timed("TriggerTime", lambda i: f"{1000 * of_pass(i) + 350:.1f}")))
    yield Fault("ContentTime only", changed(timed("ContentTime", seconds)), (), ("time-not-of-acquisition",))
    yield Fault("midnight crossed", changed(lambda i: None, start_s=86400 - 5.0))
    late = changed(lambda i: put(AcquisitionDate="20240314" if i.p < 2 else "20240315")(i))
    yield Fault("passes of two days", late, wrong)
    apart = changed(lambda i: put(TriggerTime=str(1500 * of_pass(i)))(i))
    yield Fault("two clocks that disagree", apart, (), ("time-encodings-disagree",))
    step = changed(
        lambda i: put(AcquisitionNumber=i.p + 1, AcquisitionTime=clock(START_S + of_pass(i) + 5.0 * ((i.p, i.k) == (2, 1))))(i)
    )
    yield Fault("a slice out of step", step, (), ("slice-times-irregular",))
    yield Fault("a series a pass", changed(lambda i: None, series=(0, 1, 2, 3)))
    yield Fault("series in another order than time", changed(lambda i: None, series=(3, 1, 2, 0)))


def _exchanged(image: Image) -> None:
    image.ds.AcquisitionNumber = image.p + 1
    if image.k == 1 and image.p in (1, 3):
        image.ds.AcquisitionTime = clock(START_S + TIMES_S[4 - image.p])


def _raw_time(image: Image, text: str) -> None:
    image.ds["AcquisitionTime"].VR = "LO"
    image.ds["AcquisitionTime"].value = text


def _late_reference(ds: Any) -> None:
    frame = ds.PerFrameFunctionalGroupsSequence[5].FrameContentSequence[0]
    frame.FrameReferenceDateTime = "20240314" + clock(START_S + 999)


def rescales() -> Iterator[Fault]:
    yield Fault("a rescale that varies", changed(rescaled(1, -2000), p=2), (), ("rescale-varies",))
    raw = changed(put(RescaleIntercept="0"))
    yield Fault("no intercept where there must be one", raw, (), ("hu-implausible",), hu=truth() + np.int16(1024))
    jumped = truth().copy()
    jumped[2] += 1024
    lie = changed(put(RescaleIntercept="0"), p=2)
    yield Fault("one pass without its intercept", lie, (), ("hu-jump", "rescale-varies"), hu=jumped)
    yield Fault("a slope of a thousand", changed(put(RescaleSlope="1000")), (), ("hu-implausible",), hu=_thousandfold())


def _thousandfold() -> np.ndarray:
    return ((hounsfield(len(TIMES_S), 3).astype(np.float64) + 1024) * 1000 - 1024).astype(np.float32)


def company() -> Iterator[Fault]:
    scout = {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}
    yield Fault("a localizer beside", with_more(lambda images: copies(images[:1], "50", **scout)))
    yield Fault("a dose report beside", with_more(_report))
    capture = {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}
    yield Fault("a screen capture beside", with_more(lambda images: copies(images[:1], "52", **capture)))
    yield Fault("a thin series beside", with_more(lambda images: copies(images[:3], "53", PixelSpacing=[0.5, 0.5])))
    derived = {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"]}
    yield Fault("derived images beside", with_more(lambda images: copies(images, "54", **derived)))
    yield Fault("derived images alone", changed(put(**derived)), (), ("series-derived",))
    yield Fault("multi-frame CT beside", with_more(lambda images: _still_object(images, 200.0)))
    # a pass more, whose frames bear another clock than the rest
    yield Fault("multi-frame CT at the same places", with_more(lambda images: _still_object(images, 0.0)), ("SERIES-TIMES",))
    yield Fault("tube voltage that changes", changed(put(KVP="100"), p=3), (), ("kvp-changes",))
    yield Fault("kernel that changes", changed(put(ConvolutionKernel="B30f"), p=3), (), ("kernel-changes",))


def _still_object(images: Images, away_mm: float) -> Images:
    """One pass once more, as a multi-frame object of another series, some way off."""
    found = copies([image for image in images if image.p == 0], "55")
    for image in found:
        image.ds.ImagePositionPatient = [image.ds.ImagePositionPatient[0] + away_mm, *image.ds.ImagePositionPatient[1:]]
    return [enhanced(found, TIMES_S)]


def _report(images: Images) -> Images:
    found = copies(images[:1], "51", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67", Modality="SR")
    del found[0].ds.PixelData, found[0].ds.ImagePositionPatient
    return found


CASES = (*missing(), *twice(), *mixed(), *places(), *times(), *rescales(), *company())
