"""What the report says: bottom line, missing numbers with their reason, flags in both languages, truth, settings."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from hepaflow.domain.case import CaseResult
from hepaflow.domain.denoising import Denoising, RegionChange
from hepaflow.domain.history import Step
from hepaflow.domain.lesions import Ratio
from hepaflow.domain.quality import FLAGS
from hepaflow.report import section_methods, sections, tables, tables_study, tables_truth
from hepaflow.report.content import Cell, Figure, Notice, Paragraph, Row, Table
from hepaflow.report.findings import findings
from hepaflow.report.text import TEXT
from hepaflow.report.text_compare import COMPARE
from hepaflow.report.text_methods import METHODS
from hepaflow.report.text_models import MODEL_TEXT
from hepaflow.report.text_motion import MOTION
from hepaflow.report.text_study import STUDY
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words
from hepaflow.units import QUANTITIES

EN, FR = Words("en"), Words("fr")
Truth = dict[str, dict[str, float]]


def cells(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in table.rows]


@pytest.mark.parametrize("code", sorted(FLAGS))
def test_every_flag_has_a_sentence_in_both_languages(code: str) -> None:
    flag = FLAGS[code]
    assert flag.en.strip()
    assert flag.fr.strip()
    assert flag.en != flag.fr
    assert EN.flag_sentence(code)[-1] in ".?!"
    assert EN.flag(code) != code


def test_every_sentence_exists_twice_with_the_same_places_for_values() -> None:
    import string

    merged = {**TEXT, **STUDY, **MOTION, **METHODS, **MODEL_TEXT, **COMPARE}
    assert len(merged) == len(TEXT) + len(STUDY) + len(MOTION) + len(METHODS) + len(MODEL_TEXT) + len(COMPARE)
    for key, (english, french) in merged.items():
        assert english.strip(), key
        assert french.strip(), key
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (english, french)]
        assert names[0] == names[1], key


def test_glossary_knows_every_quantity() -> None:
    assert all(EN.has(f"meaning_{key}") and EN.has(f"short_{key}") for key in QUANTITIES)


def test_every_rule_model_and_interpolation_has_its_words(case: CaseResult) -> None:
    from hepaflow.curves import protocol
    from hepaflow.curves.inputs import dense_inputs
    from hepaflow.kinetics.catalogue import MODELS

    rules = {rule.key for rule in protocol.check(case.series)}
    assert len(rules) >= 10
    assert [key for key in sorted(rules) if not EN.has(f"rule_{key}")] == []
    for model in MODELS:
        assert all(EN.has(f"{part}_{model.key}") for part in ("name", "model", "formula"))
    made = dense_inputs(case.inputs.arterial, case.inputs.portal, baseline_passes=3)
    assert EN.interpolation(made.interpolation) == made.interpolation
    assert FR.interpolation(made.interpolation) != made.interpolation


def test_summary_says_one_line_a_lesion(case: CaseResult) -> None:
    rows = cells(tables.summary_table(case, EN))
    assert [row[0] for row in rows] == ["Lesion 1", "Lesion 2", "Lesion 3"]
    assert rows[0][1:5] == ["43", "0.40 (0.34 to 0.46)", ">\u00a099.9%", "major response"]
    assert rows[1][4] == "major response"
    assert rows[2][3:5] == ["<\u00a00.1%", "minor response"]


def test_an_unsure_call_is_not_settled_and_a_sure_one_is(case: CaseResult) -> None:
    """The report goes by the call's own flag, so that the table, the files and the list of flags cannot disagree."""
    second = case.lesions[1]
    unsure = dataclasses.replace(second.response[0], flags=("response-uncertain",))
    changed = (case.lesions[0], dataclasses.replace(second, response=(unsure,)), case.lesions[2])
    rows = cells(tables.summary_table(dataclasses.replace(case, lesions=changed), EN))
    assert [row[4] for row in rows] == ["major response", "major response, not settled: less than 95\u00a0% sure", "minor response"]


def test_the_call_on_the_vascular_part_stands_for_the_lesion(case: CaseResult) -> None:
    first = case.lesions[0]
    vascular = dataclasses.replace(first.response[0], region="vascular", category="minor")
    assert dataclasses.replace(first, response=(*first.response, vascular)).ruling is vascular
    assert first.ruling is first.response[0]
    assert dataclasses.replace(first, response=()).ruling is None


