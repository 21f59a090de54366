"""Cohorts: the command line's study in a job, and rows that lead to the room's studies."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from analysed_for_tests import add_study
from room_for_tests import finished, opened

from hepaflow.web import cohort_rooms, cohorts, studies
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace
from hepaflow.web.room import Room
from hepaflow.workflow import cohort_example, cohort_table
from hepaflow.workflow.cohort_config import load
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_write import write

CONFIG = 'title = "Ours"\nbootstraps = 0\n[columns.bf_ratio]\ndirection = "lower"\nthreshold = 0.68\n'
Both = tuple[Any, Room]


@pytest.fixture(scope="module")
def ours(room: Both) -> dict[str, Any]:
    return judged(room[0], name="Ours  ", csv=table(), config=CONFIG)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with opened(tmp_path_factory.mktemp("room")) as both:
        yield both


def table(**more: str) -> str:
    """Ten patients with two lesions each: the first responded and has the lower ratio, but for one."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(10):
        for lesion, response, centre in (("lesion-1", "major", 0.5), ("lesion-2", "minor", 1.1)):
            ratio = 1.4 if (number, lesion) == (3, "lesion-1") else centre + 0.1 * rng.standard_normal()
            row = {"patient": f"p{number}", "lesion": lesion, "response": response, "bf_ratio": f"{ratio:.4f}"}
            rows.append(row | {name: value if number == 0 else "" for name, value in more.items()})
    return as_csv(rows)


