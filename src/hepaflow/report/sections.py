"""The report in the order a radiologist reads it: bottom line, can I trust the study, the pictures, the numbers, the method."""

from __future__ import annotations

import math

from hepaflow.domain.case import CaseResult
from hepaflow.report import (
    figures_curves,
    figures_maps,
    figures_ratio,
    figures_regions,
    section_methods,
    section_models,
    section_motion,
    tables,
    tables_study,
    tables_truth,
    weak,
)
from hepaflow.report.compared import listed
from hepaflow.report.content import Block, Bullets, Notice, Paragraph, Section
from hepaflow.report.findings import Finding, findings, shared_codes
from hepaflow.report.offered import gives_flow, leading, leaning
from hepaflow.report.rated import Truth, rated_name, rated_part
from hepaflow.report.tables import abbreviation
from hepaflow.report.view import AxialView
from hepaflow.report.words import Words

#: Map and mean curve of a region are called apart beyond this share: more than the leaning of a posterior map at usual noise.
MAP_APART = 0.2


def criterion_lines(case: CaseResult, words: Words) -> list[str]:
    """One sentence for each criterion used, naming cut-off and its standing."""
    used = {call.criterion: call.threshold for result in case.lesions for call in result.response}
    return [
        words(
            "criterion_line" if criterion == "nancy2019-bf-ratio" else "criterion_other",
            criterion=criterion,
            threshold=words.figures_in(f"{threshold:g}"),
        )
        for criterion, threshold in used.items()
    ]


def summary(case: CaseResult, *, words: Words, truth: Truth | None) -> Section:
    """Serious warnings first, then one line a lesion, then the picture of the ratios."""
    every = findings(case, words)
    lesions = tuple(words.region(result.lesion.id) for result in case.lesions)
    serious = [finding for finding in every if finding.severity == "serious"]
    wide = [finding for finding in every if finding.severity == "caution" and not finding.place.startswith(lesions)]
    said = {finding.code for finding in wide}
    wide += [Finding(words("place_rated"), code, words.severity(code)) for code in shared_codes(case) if code not in said]
    blocks: list[Block] = []
    if serious:
        blocks.append(Notice("serious", words("flags_serious_title"), _lines(serious, words)))
    if wide:
        blocks.append(Notice("caution", words("flags_caution_title"), _lines(wide, words)))
    if not blocks:
        blocks.append(Notice("pass", words("flags_serious_none_title"), (words("flags_serious_none"),)))
    if not case.lesions:
        return Section("summary", words("section_summary"), (*blocks, Paragraph(words("no_lesion"))))
    if not gives_flow(case):
        blocks += [Paragraph(words("no_flow", model=words.model(case.maps.model))), tables.unrated_table(case, words)]
        return Section("summary", words("section_summary"), tuple(blocks))
    blocks.append(tables.summary_table(case, words))
    blocks += [Paragraph(text, style="note") for text in (*criterion_lines(case, words), words("limit_interval"))]
    blocks.append(figures_ratio.forest(case, words=words, truth=truth))
    return Section("summary", words("section_summary"), tuple(blocks))


def _lines(found: list[Finding], words: Words) -> tuple[str, ...]:
    """One line a flag at its first place; the table of flags has every place."""
    once: dict[str, Finding] = {}
    for finding in found:
        once.setdefault(finding.code, finding)
    return tuple(words("flag_at", place=f.place, sentence=words.flag_sentence(f.code)) for f in once.values())


def protocol(case: CaseResult, *, words: Words) -> Section:
    """How the study was acquired and whether that is enough."""
    blocks: list[Block] = [figures_curves.time_axis(case, words=words)]
    if case.protocol:
        blocks.append(tables_study.rules_table(case, words))
    blocks.append(tables_study.acquisition_table(case, words))
    return Section("protocol", words("section_protocol"), tuple(blocks))


def regions(case: CaseResult, *, view: AxialView, words: Words) -> Section:
    """Pictures to check every region by; proposed ones first and loud."""
    proposed = [item for item in figures_regions.all_regions(case, words) if item.region.origin == "proposed"]
    blocks: list[Block] = []
    if proposed:
        items = tuple(
            words("proposed_item", region=item.name, ml=words.number(item.region.voxels * case.regions.grid.voxel_ml))
            for item in proposed
        )
        blocks.append(Notice("caution", words("proposed_title"), items))
    blocks += figures_regions.regions_check(case, view=view, words=words)
    blocks.append(tables_study.regions_table(case, view, words))
    return Section("regions", words("section_regions"), tuple(blocks))


