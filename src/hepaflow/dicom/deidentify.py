"""One DICOM object without its patient: PS3.15 annex E, basic profile, with modified dates, cleaned descriptors and safe private attributes.

What the table of attributes names is treated as it says. What it does not name is treated by its kind of value: UIDs are replaced
unless the standard registers them, dates are shifted, free text and names of people are removed, sequences are entered. Attributes that
the data dictionary does not know, overlays and curves are removed, private ones unless they are listed as safe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from hepaflow import __version__
from hepaflow.dicom.confidentiality import Rule, tables
from hepaflow.dicom.gate import DIRECTORY
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.pseudonym import Secret, shifted_date
from hepaflow.errors import InputRefused

DUMMY = "REMOVED"
#: Kinds of value that hold free text, names or addresses: never kept where the table does not say how.
_FREE_TEXT = frozenset({"LT", "ST", "UT", "PN", "UR", "AE"})
#: Short text that stays where the table does not name it: names of devices, kernels, codes.
_NAMES_OF_THINGS = frozenset({"LO", "SH", "UC"})
#: A part of a name shorter than this may stand anywhere by chance.
_TELLING = 3
_TEXT = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
#: UIDs of kinds, not of things: they say nothing of a patient.
_KIND_UIDS = ("ClassUID", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID")
_PLAIN = re.compile(r"[A-Z0-9_ .+\-\\]*")
_WORD = re.compile(r"[^\W_]+")
_UNKNOWN = Rule("X", clean=False)


@dataclass(frozen=True, slots=True)
class Deidentified:
    """The new file's bytes, its pseudonym and new UIDs (study, series, instance), and how many values are empty now.

    Emptied are dates and times that are none, and technical text that repeats a part of the patient's name or ID.
    """

    data: bytes
    pseudonym: str
    uids: tuple[str, str, str]
    emptied: int


@dataclass(frozen=True, slots=True)
class LeftOutObject:
    """An object that is not passed on, and why."""

    why: str


def deidentify(data: bytes, secret: Secret, *, keep_burned_in: bool = False) -> Deidentified | LeftOutObject:
    """The object in ``data`` (a whole DICOM file that passed the gate) without its patient; the same input and secret give the same bytes.

    Patient's Name and ID are the pseudonym of (Patient ID, Issuer), or of the study where there is no ID; dates go back by one number of
    days for all of a patient. Left out: kinds of object that are text, and (unless ``keep_burned_in``) pictures that say or usually
    have burned-in annotation. Refused: no SOP instance or study UID, an unknown character set, values that cannot be decoded.
    """
    from pydicom import dcmread
    from pydicom.filewriter import dcmwrite

    with quiet():
        try:
            dataset = dcmread(BytesIO(data), force=True)
            why = left_out(dataset, keep_burned_in=keep_burned_in)
            if why is not None:
                return LeftOutObject(why)
            _check(dataset)
            work = _Work(secret, dataset)
            work.clean(dataset)
            _declare(dataset, work)
            out = BytesIO()
            dcmwrite(out, dataset, enforce_file_format=True)
        except InputRefused:
            raise
        except Exception as error:  # the library's message would repeat the value
            raise InputRefused(
                "FILE-DAMAGED", "an object's values cannot be read", "Copy the study again from its archive"
            ) from error
    uids = (str(dataset.StudyInstanceUID), str(dataset.get("SeriesInstanceUID") or ""), str(dataset.SOPInstanceUID))
    return Deidentified(out.getvalue(), work.name, uids, work.emptied)


def patient_of(number: str, *, issuer: str) -> str:
    """What a patient's pseudonym and shift are made from: Patient ID and its issuer."""
    return f"{number.strip()}\x1e{issuer.strip()}"


def left_out(dataset: Any, *, keep_burned_in: bool) -> str | None:
    """Why an object is left out, or None."""
    if str(dataset.file_meta.get("MediaStorageSOPClassUID") or "") == DIRECTORY:
        return "directory"
    sop_class = str(dataset.get("SOPClassUID") or "")
    for kind in tables().left_out:
        if any(sop_class == known or sop_class.startswith(f"{known}.") for known in kind.classes) and not (
            kind.pixels and keep_burned_in
        ):
            return kind.why
    if keep_burned_in:
        return None
    if str(dataset.get("BurnedInAnnotation") or "").strip().upper() == "YES":
        return "burned-in-annotation"
    words = {str(word).strip().upper() for word in _values(dataset.get("ImageType"))}
    return "picture-of-text" if words & tables().screens or "ConversionType" in dataset else None