def test_serious_flags_come_first(case: CaseResult, gappy: CaseResult) -> None:
    first = sections.summary(gappy, words=EN, truth=None).blocks[0]
    assert isinstance(first, Notice)
    assert first.tone == "serious"
    assert first.items == ("Study: The arterial peak falls between passes that are far apart.",)
    calm = sections.summary(case, words=EN, truth=None).blocks[0]
    assert isinstance(calm, Notice)
    assert calm.tone == "pass"
    severities = [finding.severity for finding in findings(gappy, EN)]
    assert severities == sorted(severities, key=["serious", "caution", "info"].index)


def test_missing_numbers_say_so_and_why(gappy: CaseResult) -> None:
    row = cells(tables.summary_table(gappy, EN))[2]
    assert row[2:4] == ["not available", "not available"]
    assert row[4] == "not rated: no enhancement above noise"
    table = cells(tables.parameter_tables(gappy, EN)[0])
    core = next(row for row in reversed(table) if row[0] == "core")
    assert set(core[2:]) - {"127.5 / 123.8"} == {"not available"}
    notes = dict(tables.missing_notes(gappy, EN))
    assert notes["Lesion 3, BF, BV ratio"] == "not available: no enhancement above noise"
    assert notes["Lesion 3, core"] == "not available: too few valid passes at this voxel"
    french = dict(tables.missing_notes(gappy, FR))
    assert french["Lésion 3, centre"].startswith("non disponible\u00a0: trop peu")


def test_a_number_without_reason_says_that_too(case: CaseResult) -> None:
    third = dataclasses.replace(case.lesions[2], ratio={"bf": Ratio(math.nan, None, None)})
    notes = dict(tables.missing_notes(dataclasses.replace(case, lesions=(third,)), EN))
    assert notes == {"Lesion 3, BF ratio": "not available: no reason was recorded"}


def test_complete_case_has_no_missing_notes(case: CaseResult) -> None:
    assert tables.missing_notes(case, EN) == ()


def test_criterion_is_named_with_its_standing(case: CaseResult) -> None:
    assert sections.criterion_lines(case, EN) == [
        "nancy2019-bf-ratio: BF ratio < 0.68 = major response; single-centre, not validated."
    ]


def test_a_cut_off_is_printed_as_it_was_used(case: CaseResult) -> None:
    """0.675 printed as 0.68 would be another rule."""
    call = dataclasses.replace(case.lesions[0].response[0], threshold=0.675)
    changed = dataclasses.replace(case, lesions=(dataclasses.replace(case.lesions[0], response=(call,)),))
    assert "BF ratio < 0.675 =" in sections.criterion_lines(changed, EN)[0]
    assert "< 0,675 =" in sections.criterion_lines(changed, FR)[0]


def test_a_ratio_is_printed_on_its_own_side_of_the_cut_off(case: CaseResult) -> None:
    """0.676 is a major response by the rule "< 0.68": printed as 0.68 it would not be."""
    first = case.lesions[0]
    near = dataclasses.replace(first, ratio={**first.ratio, "bf": Ratio(0.676, 0.02, (0.64, 0.72))})
    changed = dataclasses.replace(case, lesions=(near, *case.lesions[1:]))
    assert cells(tables.summary_table(changed, EN))[0][2] == "0.676 (0.64 to 0.72)"
    assert cells(tables.response_table(changed, EN))[0][4] == "0.676 (0.64 to 0.72)"


def test_small_lesion_is_not_rated(case: CaseResult) -> None:
    first = case.lesions[0]
    call = dataclasses.replace(first.response[0], category=None, flags=("response-uncertain", "fit-poor"))
    changed = dataclasses.replace(first, response=(call,))
    row = cells(tables.summary_table(dataclasses.replace(case, lesions=(changed,)), EN))[0]
    assert row[4] == "not rated: the model describes this curve poorly"


