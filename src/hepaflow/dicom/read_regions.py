"""Given regions on the study's grid: a label NIfTI beside its JSON, DICOM SEG, or RTSTRUCT."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.nearest import mask_on
from hepaflow.dicom.read_contours import RT_STRUCTURE_SET, read_contours
from hepaflow.dicom.read_nifti import is_nifti, read_sidecar, read_volume, sidecar_of
from hepaflow.dicom.read_seg import SEGMENTATIONS, read_segments
from hepaflow.dicom.source import open_study
from hepaflow.dicom.warden import Verdict, judge_all
from hepaflow.domain.boxes import WHOLE, overlap
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import SHELLS
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused

BoolArray = npt.NDArray[np.bool_]

KNOWN = ("aorta", "portal_vein", "spleen", "liver", "healthy")
_LESION = re.compile(r"lesion[-_]?([a-z0-9][a-z0-9_-]{0,31})")
#: A region may lie in the liver; no other pair may share voxels.
_MAY_HOLD_OTHERS = "liver"
_SOP_CLASS = 0x00080016
#: A small compressed file can claim a label map, and a short JSON a number of regions, that fill any memory.
_MAX_BYTES, _MAX_REGIONS = 2 * 2**30, 256


@dataclass(frozen=True, slots=True, eq=False)
class RegionSet:
    """``masks``: known name to (slices, rows, columns) on the study's grid; ``frame``: the pass they were drawn on, where given.

    ``images`` are the SOP instance UIDs of the images that a DICOM object says they were drawn on. ``proposed`` names the regions that
    no reader drew: the reading room hands on what it proposed as it was seen.
    """

    masks: dict[str, BoolArray]
    frame: int | None
    flags: tuple[str, ...] = ()
    images: frozenset[str] = frozenset()
    proposed: frozenset[str] = frozenset()


def known_name(name: str) -> str | None:
    """The known name that a label means, whatever its case, blanks and underscores; None for any other.

    >>> known_name("Portal Vein"), known_name("Lesion 1"), known_name("kidney")
    ('portal_vein', 'lesion-1', None)
    """
    text = _plain(name)
    if text in KNOWN:
        return text
    lesion = _LESION.fullmatch(text)
    # parts of lesions, as hepaflow writes them, are made anew from the whole
    return f"lesion-{lesion.group(1).replace('_', '-')}" if lesion and not text.endswith(SHELLS) else None


def is_part(name: str) -> bool:
    """Whether a label is that of a lesion's part, as hepaflow writes it: made anew from the whole, and so left out.

    >>> is_part("lesion-1 rim"), is_part("lesion-1"), is_part("rim")
    (True, False, False)
    """
    text = _plain(name)
    return _LESION.fullmatch(text) is not None and text.endswith(SHELLS)


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


def read_regions(path: Path, grid: Grid, *, series_digest: str = "") -> RegionSet:
    """Known regions of ``path`` on ``grid``, nearest by physical position, whatever grid they were drawn on.

    ``path`` is a label map NAME.nii[.gz] beside NAME.json (``{"labels": {"1": "aorta", ...}, "frame": 9}``; ``"frames": {"lesion-2": 15}``
    names the pass of each region that was drawn on another), a DICOM SEG or RTSTRUCT
    file, or a folder of either. A label map has no frame of reference: that it was drawn on the very series of ``series_digest`` its JSON may
    say, by the same ``series_digest``; else a flag tells that positions could not be checked. A label of voxels that regions share has a list of names. Names are those of the contract, in any case; others are left out with a flag. Refused: another frame
    of reference, a region that is empty or wholly outside the images, one name given twice, nothing known at all.
    """
    if path.is_dir() and (maps := sorted(p for p in path.iterdir() if is_nifti(p) and sidecar_of(p).is_file())):
        if len(maps) > 1:
            raise InputRefused("REGIONS-AMBIGUOUS", "the folder holds several label maps", "Give one of them")
        path = maps[0]
    return _from_nifti(path, grid, series_digest) if is_nifti(path) else _from_dicom(path, grid)


def on_pass(found: RegionSet, series: DynamicSeries) -> RegionSet:
    """The set with the pass that it lies in: the one that it gives, else that of the study's images which it names."""
    return found if found.frame is not None else replace(found, frame=pass_of(found.images, series))


def pass_of(images: frozenset[str], series: DynamicSeries) -> int | None:
    """The pass that all of the study's images among these belong to; None where they are of several or none."""
    rows = series.source.get("images", ())
    passes = {index for index, row in enumerate(rows) if any(str(uid) in images for _, uid, *_ in row)}
    return passes.pop() if len(passes) == 1 else None


