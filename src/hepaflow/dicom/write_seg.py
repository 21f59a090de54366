"""Every region as one binary DICOM Segmentation: who drew it, what it is, and a tracking identifier that the report shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow import __version__
from hepaflow.dicom import codes, origin
from hepaflow.dicom.write_ct import stable_uid
from hepaflow.dicom.write_map import coded
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import SHELLS, Region, Regions, Tracked
from hepaflow.errors import InputRefused

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
Mask = npt.NDArray[np.bool_]
#: Display colours (CIELab) by what is shown; a lesion's parts share its hue.
_COLOURS = {
    "aorta": (50.0, 65.0, 50.0),
    "portal_vein": (45.0, 20.0, -60.0),
    "spleen": (45.0, 40.0, -20.0),
    "liver": (60.0, 20.0, 25.0),
    "healthy": (75.0, -45.0, 45.0),
    "lesion": (80.0, 5.0, 75.0),
}


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One segment: ``label`` is the region's name (``lesion-1`` for a whole lesion, ``lesion-1 rim`` for a part of it)."""

    number: int
    label: str
    name: str
    mask: Mask
    algorithm: str


def segments(regions: Regions) -> tuple[Segment, ...]:
    """What is written, in order: vessels, spleen, liver, healthy reference, then every lesion with its parts. Empty regions are left out."""
    named = [("aorta", regions.aorta), ("portal_vein", regions.portal_vein), ("spleen", regions.spleen)]
    named += [("liver", regions.liver), ("healthy", regions.healthy)]
    found = [(name, name, region.mask, _algorithm(region)) for name, region in named if region is not None and region.voxels]
    for lesion in regions.lesions:
        for shell in SHELLS:
            part = lesion.shells.get(shell)
            if part is not None and part.voxels:
                label = lesion.id if shell == "whole" else f"{lesion.id} {shell}"
                found.append((label, "lesion", part.mask, _algorithm(part, drawn=shell == "whole")))
    return tuple(Segment(number, *item) for number, item in enumerate(found, start=1))


def _algorithm(region: Region, *, drawn: bool = True) -> str:
    """Given is manual, proposed is automatic; what was computed from a given outline is in between."""
    if region.origin == "proposed":
        return "AUTOMATIC"
    return "MANUAL" if drawn else "SEMIAUTOMATIC"


@dataclass(frozen=True, slots=True)
class Identity:
    """UIDs of the segmentation: by study and masks, so that other masks are another object."""

    series_uid: str
    instance_uid: str


def identity(study: origin.Origin, chosen: Sequence[Segment]) -> Identity:
    """UIDs of the segmentation of ``chosen``."""
    said = [f"{one.label} {one.algorithm} {origin.content_digest(np.packbits(one.mask))}" for one in chosen]
    said += [f"{label} {one.identifier} {one.uid}" for label, one in sorted(study.tracking.items())]
    return Identity(study.uid("segmentation", *said), study.uid("segmentation instance", *said))


def tracking(study: origin.Origin, label: str) -> Tracked:
    """What a region is called across visits: what an earlier visit called it, else by the study and the region's name only.

    It outlives a change of the outline. A part's is made of its lesion's, so that it is the same in every visit that has the part.
    """
    lesion, _, part = label.rpartition(" ")
    if lesion and part in SHELLS:
        whole = tracking(study, lesion)
        return Tracked(f"{whole.identifier} {part}", stable_uid("hepaflow", "tracking", whole.uid, part))
    return study.tracking.get(label) or Tracked(label, study.uid("tracking", label))


