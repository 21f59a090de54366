"""The tumor-board sheet, from a record and two cases to a page."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

sys.path.insert(0, str(Path(__file__).parent))
from cases_for_tests import write_case

from hepaflow.errors import InputRefused
from hepaflow.report import sheet
from hepaflow.workflow import board

BEFORE = {"lesion-1": ((-25.0, 0.0, 8.0), 24.0), "lesion-2": ((20.0, 14.0, -10.0), 20.0), "lesion-3": ((10.0, -28.0, 0.0), 16.0)}
HEAD = "visit,date,lesion,role,organ,nodal,diameter_mm,hu,morphology,state,case,case_lesion\n"
ROWS = (
    "before,2024-01-08,A,target,liver,no,24,80,3,measured,first,lesion-1\n"
    "before,2024-01-08,B,target,liver,no,24,80,3,measured,first,lesion-2\n"
    "before,2024-01-08,C,non-target,liver,no,16,80,2,measured,first,lesion-3\n"
    "after,2024-04-15,A,target,liver,no,22,78,3,measured,second,lesion-1\n"
    "after,2024-04-15,B,target,liver,no,16,60,1,measured,second,lesion-2\n"
    "after,2024-04-15,C,non-target,liver,no,16,79,2,measured,second,lesion-3\n"
)
RECORD = """
patient = "P-017"
visits = "visits.csv"
surgery = 2024-04-22
[primary]
t = "T3"
n = "N1b"
m = "M1a"
[[chemotherapy]]
regimen = "FOLFOX + bevacizumab"
cycles = 6
[[nodules]]
id = "N1"
lesion = "B"
trg = 4
residual_percent = 49
[[therapies]]
therapy = "resection"
on = 2024-04-22
lesion = "B"
[[board]]
on = 2024-01-12
group = "potentially_resectable"
[[board]]
on = 2024-04-18
group = "resectable"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_case(tmp_path / "first", BEFORE, ratios={"lesion-1": 1.1, "lesion-2": 1.1})
    write_case(tmp_path / "second", BEFORE, ratios={"lesion-1": 0.40, "lesion-2": 1.05, "lesion-3": 1.0})
    (tmp_path / "visits.csv").write_text(HEAD + ROWS)
    (tmp_path / "patient.toml").write_text(RECORD)
    return tmp_path


def gathered(folder: Path, record: str = RECORD) -> board.Sheet:
    (folder / "patient.toml").write_text(record)
    return board.gather(folder / "patient.toml")


def test_every_lesion_has_what_each_criterion_says(folder: Path) -> None:
    found = gathered(folder)
    said = {one.name: {spoken.key: spoken.category for spoken in one.said} for one in found.lesions}
    assert said == {
        "A": {"size-change": "stable", "choi": "SD", "modified-choi": "SD", "chun": "none", "perfusion": "major"},
        "B": {
            "size-change": "smaller",
            "choi": "PR",
            "modified-choi": "PR",
            "chun": "optimal",
            "perfusion": "minor",
            "histology": "minor",
        },
        "C": {"size-change": "stable", "choi": "SD", "modified-choi": "SD", "chun": "none", "perfusion": "minor"},
    }
    first = found.lesions[0]
    assert first.sizes_mm == (24.0, 22.0)
    assert first.size_change == pytest.approx(-1 / 12)
    assert first.ratio is not None
    assert (first.ratio.value, first.ratio.ci95, first.ratio.probability) == (0.4, (pytest.approx(0.3), pytest.approx(0.5)), 0.99)
    assert all(first.pictures)
    assert [text.en for text in first.changes] == ["BF -64 % (repeats: 31 %)"]
    assert [visit.category for visit in found.visits] == [None, "SD"]
    assert found.visits[1].sum_mm == 38.0
    assert found.best == ("SD", "SD")


def test_disagreement_is_told_with_its_reason(folder: Path) -> None:
    found = gathered(folder).disagreements
    assert [one.what.en for one in found] == [
        "A: response by perfusion; none by size, Choi, modified Choi, morphology",
        "B: response by size, Choi, modified Choi, morphology; none by perfusion, histology",
    ]
    assert found[0].why.en.startswith("a lesion may lose its perfusion without shrinking")
    assert "under antiangiogenics" in found[0].why.en
    assert "pièce opératoire" in found[1].why.fr
    assert "under antiangiogenics" not in gathered(folder, RECORD.replace(" + bevacizumab", "")).disagreements[0].why.en
    without = "".join(line for line in RECORD.splitlines(keepends=True) if not line.startswith(("trg", "residual")))
    assert "what is still perfused may be viable" in gathered(folder, without).disagreements[1].why.en