def inputs(case: CaseResult, *, words: Words) -> Section:
    """The inputs with their uncertainty, and every fitted curve."""
    values = {"interpolation": words.interpolation(case.inputs.interpolation), "baseline": str(case.inputs.baseline_passes)}
    origin = words(f"inputs_origin_{case.inputs.provenance}", **values)
    blocks: list[Block] = [Paragraph(origin, lead=words("inputs_origin"))]
    if case.inputs.portal is None:
        blocks.append(Paragraph(words("single_input")))
    blocks.append(figures_curves.inputs_figure(case, words=words))
    blocks += figures_curves.region_curves(case, words=words)
    fits = tables_study.fits_table(case, words)
    blocks += [] if fits is None else [fits]
    return Section("inputs", words("section_inputs"), tuple(blocks))


def maps(case: CaseResult, *, view: AxialView, words: Words) -> Section:
    """One page of maps a lesion; the liver alone when there is none."""
    noise = words("noise_line", noise=words.number(case.maps.noise_hu))
    blocks: list[Block] = [Paragraph(words("maps_intro"), style="note"), Paragraph(noise, style="note")]
    apart = _apart(case, words)
    blocks += [Notice("caution", words("map_apart_title"), tuple(apart))] if apart else []
    if "data_share" in case.maps.maps:
        blocks.append(Paragraph(words("data_share_note"), style="note"))
        if leaning(case):
            names = listed([abbreviation(key) for key in leaning(case)], words)
            blocks.append(Paragraph(words("data_share_of_flow", names=names), style="note"))
    if case.denoising is not None:
        caution = words("denoising_caution", radius=words.number(case.denoising.radius_mm))
        blocks += [Paragraph(caution), tables_study.denoising_table(case.denoising, words)]
    blocks += weak.note(case, case.maps.maps, words)
    flagged = tables.voxel_flags_table(case, words)
    if flagged is not None:
        blocks.append(flagged)
    for result in case.lesions:
        blocks.append(figures_maps.lesion_maps(case, result, view=view, words=words))
    if not case.lesions:
        blocks.append(figures_maps.liver_maps(case, view=view, words=words))
    return Section("maps", words("section_maps"), tuple(blocks))


def _apart(case: CaseResult, words: Words) -> list[str]:
    """Where map and mean curve say different things of the quantity that the report leads with: healthy liver, then what was rated."""
    first = leading(case)
    if first is None:
        return []
    places = [(words.region("healthy"), case.healthy)]
    for result in case.lesions:
        measured = result.regions.get(rated_part(result))
        places += [] if measured is None else [(rated_name(result, words), measured)]
    said = []
    for place, measured in places:
        found = measured.parameters.get(first)
        if found is None or not (found.value > 0 and math.isfinite(found.map_median)):
            continue
        if abs(found.map_median / found.value - 1.0) > MAP_APART:
            value, median = (f"{words.number(x)} {words.unit(first)}" for x in (found.value, found.map_median))
            said.append(words("map_apart", place=place, name=words.quantity(first), value=value, median=median))
    return [*said, words("map_apart_read")] if said else []


def lesions(case: CaseResult, *, words: Words) -> Section:
    """All numbers of all lesions, what is missing and why, and every flag."""
    blocks: list[Block] = []
    if gives_flow(case) and any(result.response for result in case.lesions):
        blocks.append(tables.response_table(case, words))
        blocks += [Paragraph(text, style="note") for text in criterion_lines(case, words)]
    ratios = tables.ratios_table(case, words)
    if ratios is not None:
        blocks.append(ratios)
    blocks += [*tables.parameter_tables(case, words), *weak.note(case, tables.shown_parameters(case), words)]
    missing = tables.missing_notes(case, words)
    if missing:
        blocks.append(Bullets(tuple((f"{place}: ", text) for place, text in missing)))
    found = findings(case, words)
    blocks.append(tables.flags_table(found, words) if found else Paragraph(words("flags_none")))
    return Section("lesions", words("section_lesions"), tuple(blocks))


def every(case: CaseResult, *, words: Words, truth: Truth | None) -> tuple[Section, ...]:
    """All sections in order; those on other models and on truth only where there is something to say."""
    view = AxialView.of(case.regions.grid)
    parts = [
        summary(case, words=words, truth=truth),
        protocol(case, words=words),
        section_motion.motion(case, view=view, words=words),
        regions(case, view=view, words=words),
        inputs(case, words=words),
        maps(case, view=view, words=words),
        lesions(case, words=words),
    ]
    if case.comparison:
        parts.append(section_models.models(case, words=words))
    if truth is not None:
        parts.append(Section("truth", words("section_truth"), (tables_truth.truth_table(case, truth, words),)))
    return (*parts, section_methods.methods(case, words=words))
