"""Stored values of the frames of a multi-frame result, one after the other.

Compressed frames are decoded by the limited child, as images are: a decoder can end the process that it runs in over a damaged stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.dicom.frames import split
from hepaflow.dicom.gate import NATIVE, judge
from hepaflow.dicom.headers import Pixels
from hepaflow.dicom.source import Held
from hepaflow.dicom.values import TAGS
from hepaflow.dicom.warden import decode
from hepaflow.errors import InputRefused

_WANTED = frozenset({TAGS["NumberOfFrames"], TAGS["ExtendedOffsetTable"]})


def stored_frames(data: bytes, dataset: Any) -> Iterator[npt.NDArray[Any]]:
    """Stored values (rows, columns) of every frame of the file ``data``, whose data set is ``dataset``.

    Refused: more pixels than frames, compressed frames that nothing tells apart, that cannot be decoded, or that contradict the header.
    """
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    entry = Held(data)
    header = judge(entry, _WANTED, where="the object")
    if header is None or header.syntax in NATIVE:
        bits = int(dataset.NumberOfFrames) * rows * columns * int(dataset.BitsAllocated)
        if not 0 <= len(dataset.PixelData) - (bits + 7) // 8 <= 1:
            raise InputRefused("OBJECT-DAMAGED", "an object holds other pixels than its header says", "Export it again")
        yield from np.asarray(dataset.pixel_array).reshape(int(dataset.NumberOfFrames), rows, columns)
        return
    stored, signed = (int(dataset.BitsAllocated), int(dataset.BitsStored)), bool(dataset.PixelRepresentation)
    for own, one, number in split(entry, header, where="the object"):
        if one.pixels is not None:
            form = Pixels(rows, columns, *stored, signed, 1.0, 0.0, None, header.syntax, one.pixels)
            yield decode(own, form, where=f"frame {number}")[0]
