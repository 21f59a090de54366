"""Tables about the study and the computation: acquisition, protocol rules, regions, fits, glossary, steps."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from hepaflow.domain.case import CaseResult
from hepaflow.domain.denoising import Denoising
from hepaflow.domain.history import Step
from hepaflow.report.content import Cell, Table, Tone
from hepaflow.report.figures_regions import all_regions
from hepaflow.report.findings import region_or_part
from hepaflow.report.offered import gives_flow, has_fit
from hepaflow.report.rated import rated_part
from hepaflow.report.tables import abbreviation, line
from hepaflow.report.view import AxialView, largest_slice
from hepaflow.report.words import Words
from hepaflow.units import QUANTITIES

_VERDICTS: dict[str, Tone] = {"pass": "pass", "warn": "warn", "fail": "fail", "unknown": "unknown"}
# Settings are shown as numbers, switches and single technical words: a path or free text could name a patient.
_WORD_SETTINGS = {
    "model",
    "estimation",
    "method",
    "motion",
    "language",
    "interpolation",
    "criterion",
    "size",
    "inputs",
    "transform",
    "metric",
}
_SAFE_WORD = re.compile(r"[A-Za-z0-9_.+-]{1,32}")
_MOST_TEXT = 60


def _listed(values: tuple[Any, ...], words: Words, decimals: int) -> str | None:
    """The distinct known values of a per-pass list, as a value or a range."""
    known = sorted({float(value) for value in values if value is not None})
    if not known:
        return None
    if len(known) == 1:
        return words.number(known[0], decimals)
    return words.interval((known[0], known[-1]), decimals)


def _with_unit(text: str | None, unit: str) -> str | None:
    return None if text is None else f"{text} {unit}"


def acquisition_table(case: CaseResult, words: Words) -> Table:
    """What the headers say of the acquisition; unknown items say so."""
    series, acquisition = case.series, case.series.acquisition
    steps = np.diff(series.times_s)
    dk, dj, di = (words.number(step, 2) for step in series.grid.spacing_mm)
    slices, rows, columns = series.grid.shape
    span = {
        "passes": str(series.passes),
        "seconds": words.number(float(series.times_s[-1]), 0),
        "low": words.number(float(steps.min())),
        "high": words.number(float(steps.max())),
    }
    size = {"slices": str(slices), "rows": str(rows), "columns": str(columns), "dk": dk, "dj": dj, "di": di}
    coverage = words.number(slices * series.grid.spacing_mm[0], 0)
    excluded = sorted({*series.excluded, *case.aligned.excluded})
    dose = [value for value in acquisition.ctdi_vol_mgy if value is not None]
    contrast = [
        acquisition.contrast_agent,
        _with_unit(None if acquisition.contrast_volume_ml is None else words.number(acquisition.contrast_volume_ml, 0), "mL"),
        _with_unit(None if acquisition.contrast_flow_ml_s is None else words.number(acquisition.contrast_flow_ml_s), "mL/s"),
    ]
    scanner = [acquisition.manufacturer, acquisition.model_name, acquisition.modality]
    kernels = sorted({kernel for kernel in acquisition.kernel if kernel})
    injection = acquisition.injection_to_first_s
    items: tuple[tuple[str, str | None], ...] = (
        ("item_scanner", ", ".join(text for text in scanner if text)),
        ("item_passes", words("item_passes_value", **span)),
        ("item_excluded", ", ".join(str(index + 1) for index in excluded) or words("none_found")),
        ("item_grid", words("item_grid_value", coverage=coverage, **size)),
        ("item_kvp", _with_unit(_listed(acquisition.kvp, words, 0), "kV")),
        ("item_kernel", ", ".join(kernels) or None),
        ("item_exposure", _with_unit(_listed(acquisition.exposure_mas, words, 0), "mAs")),
        ("item_dose", _with_unit(words.number(sum(dose)), "mGy") if dose else None),
        ("item_injection", _with_unit(None if injection is None else words.number(injection), "s")),
        ("item_contrast", ", ".join(text for text in contrast if text) or None),
        ("item_rotation", _with_unit(None if acquisition.rotation_s is None else words.number(acquisition.rotation_s, 2), "s")),
        ("item_time_source", acquisition.time_source or None),
    )
    lines = tuple(
        line(words(key), Cell(words("unknown"), "muted") if not value else value[: _MOST_TEXT * 3]) for key, value in items
    )
    return Table(words("protocol_caption"), (words("col_item"), words("col_value")), lines, "ll", (35.0, 100.0))


def rules_table(case: CaseResult, words: Words) -> Table:
    """The protocol check: verdict in words and symbol, what was measured, what was expected, why."""
    rows = tuple(
        line(
            Cell(
                words(f"rule_{rule.key}") if words.has(f"rule_{rule.key}") else rule.key.replace("-", " ").replace("_", " "),
                "strong",
            ),
            Cell(words(f"verdict_{rule.verdict}"), _VERDICTS[rule.verdict]),
            words.figures_in(rule.measured),
            words.figures_in(rule.expected),
            words.typeset(words.choose(rule.why_en, rule.why_fr)),
        )
        for rule in case.protocol
    )
    head = tuple(map(words, ("col_rule", "col_verdict", "col_measured", "col_expected", "col_why")))
    return Table(words("rules_caption"), head, rows, "lllll", (22.0, 16.0, 28.0, 28.0, 50.0), small=True)


def regions_table(case: CaseResult, view: AxialView, words: Words) -> Table:
    """Who made each region, and how large it is."""
    rows = []
    for item in all_regions(case, words):
        mask = item.region.mask
        slices = view.turn(mask).shape[0]
        where = words("slice_n", number=str(view.number(largest_slice(view, mask), slices)), slices=str(slices))
        proposed = item.region.origin == "proposed"
        rows.append(
            line(
                Cell(item.name, "strong"),
                Cell(words(f"origin_{item.region.origin}"), "caution" if proposed else ""),
                str(item.region.voxels),
                words.number(item.region.voxels * case.regions.grid.voxel_ml, 1),
                where if item.region.voxels else words("na"),
            )
        )
    head = tuple(map(words, ("col_region", "col_origin", "col_voxels", "col_volume", "col_slice")))
    return Table(words("regions_table_caption"), head, tuple(rows), "llrrl", (30.0, 20.0, 18.0, 18.0, 30.0), small=True)


def fits_table(case: CaseResult, words: Words) -> Table | None:
    """How well the model describes each region's curve, and the delays it found where it looks for any; None when it implies no curve."""
    shown = [(words.region("healthy"), case.healthy)]
    for result in case.lesions:
        shell = rated_part(result)
        if shell in result.regions:
            place = words("place_shell", lesion=words.region(result.lesion.id), shell=words(f"shell_{shell}"))
            shown.append((place, result.regions[shell]))
    if not any(has_fit(measured) for _, measured in shown):
        return None
    delays = [side for side in ("arterial", "portal") if any(side in measured.delays_s for _, measured in shown)]
    rows = tuple(
        line(
            Cell(name, "strong"),
            words.number(measured.r2, 3),
            words.number(measured.aic),
            words.number(measured.residual_sd, 2),
            *(words.number(measured.delays_s.get(side)) for side in delays),
        )
        for name, measured in shown
    )
    head = ("col_region", "col_r2", "col_aic", "col_residual_sd", *(f"col_delay_{side}" for side in delays))
    widths = (36.0, 14.0, 16.0, 22.0, *([22.0] * len(delays)))
    return Table(words("fits_caption"), tuple(map(words, head)), rows, "lrrr" + "r" * len(delays), widths, small=True)


