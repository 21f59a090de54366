"""One DICOM object without its patient: PS3.15 annex E, basic profile, with modified dates, cleaned descriptors and safe private attributes.

What the table of attributes names is treated as it says. What it does not name is treated by the kind of value that the data dictionary
gives it, whatever the file declares: UIDs are replaced unless the standard registers them, dates are shifted, numbers stay, sequences
are entered, code strings stay where they are made of listed words, other text only where a list names the attribute and what it may hold.
Everything else is removed: bulk data other than pixels, attributes that the dictionary does not know, overlays, curves, and private
attributes unless they are listed and hold a number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from hepaflow import __version__
from hepaflow.dicom import deidentify_text as words
from hepaflow.dicom.confidentiality import Rule, tables
from hepaflow.dicom.deidentify_dates import moved
from hepaflow.dicom.deidentify_elements import TEXT, by_dictionary, decodable, read, safe_private, values
from hepaflow.dicom.deidentify_pixels import OF_PIXELS, only_pixels
from hepaflow.dicom.gate import DIRECTORY, EXPLICIT
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.pseudonym import Secret
from hepaflow.errors import InputRefused

DUMMY = words.DUMMY
#: Kinds of value that are numbers, or the tags of attributes.
_NUMBERS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "US or SS", "UV"})
#: Whole numbers wide enough to hold a patient's number or a date.
_WIDE = frozenset({"DS", "IS", "SL", "SV", "UL", "UV"})
#: UIDs of kinds, not of things: they say nothing of a patient where the standard gives them out.
_KIND_UIDS = ("ClassUID", "TransferSyntaxUID", "CodingSchemeUID", "ContextUID", "MappingResourceUID")
_STANDARD_UID = re.compile(r"1\.2\.840\.10008(\.\d{1,4}){1,9}")
_CHARACTER_SET = 0x00080005
_UNKNOWN = Rule("X", clean=False)


@dataclass(frozen=True, slots=True)
class Deidentified:
    """The new file's bytes, its pseudonym and new UIDs (study, series, instance), and how many values are empty now.

    Emptied are values of attributes that stay: dates and times that are none, text and codes that no list knows, numbers that repeat
    the patient's ID or a date.
    """

    data: bytes
    pseudonym: str
    uids: tuple[str, str, str]
    emptied: int


@dataclass(frozen=True, slots=True)
class LeftOutObject:
    """An object that is not passed on, and why."""

    why: str


def deidentify(
    data: bytes, secret: Secret, *, patient: str | None = None, keep_burned_in: bool = False
) -> Deidentified | LeftOutObject:
    """The object in ``data`` (a whole DICOM file that passed the gate) without its patient; the same input and secret give the same bytes.

    Patient's Name and ID are the pseudonym of ``patient`` (see :func:`patient_of`), where it is None of the object's own Patient ID and
    Issuer, or of the study where there is no ID; dates go back by one number of days for all of a patient. Left out: kinds of object that are text, and (unless ``keep_burned_in``) pictures that say or usually
    have burned-in annotation. Refused: no SOP instance or study UID, an unknown character set, values that cannot be decoded.
    """
    from pydicom import dcmread
    from pydicom.filewriter import dcmwrite

    with quiet():
        try:
            dataset = dcmread(BytesIO(data), force=True)
            by_dictionary(dataset)
            why = left_out(dataset, keep_burned_in=keep_burned_in)
            if why is not None:
                return LeftOutObject(why)
            _check(dataset)
            work = _Work(secret, dataset, patient)
            syntax = str(dataset.file_meta.get("TransferSyntaxUID") or EXPLICIT)
            if not _registered(syntax):
                raise InputRefused("FILE-SYNTAX", "an object has a transfer syntax that is not the standard's", "Export it anew")
            only_pixels(dataset, syntax)
            work.clean(dataset, top=True)
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
    words = {str(word).strip().upper() for word in values(dataset.get("ImageType"))}
    return "picture-of-text" if words & tables().screens or "ConversionType" in dataset else None


def _check(dataset: Any) -> None:
    from pydicom.charset import python_encoding

    if not dataset.get("SOPInstanceUID") or not dataset.get("StudyInstanceUID"):
        raise InputRefused("FILE-TRUNCATED", "an object does not say what it is", "Copy the study again from its archive")
    if any(str(name) not in python_encoding for name in values(dataset.get("SpecificCharacterSet"))):
        raise InputRefused("FILE-CHARSET", "an object's text is in an unknown character set", "Export the study again")
    for key in ("PatientID", "IssuerOfPatientID"):  # question marks in their place would make one patient of two
        if key in dataset:
            decodable(dataset[key])


class _Work:
    """One object's pass: the secret, whose it is, and the count of values that were emptied."""

    __slots__ = ("days", "emptied", "name", "numbers", "own", "secret")

    def __init__(self, secret: Secret, dataset: Any, patient: str | None) -> None:
        number, issuer = (str(dataset.get(key) or "").strip() for key in ("PatientID", "IssuerOfPatientID"))
        if patient is None:
            patient = patient_of(number, issuer=issuer) if number else f"\x1e{dataset.StudyInstanceUID}"
        self.secret, self.emptied = secret, 0
        self.name, self.days = secret.pseudonym(patient), secret.shift_days(patient)
        # a word of the lists that is also part of this patient's name is not safe here
        self.own = words.own_words(str(dataset.get("PatientName") or ""), number)
        dates = [str(dataset.get(key) or "") for key in ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate")]
        self.numbers = words.own_numbers(number, dates)

    def clean(self, dataset: Any, *, top: bool = False) -> None:
        """Every element of a data set or item, and what is below it."""
        by_dictionary(dataset)
        if "CodingSchemeDesignator" in dataset:
            self.emptied += words.clean_code(dataset)
        safe = safe_private(dataset, self.numbers)
        for tag in list(dataset.keys()):
            if tag.is_private:
                if tag not in safe:
                    del dataset[tag]
            elif tag.group == 0x7FE0:
                if not top or tag not in OF_PIXELS:
                    del dataset[tag]
            elif tag == _CHARACTER_SET and not top:
                del dataset[tag]  # all text that stays is ASCII
            elif tag.element == 0 or tag.group >> 8 in (0x50, 0x60) or tag.group < 0x0008:
                del dataset[tag]
            else:
                self._element(dataset, tag)

    def _element(self, dataset: Any, tag: Any) -> None:
        from pydicom.datadict import dictionary_has_tag

        rule = tables().rules.get(int(tag))
        if rule is None and not dictionary_has_tag(tag):
            rule = _UNKNOWN
        element = read(dataset, tag)
        if rule is None:
            rule = self._by_kind(element)
        if rule is None:
            return
        if element.VR == "SQ" and rule.action == "U":
            for item in element.value:
                self.clean(item)
        elif rule.clean and element.VR in TEXT and (kept := self._safe_text(element)):
            element.value = kept
        elif rule.action == "U" and element.VR == "UI":
            element.value = self._uids(element)
        elif rule.action == "M" and element.VR in ("DA", "DT", "TM"):
            element.value = self._dates(element)
        elif rule.action == "D" and element.VR in TEXT:
            element.value = DUMMY
        elif rule.action == "Z":
            element.value = [] if element.VR == "SQ" else None
        else:
            del dataset[tag]

    def _by_kind(self, element: Any) -> Rule | None:
        """What is done to an attribute that the table does not name; None where it stays, in part emptied."""
        from pydicom.datadict import dictionary_VR

        kind = dictionary_VR(element.tag)
        if kind in ("SQ", "UI"):
            return Rule("U", clean=False)
        if kind in ("DA", "DT", "TM"):
            return Rule("M", clean=False)
        if kind in _NUMBERS:
            if kind in _WIDE and any(str(value) in self.numbers for value in values(element.value)):
                return self._counted("Z")
            return None if element.VR in kind.split(" or ") else _UNKNOWN
        if kind == "CS":
            self._code_string(element)
            return None
        if element.keyword in ("CodeValue", "LongCodeValue", "CodeMeaning", "CodingSchemeDesignator"):
            return None  # of an item that is known or a dummy by now
        if element.keyword not in tables().kept_text:
            return _UNKNOWN
        what, otherwise = tables().kept_text[element.keyword]
        texts = [str(value).strip() for value in values(element.value)]
        if not any(texts) or all(words.kept_text(text, what, own=self.own) for text in texts if text):
            return None
        return Rule(otherwise, clean=False) if what == "none" else self._counted(otherwise)

    def _counted(self, action: Any) -> Rule:
        self.emptied += 1
        return Rule(action, clean=False)

    def _code_string(self, element: Any) -> None:
        """Values of a code string that are no listed words become a dummy, each by itself."""
        if element.tag == _CHARACTER_SET:
            return
        found = []
        for value in values(element.value):
            text = str(value).strip()
            safe = not text or words.coded_word(text, element.keyword, own=self.own)
            self.emptied += not safe
            found.append(text if safe else DUMMY)
        element.value = found[0] if len(found) == 1 else found

    def _uids(self, element: Any) -> Any:
        kinds = element.keyword.endswith(_KIND_UIDS)
        found = [
            self.secret.uid(str(uid))
            if str(uid) and not _registered(str(uid)) and not (kinds and _STANDARD_UID.fullmatch(str(uid)))
            else str(uid)
            for uid in values(element.value)
        ]
        return found[0] if len(found) == 1 else found

    def _dates(self, element: Any) -> Any:
        found = []
        for value in values(element.value):
            text = str(value).strip()
            found.append(moved(text, element.VR, self.days))
            self.emptied += bool(text) and not found[-1]
        return found[0] if len(found) == 1 else found

    def _safe_text(self, element: Any) -> str:
        text = " ".join(str(value) for value in values(element.value))
        return words.descriptor(text, element.keyword, own=self.own, whole=element.VR == "SH")


def _registered(uid: str) -> bool:
    from pydicom._uid_dict import UID_dictionary

    return uid in UID_dictionary


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