def test_ratio_beside_the_category_is_that_of_the_rated_part(case: CaseResult, truth: Truth) -> None:
    first = case.lesions[0]
    call = dataclasses.replace(first.response[0], region="rim")
    changed = dataclasses.replace(case, lesions=(dataclasses.replace(first, response=(call,)), *case.lesions[1:]))
    rim = first.regions["rim"].parameters["bf"].value / case.healthy.parameters["bf"].value
    whole = first.ratio["bf"].value
    assert f"{rim:.2f}" != f"{whole:.2f}"
    row = cells(tables.summary_table(changed, EN))[0]
    assert row[0] == "Lesion 1, rim"
    assert row[2].startswith(f"{rim:.2f} (")
    called = cells(tables.response_table(changed, EN))[0]
    assert called[4] == row[2]
    assert called[3] == EN.number(first.regions["rim"].voxels * case.regions.grid.voxel_ml)  # of the part, not of the lesion
    assert called[3] != EN.number(first.lesion.volume_ml)
    table = tables.ratios_table(changed, EN)
    assert table is not None
    assert cells(table)[0][1:3] == ["rim", row[2].replace(" (", "\n").rstrip(")")]
    known = {**truth, "lesion-1-rim": {"bf": 44.0, "ratio_bf": 0.44}}
    rows = cells(tables_truth.truth_table(changed, known, EN))
    assert [row[0] for row in rows[1:3]] == ["Lesion 1", "Lesion 1, rim"]
    assert rows[1][4] == f"{whole:.2f}"
    assert rows[2][3:5] == ["0.44", f"{rim:.2f}"]


def test_haematocrit_is_said_when_used(case: CaseResult) -> None:
    def text(shown: CaseResult) -> str:
        return str(section_methods.methods(shown, words=EN).blocks)

    step = Step("inputs", {"haematocrit": 0.45}, "0" * 64, "1" * 64, "0.1.0", 1.0, 1.0)
    assert "No haematocrit correction" in text(case)
    assert "divided by 1 − 0.45" in text(dataclasses.replace(case, history=(step,)))


def test_truth_beside_measurement(gappy: CaseResult, truth: Truth) -> None:
    wrong = {**truth, "lesion-2": {"bf": 90.0, "ratio_bf": 0.9}}
    rows = cells(tables_truth.truth_table(gappy, wrong, EN))
    assert rows[0][:3] == ["Healthy liver", "100.0", "100.0\u00a0±\u00a04.0"]
    assert [row[-1] for row in rows[1:]] == ["✓ inside", "✕ outside", "not available"]


def test_proposed_regions_are_loud(case: CaseResult) -> None:
    section = sections.regions(case, view=AxialView.of(case.regions.grid), words=EN)
    notice = section.blocks[0]
    assert isinstance(notice, Notice)
    assert [item.split(":")[0] for item in notice.items] == ["Portal vein", "Liver"]
    table = section.blocks[-1]
    assert isinstance(table, Table)
    origins = {row[0]: row[1] for row in cells(table)}
    assert origins["Portal vein"] == "PROPOSED"
    assert origins["Aorta"] == "given"


def test_verdicts_have_symbol_word_and_tone(case: CaseResult) -> None:
    shown = [row.cells[1] for row in tables_study.rules_table(case, EN).rows]
    assert shown == [Cell("✓ pass", "pass"), Cell("▲ warn", "warn"), Cell("✕ fail", "fail"), Cell("? unknown", "unknown")]


def test_settings_never_show_paths_or_free_text() -> None:
    parameters = {"model": "aath", "spacing_mm": 5.5, "keep": True, "source": "/home/doe", "operator": "DOE", "method": "a b"}
    step = Step("align", parameters, "0" * 64, "1" * 64, "0.1.0", 1.0, 1.0)
    assert tables_study.settings(step, EN) == "keep = yes, model = aath, spacing_mm = 5.5"
    assert tables_study.settings(step, FR) == "keep = oui, model = aath, spacing_mm = 5,5"


def test_flags_of_parts_are_not_repeated_for_the_study(case: CaseResult) -> None:
    inputs = dataclasses.replace(case.inputs, flags=("inputs-swapped",))
    found = findings(dataclasses.replace(case, inputs=inputs, flags=("inputs-swapped", "arterial-peak-in-gap")), EN)
    assert [(finding.place, finding.code) for finding in found] == [("Inputs", "inputs-swapped"), ("Study", "arterial-peak-in-gap")]


