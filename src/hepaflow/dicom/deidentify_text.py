"""Text of a header that may stay: words of lists, numbers with a unit of CT, codes that a public dictionary knows. Nothing else."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hepaflow.dicom import codes
from hepaflow.dicom.confidentiality import tables
from hepaflow.dicom.kinds import MAKER, kind_of
from hepaflow.units import QUANTITIES

DUMMY = "REMOVED"
_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(r"[^\W_]+(?:[.,]\d+[^\W_]*)*")
_NUMBER = r"\d{1,3}(?:[.,]\d{1,2})?"
_UNIT = r"(?:cm|hu|kvp?|ma|mas|mgi?|ml|mm|ms|s|sec|seconds)"
_WITH_UNIT = re.compile(rf"{_NUMBER}{_UNIT}")
_BARE_NUMBER = re.compile(_NUMBER)
_IS_UNIT = re.compile(_UNIT)
_SMALL = re.compile(r"\d{1,2}")
#: A shorter word of a list may be the patient's name by chance, and says nothing where the list allows it.
_TELLING = 3
_TELLING_DIGITS = 5
#: Attributes that say how an image is stored and lies: their words are never taken for a name.
_STRUCTURE = frozenset({"Modality", "PhotometricInterpretation", "PatientPosition", "ImageType", "FrameType", "PixelPresentation"})
#: Names of what is segmented: one number of a word may stay, to tell lesions apart.
_LABELS = frozenset({"SegmentLabel", "ROIName", "ROIObservationLabel", "TrackingID"})


def own_words(*texts: str) -> frozenset[str]:
    """The words of a patient's name and ID, in lower case."""
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


def descriptor(text: str, keyword: str, *, own: frozenset[str], whole: bool) -> str:
    """The safe words of a descriptor: those of the list, and numbers with a unit of CT. ``whole``: all of it or nothing.

    A number stands for nothing else here: dates, counts and numbers of patients are all digits. Labels may hold one of two digits.

    >>> descriptor("Liver 14.03.24 perfusion, 2.5 mm, Smith", "SeriesDescription", own=frozenset(), whole=False)
    'Liver perfusion 2.5 mm'
    """
    if kind_of("", maker=MAKER, description=text) != kind_of(""):  # a sentence of hepaflow's own
        return text
    tokens = list(_TOKEN.finditer(text))
    words = [token.group().lower() for token in tokens]
    kept = [word in tables().words and word not in own for word in words]
    numbers = [word[:1].isdigit() for word in words]
    for place, word in enumerate(words):
        if numbers[place] and not (place and _BARE_NUMBER.fullmatch(words[place - 1])):
            count = _measured(text, tokens, place)
            if not any(part in own for part in (word, *_WORD.findall(word))):
                kept[place : place + count] = [True] * count
    if keyword in _LABELS and sum(numbers) == 1:
        place = numbers.index(True)
        kept[place] = kept[place] or (_SMALL.fullmatch(words[place]) is not None and words[place] not in own)
    if all(kept):
        return text if kept and text.isascii() and text.isprintable() else ""
    return "" if whole else " ".join(token.group() for token, stays in zip(tokens, kept, strict=True) if stays)[:64]


def _measured(text: str, tokens: list[re.Match[str]], place: int) -> int:
    """How many tokens a number with its unit takes: one where they are joined, two with a blank between them, none without a unit."""
    word = tokens[place].group().lower()
    if not word.isascii():
        return 0
    if _WITH_UNIT.fullmatch(word):
        return 1
    if _BARE_NUMBER.fullmatch(word) is None or place + 1 == len(tokens):
        return 0
    between = text[tokens[place].end() : tokens[place + 1].start()]
    return 2 if between == " " and _IS_UNIT.fullmatch(tokens[place + 1].group().lower()) else 0


