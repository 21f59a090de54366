"""A study on disk to one :class:`DynamicSeries`: gate, headers, choice of series, grid, time axis, pixels. Nothing is guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hepaflow.dicom import read_nifti
from hepaflow.dicom.acquisition import acquisition_of
from hepaflow.dicom.choice import Choice, SeriesFound, choose, inventory, one_patient
from hepaflow.dicom.headers import Instance, Slice, describe
from hepaflow.dicom.patient import references
from hepaflow.dicom.pixels import load, pixel_digest
from hepaflow.dicom.source import Entry, open_study
from hepaflow.dicom.stack import Placed, place
from hepaflow.dicom.times import TimeAxis, time_axis
from hepaflow.dicom.values import WANTED
from hepaflow.dicom.warden import judge_all
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Trail:
    """What assembly found on its way, filled as it goes, so that a refused study can still be described."""

    files: int = 0
    strangers: int = 0
    found: tuple[SeriesFound, ...] = ()
    numbers: tuple[int | None, ...] = ()
    told_by: str = ""
    limited: bool = True


def assemble(source: Path, *, progress: Progress | None = None, trail: Trail | None = None) -> DynamicSeries:
    """The dynamic series of a folder (searched recursively), a .zip of one, or a 4D NIfTI beside NAME.json.

    ``voxels`` (passes, slices, rows, columns) are HU, slices ascending along the slice normal, first pass at 0 s. ``source`` of the
    result holds, for DICOM output only (it identifies the patient): ``header`` (keyword to text) and ``images``
    ([pass][slice] of SOP class, SOP instance and series UID and frame); and ``digest``, the SHA-256 of times, geometry and HU, which depends neither on names nor on the order of files.
    Refused, by code and place: everything that cannot be assembled without a guess.
    """
    if read_nifti.is_nifti(source):
        _several_volumes(source)
        return read_nifti.read_series(source, progress=progress)
    trail = Trail() if trail is None else trail
    with open_study(source) as entries:
        instances = _scan(entries, trail, progress)
        one_patient(instances)
        trail.found, trail.numbers = inventory(instances), _numbers(instances)
        instances, flags = _without_copies(instances, len(entries))
        flags += () if trail.limited else ("reading-unlimited",)
        choice = choose(instances)
        trail.found, trail.numbers = choice.found, _numbers(instances)
        placed, axis = _arrange(choice)
        trail.told_by = axis.told_by
        return _series(instances, choice, placed, axis, flags=flags, files=len(entries), progress=progress)


def _several_volumes(path: Path) -> None:
    """Refused: one volume, as a label map is, whose missing times would be a puzzling thing to be told of."""
    import nibabel

    try:
        image: Any = nibabel.load(path)
        shape = image.shape
    except Exception:  # reading says what is wrong
        return
    if len(shape) < 4 or max(shape[3:]) == 1:
        raise InputRefused("NIFTI-SHAPE", "the NIfTI file is one volume, not a 4D series", "Give the series; regions go to --rois")


def _scan(entries: Sequence[Entry], trail: Trail, progress: Progress | None) -> list[Instance]:
    """Every DICOM file through the gate; the first refusal is raised when all are judged, with the number of others."""
    found: list[Instance] = []
    refusals: list[InputRefused] = []
    for number, (entry, verdict) in enumerate(zip(entries, judge_all(entries, WANTED), strict=True), start=1):
        trail.limited = verdict.limited
        if verdict.refusal is not None:
            refusals.append(verdict.refusal)
        elif verdict.header is None:
            trail.strangers += 1
        else:
            try:
                found.append(describe(entry, verdict.header, file=number, where=f"file {number} of {len(entries)}"))
            except InputRefused as refusal:
                refusals.append(refusal)
        if progress is not None and (number % 64 == 0 or number == len(entries)):
            progress("scan", number, len(entries))
    trail.files = len(entries)
    if refusals:
        first = refusals[0]
        more = f", and {len(refusals) - 1} more files are refused" if len(refusals) > 1 else ""
        raise InputRefused(first.code, first.what + more, first.advice)
    if not any(i.kind != "directory" for i in found):
        raise InputRefused(
            "STUDY-EMPTY", "the study holds no DICOM file", "Give a folder with DICOM files, a .zip of one, or a 4D NIfTI"
        )
    return found


def _numbers(instances: Sequence[Instance]) -> tuple[int | None, ...]:
    """Series Number of every series, in the order of the inventory."""
    by_series: dict[str, int | None] = {}
    for instance in instances:
        if instance.kind != "directory":
            by_series.setdefault(instance.series_uid, instance.number)
    return tuple(by_series.values())


def _without_copies(instances: list[Instance], files: int) -> tuple[list[Instance], tuple[str, ...]]:
    """Images that are given twice, once. Refused: one instance UID with two contents."""
    by_uid: dict[object, list[Slice]] = {}
    by_place: dict[object, list[Slice]] = {}
    for image in (image for instance in instances for image in instance.images):
        by_uid.setdefault((image.sop_uid, image.frame), []).append(image)
        by_place.setdefault(_place_in_study(image), []).append(image)
    dropped: set[tuple[int, int]] = set()
    for twins in by_uid.values():
        if len(twins) > 1:
            if len({_content(t, files) for t in twins}) > 1:
                raise InputRefused(
                    "SERIES-DUPLICATE",
                    f"files {', '.join(str(t.file) for t in twins[:4])} of {files} claim to be the same image and differ",
                    "Remove the one that does not belong",
                )
            dropped.update(t.key for t in twins[1:])
    for twins in by_place.values():
        left = [t for t in twins if t.key not in dropped]
        if len(left) > 1:
            kept: dict[object, Slice] = {}
            for twin in sorted(left, key=lambda t: (t.sop_uid, t.frame or 0)):
                if kept.setdefault(_content(twin, files), twin) is not twin:
                    dropped.add(twin.key)
    if not dropped:
        return instances, ()
    fewer = [replace(i, images=tuple(s for s in i.images if s.key not in dropped)) for i in instances]
    left_over = [new for new, old in zip(fewer, instances, strict=True) if new.images or not old.images]
    return left_over, ("duplicate-slices-ignored",)


def _place_in_study(image: Slice) -> object:
    return image.series_uid, image.position, tuple(sorted(image.labels.items())), tuple(sorted(image.clocks.items()))


def _content(image: Slice, files: int) -> object:
    form = image.pixels
    where = f"file {image.file} of {files}"
    return (
        _place_in_study(image),
        image.orientation,
        image.spacing,
        form.slope,
        form.intercept,
        pixel_digest(image, where),
    )


def _arrange(choice: Choice) -> tuple[Placed, TimeAxis]:
    """The grid of all chosen images, and their passes in time order."""
    images = [s for part in choice.series for s in part]
    placed = place(images)
    index = {s.key: k for s, k in zip(images, placed.index, strict=True)}
    axis = time_axis([[(s, index[s.key]) for s in part] for part in choice.series], placed.grid.shape[0])
    return placed, axis


def _series(
    instances: list[Instance],
    choice: Choice,
    placed: Placed,
    axis: TimeAxis,
    *,
    flags: tuple[str, ...],
    files: int,
    progress: Progress | None,
) -> DynamicSeries:
    loaded = load(axis.slices, files=files, progress=progress)
    by_file = {i.file: i for i in instances}
    first = by_file[axis.slices[0][0].file]
    start = int(axis.times_us[0])
    times_s = (axis.times_us - start) / 1e6
    slice_times_s = (axis.slice_times_us - start) / 1e6
    acquisition, changes = acquisition_of(axis, first)
    content = hashlib.sha256(np.ascontiguousarray(placed.grid.affine).tobytes() + times_s.tobytes() + b"".join(loaded.digests))
    source = references(axis, by_file) | {"digest": content.hexdigest()}
    flags = (*choice.flags, *flags, *axis.flags, *changes, *loaded.flags, *_meta_flags(by_file, axis))
    return DynamicSeries(
        voxels=loaded.voxels,
        grid=placed.grid,
        times_s=times_s,
        acquisition=acquisition,
        slice_times_s=slice_times_s if (slice_times_s != times_s[:, None]).any() else None,
        flags=tuple(dict.fromkeys(flags)),
        source=source,
    )


def _meta_flags(by_file: dict[int, Instance], axis: TimeAxis) -> tuple[str, ...]:
    flawed = any(by_file[s.file].header.meta_flawed for row in axis.slices for s in row)
    nameless = not axis.slices[0][0].frame_uid
    return (("file-meta-inconsistent",) if flawed else ()) + (("frame-of-reference-missing",) if nameless else ())
