"""One tiny study, imported once, for tests that only ask."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "dicom")]

from room_for_tests import Inside, brought_in, opened  # noqa: E402
from tiny_study import tiny, write  # noqa: E402

#: A patient whose texts would run as a program in a careless page.
NAME, IDENTIFIER, TITLE = "<script>alert(1)</script>^Jane", "CANARY-4711", "<script>alert(2)</script>"


@pytest.fixture(scope="session")
def hostile_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    images = tiny()
    for image in images:
        image.ds.PatientName, image.ds.PatientID, image.ds.StudyDescription = NAME, IDENTIFIER, TITLE
    return write(images, tmp_path_factory.mktemp("canary") / "CANARY-FOLDER")


@pytest.fixture(scope="session")
def inside(tmp_path_factory: pytest.TempPathFactory, hostile_study: Path) -> Iterator[Inside]:
    with opened(tmp_path_factory.mktemp("room") / "data") as (client, room):
        study = brought_in(client, hostile_study)
        yield Inside(client, room, study, client.cookies[room.gate.cookie])
