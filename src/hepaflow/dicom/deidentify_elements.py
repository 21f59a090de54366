"""Elements of a data set as the data dictionary has them, whatever the file declares; and which private ones are listed numbers."""

from __future__ import annotations

import re
from typing import Any

from hepaflow.dicom.confidentiality import tables
from hepaflow.errors import InputRefused

TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_PRIVATE_NUMBER = re.compile(r"[+-]?\d{1,5}(\.\d{1,6})?(:1)?")


def values(value: Any) -> list[Any]:
    """The values of an element, one or many, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]


def by_dictionary(dataset: Any) -> None:
    """Gives every element the kind of value of the data dictionary; what cannot be taken for that kind is removed."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR
    from pydicom.dataelem import RawDataElement

    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        if element.VR in (None, "UN") or tag.is_private or not dictionary_has_tag(tag):
            continue
        known = dictionary_VR(tag)
        if element.VR in known.split(" or "):
            continue
        if isinstance(element, RawDataElement) and " or " not in known and "SQ" not in (known, element.VR):
            dataset[tag] = element._replace(VR=known)
        else:
            del dataset[tag]


def read(dataset: Any, tag: Any) -> Any:
    """An element. Refused: a value that is not of its kind; the library would take a number that is none for text, and keep it."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    stated = dataset.get_item(tag).VR
    if stated in (None, "UN"):
        stated = dictionary_VR(tag) if dictionary_has_tag(tag) else None
    element = dataset[tag]
    wrong = stated is not None and " or " not in stated and element.VR not in (stated, "UN")
    if wrong or (
        element.VR in ("DS", "IS")
        and not all(value in ("", None) or isinstance(value, int | float) for value in values(element.value))
    ):
        raise InputRefused("FILE-DAMAGED", f"{element.keyword} is not of its kind", "Copy the study again from its archive")
    return element


def decodable(element: Any) -> None:
    """Refused: kept text that its character set cannot hold; the library would put question marks in its place."""
    if element.VR in TEXT and any("\ufffd" in str(value) for value in values(element.value)):
        raise InputRefused("FILE-CHARSET", f"{element.keyword} is not in the character set of its object", "Export the study again")


def safe_private(dataset: Any, numbers: frozenset[str]) -> set[Any]:
    """Private elements that stay: listed as safe, with a value that is a number; and the creators of their blocks."""
    from pydicom.tag import Tag

    found: set[Any] = set()
    for tag in list(dataset.keys()):
        if not tag.is_private or tag.element < 0x1000:
            continue
        creator_tag = Tag(tag.group, tag.element >> 8)
        if creator_tag not in dataset:
            continue
        creator = str(dataset[creator_tag].value or "").strip()
        kind = tables().private.get((creator, tag.group, tag.element & 0xFF))
        if kind is not None and _is_number(dataset[tag], kind, numbers):
            found |= {tag, creator_tag}
    return found


def _is_number(element: Any, kind: str, own: frozenset[str]) -> bool:
    """A value of the listed kind that is a number, and not the patient's."""
    value = element.value
    if isinstance(value, bytes):
        if element.VR != "UN" or kind in ("FL", "SS", "SL"):
            return False
        value = value.decode("latin-1").rstrip("\0 ")
    elif kind != element.VR:
        return False
    texts = [str(one).strip() for one in values(value)]
    if kind in ("FL", "SS", "SL"):
        return not own.intersection(texts)
    return all(_PRIVATE_NUMBER.fullmatch(text) is not None and text not in own for text in texts)