def write_seg(case: CaseResult, folder: Path) -> Path:
    """Write ``segmentation.dcm``: the regions of ``case`` on the grid of the study, one segment each, and return its path.

    Frames without a voxel are left out, as the standard allows. Segments may overlap (lesion parts lie in the lesion).
    Refused: no region with a voxel.
    """
    study, chosen = origin.origin_of(case), segments(case.regions)
    if not chosen:
        raise InputRefused("REGION-EMPTY", "no region holds a voxel", "Draw or propose at least the aorta and the liver")
    dataset, slices = _skeleton(study, chosen)
    _fill(dataset, study, chosen, slices)
    dataset.SegmentsOverlap = "YES" if _overlap(chosen) else "NO"
    origin.settle(dataset, study, "segmentation", identity(study, chosen).instance_uid)
    return origin.save(dataset, folder / "segmentation.dcm")


def _overlap(chosen: Sequence[Segment]) -> bool:
    seen = np.zeros(chosen[0].mask.shape, np.bool_)
    for one in chosen:
        if (seen & one.mask).any():
            return True
        seen |= one.mask
    return False


def _skeleton(study: origin.Origin, chosen: Sequence[Segment]) -> tuple[Any, list[int]]:
    """The object around frames of one pixel that only say whether the slice holds the segment: a hundred times less memory."""
    from highdicom.seg import Segmentation

    slices = list(origin.ascending(study.grid))
    held = np.stack([one.mask[slices].any(axis=(1, 2)) for one in chosen], axis=1).astype(np.uint8)
    made = identity(study, chosen)
    dataset = Segmentation(
        source_images=origin.source_datasets(study, slices, shape=(1, 1)),
        pixel_array=held[:, None, None, :],
        segmentation_type="BINARY",
        segment_descriptions=[_description(study, one) for one in chosen],
        series_instance_uid=made.series_uid,
        series_number=origin.SERIES_NUMBERS["segmentation"],
        sop_instance_uid=made.instance_uid,
        instance_number=1,
        content_label="REGIONS",
        content_description="Regions of liver perfusion analysis",
        series_description="Liver perfusion regions, research",
        **origin.equipment(),
    )
    return dataset, slices


def _description(study: origin.Origin, one: Segment) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.color import CIELabColor
    from highdicom.seg import SegmentDescription

    category, kind = codes.region(one.name)
    algorithm = None
    if one.algorithm != "MANUAL":
        family = coded(codes.IMAGE_PROCESSING_ALGORITHM)
        algorithm = AlgorithmIdentificationSequence(name="hepaflow regions", family=family, version=__version__)
    return SegmentDescription(
        segment_number=one.number,
        segment_label=one.label,
        segmented_property_category=coded(category),
        segmented_property_type=coded(kind),
        algorithm_type=one.algorithm,
        algorithm_identification=algorithm,
        tracking_uid=tracking(study, one.label).uid,
        tracking_id=tracking(study, one.label).identifier,
        anatomic_regions=[coded(codes.LIVER)] if one.name in {"healthy", "lesion"} else None,
        display_color=CIELabColor(*_COLOURS[one.name]),
    )


def _fill(dataset: Any, study: origin.Origin, chosen: Sequence[Segment], slices: list[int]) -> None:
    """Order the frames by segment and rising position, and put in the real pixels, one bit each."""
    place = {tuple(origin.position(study.grid, k)): n for n, k in enumerate(slices)}

    def order(frame: Any) -> tuple[int, int]:
        at = tuple(str(value) for value in frame.PlanePositionSequence[0].ImagePositionPatient)
        return int(frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber), place[at]

    frames = sorted(dataset.PerFrameFunctionalGroupsSequence, key=order)
    rank = {n: index for index, n in enumerate(sorted({order(frame)[1] for frame in frames}), start=1)}
    _, rows, columns = study.grid.shape
    pixels = np.empty((len(frames), rows * columns), np.bool_)
    for index, frame in enumerate(frames):
        number, n = order(frame)
        frame.FrameContentSequence[0].DimensionIndexValues = [number, rank[n]]
        pixels[index] = chosen[number - 1].mask[slices[n]].ravel()
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.Rows, dataset.Columns = rows, columns
    packed = np.packbits(pixels.ravel(), bitorder="little").tobytes()
    dataset.PixelData = packed + b"\0" * (len(packed) % 2)
