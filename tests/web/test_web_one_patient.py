"""Whether the studies of one number are of one person: what is told, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study
from room_for_tests import brought_in, opened
from tiny_study import hounsfield, set_hu, tiny, write

from hepaflow.web import tables as t
from hepaflow.web.one_patient import one_name
from hepaflow.web.room import Room


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("DOE JANE", "Doe Jane"),
        ("DOE JANE", "jane  doe"),
        ("Doe^Jane", "Doe, Jane"),
        ("Łukasiewicz Zoë", "LUKASIEWICZ ZOE"),
        ("Müller Jörg", "MUELLER JOERG"),
        ("Strauß Anna", "STRAUSS ANNA"),
        ("O'Brien Siân", "OBRIEN SIAN"),
        ("O\u2019Brien Siân", "O'BRIEN SIAN"),
        ("Roux Jean-Paul", "ROUX JEAN PAUL"),
        ("DOE JANE", "DOE JANE MARIE"),
        ("Παπαδοπούλου Ελένη", "ΠΑΠΑΔΟΠΟΥΛΟΥ ΕΛΕΝΗ"),
        ("DOE JANE", ""),
    ],
)
def test_spellings_of_one_name_agree(first: str, second: str) -> None:
    assert one_name(first, second)
    assert one_name(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [("DOE JANE", "DOE JOHN"), ("DOE JANE", "ROE JANE"), ("DOE AMY", "DOE MAY"), ("DOE", "DOE JANE"), ("肝臓", "太郎")],
)
def test_other_names_do_not(first: str, second: str) -> None:
    assert not one_name(first, second)
    assert not one_name(second, first)


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[Any, Room]]:
    with opened(tmp_path / "data") as inside:
        yield inside


def listed(room: Room, patient: str, *, key: str, born: str = "", date: str = "2026-01-01") -> str:
    name = add_study(room, patient_key=key, date=date).folder.name
    with room.tables.begin() as connection:
        row = {"patient": patient, "facts": json.dumps({"passes": 4, "digest": name, "born": born})}
        connection.execute(sa.update(t.studies).where(t.studies.c.id == name).values(**row))
    return name


def differs(client: Any, *names: str) -> list[list[str]]:
    found = {one["id"]: one["patient_differs"] for one in client.get("/api/studies").json()["studies"]}
    assert all(client.get(f"/api/studies/{name}").json()["patient_differs"] == found[name] for name in names)
    return [found[name] for name in names]


def test_every_study_of_a_number_with_two_names_or_dates_of_birth_says_so(both: tuple[Any, Room]) -> None:
    client, room = both
    one, two, three = (listed(room, name, key="a" * 16) for name in ("DOE JANE", "Doe Jane", "ROE RICHARD"))
    four, five = (listed(room, "DOE JANE", key="b" * 16, born=born) for born in ("aa", "bb"))
    six, seven = (listed(room, "DOE JANE", key="c" * 16, born=born) for born in ("aa", ""))
    eight, nine = listed(room, "DOE JANE", key=""), listed(room, "ROE RICHARD", key="")
    assert differs(client, one, two, three) == [["name"]] * 3
    assert differs(client, four, five) == [["birth_date"]] * 2
    assert differs(client, six, seven, eight, nine) == [[]] * 4
    client.delete(f"/api/studies/{three}")
    assert differs(client, one, two) == [[]] * 2


def test_none_of_them_is_known_to_be_a_first_visit(both: tuple[Any, Room]) -> None:
    client, room = both
    first = listed(room, "DOE JANE", key="a" * 16)
    other = listed(room, "ROE RICHARD", key="a" * 16, date="2026-03-01")
    assert client.get(f"/api/studies/{first}").json()["first_visit"] is False
    with room.tables.begin() as connection:
        connection.execute(sa.update(t.studies).where(t.studies.c.id == other).values(patient="doe jane"))
    assert client.get(f"/api/studies/{first}").json()["first_visit"] is True


def test_studies_brought_in_are_told_apart_and_no_date_of_birth_is_kept(both: tuple[Any, Room], tmp_path: Path) -> None:
    client, room = both
    people = (("Doe^Jane", "19500203"), ("DOE JANE^^^Mrs", "19500203"), ("Roe^Richard", "19611112"))
    found: list[list[str]] = []
    for seed, (name, born) in enumerate(people, start=1):
        images = tiny(seed=seed)
        for image in images:
            set_hu(image.ds, hounsfield()[image.p, image.k] + seed)  # the same images would be the same study
            image.ds.PatientID, image.ds.PatientName, image.ds.PatientBirthDate = "P1", name, born
        study = brought_in(client, write(images, tmp_path / f"dicom-{seed}"))
        found += differs(client, study)
    assert found == [[], [], ["name", "birth_date"]]
    with room.tables.read() as connection:
        rows = connection.execute(sa.select(t.studies)).all() + connection.execute(sa.select(t.jobs)).all()
        kept = " ".join(str(row) for row in (*rows, *connection.execute(sa.select(t.audits)).all()))
    assert not any(born in kept for _, born in people)