def _values(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue" else [value]


def _check(dataset: Any) -> None:
    from pydicom.charset import python_encoding

    if not dataset.get("SOPInstanceUID") or not dataset.get("StudyInstanceUID"):
        raise InputRefused("FILE-TRUNCATED", "an object does not say what it is", "Copy the study again from its archive")
    if any(str(name) not in python_encoding for name in _values(dataset.get("SpecificCharacterSet"))):
        raise InputRefused("FILE-CHARSET", "an object's text is in an unknown character set", "Export the study again")


class _Work:
    """One object's pass: the secret, whose it is, and the count of dates that were emptied."""

    __slots__ = ("days", "emptied", "name", "own_words", "secret")

    def __init__(self, secret: Secret, dataset: Any) -> None:
        number, issuer = (str(dataset.get(key) or "").strip() for key in ("PatientID", "IssuerOfPatientID"))
        patient = patient_of(number, issuer=issuer) if number else f"\x1e{dataset.StudyInstanceUID}"
        self.secret, self.emptied = secret, 0
        self.name, self.days = secret.pseudonym(patient), secret.shift_days(patient)
        # a word of the vocabulary that is also part of this patient's name is not safe here
        self.own_words = {word.lower() for word in _WORD.findall(f"{dataset.get('PatientName') or ''} {number}")}

    def clean(self, dataset: Any) -> None:
        """Every element of a data set or item, and what is below it."""
        safe = self._safe_private(dataset)
        for tag in list(dataset.keys()):
            if tag.is_private:
                if tag not in safe:
                    del dataset[tag]
                continue
            if tag.element == 0 or tag.group >> 8 in (0x50, 0x60) or tag.group < 0x0008:
                del dataset[tag]
                continue
            self._element(dataset, tag)

    def _element(self, dataset: Any, tag: Any) -> None:
        from pydicom.datadict import dictionary_has_tag

        rule = tables().rules.get(int(tag))
        if rule is None and not dictionary_has_tag(tag):
            rule = _UNKNOWN
        element = _read(dataset, tag)
        if rule is None:
            rule = _by_kind(element)
        if rule is None:
            _decodable(element)
            if element.VR in _NAMES_OF_THINGS and self._names_the_patient(element):
                element.value, self.emptied = None, self.emptied + 1
        elif element.VR == "SQ" and rule.action == "U":
            for item in element.value:
                self.clean(item)
        elif rule.clean and element.VR in _TEXT and (kept := self._safe_text(element)):
            element.value = kept
        elif rule.action == "U":
            element.value = self._uids(element)
        elif rule.action == "M":
            element.value = self._dates(element)
        elif rule.action == "D" and element.VR in _TEXT:
            element.value = DUMMY
        elif rule.action == "Z":
            element.value = [] if element.VR == "SQ" else None
        else:
            del dataset[tag]

    def _names_the_patient(self, element: Any) -> bool:
        """Kept text that repeats a part of the patient's name or ID: someone wrote it where it does not belong."""
        words = {word.lower() for value in _values(element.value) for word in _WORD.findall(str(value))}
        return any(len(word) >= _TELLING for word in words & self.own_words)

    def _uids(self, element: Any) -> Any:
        found = [
            self.secret.uid(str(uid)) if str(uid) and not _registered(str(uid)) else str(uid) for uid in _values(element.value)
        ]
        return found[0] if len(found) == 1 else found

    def _dates(self, element: Any) -> Any:
        found = []
        if element.VR == "TM":  # times of day stay, and with them the intervals
            for value in _values(element.value):
                text = str(value).strip()
                known = re.fullmatch(r"[0-9:]{2,8}(\.[0-9]{1,6})?", text) is not None
                self.emptied += bool(text) and not known
                found.append(text if known else "")
            return found[0] if len(found) == 1 else found
        for value in _values(element.value):
            text = str(value).strip()
            end = 10 if element.VR == "DA" and len(text) == 10 else 8
            date, rest = shifted_date(text[:end], self.days), re.sub(r"[+-]\d{4}$", "", text[end:])
            if not date or not re.fullmatch(r"[0-9.]*", rest):
                self.emptied += bool(text)
                date = rest = ""
            found.append(date + rest)
        return found[0] if len(found) == 1 else found

    def _safe_text(self, element: Any) -> str:
        """The safe words of a descriptor; the text as it is where all of it is safe."""
        text = " ".join(str(value) for value in _values(element.value))
        words = _WORD.findall(text)
        kept = [word for word in words if self._safe(word.lower())]
        if len(kept) == len(words):
            return text if kept and text.isascii() else ""
        # a number that stood beside a removed word may belong to it
        return " ".join(word for word in kept if not word.isdigit())[:64] if element.VR != "SH" else ""

    def _safe(self, word: str) -> bool:
        return word not in self.own_words and (word in tables().words or (word.isascii() and word.isdigit() and len(word) <= 2))

    def _safe_private(self, dataset: Any) -> set[Any]:
        """Private elements that stay: listed as safe, with a value that is a number or a code; and the creators of their blocks."""
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
            if kind is not None and _plain(dataset[tag], kind):
                found |= {tag, creator_tag}
        return found


def _read(dataset: Any, tag: Any) -> Any:
    """An element. Refused: a value that is not of its kind; the library would take a number that is none for text, and keep it."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    stated = dataset.get_item(tag).VR
    if stated in (None, "UN"):
        stated = dictionary_VR(tag) if dictionary_has_tag(tag) else None
    element = dataset[tag]
    wrong = stated is not None and " or " not in stated and element.VR not in (stated, "UN")
    if wrong or (
        element.VR in ("DS", "IS")
        and not all(value in ("", None) or isinstance(value, int | float) for value in _values(element.value))
    ):
        raise InputRefused("FILE-DAMAGED", f"{element.keyword} is not of its kind", "Copy the study again from its archive")
    return element


def _by_kind(element: Any) -> Rule | None:
    """What is done to an attribute that the table does not name; None where it stays."""
    if element.VR == "SQ":
        return Rule("U", clean=False)
    if element.VR == "UI":
        return None if element.keyword.endswith(_KIND_UIDS) else Rule("U", clean=False)
    if element.VR in ("DA", "DT", "TM"):
        return Rule("M", clean=False)
    return _UNKNOWN if element.VR in _FREE_TEXT or element.VR == "UN" else None


def _registered(uid: str) -> bool:
    from pydicom._uid_dict import UID_dictionary

    return uid in UID_dictionary


def _decodable(element: Any) -> None:
    """Refused: kept text that its character set cannot hold; the library would put question marks in its place."""
    if element.VR in _TEXT and any("\ufffd" in str(value) for value in _values(element.value)):
        raise InputRefused("FILE-CHARSET", f"{element.keyword} is not in the character set of its object", "Export the study again")


def _plain(element: Any, kind: str) -> bool:
    """A value of the listed kind that can only be a number or a code word."""
    if element.VR not in (kind, "UN"):
        return False
    value = element.value
    if isinstance(value, bytes):
        return (
            kind not in ("FL", "SS", "SL")
            and len(value) <= 64
            and _PLAIN.fullmatch(value.decode("latin-1").rstrip("\0")) is not None
        )
    return all(_PLAIN.fullmatch(str(one)) is not None or isinstance(one, int | float) for one in _values(value))


def _declare(dataset: Any, work: _Work) -> None:
    """Pseudonym, what was done and by which options; and file meta information of the new object."""
    from hepaflow.dicom.codes import Code
    from hepaflow.dicom.origin import coded_item, file_meta

    dataset.PatientName = dataset.PatientID = work.name
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = f"hepaflow {__version__}, DICOM PS3.15 annex E"
    dataset.DeidentificationMethodCodeSequence = [coded_item(Code(value, "DCM", meaning)) for value, meaning in tables().methods]
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    syntax = dataset.file_meta.get("TransferSyntaxUID") if "TransferSyntaxUID" in dataset.file_meta else None
    meta = file_meta(str(dataset.SOPClassUID), str(dataset.SOPInstanceUID))
    if syntax is not None:
        meta.TransferSyntaxUID = syntax
    dataset.file_meta, dataset.preamble = meta, b"\0" * 128