def test_a_flag_missing_from_the_table_is_shown_not_lost(case: CaseResult) -> None:
    found = findings(dataclasses.replace(case, flags=("not-in-the-table",)), FR)
    assert [(finding.code, finding.severity) for finding in found] == [("not-in-the-table", "caution")]
    assert cells(tables.flags_table(found, FR))[0][2] == "not-in-the-table"


def test_study_without_lesions_shows_the_liver(case: CaseResult) -> None:
    bare = dataclasses.replace(case, lesions=(), regions=dataclasses.replace(case.regions, lesions=()))
    view = AxialView.of(bare.regions.grid)
    shown = sections.maps(bare, view=view, words=EN)
    assert sum(isinstance(block, Figure) for block in shown.blocks) == 1
    assert "No lesion" in str(sections.summary(bare, words=EN, truth=None).blocks[-1])


def test_single_input_model_has_no_portal_part(case: CaseResult) -> None:
    inputs = dataclasses.replace(case.inputs, portal=None, dense_portal=None, modes=case.inputs.modes[:, :1])
    section = sections.inputs(dataclasses.replace(case, inputs=inputs), words=EN)
    assert any("single input" in getattr(block, "text", "") for block in section.blocks)


def test_tables_refuse_ragged_rows() -> None:
    with pytest.raises(ValueError, match="wrong number of cells"):
        Table("t", ("a", "b"), (Row((Cell("1"),)),), "ll", (1.0, 1.0))
    with pytest.raises(ValueError, match="differ in length"):
        Table("t", ("a", "b"), (), "l", (1.0, 1.0))


@pytest.mark.parametrize(
    ("value", "english", "french"), [(1.25, "1.3", "1,3"), (-0.04, "0.0", "0,0"), (-3.0, "\u22123.0", "\u22123,0")]
)
def test_numbers_follow_the_language(value: float, english: str, french: str) -> None:
    assert EN.number(value) == english
    assert FR.number(value) == french


def test_probabilities_are_never_certain() -> None:
    assert EN.probability(0.0) == "<\u00a00.1%"
    assert EN.probability(1.0) == ">\u00a099.9%"
    assert EN.probability(np.nan) == "not available"
    assert FR.probability(0.5) == "50,0\u00a0%"
    assert EN.probability(1.0, 0) == ">\u00a099%"


def denoised(case: CaseResult) -> CaseResult:
    healthy = RegionChange("healthy", 900, 0.12, 0.3, 40.0, 0.4, 104.0, 101.0, blurred=False)
    rim = RegionChange("lesion-1_rim", 300, 2.5, 4.0, 20.0, 0.8, 47.0, 52.0, blurred=True)
    found = Denoising("tips", 6.0, 3.0, 8.3, 2.1, (healthy, rim), ("maps-denoised", "denoising-blurs"))
    return dataclasses.replace(case, denoising=found, flags=(*case.flags, *found.flags))


def test_denoised_maps_say_so_and_what_it_changed(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    blocks = sections.maps(denoised(case), view=view, words=EN).blocks
    table = next(block for block in blocks if isinstance(block, Table) and "denoising" in block.caption)
    assert cells(table) == [
        ["Healthy liver", "0.12", "0.30", "0.3%", "0.40", "104.0", "101.0", "yes"],
        ["Lesion 1, rim", "2.50", "4.00", "12.5%", "0.80", "47.0", "52.0", "no: blurred"],
    ]
    said = " ".join(
        block.text for block in section_methods.methods(denoised(case), words=EN).blocks if isinstance(block, Paragraph)
    )
    assert "8.3\u00a0HU before, 2.1\u00a0HU after" in said
    places = [(found.place, found.code) for found in findings(denoised(case), EN) if "denois" in found.code]
    assert places == [("Lesion 1, rim", "denoising-blurs"), ("Study", "maps-denoised")]


def test_without_denoising_nothing_is_said_of_it(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    blocks = (*sections.maps(case, view=view, words=EN).blocks, *section_methods.methods(case, words=EN).blocks)
    assert not any("enois" in (block.text if isinstance(block, Paragraph) else getattr(block, "caption", "")) for block in blocks)
