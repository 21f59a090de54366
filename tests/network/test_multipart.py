"""Parts of an answer: whole ones in any chunking, and a cut wherever the body ends early."""

from __future__ import annotations

import pytest

from hepaflow.dicom.network import multipart
from hepaflow.dicom.network.multipart import parts
from hepaflow.dicom.network.peer import Cut

KIND = 'multipart/related; type="application/dicom"; boundary="a b--c"'
CONTENTS = [b"one", b"", b"\r\n--a b\r\n--a b--\r\n", b"x--a b--c", b"\r\n\r\n", bytes(range(256))]
BODY = (
    b"preamble"
    + b"".join(b"\r\n--a b--c\r\nContent-Type: application/dicom\r\nX: y\r\n\r\n" + one for one in CONTENTS)
    + b"\r\n--a b--c--\r\nafter"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(BODY)])
def test_the_chunks_do_not_matter(size: int) -> None:
    assert list(parts(KIND, [BODY[first : first + size] for first in range(0, len(BODY), size)])) == CONTENTS


def test_a_body_that_starts_with_its_delimiter_and_a_part_without_headers() -> None:
    assert list(parts("multipart/related; boundary=x", [b"--x\r\n\r\none\r\n--x--"])) == [b"one"]
    assert list(parts("multipart/related; boundary=x", [b"--x--"])) == []


def test_a_body_that_ends_early_is_a_cut_and_gives_only_whole_parts() -> None:
    end = BODY.rindex(b"--") + 2
    for length in range(end):
        came: list[bytes] = []
        with pytest.raises(Cut):
            came.extend(parts(KIND, [BODY[:length]]))
        assert came == CONTENTS[: len(came)]
    assert list(parts(KIND, [BODY[:end]])) == CONTENTS


@pytest.mark.parametrize("kind", ["", "text/html", "application/dicom; boundary=x", "multipart/related"])
def test_what_is_not_in_parts_is_said(kind: str) -> None:
    with pytest.raises(ValueError, match="not in parts"):
        list(parts(kind, [b"--x--"]))


def test_a_part_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "LARGEST_PART", 1000)
    with pytest.raises(ValueError, match="too large"):
        list(parts("multipart/related; boundary=x", (b"--x\r\n\r\n" + b"0" * 100 for _ in iter(int, 1))))
