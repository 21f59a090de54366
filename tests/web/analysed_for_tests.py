"""A study of a room as an analysis leaves it, without one: a few files under the names of a case, regions in the log."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from hepaflow.dicom.write_pdf import write_pdf
from hepaflow.report import document, kept
from hepaflow.report.content import Document, Figure, Paragraph, Section
from hepaflow.report.figures import canvas, raster
from hepaflow.store import codec
from hepaflow.web import numbers, studies
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace
from hepaflow.web.region_state import Bits, RegionState
from hepaflow.web.room import Room
from hepaflow.web.staleness import mark
from hepaflow.workflow.outputs import REPORT_KEPT

sys.path.append(str(Path(__file__).parents[1] / "dicom_out"))
from case_for_tests import case as made_up

PNG = raster(canvas(20.0))


def report(language: str = "en") -> Document:
    """As short as a report can be."""
    figure = Figure(PNG, (100, 50), 60.0, "A picture", "Nothing is drawn")
    sections = (Section("summary", "Summary", (Paragraph("Bottom line."), figure)),)
    return Document(
        language,
        "Liver perfusion",
        "few passes",
        "study 0123",
        "0.1.0",
        "Research use only.",
        "Contents",
        "{page}/{pages}",
        sections,
    )


def add_study(room: Room, *, patient_key: str = "", date: str = "", label: str = "a study", digest: str = "") -> StudyPlace:
    with room.tables.begin() as connection:
        place = studies.add(connection, room.data, label)
        row = {"patient_key": patient_key, "date": date, "facts": json.dumps({"passes": 4, "digest": digest})}
        connection.execute(sa.update(t.studies).where(t.studies.c.id == place.folder.name).values(**row))
    return place


def draw(room: Room, place: StudyPlace, name: str, mask: np.ndarray, *, version: int = 1, **said: Any) -> None:
    """Adds a version of a region to the log."""
    state, packed = RegionState(name, Bits.of(mask), **said).stored()
    row = {
        "study": place.folder.name,
        "region": name,
        "version": version,
        "kind": "mask",
        "edit": json.dumps({"token": f"{name}-{version}", "key": None, "edit": {}}),
        "who": "Tester",
    }
    with room.tables.begin() as connection:
        connection.execute(sa.insert(t.edits).values(**row, state=state, mask=packed, at=t.now()))


def finish(room: Room, place: StudyPlace, *, language: str = "en") -> None:
    """Writes the case and says that what is drawn now was analysed."""
    for folder in (place.acquired, place.case / "dicom", (place.case / REPORT_KEPT).parent):
        folder.mkdir(parents=True)
    case = made_up()
    codec.save(case.series, place.acquired)
    made = report(language)
    _, paper = document.save(made, place.case)
    (place.case / REPORT_KEPT).write_bytes(kept.freeze(made))
    write_pdf(case, paper.read_bytes(), place.case / "dicom")
    (place.case / "dicom" / "segmentation.dcm").write_bytes(b"as good as one")
    (place.case / ".hepaflow-case").write_text("hepaflow case folder, schema 1\n")
    (place.case / "lesions.json").write_text(json.dumps({"schema": 1, "model": "aath", "healthy": {}, "lesions": []}))
    (place.case / "case.json").write_text(
        json.dumps({"schema": 1, "model": "aath", "flags": ["noise-high"], "software": {"version": "0.1.0"}})
    )
    say_analysed(room, place)


def say_analysed(room: Room, place: StudyPlace) -> None:
    study = place.folder.name
    cursor, _ = numbers.drawn_now(room, study)
    known = {"lesions": 1, "cursor": cursor, "at": t.now(), "rules": [], "case": mark(place.case)}
    with room.tables.begin() as connection:
        connection.execute(sa.update(t.studies).where(t.studies.c.id == study).values(analysed=json.dumps(known)))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