def _from_nifti(path: Path, grid: Grid, series_digest: str) -> RegionSet:
    if not path.is_file():
        raise InputRefused("REGIONS-MISSING", "the given regions do not exist", "Check the path")
    facts = read_sidecar(sidecar_of(path))
    labels, frame = facts.get("labels"), facts.get("frame")
    if not isinstance(labels, dict) or not all(_is_label(value, names) for value, names in labels.items()):
        raise InputRefused("SIDECAR-INVALID", "labels do not name whole numbers", 'Write {"labels": {"1": "aorta", ...}}')
    if frame is not None and (not isinstance(frame, int) or isinstance(frame, bool) or frame < 0):
        raise InputRefused("SIDECAR-INVALID", "frame is not the number of a pass", "Give the 0-based pass, or leave it out")
    frames = facts.get("frames", {})
    if not isinstance(frames, dict) or not all(type(at) is int and at >= 0 for at in frames.values()):
        raise InputRefused(
            "SIDECAR-INVALID", "frames does not give regions the numbers of passes", "Count passes from 0, or leave it out"
        )
    proposed = facts.get("proposed", [])
    if not isinstance(proposed, list) or not all(isinstance(name, str) and name in KNOWN for name in proposed):
        raise InputRefused("SIDECAR-INVALID", "proposed does not name vessels or organs", "List names of labels, or leave it out")
    volume = read_volume(path, dimensions=3, most_bytes=_MAX_BYTES)
    if volume.values.dtype.kind == "f" and not (np.isfinite(volume.values) & (volume.values == np.rint(volume.values))).all():
        raise InputRefused("REGIONS-VALUES", "the label map holds values that are not whole numbers", "Give a label map")
    numbers = volume.values if volume.values.dtype.kind in "iu" else np.rint(volume.values).astype(np.int32)
    present = {int(n) for n in np.unique(numbers)} - {0}
    flags = list(volume.flags)
    if len({*frames.values(), frame} - {None}) > 1:
        flags.append("regions-on-different-passes")
    if present - {int(v) for v in labels}:
        flags.append("region-labels-unnamed")
    same_series = series_digest != "" and facts.get("series_digest") == series_digest and volume.grid.same_as(grid)
    if grid.frame_of_reference_uid and not same_series:
        flags.append("region-frame-unverified")
    if any(int(value) == 0 for value in labels):
        raise InputRefused("SIDECAR-INVALID", "label 0 is the background and cannot have a name", "Number regions from 1")
    found = ((name, volume.grid, mask) for name, mask in _masks(numbers, labels))
    return replace(_placed(found, grid, frame=frame, flags=flags), proposed=frozenset(proposed))


def _is_label(value: str, names: object) -> bool:
    several = isinstance(names, list) and len(names) > 0 and all(isinstance(name, str) for name in names)
    return bool(re.fullmatch(r"\d{1,9}", value)) and (isinstance(names, str) or several)


def _masks(numbers: npt.NDArray[np.integer[Any]], labels: dict[str, str | list[str]]) -> Iterator[tuple[str, BoolArray]]:
    """Every name with its voxels, one after the other: those of its own label, and those of the labels that it shares with others."""
    own = [(names, [value]) for value, names in labels.items() if isinstance(names, str)]
    by_name = {known_name(name) or name: values for name, values in own}
    for value, names in labels.items():
        if isinstance(names, str):
            continue
        for name in dict.fromkeys(known_name(name) or name for name in names):
            if name not in by_name:
                by_name[name] = []
                own.append((name, by_name[name]))
            by_name[name].append(value)
    for name, values in own:
        yield name, np.isin(numbers, [int(value) for value in values])


def _from_dicom(path: Path, grid: Grid) -> RegionSet:
    found: list[tuple[str, Grid, BoolArray]] = []
    flags: list[str] = []
    images: frozenset[str] = frozenset()
    objects = 0
    with open_study(path) as entries:
        for number, (entry, verdict) in enumerate(zip(entries, judge_all(entries, {_SOP_CLASS}), strict=True), start=1):
            where = f"file {number} of {len(entries)}"
            kind = _kind(verdict)
            if kind in SEGMENTATIONS:
                segments, seen = read_segments(entry.read(), grid, where=where)
                found += segments
                images |= seen
            elif kind == RT_STRUCTURE_SET:
                contours, ignored, seen = read_contours(entry.read(), grid, known=known_name, where=where)
                found += contours
                images |= seen
                flags += ["region-points-ignored"] if ignored else []
            objects += kind in SEGMENTATIONS or kind == RT_STRUCTURE_SET
    if not objects:
        raise InputRefused("REGIONS-MISSING", "no regions were found", "Give a label map with its JSON, a DICOM SEG or an RTSTRUCT")
    if grid.frame_of_reference_uid and not all(source.frame_of_reference_uid for _, source, _ in found):
        flags.append("region-frame-unverified")
    return replace(_placed(found, grid, frame=None, flags=flags), images=images)


def _kind(verdict: Verdict) -> str:
    if verdict.refusal is not None:
        raise verdict.refusal
    header = verdict.header
    return "" if header is None else header.values.get(_SOP_CLASS, b"").decode("ascii", "replace").rstrip("\x00 ")


def _placed(found: Iterable[tuple[str, Grid, BoolArray]], grid: Grid, *, frame: int | None, flags: list[str]) -> RegionSet:
    masks: dict[str, BoolArray] = {}
    for raw, source, mask in found:
        name = known_name(raw)
        if name is None:
            flags += [] if is_part(raw) else ["region-names-unknown"]
            continue
        if len(masks) == _MAX_REGIONS:
            raise InputRefused(
                "REGIONS-TOO-MANY", f"more than {_MAX_REGIONS} regions are given", "Give those that are to be measured"
            )
        if name in masks:
            raise InputRefused("REGION-DUPLICATE", f"region {name} is given twice", "Give each region once")
        masks[name], outside = mask_on(grid, mask, source, name=name)
        flags += ["region-partly-outside"] if outside else []
    if not masks:
        raise InputRefused(
            "REGIONS-UNKNOWN", "none of the given regions has a known name", f"Name them {', '.join(KNOWN)} or lesion-1, lesion-2"
        )
    if overlap(((WHOLE, mask) for name, mask in masks.items() if name != _MAY_HOLD_OTHERS), grid.shape):
        flags.append("region-overlap")
    return RegionSet(dict(sorted(masks.items())), frame, tuple(dict.fromkeys(flags)))
