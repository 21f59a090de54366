"""A measurement report (TID 1500) read back: the numbers of every region, as the lesion table holds them. Source: DICOM PS3.16 TID 1500, 1411."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hepaflow.dicom import codes
from hepaflow.dicom.frame_grid import code_of
from hepaflow.dicom.read_object import read_object
from hepaflow.domain.lesions import Estimate, Ratio
from hepaflow.errors import InputRefused
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
    """Every measurement group of a report, in its order.

    Refused: another kind of object, a damaged file, a number of the lesion table in another unit than the table's, that is not finite,
    that its two forms (Numeric Value, Floating Point Value) tell differently, or that is given twice and not alike.
    """
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
    plain: dict[str, float] = {}
    for child in item.ContentSequence:
        name = _name(child)
        if child.ValueType == "TEXT" and name[:2] == _IDENTIFIER[:2]:
            found.tracking_id = str(child.TextValue)
        elif child.ValueType == "UIDREF" and name[:2] == _UID[:2]:
            found.tracking_uid = str(child.UID)
        elif child.ValueType == "CODE":
            _said(found, name, code_of(child.ConceptCodeSequence[0]))
        elif child.ValueType == "NUM" and child.get("MeasuredValueSequence"):
            _number(found, name, child, (estimates, ratios, plain))
    found.parameters = {key: Estimate(said.pop("value", _NAN), said.pop("sd", _NAN), **said) for key, said in estimates.items()}
    for key, said in ratios.items():
        value, ends = said.get("value"), (said.get("low"), said.get("high"))
        both = None if value is None or ends[0] is None or ends[1] is None else (value - ends[0], value + ends[1])
        found.ratio[key] = Ratio(value, said.get("sd"), both)
    found.voxels = int(plain["voxels"]) if "voxels" in plain else None
    found.r2, found.volume_ml = plain.get("r2"), plain.get("volume_ml")
    found.longest_axial_diameter_mm = plain.get("longest_axial_diameter_mm")
    return found


_NAN = float("nan")
#: A Numeric Value is text of at most 16 characters: nine digits, a sign, a point and an exponent always fit.
_AS_TEXT = 1e-8
_Several = dict[str, dict[str, float]]
_PLAIN = {
    codes.VOXELS[:2]: ("voxels", codes.NO_UNITS),
    codes.GOODNESS[:2]: ("r2", codes.NO_UNITS),
    codes.VOLUME[:2]: ("volume_ml", codes.ML),
    codes.LONG_AXIS[:2]: ("longest_axial_diameter_mm", codes.MM),
}
_RATIOS = {codes.ratio(key)[:2]: key for key in QUANTITIES}
_PARTS = {codes.shell(name)[:2]: name for name in ("whole", "vascular", "rim", "core", "surround")}


def _said(found: ReadGroup, name: codes.Code, value: codes.Code) -> None:
    if name[:2] == codes.REGION_PART[:2]:
        found.part = _PARTS.get(value[:2])
    elif name[:2] == codes.QUALITY_FLAG[:2]:
        found.flags.append(value.value)
    elif name.scheme == codes.PRIVATE:
        found.responses[name.value] = None if value[:2] == codes.NOT_RATED[:2] else value.value.lower()


def _number(found: ReadGroup, name: codes.Code, item: Any, numbers: tuple[_Several, _Several, dict[str, float]]) -> None:
    """One number into ``found``, or into the ``numbers`` of parameters, ratios and the region itself."""
    estimates, ratios, plain = numbers
    value, unit = _value(item)
    under = list(item.get("ContentSequence", ()))
    coded = {_name(child)[:2]: code_of(child.ConceptCodeSequence[0]) for child in under if child.ValueType == "CODE"}
    derivation, vessel = coded.get(codes.DERIVATION[:2]), coded.get(codes.FINDING_SITE[:2])
    said = _FIELDS.get(None if derivation is None else derivation[:2])
    criterion = next((str(c.TextValue) for c in under if c.ValueType == "TEXT" and _name(c)[:2] == codes.ALGORITHM_NAME[:2]), None)
    if (ratio := _RATIOS.get(name[:2])) is not None and said in ("value", "sd"):
        _keep(ratios.setdefault(ratio, {}), said, value, unit, codes.NO_UNITS)
        for child in under:
            end = {codes.UPPER_UNCERTAINTY[:2]: "high", codes.LOWER_UNCERTAINTY[:2]: "low"}.get(_name(child)[:2])
            if end is not None:
                distance, of = _value(child)
                _keep(ratios[ratio], end, distance, of, codes.NO_UNITS)
    elif (key := codes.key_of(name, vessel)) is not None and said is not None:
        _keep(estimates.setdefault(key, {}), said, value, unit, codes.unit(key))
    elif (wanted := _PLAIN.get(name[:2])) is not None:
        _keep(plain, wanted[0], value, unit, wanted[1])
    elif name[:2] == codes.THRESHOLD[:2] and criterion is not None:
        _keep(found.thresholds, criterion, value, unit, codes.NO_UNITS)
    elif name[:2] == codes.PROBABILITY_MAJOR[:2] and criterion is not None:
        _keep(found.probabilities_major, criterion, value, unit, codes.NO_UNITS)
    else:
        found.other.append((name, unit, value))


def _value(item: Any) -> tuple[float, codes.Code]:
    """The number of an item and its unit."""
    (measured,) = item.MeasuredValueSequence
    said = [float(measured[keyword].value) for keyword in ("FloatingPointValue", "NumericValue") if keyword in measured]
    if not math.isfinite(said[0]) or not math.isclose(said[0], said[-1], rel_tol=_AS_TEXT):
        raise InputRefused("REPORT-VALUE", "a number of the report is not one, or is told in two ways", "Export it again")
    return said[0], code_of(measured.MeasurementUnitsCodeSequence[0])


def _keep(numbers: dict[str, float], name: str, value: float, unit: codes.Code, wanted: codes.Code) -> None:
    """``value`` under ``name``, once. Refused: another unit than ``wanted``, another value before."""
    if not codes.same_unit(unit, wanted):
        raise InputRefused(
            "REPORT-UNIT", "a number of the report is in another unit than its quantity", "Export it in hepaflow's unit"
        )
    if numbers.setdefault(name, value) != value:
        raise InputRefused("REPORT-VALUE", "a number of the report is given twice, and not alike", "Export it again")


def _name(item: Any) -> codes.Code:
    return code_of(item.ConceptNameCodeSequence[0])