def kept_text(text: str, kind: str, *, own: frozenset[str]) -> bool:
    """Whether one value of an attribute that is kept holds what is listed for it: see ``[[kept_text]]`` of the tables.

    >>> kept_text("B20f", "kernel", own=frozenset()), kept_text("B20f 14.03.2024", "kernel", own=frozenset())
    (True, False)
    """
    if not text.isascii():
        return False
    words = [word.lower() for word in _WORD.findall(text)]
    if kind == "none" or not words:
        return False
    if kind == "rescale":  # listed in the standard: no word of a name is meant
        return text in tables().rescale_types
    if any(word in own for word in words) and text != MAKER:
        return False
    if kind == "kernel":
        return tables().kernels.fullmatch(text) is not None
    if kind == "number":
        return _SMALL.fullmatch(text) is not None
    known = tables().equipment if kind == "equipment" else tables().words
    return all(word in known for word in words) and sum(word.isdigit() for word in words) <= 1


def coded_word(text: str, keyword: str, *, own: frozenset[str]) -> bool:
    """Whether a value of kind CS is made of words that the standard and scanners use, and at most one number of two digits."""
    words = [word.lower() for word in _WORD.findall(text)]
    if not text.isascii() or not words or sum(word[:1].isdigit() for word in words) > (3 if text in tables().exact else 1):
        return False
    if keyword not in _STRUCTURE and any(len(word) >= _TELLING and word in own for word in words):
        return False
    return text in tables().exact or all(word in tables().coded or _SMALL.fullmatch(word) for word in words)


@cache
def _known_codes() -> dict[tuple[str, str], str]:
    """Meanings by scheme and value: what pydicom knows of the standard's codes, what hepaflow writes."""
    from pydicom.sr._concepts_dict import concepts
    from pydicom.sr._snomed_dict import mapping

    found: dict[tuple[str, str], str] = {}
    listed: dict[str, Any] = concepts
    for scheme in ("DCM", "SCT", "NCIt", "UCUM", "RADLEX", "FMA", "LN", "UMLS"):
        for named in listed[scheme].values():
            for value, (meaning, *_) in named.items():
                found.setdefault((scheme, value), meaning[:64])
    for old, new in mapping["SRT"].items():
        if ("SCT", new) in found:
            found["SRT", old] = found["SCT", new]
    own = [codes.unit(key) for key in QUANTITIES]
    for value in vars(codes).values():
        own += _codes_in(value)
    return found | {(code.scheme, code.value): code.meaning for code in own}


def _codes_in(value: Any) -> list[codes.Code]:
    if isinstance(value, codes.Code):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [code for one in inside for code in _codes_in(one)]


def clean_code(item: Any) -> bool:
    """A coded item as the dictionary has it, in place; one that no dictionary knows is replaced by a dummy. True where it was replaced."""
    scheme = str(item.get("CodingSchemeDesignator") or "")
    meaning = None
    for keyword in ("CodeValue", "LongCodeValue"):
        meaning = meaning or _known_codes().get((scheme, str(item.get(keyword) or "")))
    replaced = "CodeValue" in item or "LongCodeValue" in item or "URNCodeValue" in item
    for keyword in tuple(tables().code_context):
        if keyword in item:
            del item[keyword]
    if meaning is not None:
        if "CodeMeaning" in item:
            item.CodeMeaning = meaning
        return False
    for keyword in ("CodeValue", "LongCodeValue", "CodeMeaning"):
        if keyword in item:
            setattr(item, keyword, DUMMY)
    if "CodingSchemeDesignator" in item and (replaced or not any(known == scheme for known, _ in _known_codes())):
        item.CodingSchemeDesignator, replaced = "99REMOVED", True
    return replaced


def own_numbers(number: str, dates: list[str]) -> frozenset[str]:
    """Whole numbers that name a patient: those of the ID, its parts joined (five digits or more; fewer are found by chance), and dates."""
    parts = [number, *re.findall(r"\d[\d\s./_-]*\d", number), *re.findall(r"\d+", number), *dates]
    found = {re.sub(r"\D", "", part) for part in parts}
    found |= {digits.lstrip("0") for digits in found}
    return frozenset(digits for digits in found if len(digits) >= _TELLING_DIGITS)
