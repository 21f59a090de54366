"""The parts of a multipart answer as they come (RFC 2046 5.1): each handed on once all of it is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from email.message import Message

from hepaflow.dicom.network.peer import Cut

#: Bytes of one part beyond which an answer is not believed.
LARGEST_PART = 2**31


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