def as_csv(rows: list[dict[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def judged(client: Any, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/cohorts", json=asked)
    assert answer.status_code == 202, answer.text
    job = finished(client, answer.json()["job"])
    assert job["state"] == "done", job
    found: dict[str, Any] = client.get(f"/api/cohorts/{answer.json()['cohort']}").json()
    return found


def case_of(place: StudyPlace, *lesions: str, bf: float = 100.0) -> None:
    """As much of a case as a table of lesions reads."""
    place.case.mkdir()
    value = {"value": bf, "sd": 2.0}
    rows = [
        {
            "id": name,
            "volume_ml": 3.0,
            "longest_axial_diameter_mm": 20.0,
            "flags": [],
            "regions": {"whole": {"bf": {"value": bf / 2, "sd": 1.0}}},
            "ratio": {"bf": {"value": 0.5, "sd": 0.01}},
            "response": [{"criterion": "nancy2019-bf-ratio", "category": "major", "probability_major": 0.99}],
        }
        for name in lesions
    ]
    (place.case / "lesions.json").write_text(json.dumps({"model": "aath", "healthy": {"bf": value}, "lesions": rows}))
    (place.case / "case.json").write_text(json.dumps({"density_g_ml": 1.05}))


def test_a_table_is_judged_as_by_the_command_line(ours: dict[str, Any], tmp_path: Path) -> None:
    found = ours
    assert (found["name"], found["state"], found["estimated"]) == ("Ours", "done", True)
    (tmp_path / "table.csv").write_text(table())
    (tmp_path / "study.toml").write_text(CONFIG)
    config = load(tmp_path / "study.toml")
    read, findings = cohort_table.read(tmp_path / "table.csv", config)
    study = run(read, config, found=findings)
    write(study, config, tmp_path / "out")
    assert found["results"] == json.loads((tmp_path / "out" / "results.json").read_text())
    curve = found["roc"][0]
    assert (curve["column"], curve["fixed"]) == ("bf_ratio", 0.68)
    assert curve["area"] == found["results"]["roc"]["bf_ratio"]["auc"]
    # the area under the points is the area that is told
    x, y = np.array(curve["points"]).T
    assert np.trapezoid(y, x) == pytest.approx(curve["area"], abs=1e-12)
    assert (curve["points"][0], curve["points"][-1]) == ([0.0, 0.0], [1.0, 1.0])
    assert curve["thresholds"] == [point["threshold"] for point in found["results"]["roc"]["bf_ratio"]["curve"]]
    for point, rows in zip(found["results"]["roc"]["bf_ratio"]["curve"], curve["rows"], strict=True):
        assert [found["table"][row]["row"] for row in rows] == point["rows"]
        assert {found["table"][row]["bf_ratio"] for row in rows} <= {point["value"]}
    groups = {group["name"]: group["values"] for group in found["boxes"][0]["groups"]}
    assert {name: len(values) for name, values in groups.items()} == {"major": 10, found["results"]["negative"]: 10}
    for values in groups.values():
        assert all(found["table"][one["row"]]["bf_ratio"] == one["value"] for one in values)
    assert all(row["study"] is None for row in found["table"])


def test_its_files_and_nothing_else(room: Both, ours: dict[str, Any]) -> None:
    client, found = room[0], ours
    url = f"/api/cohorts/{found['id']}"
    assert {"results.json", "report.html", "report.docx", "tables/analysed_lesions.csv"} <= set(found["files"])
    for name in found["files"]:
        assert client.get(f"{url}/files/{name}").status_code == 200, name
    page = client.get(f"{url}/report.html")
    assert page.headers["content-security-policy"].startswith("sandbox;")
    for name in (
        "page.json",
        "table.csv",
        "about.json",
        "tables",
        "tables/none.csv",
        "../about.json",
        "..%2fabout.json",
        "%2e%2e/about.json",
    ):
        answer = client.get(f"{url}/files/{name}")
        assert answer.status_code in {400, 404}, name
        assert set(answer.json()) == {"error"}
    assert found["id"] in [one["id"] for one in client.get("/api/cohorts").json()["cohorts"]]
    assert client.get("/api/cohorts/0123456789ab").json()["error"]["code"] == "COHORT-UNKNOWN"
    assert client.get(url, params={"part": "synthetic"}).json()["error"]["code"] == "COHORT-PART"


def test_rows_lead_to_studies(room: Both) -> None:
    rooms = room[1]
    key = hashlib.sha256(rooms.tables.salt() + b"\np0").hexdigest()[:16]  # as import makes it of PatientID p0
    first, later = (add_study(rooms, patient_key=key, date=day) for day in ("2026-01-02", "2026-03-04"))
    case_of(first, "lesion-1", "lesion-2")
    case_of(later, "lesion-1")
    named = add_study(rooms).folder.name
    rows = [
        {"patient": "p0", "lesion": "lesion-1"},
        {"patient": "p0", "lesion": "lesion-2"},
        {"patient": "p0", "lesion": "lesion-3"},
        {"patient": "p1", "lesion": "lesion-1"},
        {"patient": "p1", "lesion": "lesion-1", "study": named},
        {"patient": "p1", "lesion": "lesion-1", "study": "0123456789ab"},
        {"patient": "", "lesion": "lesion-1"},
    ]
    found = [row["study"] for row in cohort_rooms.linked(rooms, rows)]
    assert found == [later.folder.name, first.folder.name, None, None, named, None, None]


def test_the_rooms_own_studies_as_a_table(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (client, room):
        assert client.post("/api/cohorts", json={"from_studies": True}).json()["error"]["code"] == "STUDY-NO-CASES"
        for number in range(6):
            case_of(add_study(room, patient_key=f"{number % 3}" * 16, date=f"2026-01-0{number + 1}"), "lesion-1", bf=80.0 + number)
        found = judged(client, from_studies=True, name="All")
        assert (found["estimated"], found["results"], len(found["table"])) == (False, None, 6)
        assert {row["study"] for row in found["table"]} == {path.name for path in (room.data / "studies").iterdir()}
        assert [row["lesion"] for row in found["table"]] == ["lesion-1", "lesion-1 visit 2"] * 3
        # filled in by hand, it comes back as a table whose rows still lead to the studies
        wanted = client.get(f"/api/cohorts/{found['id']}/files/lesions.csv").text
        rows = list(csv.DictReader(io.StringIO(wanted)))
        assert {row["response"] for row in rows} == {""}
        filled = [row | {"response": ("major", "minor")[number % 2]} for number, row in enumerate(rows)]
        again = judged(client, csv=as_csv(filled), config="bootstraps = 0\n")
        assert again["estimated"]
        assert [row["study"] for row in again["table"]] == [row["study"] for row in found["table"]]
        assert "bf_ratio" in {one["column"] for one in again["boxes"]}


def test_a_study_brought_in_twice_counts_once(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as (_, room):
        copies = [
            add_study(room, patient_key="a" * 16, date="2026-01-01", digest=digest) for digest in ("one", "one", "one", "two")
        ]
        for number, place in enumerate(copies):
            case_of(place, "lesion-1", bf=80.0 + number)
        signed = copies[1].folder.name
        with room.tables.begin() as connection:
            said = json.dumps({"reader": "R", "at": "2026-01-02T00:00:00.000Z"})
            connection.execute(sa.update(t.studies).where(t.studies.c.id == signed).values(signed=said))
        rows = list(csv.DictReader(io.StringIO(cohort_rooms.of_studies(room))))
        assert [row["study"] for row in rows] == [signed, copies[3].folder.name]
        with room.tables.read() as connection:
            numbers = {one["id"]: one["visit"] for one in studies.listed(connection, room.data)}
        assert [numbers[place.folder.name] for place in copies] == [1, 1, 1, 2]


def test_a_study_whose_id_looks_like_a_number_stays_a_name(tmp_path: Path) -> None:
    (tmp_path / cohorts.TABLE).write_text("patient,lesion,response,study\np,l,major,12345678e012\n")
    config = cohorts.configuration(tmp_path / cohorts.CONFIG)
    read, _ = cohort_table.read(tmp_path / cohorts.TABLE, config)
    assert read.texts["study"] == ("12345678e012",)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "COHORT-INPUT"),
        ({"csv": "a\n1\n", "example": "nancy2019"}, "COHORT-INPUT"),
        ({"example": "other"}, "STUDY-EXAMPLE"),
        ({"csv": "patient;lesion;case\np;l;/etc\n"}, "COHORT-PATH"),
        ({"csv": '"pat\nient",lesion,case\np,l,/etc\n'}, "COHORT-PATH"),
        ({"csv": "\n \npatient,lesion, case \np,l,/etc\n"}, "COHORT-PATH"),
        ({"csv": "\ufeffcase,lesion\n/etc,l\n"}, "COHORT-PATH"),
        ({"csv": 'patient,"lesion\np,l\n'}, "STUDY-NOT-CSV"),
    ],
)
def test_refused_at_once(room: Both, asked: dict[str, Any], code: str) -> None:
    assert room[0].post("/api/cohorts", json=asked).json()["error"]["code"] == code


@pytest.mark.parametrize(
    ("csv_text", "config", "code"),
    [
        (table(), 'outcomes = "/etc/passwd"\n', "COHORT-PATH"),
        (table(), "positive = 3\n", "STUDY-CONFIG"),
        ("patient,lesion\n", None, "STUDY-EMPTY"),
    ],
)
def test_refused_by_the_job(tmp_path: Path, csv_text: str, config: str | None, code: str) -> None:
    (tmp_path / cohorts.TABLE).write_text(csv_text)
    if config is not None:
        (tmp_path / cohorts.CONFIG).write_text(config)
    with pytest.raises(Exception, match=code):
        cohorts.work({"folder": str(tmp_path), "example": None}, lambda *_: None)


def test_the_example(room: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without resampling and figures, which are what takes long; the job itself is that of the other tests."""

    def written(study: Any, _: Any, folder: Path, **__: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps({"n": study.n}))
        (folder / "report.html").write_text("<p>report</p>")

    client, rooms = room
    for name in ("printed_config", "synthetic_config"):
        config = getattr(cohort_example, name)().model_copy(update={"bootstraps": 0})
        monkeypatch.setattr(cohort_example, name, lambda config=config: config)
    monkeypatch.setattr(cohort_example, "write", written)
    folder = cohort_rooms.add(rooms, "nancy2019", kind="example", table=None, config=None)
    assert cohorts.work({"folder": str(folder), "example": "nancy2019"}, lambda *_: None) == {"estimated": True, "lesions": 57}
    found = client.get(f"/api/cohorts/{folder.name}").json()
    assert (found["kind"], found["parts"], found["results"]["n"], len(found["table"])) == ("example", ["synthetic"], 57, 57)
    assert not any(name.startswith("synthetic/") for name in found["files"])
    made_up = client.get(f"/api/cohorts/{folder.name}", params={"part": "synthetic"}).json()
    assert made_up["synthetic"] is True
    assert {"bf_ratio", "hpbf_ratio"} <= {one["column"] for one in made_up["roc"]}
    assert all(client.get(f"/api/cohorts/{folder.name}/files/{name}").status_code == 200 for name in made_up["files"])
    assert client.get(f"/api/cohorts/{folder.name}/report.html", params={"part": "synthetic"}).status_code == 200