def test_a_lesion_that_was_not_seen_again_shows_nothing_of_the_earlier_visit(folder: Path) -> None:
    rows = ROWS.replace(
        "after,2024-04-15,C,non-target,liver,no,16,79,2,measured,second,lesion-3",
        "after,2024-04-15,C,non-target,liver,no,,,,not_evaluated,,",
    )
    (folder / "visits.csv").write_text(HEAD + rows)
    found = gathered(folder)
    assert (found.lesions[2].ratio, found.lesions[2].said, found.lesions[2].sizes_mm) == (None, (), (16.0, None))
    assert found.lesions[2].pictures[0] is not None
    assert found.lesions[2].pictures[1] is None
    assert "Not measured at the latest visit: C." in [text.en for text in found.uncertain]


def test_a_new_lesion_is_new_and_not_rated(folder: Path) -> None:
    more = "after,2024-04-15,D,new,liver,no,16,79,,measured,second,lesion-1\n"
    (folder / "visits.csv").write_text(HEAD + ROWS + more)
    found = gathered(folder)
    new = found.lesions[3]
    assert [(one.key, one.category, one.leaning) for one in new.said] == [("size-change", "new", "progresses")]
    assert new.ratio is not None
    assert new.ratio.category is None
    assert new.pictures[0] is None
    said = {one.name: {spoken.key: spoken.category for spoken in one.said} for one in found.lesions}
    assert said["B"]["choi"] == "PR"  # its own, whatever appears elsewhere
    assert found.course[0].en.startswith(
        "after, RECIST 1.1 PD: targets SD, non-targets Non-CR/Non-PD, new lesion yes; sum 38 mm, baseline 48"
    )
    assert found.course[0].fr.startswith("after, RECIST 1.1 MP : cibles MS")


def test_a_category_that_may_be_the_other_one_is_no_side_of_a_disagreement(folder: Path) -> None:
    tree = json.loads((folder / "second" / "lesions.json").read_text())
    for lesion in tree["lesions"]:
        lesion["response"][0]["probability_major"] = 0.45
    (folder / "second" / "lesions.json").write_text(json.dumps(tree))
    found = gathered(folder)
    assert {spoken.leaning for lesion in found.lesions for spoken in lesion.said if spoken.key == "perfusion"} == {"partly"}
    assert [one.what.en.split(":")[0] for one in found.disagreements] == ["B"]


def test_a_size_far_from_that_of_the_case_is_asked_about(folder: Path) -> None:
    (folder / "visits.csv").write_text(
        HEAD + ROWS.replace("after,2024-04-15,A,target,liver,no,22", "after,2024-04-15,A,target,liver,no,36")
    )
    doubts = [text.en for text in gathered(folder).uncertain]
    assert "A: a size in the table is far from that of its case. Is case_lesion the same lesion?" in doubts
    assert not any("B: a size" in text for text in doubts)


def test_facts_and_doubts_of_the_record_are_on_the_sheet(folder: Path) -> None:
    found = gathered(folder)
    facts = {label.en: value for label, value in found.facts}
    assert facts["TNM, AJCC 8 stage"].en == "T3 N1b M1a, IVA"
    assert facts["Chemotherapy"].en == "FOLFOX + bevacizumab x 6"
    assert facts["Board, as recorded"].fr.startswith("résécable (2024-04-18)")
    assert "7 days after the last scan" in facts["Surgery"].en
    assert facts["Supply of the liver"].en.startswith("Hepatic arterial fraction above what is usual. Blood flow as usual.")
    assert facts["Supply of the liver"].fr.endswith("ne classe ni fibrose ni cirrhose.")
    doubts = " ".join(text.en for text in found.uncertain)
    assert "49" not in doubts
    assert "cut-off" in doubts  # 49 % of viable cells


def test_ablation_remnant_and_portal_interventions_are_told(folder: Path) -> None:
    more = """
[[ablation]]
lesion = "B"
hilum_mm = 20
visible = true
[[ablation]]
lesion = "C"
hilum_mm = 9
vessel_mm = 30
visible = true
[remnant]
flr_ml = 400
total_ml = 1700
tumor_ml = 100
height_cm = 175
weight_kg = 70
liver = "chemo"
[[therapies]]
therapy = "portal_vein_embolization"
on = 2024-04-01
"""
    found = gathered(folder, RECORD + more)
    facts = {label.en: value for label, value in found.facts}
    assert facts["Future liver remnant"].en.startswith(
        "25.0 % of the liver on CT without its tumors (below 30 %). 25.9 % of the standardized"
    )
    by = {one.name: [text.en for text in one.therapy] for one in found.lesions}
    assert by["A"] == []
    assert by["B"][1].startswith("Ablation: criteria not all known. Away from vessels of 3 mm or more")
    assert by["C"][0].startswith("Ablation: not the ideal candidate (not decided by software). Away from the hilum")
    assert any("portal" in text.en.lower() for text in found.uncertain)


