"""A report says what its model gives: no empty table, column or panel, and no response without flow."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from report_case import without_passes

from hepaflow.domain.case import CaseResult
from hepaflow.domain.history import Step
from hepaflow.domain.lesions import Estimate, Measurement, Ratio
from hepaflow.domain.maps import ParameterMap
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.model import ResidueModel
from hepaflow.report import figures_curves, figures_maps, section_methods, sections, tables, tables_study
from hepaflow.report.content import Bullets, Document, Figure, Notice, Paragraph, Table
from hepaflow.report.document import compose
from hepaflow.report.figures import styled
from hepaflow.report.offered import estimation_of, leading
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words
from hepaflow.units import QUANTITIES

EN, FR = Words("en"), Words("fr")
KEYS = [model.key for model in MODELS]


def by(case: CaseResult, key: str, *, median: float = 50.0) -> CaseResult:
    """The case as a model gives it: its quantities and no others, a value of 50 for each, ``median`` in the map."""
    quantities = model_of(key).quantities
    fits = key not in {"max-slope", "descriptive"}

    def measured(found: Measurement) -> Measurement:
        return dataclasses.replace(
            found,
            parameters={name: Estimate(50.0, 5.0, median, median) for name in quantities},
            samples={},
            fit_hu=found.fit_hu if fits else np.full(found.fit_hu.size, np.nan),
            delays_s=found.delays_s if fits and key != "deconvolution" else {},
        )

    values = next(iter(case.maps.maps.values())).values
    maps = dataclasses.replace(case.maps, model=key, maps={name: ParameterMap(name, values) for name in quantities})
    lesions = []
    for result in case.lesions:
        call = result.response[0]
        if "bf" not in quantities:
            call = dataclasses.replace(call, category=None, probability_major=None, flags=("response-not-evaluable",))
        regions = {part: measured(found) for part, found in result.regions.items()}
        ratios = {name: Ratio(0.5, 0.05, (0.4, 0.6)) for name in quantities}
        lesions.append(dataclasses.replace(result, regions=regions, ratio=ratios, response=(call,)))
    return dataclasses.replace(case, maps=maps, healthy=measured(case.healthy), lesions=tuple(lesions))


def exactly(case: CaseResult, key: str) -> tuple[Step, ...]:
    """The history of the case with its maps fitted exactly."""
    settings = {"model": key, "estimation": "exact"}
    return tuple(dataclasses.replace(step, parameters=settings) if step.name == "maps" else step for step in case.history)


@pytest.fixture(scope="module")
def composed(case: CaseResult) -> Callable[[str, str], Document]:
    """The report of a model in a language, composed once; what it says of motion is the same for all."""
    still = without_passes(case)
    return cache(lambda key, language: compose(by(still, key), language=language))


@pytest.mark.parametrize("key", KEYS)
def test_no_column_of_a_table_of_results_is_without_a_number(composed: Callable[[str, str], Document], key: str) -> None:
    for table in (block for part in composed(key, "en").sections for block in part.blocks if isinstance(block, Table)):
        rows = [row for row in table.rows if not row.group]
        for number, head in enumerate(table.head):
            assert {row.cells[number].text for row in rows} != {"not available"}, (table.caption, head)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_report_of_every_model_is_composed(composed: Callable[[str, str], Document], key: str, language: str) -> None:
    document = composed(key, language)
    assert Words(language).model(key) in document.subtitle
    assert all(section.blocks for section in document.sections)


@pytest.mark.parametrize("key", ["patlak", "descriptive"])
def test_without_flow_there_is_a_sentence_and_no_category(case: CaseResult, key: str) -> None:
    shown = by(case, key)
    with styled():
        blocks = sections.summary(shown, words=EN, truth=None).blocks
    assert not any(isinstance(block, Figure) for block in blocks)
    said = [block.text for block in blocks if isinstance(block, Paragraph)]
    assert any("gives no blood flow, which the response criterion reads: the response is not evaluable" in text for text in said)
    (table,) = [block for block in blocks if isinstance(block, Table)]
    assert "Criterion says" not in table.head
    assert table.head[2].startswith({"patlak": "Ktrans", "descriptive": "Peak"}[key])
    assert [row.cells[2].text for row in table.rows] == ["0.50 (0.40 to 0.60)"] * 3
    assert tables.missing_notes(shown, EN) == ()


@pytest.mark.parametrize("key", KEYS)
def test_pictures_are_those_of_the_model_and_begin_with_what_it_leads_with(case: CaseResult, key: str) -> None:
    shown = by(case, key)
    view = AxialView.of(case.regions.grid)
    panels = figures_maps.panels_of(shown, view, 8, words=EN)
    first = leading(shown)
    assert first == {"patlak": "ktrans", "descriptive": "peak"}.get(key, "bf")
    assert panels[1].title == EN.quantity(first)
    titles = [panel.title for panel in panels]
    assert len(set(titles)) == len(titles)
    known = {EN.quantity(name) for name in model_of(key).quantities}
    assert {title for title in titles if title in {EN.quantity(name) for name in QUANTITIES}} <= known


def test_the_data_share_stands_beside_the_sd(case: CaseResult) -> None:
    shown = by(case, "one-compartment")
    values = shown.maps.maps["bf"].values
    maps = shown.maps.maps | {"bf": ParameterMap("bf", values, values), "data_share": ParameterMap("data_share", values)}
    shown = dataclasses.replace(shown, maps=dataclasses.replace(shown.maps, maps=maps))
    titles = [panel.title for panel in figures_maps.panels_of(shown, AxialView.of(case.regions.grid), 8, words=EN)]
    assert titles[1:4] == ["Blood flow BF", "SD of blood flow", "Data share"]


def test_a_model_that_implies_no_curve_has_no_table_of_fits(case: CaseResult) -> None:
    assert tables_study.fits_table(by(case, "descriptive"), EN) is None
    without_delays = tables_study.fits_table(by(case, "deconvolution"), EN)
    assert without_delays is not None
    assert not any("delay" in head for head in without_delays.head)


@pytest.mark.parametrize("key", KEYS)
def test_methods_name_the_limits_and_the_sources_of_the_model(case: CaseResult, key: str) -> None:
    model = model_of(key)
    assert EN(f"cannot_{key}") == EN.typeset(model.cannot)
    assert FR(f"cannot_{key}") != EN(f"cannot_{key}")
    blocks = section_methods.methods(by(case, key), words=EN).blocks
    items = [text for block in blocks if isinstance(block, Bullets) for _, text in block.items]
    assert EN.typeset(model.cannot) in items
    assert all(any(source in text.replace("\u00a0", " ") for text in items) for source in model.sources)
    assert any("0.68" in text for text in items) is ("bf" in model.quantities)


@pytest.mark.parametrize("key", KEYS)
def test_methods_say_how_voxels_were_estimated(case: CaseResult, key: str) -> None:
    shown = by(case, key)
    ways = (estimation_of(shown), estimation_of(dataclasses.replace(shown, history=exactly(case, key))))
    assert ways == (("posterior", "exact") if isinstance(model_of(key), ResidueModel) else ("direct", "direct"))
    text = [block.text for block in section_methods.methods(shown, words=EN).blocks if isinstance(block, Paragraph)]
    assert EN(f"estimation_{ways[0]}") in text


@pytest.mark.parametrize(("median", "warned"), [(52.0, False), (8.0, True), (70.0, True)])
def test_maps_that_lie_apart_from_the_numbers_say_so(case: CaseResult, median: float, warned: bool) -> None:
    shown = by(case, "deconvolution", median=median)
    view = AxialView.of(case.regions.grid)
    with styled():
        blocks = sections.maps(shown, view=view, words=EN).blocks
    notices = [block for block in blocks if isinstance(block, Notice)]
    assert bool(notices) is warned
    assert figures_maps.reference_value(shown, "bf") == median  # so that a ratio map of healthy liver lies about 1
    posterior = by(case, "aath", median=median)
    assert figures_maps.reference_value(posterior, "bf") == 50.0
    assert figures_maps.reference_value(dataclasses.replace(posterior, history=exactly(case, "aath")), "bf") == median


def test_flags_of_every_curve_are_said_once(case: CaseResult) -> None:
    code = "deconvolution-split-uncertain"
    every = tuple(
        dataclasses.replace(result, regions={part: dataclasses.replace(m, flags=(code,)) for part, m in result.regions.items()})
        for result in case.lesions
    )
    shared = dataclasses.replace(case, healthy=dataclasses.replace(case.healthy, flags=(code,)), lesions=every)
    assert not any(EN.flag(code) in row.cells[-1].text for row in tables.summary_table(shared, EN).rows)
    alone = dataclasses.replace(case, lesions=every)
    assert all(EN.flag(code) in row.cells[-1].text for row in tables.summary_table(alone, EN).rows)


@pytest.mark.parametrize("key", ["aath", "patlak", "descriptive"])
def test_what_is_wrong_with_a_lesion_stands_in_the_summary_of_every_model(case: CaseResult, key: str) -> None:
    found = by(case, key)
    flagged = dataclasses.replace(found.lesions[0], flags=("lesion-out-of-coverage-passes",))
    found = dataclasses.replace(found, lesions=(flagged, *found.lesions[1:]))
    with styled():
        section = sections.summary(found, words=EN, truth=None)
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert EN.flag_sentence("lesion-out-of-coverage-passes") in table.rows[0].cells[-1].text


@pytest.mark.parametrize("key", KEYS)
def test_curves_speak_of_a_response_only_where_there_is_one(case: CaseResult, key: str) -> None:
    with styled():
        figures = figures_curves.region_curves(by(case, key), words=EN)
    assert {"response" in figure.caption for figure in figures} == {"bf" in model_of(key).quantities}


def test_a_pass_that_was_not_corrected_is_named(case: CaseResult) -> None:
    code = "motion-pass-uncorrected"
    passes = tuple(dataclasses.replace(p, flags=(code,) if p.index == 2 else ()) for p in case.motion.passes)
    aligned = dataclasses.replace(case.aligned, flags=(*case.aligned.flags, code))
    found = dataclasses.replace(
        case, motion=dataclasses.replace(case.motion, passes=passes, flags=(code,)), aligned=aligned, flags=(code,)
    )
    with styled():
        section = sections.summary(found, words=EN, truth=None)
    lines = [line for block in section.blocks if isinstance(block, Notice) for line in block.items if "Motion correction" in line]
    assert lines == [EN("flag_at", place=EN("place_pass", number="3"), sentence=EN.flag_sentence(code))]


@pytest.mark.parametrize("key", KEYS)
def test_the_glossary_says_whether_the_volume_is_that_of_the_vessels(case: CaseResult, key: str) -> None:
    meaning = {row.cells[0].text: row.cells[-1].text for row in tables_study.glossary_table(by(case, key), EN).rows}
    if "Ktrans" in meaning:
        assert ("BF × E" in meaning["Ktrans"]) == ("bf" in model_of(key).quantities)
    if "BV" in meaning:
        assert ("interstitium together" in meaning["BV"]) == (key in {"one-compartment", "deconvolution"})


def test_no_table_of_parameters_is_left_with_a_single_column(case: CaseResult) -> None:
    for key in KEYS:
        shown = by(case, key)
        rising = {name: Estimate(50.0, 5.0) for name in ("ttp", "msi")}  # beside the own quantities of every model
        healthy = dataclasses.replace(shown.healthy, parameters={**shown.healthy.parameters, **rising})
        found = tables.parameter_tables(dataclasses.replace(shown, healthy=healthy), EN)
        # region and voxels come first
        assert all(len(table.head) > 3 for table in found), key


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
def test_that_a_response_assumes_its_model_stands_on_the_first_page(case: CaseResult, words: Words) -> None:
    code = "response-assumes-model"
    found = by(case, "max-slope")
    lesions = tuple(
        dataclasses.replace(result, response=(dataclasses.replace(result.response[0], flags=(code,)),)) for result in found.lesions
    )
    found = dataclasses.replace(found, lesions=lesions, flags=(code,))
    with styled():
        blocks = sections.summary(found, words=words, truth=None).blocks
    lines = [line for block in blocks if isinstance(block, Notice) and block.tone == "caution" for line in block.items]
    assert sum(words.flag_sentence(code) in line for line in lines) == 1
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert {row.cells[-1].text for row in table.rows} == {words("flags_above")}  # not "none"


def test_a_lesion_whose_map_lies_apart_from_its_number_is_named(case: CaseResult) -> None:
    shown = by(case, "deconvolution", median=52.0)
    second = shown.lesions[1]
    whole = dataclasses.replace(second.regions["whole"], parameters={"bf": Estimate(50.0, 5.0, 70.0, 70.0)})
    second = dataclasses.replace(second, regions={**second.regions, "whole": whole})
    shown = dataclasses.replace(shown, lesions=(shown.lesions[0], second, shown.lesions[2]))
    with styled():
        blocks = sections.maps(shown, view=AxialView.of(case.regions.grid), words=EN).blocks
    (notice,) = (block for block in blocks if isinstance(block, Notice))
    assert len(notice.items) == 2  # the lesion, and how to read such maps
    assert notice.items[0].startswith(EN.region("lesion-2"))


@pytest.mark.parametrize("words", [EN, FR], ids=["en", "fr"])
@pytest.mark.parametrize("key", ["aath", "one-compartment", "max-slope"])
def test_the_data_share_is_said_to_be_that_of_blood_flow(case: CaseResult, key: str, words: Words) -> None:
    shown = by(case, key)
    share = {} if key == "max-slope" else {"data_share": ParameterMap("data_share", shown.maps.maps["bf"].values)}
    shown = dataclasses.replace(shown, maps=dataclasses.replace(shown.maps, maps={**shown.maps.maps, **share}))
    with styled():
        notes = [
            b.text
            for b in sections.maps(shown, view=AxialView.of(case.regions.grid), words=words).blocks
            if isinstance(b, Paragraph)
        ]
    names = {"aath": "MTT, PS, E {} ve", "one-compartment": "MTT", "max-slope": None}[key]
    names = names and names.format(words.choose("and", "et"))
    assert (names is not None and words("data_share_of_flow", names=names) in notes) is (names is not None)
    exact = dataclasses.replace(shown, history=exactly(case, key))  # no prior in a voxel
    for one, leans in ((shown, names is not None), (exact, False)):
        blocks = section_methods.methods(one, words=words).blocks
        items = [text for block in blocks if isinstance(block, Bullets) for _, text in block.items]
        assert (words("limit_prior", names=names or "") in items) is leans
