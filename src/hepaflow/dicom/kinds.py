"""What a DICOM object is, in words, by its class; of hepaflow's own results also which. Nothing of a header is repeated.

Source: DICOM PS3.4 B.5 (standard SOP classes).
"""

from __future__ import annotations

import re

from hepaflow.units import QUANTITIES

#: Manufacturer of hepaflow's own objects.
MAKER = "hepaflow"
_STORAGE = "1.2.840.10008.5.1.4.1.1."
REGIONS = ("segmentation", "structure set")
_NAMES = {
    "2": "CT images",
    "2.1": "multi-frame CT",
    "2.2": "multi-frame CT, converted",
    "4": "MR images",
    "4.1": "multi-frame MR",
    "4.4": "multi-frame MR, converted",
    "128": "PET images",
    "20": "nuclear medicine images",
    "6.1": "ultrasound images",
    "1": "radiographs",
    "1.1": "radiographs",
    "7": "secondary capture",
    "7.1": "secondary capture",
    "7.2": "secondary capture",
    "7.3": "secondary capture",
    "7.4": "secondary capture",
    "30": "parametric map",
    "66": "raw data",
    "66.1": "spatial registration",
    "66.4": "segmentation",
    "66.7": "segmentation",
    "67": "real world value mapping",
    "481.3": "structure set",
    "481.2": "radiotherapy dose",
    "481.5": "radiotherapy plan",
    "88.11": "text report",
    "88.22": "measurement report",
    "88.33": "measurement report",
    "88.34": "measurement report",
    "88.59": "key object selection",
    "88.67": "radiation dose report",
    "104.1": "PDF document",
    "11.1": "presentation state",
}
#: What a description ends with that tells the results of one analysis from those of another.
_VERSION = re.compile(r" [0-9a-f]{8}$")
_OWN = {
    "Liver perfusion regions, research": "regions",
    "Liver perfusion report, research": "lesion table",
    "Reference pass": "reference pass",
    "Dynamic series, motion-corrected, research": "corrected series",
    "Liver perfusion key images, research": "key images",
}
for _quantity in QUANTITIES.values():
    _title = f"{_quantity.name_en.partition(' (')[0]} [{_quantity.unit}], research"
    _OWN |= {_title: _quantity.key, f"{_title}, images": _quantity.key}


def kind_of(sop_class: str, *, maker: str = "", description: str = "") -> str:
    """The object in words; ``maker`` and ``description`` are its Manufacturer and Series Description, which are compared and never repeated.

    >>> kind_of("1.2.840.10008.5.1.4.1.1.481.3")
    'structure set'
    >>> kind_of("1.2.840.10008.5.1.4.1.1.30", maker="hepaflow", description="Blood flow [mL/min/100 g], research")
    'parametric map, made by hepaflow: bf'
    >>> kind_of("1.2.840.10008.5.1.4.1.1.88.34", maker="hepaflow", description="Liver perfusion report, research 0123abcd")
    'measurement report, made by hepaflow: lesion table'
    """
    name = _NAMES.get(sop_class.removeprefix(_STORAGE), "other objects") if sop_class.startswith(_STORAGE) else "other objects"
    own = _OWN.get(_VERSION.sub("", description)) if maker == MAKER else None
    return name if own is None else f"{name}, made by hepaflow: {own}"


def is_own_map(what: str) -> bool:
    """Whether :func:`kind_of` said that images are a map of hepaflow's.

    >>> is_own_map("CT images, made by hepaflow: bf"), is_own_map("CT images, made by hepaflow: corrected series")
    (True, False)
    """
    kind, _, own = what.partition(", made by hepaflow: ")
    return kind == _NAMES["2"] and own in QUANTITIES