def test_ratios_that_are_not_sure_and_cases_made_apart_are_named(folder: Path) -> None:
    tree = json.loads((folder / "second" / "lesions.json").read_text())
    tree["model"] = "patlak"
    tree["lesions"][2]["response"][0]["probability_major"] = 0.3
    (folder / "second" / "lesions.json").write_text(json.dumps(tree))
    found = gathered(folder)
    doubts = " ".join(text.en for text in found.uncertain)
    assert "Perfusion of C: the category is less than 95 % sure." in doubts
    (folder / "visits.csv").write_text(
        HEAD + ROWS.replace("after,2024-04-15,C,non-target,liver,no,16", "after,2024-04-15,C,non-target,liver,no,9")
    )
    doubts = " ".join(text.en for text in gathered(folder).uncertain)
    assert "less than 95 % sure" not in doubts  # below 15 mm there is no category
    assert "C: measured, but not rated by perfusion" in doubts
    assert "another model" in doubts
    assert found.lesions[0].changes == ()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_sheet_is_one_page_with_the_disclaimer_and_no_case_path(folder: Path, language: str) -> None:
    found = gathered(folder)
    sheet.write(found, folder, language=language)
    reader = PdfReader(io.BytesIO((folder / "board.pdf").read_bytes()))
    assert len(reader.pages) == 1
    text = reader.pages[0].extract_text()
    assert {"en": "Not a medical device", "fr": "pas un dispositif médical"}[language] in text
    assert {"en": "major", "fr": "majeure"}[language] in text
    page = (folder / "board.html").read_text()
    assert str(folder) not in page
    before = (folder / "board.pdf").read_bytes(), page
    sheet.write(gathered(folder), folder, language=language)
    assert before == ((folder / "board.pdf").read_bytes(), (folder / "board.html").read_text())


def test_the_sheet_as_json_holds_the_same(folder: Path) -> None:
    tree = json.loads(board.as_text(gathered(folder)))
    assert tree["best_overall_response"] == "SD"
    assert tree["lesions"][1]["pathology"] == "TRG 4, 49 % viable cells"
    assert tree["lesions"][1]["therapy"] == ["resection 2024-04-22"]
    assert tree["visits"][1] == {"name": "after", "day": "2024-04-15", "category": "SD", "sum_mm": 38.0}


def test_a_patient_without_cases_or_record_has_a_sheet_too(tmp_path: Path) -> None:
    (tmp_path / "visits.csv").write_text("visit,lesion,role,diameter_mm\nv1,a,target,20\nv2,a,target,12\n")
    (tmp_path / "patient.json").write_text(json.dumps({"patient": "x", "visits": "visits.csv"}))
    found = board.gather(tmp_path / "patient.json")
    assert found.lesions[0].said[0].category == "smaller"
    assert found.best == ("PR", None)
    assert found.disagreements == ()
    sheet.write(found, tmp_path, language="en")


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ("patient = 'Jean Dupont'\nvisits = 'visits.csv'", "RECORD-INVALID: patient"),
        ("patient = 'x'\nvisits = 'visits.csv'\nnom = 'Dupont'", "RECORD-UNKNOWN-KEY: the record"),
        ("patient = 'x'\nvisits = 'visits.csv'\n[[nodules]]\nid = 'N'\ntrg = 6", "RECORD-INVALID: nodules.0.trg"),
        ("patient = 'x'\nvisits = 'visits.csv'\n[[therapies]]\ntherapy = 'rfa'\non = 2024-01-01\nlesion = 'Z'", "RECORD-LESION"),
        (
            "patient = 'x'\nvisits = 'visits.csv'\n[[nodules]]\nid = 'N'\nlesion = 'A'\n[[nodules]]\nid = 'M'\nlesion = 'A'",
            "LINK|REPEATED|TWICE",
        ),
        ("patient = 'x'\nvisits = 'visits.csv'\nsurgery = 2020-01-01", "DATES-REVERSED"),
        ("patient = 'x'\nvisits = 'nowhere.csv'", "VISITS-MISSING"),
        ("patient = ", "RECORD-UNREADABLE"),
    ],
)
def test_a_record_that_cannot_be_meant_is_refused_without_what_it_says(folder: Path, record: str, code: str) -> None:
    with pytest.raises(InputRefused, match=code) as refused:
        gathered(folder, record)
    assert "Dupont" not in str(refused.value)


def test_a_case_without_the_lesion_is_refused(folder: Path) -> None:
    (folder / "visits.csv").write_text((HEAD + ROWS).replace("second,lesion-3", "second,lesion-9"))
    with pytest.raises(InputRefused, match="VISITS-CASE: row 7"):
        gathered(folder)