def denoising_table(found: Denoising, words: Words) -> Table:
    """What denoising changed in each region."""
    rows = []
    for change in found.regions:
        verdict = Cell(words("change_beyond"), "caution") if change.blurred else Cell(words("change_within"), "pass")
        moved = [words.number(change.rms_hu, 2), words.number(change.max_hu, 2), words.percent(change.share)]
        flow = [words.number(change.bf_before), words.number(change.bf_after)]
        rows.append(
            line(
                Cell(region_or_part(change.region, words), "strong"),
                *moved,
                words.number(change.standard_error_hu, 2),
                *flow,
                verdict,
            )
        )
    head = (
        "col_region",
        "col_change_rms",
        "col_change_max",
        "col_change_share",
        "col_standard_error",
        "col_map_before",
        "col_map_after",
    )
    widths = (30.0, 14.0, 16.0, 18.0, 18.0, 16.0, 16.0, 18.0)
    return Table(
        words("denoising_caption"), tuple(map(words, (*head, "col_change_verdict"))), tuple(rows), "lrrrrrrl", widths, small=True
    )


def glossary_table(case: CaseResult, words: Words) -> Table:
    """Name, unit and meaning of every parameter in this report."""
    present = {*case.healthy.parameters, *case.maps.maps}
    rows = [
        line(
            Cell(abbreviation(key), "strong"),
            words.choose(quantity.name_en, quantity.name_fr),
            words.unit(key) or words("no_unit"),
            words(own if words.has(own := f"meaning_{key}_{case.maps.model}") else f"meaning_{key}"),
        )
        for key, quantity in QUANTITIES.items()
        if key in present
    ]
    for key in ("ratio", "p_major") if gives_flow(case) else ():
        rows.append(line(Cell(words(f"{key}_name"), "strong"), "", words("no_unit"), words(f"meaning_{key}")))
    head = (words("col_parameter"), "", words("col_unit"), words("col_meaning"))
    return Table(words("glossary_caption"), head, tuple(rows), "llll", (16.0, 42.0, 20.0, 60.0), small=True)


def steps_table(case: CaseResult, words: Words) -> Table:
    """What was computed, with what, from what. Seconds and memory stay out: they change from run to run, the result does not."""
    rows = tuple(
        line(
            Cell(words(f"step_{step.name}") if words.has(f"step_{step.name}") else step.name, "strong"),
            settings(step, words),
            Cell(step.input_digest[:12], "muted"),
            Cell(step.output_digest[:12], "muted"),
            step.version,
        )
        for step in case.history
    )
    head = tuple(map(words, ("col_step", "col_parameters", "col_input_digest", "col_output_digest", "col_version")))
    return Table(words("steps_caption"), head, rows, "lllll", (28.0, 50.0, 24.0, 24.0, 14.0), small=True)


def settings(step: Step, words: Words) -> str:
    """The settings of a step that are safe to print, as ``name = value``."""
    shown = []
    for name, value in sorted(step.parameters.items()):
        if isinstance(value, bool):
            shown.append(f"{name} = {words('yes') if value else words('no')}")
        elif isinstance(value, int | float):
            text = f"{value:g}"
            shown.append(f"{name} = {text.replace('.', ',') if words.language == 'fr' else text}")
        elif isinstance(value, str) and name in _WORD_SETTINGS and _SAFE_WORD.fullmatch(value):
            shown.append(f"{name} = {value}")
    return ", ".join(shown)
