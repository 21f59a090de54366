"""Methods, physics, limits, glossary and references, as the model of the case needs them."""

from __future__ import annotations

import math

from hepaflow.domain.case import CaseResult
from hepaflow.report import tables_study
from hepaflow.report.compared import listed
from hepaflow.report.content import Block, Bullets, Paragraph, Section
from hepaflow.report.offered import any_per_mass, estimation_of, gives_flow, has_fit, leaning, model_in
from hepaflow.report.rated import haematocrit_of
from hepaflow.report.tables import abbreviation
from hepaflow.report.words import Words


def methods(case: CaseResult, *, words: Words) -> Section:
    """Model, physics, limits, glossary, references and the record of the computation."""
    model = case.maps.model
    known = words.has(f"model_{model}")
    blocks: list[Block] = [
        Paragraph(words(f"model_{model}") if known else words("model_other", model=model), lead=words("methods_model_lead"))
    ]
    if words.has(f"formula_{model}"):
        blocks.append(Paragraph(words(f"formula_{model}"), style="formula"))
    blocks += [
        *_physics(case, words),
        *_numbers(case, words),
        *_denoising(case, words),
        Paragraph(words("limits_title"), style="heading"),
        Bullets(tuple(("", text) for text in _limits(case, words))),
        tables_study.glossary_table(case, words),
    ]
    if case.history:
        blocks.append(tables_study.steps_table(case, words))
    blocks.append(Paragraph(words("references_title"), style="heading"))
    blocks.append(Bullets(tuple(("", text) for text in _references(case, words))))
    return Section("methods", words("section_methods"), tuple(blocks))


def _physics(case: CaseResult, words: Words) -> list[Block]:
    """Density and haematocrit where they enter, baseline, delays, inputs between passes."""
    blocks: list[Block] = []
    if any_per_mass(case):
        density = words("methods_density", density=words.number(case.maps.density_g_ml, 2))
        blocks.append(Paragraph(density, lead=words("methods_density_lead")))
        blocks.append(Paragraph(_haematocrit(case, words), lead=words("methods_hct_lead")))
    baseline = words(
        "methods_baseline" if has_fit(case.healthy) else "methods_baseline_read", baseline=str(case.inputs.baseline_passes)
    )
    interpolation = words("methods_interpolation", interpolation=words.interpolation(case.inputs.interpolation))
    return [
        *blocks,
        Paragraph(baseline, lead=words("methods_baseline_lead")),
        Paragraph(_delays(case, words), lead=words("methods_delay_lead")),
        Paragraph(interpolation, lead=words("methods_interpolation_lead")),
    ]


def _delays(case: CaseResult, words: Words) -> str:
    direct = estimation_of(case) == "direct"
    if direct and not case.healthy.delays_s:
        return words("methods_delay_none")
    delays = [
        words(f"delay_{key}", seconds=words.number(value))
        for key, value in sorted(case.healthy.delays_s.items())
        if words.has(f"delay_{key}") and math.isfinite(value)
    ]
    return words("methods_delay_direct" if direct else "methods_delay", delays=", ".join(delays) or words("na"))


def _numbers(case: CaseResult, words: Words) -> list[Block]:
    """Where the numbers of regions and the values of voxels come from."""
    way = estimation_of(case)
    numbers = words("methods_numbers_direct" if way == "direct" else "methods_numbers")
    return [
        Paragraph(numbers, lead=words("methods_numbers_lead")),
        Paragraph(words(f"estimation_{way}"), lead=words("estimation_lead")),
    ]


def _denoising(case: CaseResult, words: Words) -> list[Block]:
    """How the data of the maps were denoised; nothing where they were not."""
    found = case.denoising
    if found is None:
        return []
    values = {
        "radius": words.number(found.radius_mm),
        "strength": words.number(found.strength),
        "before": words.number(found.noise_before_hu),
        "after": words.number(found.noise_after_hu),
    }
    return [Paragraph(words("methods_denoising", **values), lead=words("methods_denoising_lead"))]


def _haematocrit(case: CaseResult, words: Words) -> str:
    """What was done about haematocrit, from the record of the computation."""
    value = haematocrit_of(case)
    return words("methods_hct") if value is None else words("methods_plasma", haematocrit=words.number(value, 2))


def _limits(case: CaseResult, words: Words) -> list[str]:
    """What the model cannot give first, then what no model can."""
    own = f"cannot_{case.maps.model}"
    leans = leaning(case)
    prior = [words("limit_prior", names=listed([abbreviation(key) for key in leans], words))] if leans else []
    keys = (*(["criterion"] if gives_flow(case) else []), "interval", "small", "models", "portal")
    return [*([words(own)] if words.has(own) else []), *prior, *(words(f"limit_{key}") for key in keys)]


def _references(case: CaseResult, words: Words) -> list[str]:
    """The sources of the model, and that of the criterion where it is used."""
    model = model_in(case)
    sources = [] if model is None else [f"{words.typeset(source)}." for source in model.sources]
    return [*sources, *([words("reference_criterion")] if gives_flow(case) else [])]
