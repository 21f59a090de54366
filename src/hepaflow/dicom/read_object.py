"""One object of results, judged whole by the gate before a DICOM library reads it: a cut file would else be a shorter object without a word."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from io import BytesIO
from typing import Any, TypeVar

from hepaflow.dicom.gate import DEFLATED, EXPLICIT, inflate, judge
from hepaflow.dicom.pixels import quiet
from hepaflow.dicom.source import Held
from hepaflow.errors import InputRefused

Found = TypeVar("Found")
_SOP_CLASS = 0x00080016


def data_set(data: bytes) -> Any:
    """The data set in the bytes of a file that the gate let through; raises whatever the library does."""
    from pydicom import dcmread
    from pydicom.uid import UID

    inflate(data)  # a bomb ends here: the library, which inflates for itself, has no limit
    dataset = dcmread(BytesIO(data), force=True)
    if dataset.file_meta.get("TransferSyntaxUID") == DEFLATED:
        dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT)
    return dataset


def drawn_on(items: Iterable[Any]) -> frozenset[str]:
    """SOP instance UIDs of the images that regions were drawn on, as their frames or contours (``items``) name them."""
    return frozenset(
        str(image.ReferencedSOPInstanceUID)
        for item in items
        for sources in (item, *(item.get("DerivationImageSequence") or ()))
        for keyword in ("SourceImageSequence", "ContourImageSequence")
        for image in sources.get(keyword) or ()
        if "ReferencedSOPInstanceUID" in image
    )


def read_object(data: bytes, classes: Collection[str], read: Callable[[Any], Found], *, what: str, where: str) -> Found:
    """What ``read`` makes of the data set. Refused, with ``what`` the object should be: another kind of object, a damaged file."""
    header = judge(Held(data), {_SOP_CLASS}, where=where)
    kind = "" if header is None else header.values.get(_SOP_CLASS, b"").decode("ascii", "replace").rstrip("\x00 ")
    if kind not in classes:
        raise InputRefused("OBJECT-KIND", f"the file is not a {what} ({where})", f"Give a {what}")
    with quiet():
        try:
            return read(data_set(data))
        except InputRefused as refused:
            raise InputRefused(refused.code, f"{refused.what} ({where})", refused.advice) from refused
        except MemoryError:
            raise
        except Exception as error:  # the library raises many kinds, and their messages hold values
            raise InputRefused("OBJECT-DAMAGED", f"the {what} cannot be read ({where})", "Export it again") from error
