"""A measurement report (TID 1500) read back: the numbers of every region, as the lesion table holds them. Source: DICOM PS3.16 TID 1500, 1411."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hepaflow.dicom import codes
from hepaflow.dicom.frame_grid import code_of
from hepaflow.dicom.read_object import read_object
from hepaflow.domain.lesions import Estimate, Ratio
from hepaflow.units import QUANTITIES

ENHANCED_SR, COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR = (f"1.2.840.10008.5.1.4.1.1.88.{n}" for n in (22, 33, 34))
REPORTS = (ENHANCED_SR, COMPREHENSIVE_SR, COMPREHENSIVE_3D_SR)
_GROUP = codes.Code("125007", "DCM", "Measurement Group")
_IDENTIFIER = codes.Code("112039", "DCM", "Tracking Identifier")
_UID = codes.Code("112040", "DCM", "Tracking Unique Identifier")
_FIELDS = {None: "value", codes.CURVE_FIT[:2]: "value", codes.STANDARD_DEVIATION[:2]: "sd"}
_FIELDS |= {codes.MEAN[:2]: "map_mean", codes.MEDIAN[:2]: "map_median"}


@dataclass(slots=True)
class ReadGroup:
    """One region of a report. ``tracking_id`` and ``tracking_uid`` say which; numbers that the report leaves out are NaN or None.

    ``other`` holds numbers that are none of the lesion table's: (name, unit, value). ``responses`` maps a criterion's key to its category,
    None where it is not rated. ``flags`` are quality flags.
    """

    tracking_id: str = ""
    tracking_uid: str = ""
    part: str | None = None
    voxels: int | None = None
    r2: float | None = None
    volume_ml: float | None = None
    longest_axial_diameter_mm: float | None = None
    parameters: dict[str, Estimate] = field(default_factory=dict)
    ratio: dict[str, Ratio] = field(default_factory=dict)
    responses: dict[str, str | None] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=dict)
    probabilities_major: dict[str, float] = field(default_factory=dict)
    flags: list[str] = field(default_factory=list)
    other: list[tuple[codes.Code, codes.Code, float]] = field(default_factory=list)


def read_report(data: bytes, *, where: str) -> tuple[ReadGroup, ...]:
    """Every measurement group of a report, in its order. Refused: another kind of object, a damaged file."""
    return read_object(data, REPORTS, lambda ds: tuple(_group(one) for one in _groups(ds)), what="measurement report", where=where)


def _groups(item: Any) -> Iterator[Any]:
    for child in item.get("ContentSequence", ()):
        if child.ValueType == "CONTAINER":
            if _name(child)[:2] == _GROUP[:2]:
                yield child
            else:
                yield from _groups(child)


def _group(item: Any) -> ReadGroup:
    found = ReadGroup()
    estimates: dict[str, dict[str, float]] = {}
    ratios: dict[str, dict[str, float]] = {}
    for child in item.ContentSequence:
        name = _name(child)
        if child.ValueType == "TEXT" and name[:2] == _IDENTIFIER[:2]:
            found.tracking_id = str(child.TextValue)
        elif child.ValueType == "UIDREF" and name[:2] == _UID[:2]:
            found.tracking_uid = str(child.UID)
        elif child.ValueType == "CODE":
            _said(found, name, code_of(child.ConceptCodeSequence[0]))
        elif child.ValueType == "NUM" and child.get("MeasuredValueSequence"):
            _number(found, name, child, estimates, ratios)
    found.parameters = {key: Estimate(said.pop("value", _NAN), said.pop("sd", _NAN), **said) for key, said in estimates.items()}
    for key, said in ratios.items():
        value, ends = said.get("value"), (said.get("low"), said.get("high"))
        both = None if value is None or ends[0] is None or ends[1] is None else (value - ends[0], value + ends[1])
        found.ratio[key] = Ratio(value, said.get("sd"), both)
    return found


_NAN = float("nan")
_RATIOS = {codes.ratio(key)[:2]: key for key in QUANTITIES}
_PARTS = {codes.shell(name)[:2]: name for name in ("whole", "vascular", "rim", "core", "surround")}


def _said(found: ReadGroup, name: codes.Code, value: codes.Code) -> None:
    if name[:2] == codes.REGION_PART[:2]:
        found.part = _PARTS.get(value[:2])
    elif name[:2] == codes.QUALITY_FLAG[:2]:
        found.flags.append(value.value)
    elif name.scheme == codes.PRIVATE:
        found.responses[name.value] = None if value[:2] == codes.NOT_RATED[:2] else value.value.lower()


def _number(
    found: ReadGroup, name: codes.Code, item: Any, estimates: dict[str, dict[str, float]], ratios: dict[str, dict[str, float]]
) -> None:
    measured = item.MeasuredValueSequence[0]
    value = float(measured.FloatingPointValue if "FloatingPointValue" in measured else measured.NumericValue)
    under = list(item.get("ContentSequence", ()))
    coded = {_name(child)[:2]: code_of(child.ConceptCodeSequence[0]) for child in under if child.ValueType == "CODE"}
    derivation, vessel = coded.get(codes.DERIVATION[:2]), coded.get(codes.FINDING_SITE[:2])
    said = _FIELDS.get(None if derivation is None else derivation[:2])
    criterion = next((str(c.TextValue) for c in under if c.ValueType == "TEXT" and _name(c)[:2] == codes.ALGORITHM_NAME[:2]), None)
    if (ratio := _RATIOS.get(name[:2])) is not None and said in ("value", "sd"):
        ratios.setdefault(ratio, {})[said] = value
        for child in under:
            end = {codes.UPPER_UNCERTAINTY[:2]: "high", codes.LOWER_UNCERTAINTY[:2]: "low"}.get(_name(child)[:2])
            if end is not None:
                ratios[ratio][end] = float(child.MeasuredValueSequence[0].FloatingPointValue)
    elif (key := codes.key_of(name, vessel)) is not None and said is not None:
        estimates.setdefault(key, {})[said] = value
    elif name[:2] == codes.VOXELS[:2]:
        found.voxels = int(value)
    elif name[:2] == codes.GOODNESS[:2]:
        found.r2 = value
    elif name[:2] == codes.VOLUME[:2]:
        found.volume_ml = value
    elif name[:2] == codes.LONG_AXIS[:2]:
        found.longest_axial_diameter_mm = value
    elif name[:2] == codes.THRESHOLD[:2] and criterion is not None:
        found.thresholds[criterion] = value
    elif name[:2] == codes.PROBABILITY_MAJOR[:2] and criterion is not None:
        found.probabilities_major[criterion] = value
    else:
        found.other.append((name, code_of(measured.MeasurementUnitsCodeSequence[0]), value))


def _name(item: Any) -> codes.Code:
    return code_of(item.ConceptNameCodeSequence[0])
