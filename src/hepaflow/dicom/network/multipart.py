"""Multipart messages (RFC 2046 5.1): the parts of an answer, each handed on once all of it is there, and files as parts of a request."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from email.message import Message
from pathlib import Path

from hepaflow.dicom.network.peer import Cut

#: Bytes of one part beyond which an answer is not believed.
LARGEST_PART = 2**31
#: Bytes of a file in memory.
READ_AT_ONCE = 2**20


def parts(content_type: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""The parts' contents, in order, of a body that comes in ``chunks`` of any size.

    :class:`Cut` for a body that ends before its closing delimiter: HTTP alone does not tell a cut from the end where a server gives no
    length. ValueError: a content type without a boundary, a part beyond ``LARGEST_PART``.

    >>> body = b"--x\r\nContent-Type: application/dicom\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--"
    >>> list(parts('multipart/related; boundary="x"', [body[:20], body[20:]]))
    [b'one', b'two']
    """
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_maintype() != "multipart" or not boundary:
        raise ValueError("the answer is not in parts")
    delimiter = b"\r\n--" + boundary.encode()
    held = bytearray(b"\r\n")  # the first delimiter may be the first of the body
    looked, inside = 0, False
    for chunk in chunks:
        held += chunk
        while (at := held.find(delimiter, looked)) >= 0 and len(held) >= at + len(delimiter) + 2:
            if inside:
                yield bytes(held[:at].partition(b"\r\n\r\n")[2])
            after = at + len(delimiter)
            if held[after : after + 2] == b"--":
                return
            del held[:after]
            looked, inside = 0, True
        looked = at if at >= 0 else max(0, len(held) - len(delimiter) + 1)
        if len(held) > LARGEST_PART:
            raise ValueError("a part of the answer is too large")
    raise Cut


class Body:
    """Files as the parts of one request, read as they are sent. Its length is that of the files now."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.boundary = uuid.uuid4().hex
        self._head = f"\r\n--{self.boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        self._tail = f"\r\n--{self.boundary}--\r\n".encode()
        self._files = files
        self._size = sum(len(self._head) + path.stat().st_size for path in files) + len(self._tail)

    def __len__(self) -> int:
        """Bytes of all of it."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Piece by piece."""
        for path in self._files:
            yield self._head
            with path.open("rb") as file:
                while chunk := file.read(READ_AT_ONCE):
                    yield chunk
        yield self._tail
