"""Tables of results: summary, response, ratios, parameters by shell, truth, flags."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import SHELLS, LesionResult, Measurement, Ratio, ResponseCall
from hepaflow.domain.quality import FLAGS
from hepaflow.report.content import Cell, Row, Table, Tone
from hepaflow.report.findings import Finding, causes, lesion_codes, reason, sentences, shared_codes
from hepaflow.report.offered import estimation_of, gives_flow, leading
from hepaflow.report.rated import UNSETTLED, first_call, rated_name, rated_part, rated_ratio, ratio_in
from hepaflow.report.weak import marked
from hepaflow.report.words import DECIMALS, Words
from hepaflow.response.perfusion import decimals

#: Columns of the parameter table, in the order of reading.
PARAMETERS = (
    "bf",
    "habf",
    "hpbf",
    "haf",
    "bv",
    "mtt",
    "total_mtt",
    "ps",
    "ktrans",
    "extraction",
    "ve",
    "ttp",
    "msi",
    "peak",
    "auc",
)
_MOST_COLUMNS = 8
#: Ratios beside the flags in the summary of a model without flow.
_MOST_UNRATED = 4
_ABBREVIATIONS = {
    "total_mtt": "Total MTT",
    "ktrans": "Ktrans",
    "extraction": "E",
    "ve": "ve",
    "peak": "Peak",
    "data_share": "Data share",
}
_TONES: dict[str, Tone] = {"serious": "serious", "caution": "caution", "info": "info"}


def line(*texts: str | Cell) -> Row:
    """A row of cells; plain strings become untoned cells."""
    return Row(tuple(text if isinstance(text, Cell) else Cell(text) for text in texts))


def abbreviation(key: str) -> str:
    """How a parameter is called in a column head."""
    return _ABBREVIATIONS.get(key, key.upper())


def ratio_text(ratio: Ratio | None, words: Words, *, call: ResponseCall | None = None) -> str:
    """The value alone; with the decimals that show it on its side of the threshold of a ``call``."""
    value = None if ratio is None else ratio.value
    return words.number(value, decimals(value, None if call is None else call.threshold))


def ratio_with_interval(ratio: Ratio | None, words: Words, *, call: ResponseCall | None = None) -> str:
    """:func:`ratio_text` with its interval in brackets; one "not available" when there is no value."""
    value = ratio_text(ratio, words, call=call)
    if ratio is None or ratio.value is None or not math.isfinite(ratio.value):
        return value
    return f"{value} ({words.interval(ratio.ci95)})"


def category_cell(call: ResponseCall | None, result: LesionResult, *, words: Words) -> Cell:
    """The category in plain words; not settled when the call is flagged as uncertain; with its reason when there is none."""
    if call is None or call.category is None:
        return Cell(words("category_because", reason=causes(_why_unrated(call, result), words)), "unknown")
    category = words.category(call.category)
    if UNSETTLED in call.flags:
        return Cell(words("category_unsettled", category=category), "caution")
    return Cell(category, "strong")


def _why_unrated(call: ResponseCall | None, result: LesionResult) -> list[str]:
    """The flags that kept a lesion from a category: the call's own, else the lesion's."""
    codes = (call.flags if call is not None else ()) or lesion_codes(result)
    return [code for code in codes if code != UNSETTLED]


def summary_table(case: CaseResult, words: Words) -> Table:
    """One line a lesion: size, ratio, interval, probability, category, flags."""
    rows = []
    for result in case.lesions:
        ratio, call = rated_ratio(case, result), first_call(result)
        rows.append(
            line(
                Cell(rated_name(result, words), "strong"),
                words.number(result.lesion.longest_axial_diameter_mm, 0),
                Cell(ratio_with_interval(ratio, words, call=call), "strong"),
                words.probability(None if call is None else call.probability_major),
                category_cell(call, result, words=words),
                Cell(
                    _flag_marks(
                        case,
                        result,
                        said=() if call is not None and call.category is not None else _why_unrated(call, result),
                        words=words,
                    )
                ),
            )
        )
    head = ("col_lesion", "col_size", "col_ratio_ci", "col_p_major", "col_category", "col_flags")
    widths = (24.0, 18.0, 33.0, 18.0, 42.0, 45.0)
    return Table(words("summary_caption"), tuple(map(words, head)), tuple(rows), "lrlrll", widths)


def unrated_table(case: CaseResult, words: Words) -> Table:
    """The summary where the model gives no flow: one line a lesion with the ratios that there are, and no category."""
    keys = ratio_keys(case)[:_MOST_UNRATED]
    rows = []
    for result in case.lesions:
        ratios = [ratio_with_interval(rated_ratio(case, result, key=key), words) for key in keys]
        size, marks = words.number(result.lesion.longest_axial_diameter_mm, 0), _flag_marks(case, result, said=(), words=words)
        rows.append(line(Cell(rated_name(result, words), "strong"), size, *ratios, Cell(marks)))
    head = (
        words("col_lesion"),
        words("col_size"),
        *(words("col_ratio_of", name=abbreviation(key)) for key in keys),
        words("col_flags"),
    )
    widths = (24.0, 18.0, *([25.0] * len(keys)), 38.0)
    return Table(words("unrated_caption"), head, tuple(rows), "lr" + "l" * len(keys) + "l", widths)


def ratio_keys(case: CaseResult) -> list[str]:
    """Quantities of which any lesion has a ratio, the leading one first."""
    keys = [key for key in PARAMETERS if any(key in result.ratio for result in case.lesions)]
    return sorted(keys, key=lambda key: key != leading(case))


def _flag_marks(case: CaseResult, result: LesionResult, *, said: Collection[str], words: Words) -> str:
    """What the row (``said``) and the box above do not say already; notes are left to the table of flags."""
    # of every curve: the model's, not the lesion's
    boxed = {*shared_codes(case), *set(case.healthy.flags).intersection(*map(lesion_codes, case.lesions))}
    own = [code for code in lesion_codes(result) if words.severity(code) != "info"]
    shown = [code for code in own if code not in {UNSETTLED, *said, *boxed}]
    return sentences(shown, words) or words("flags_above" if boxed.intersection(own) else "no_flags")


def response_table(case: CaseResult, words: Words) -> Table:
    """Every call of every criterion with what it rests on."""
    rows = []
    for result in case.lesions:
        for call in result.response:
            ratio = ratio_in(case, result, call.region)
            rows.append(
                line(
                    Cell(words.region(result.lesion.id), "strong"),
                    words(f"shell_{call.region}") if words.has(f"shell_{call.region}") else call.region,
                    words.number(result.lesion.longest_axial_diameter_mm, 0),
                    words.number(_volume_ml(case, result, call.region), 1),
                    ratio_with_interval(ratio, words, call=call),
                    words.probability(call.probability_major),
                    category_cell(call, result, words=words),
                    call.criterion,
                )
            )
    head = ("col_lesion", "col_region", "col_size", "col_volume", "col_ratio_ci", "col_p_major", "col_category", "col_criterion")
    widths = (16.0, 15.0, 16.0, 13.0, 30.0, 16.0, 42.0, 32.0)
    return Table(words("response_caption"), tuple(map(words, head)), tuple(rows), "llrrlrll", widths, small=True)


def _volume_ml(case: CaseResult, result: LesionResult, part: str) -> float:
    """How large the part is that a call was read in."""
    if part == "whole" or part not in result.regions:
        return result.lesion.volume_ml
    return result.regions[part].voxels * case.regions.grid.voxel_ml


def ratios_table(case: CaseResult, words: Words) -> Table | None:
    """All ratios with intervals; None when no lesion has any."""
    keys = ratio_keys(case)[:_MOST_COLUMNS]
    if not keys:
        return None
    rows = []
    for result in case.lesions:
        cells: list[str | Cell] = [Cell(words.region(result.lesion.id), "strong"), words(f"shell_{rated_part(result)}")]
        for key in keys:
            ratio = rated_ratio(case, result, key=key)
            if ratio is None or ratio.value is None or not math.isfinite(ratio.value):
                cells.append(Cell(words("na"), "muted"))
            else:
                cells.append(f"{ratio_text(ratio, words)}\n{words.interval(ratio.ci95)}")
        rows.append(line(*cells))
    head = (words("col_lesion"), words("col_region"), *(marked(abbreviation(key), key, case) for key in keys))
    widths = (14.0, 14.0, *([18.0] * len(keys)))
    return Table(words("ratios_caption"), head, tuple(rows), "ll" + "c" * len(keys), widths, small=True)


def shown_parameters(case: CaseResult) -> list[str]:
    """Quantities that any region has, the leading one first."""
    measured = [case.healthy, *(entry for result in case.lesions for entry in result.regions.values())]
    keys = [key for key in PARAMETERS if any(key in entry.parameters for entry in measured)]
    return sorted(keys, key=lambda key: key != leading(case))


def parameter_tables(case: CaseResult, words: Words) -> list[Table]:
    """Healthy liver, then each lesion by shell; as many tables as the columns need."""
    keys = shown_parameters(case)
    size = -(-len(keys) // max(-(-len(keys) // _MOST_COLUMNS), 1))  # as even as it goes: no table for a column that is left over
    parts = [keys[start : start + size] for start in range(0, len(keys), max(size, 1))]
    return [_parameter_part(case, part, words=words, first=number == 0) for number, part in enumerate(parts)]


def _parameter_part(case: CaseResult, keys: list[str], *, words: Words, first: bool) -> Table:
    head = [words("col_region"), words("col_voxels"), *(marked(abbreviation(key), key, case) for key in keys)]
    if first:
        head.append(words("col_map", name=abbreviation(keys[0])))
    rows = [_parameter_row(words.region("healthy"), case.healthy, keys, words=words, first=first)]
    for result in case.lesions:
        size = words.number(result.lesion.longest_axial_diameter_mm, 0)
        values = {"lesion": words.region(result.lesion.id), "size": size, "volume": words.number(result.lesion.volume_ml, 1)}
        rows.append(Row((Cell(words("size_line", **values), "strong"),), group=True))
        shells = [shell for shell in SHELLS if shell in result.regions]
        rows += [_parameter_row(words(f"shell_{shell}"), result.regions[shell], keys, words=words, first=first) for shell in shells]
    caption = words(
        "parameters_caption_read" if estimation_of(case) == "direct" else "parameters_caption", units=_units(keys, words)
    )
    widths = (16.0, 9.0, *([15.0] * len(keys)), *([17.0] if first else []))
    align = "lr" + "r" * len(keys) + ("r" if first else "")
    return Table(caption, tuple(head), tuple(rows), align, widths, small=True)


def _units(keys: list[str], words: Words) -> str:
    """``BF, HABF mL/min/100 g; MTT s``: columns by unit, pure numbers left out."""
    units = dict.fromkeys(words.unit(key) for key in keys if words.unit(key))
    return words.choose("; ", "\u00a0; ").join(
        f"{', '.join(abbreviation(key) for key in keys if words.unit(key) == unit)} {unit}" for unit in units
    )


def _parameter_row(name: str, measured: Measurement, keys: list[str], *, words: Words, first: bool) -> Row:
    cells: list[str | Cell] = [name, str(measured.voxels)]
    for key in keys:
        estimate = measured.parameters.get(key)
        if estimate is None or not math.isfinite(estimate.value):
            cells.append(Cell(words("na"), "muted"))
        else:
            cells.append(words.plus_minus(estimate.value, estimate.sd, DECIMALS.get(key, 1)))
    if first:
        lead, digits = measured.parameters.get(keys[0]), DECIMALS.get(keys[0], 1)
        if lead is None or not math.isfinite(lead.map_mean):
            cells.append(Cell(words("na"), "muted"))
        else:
            cells.append(f"{words.number(lead.map_mean, digits)} / {words.number(lead.map_median, digits)}")
    return line(*cells)


def missing_notes(case: CaseResult, words: Words) -> tuple[tuple[str, str], ...]:
    """For each place where a number is not available: (place, why)."""
    notes: list[tuple[str, str]] = []
    if _has_gap(case.healthy):
        notes.append((words.region("healthy"), reason(case.healthy.flags, words)))
    for result in case.lesions:
        lesion = words.region(result.lesion.id)
        undefined = [key for key, ratio in result.ratio.items() if ratio.value is None or not math.isfinite(ratio.value)]
        if gives_flow(case) and "bf" not in result.ratio:
            undefined.insert(0, "bf")
        if undefined:
            named = words("col_ratio_of", name=", ".join(map(abbreviation, undefined)))
            notes.append((f"{lesion}, {named}", reason(lesion_codes(result), words)))
        for shell, measured in result.regions.items():
            if _has_gap(measured):
                codes = (*measured.flags, *result.flags) if not measured.flags else measured.flags
                notes.append((words("place_shell", lesion=lesion, shell=words(f"shell_{shell}")), reason(codes, words)))
    return tuple(notes)


def _has_gap(measured: Measurement) -> bool:
    return not measured.parameters or any(not math.isfinite(estimate.value) for estimate in measured.parameters.values())


def flags_table(found: Iterable[Finding], words: Words) -> Table:
    """Every flag raised, with its place, in plain words."""
    rows = tuple(
        line(
            Cell(words(f"severity_{finding.severity}"), _TONES[finding.severity]),
            finding.place,
            words.flag(finding.code),
            Cell(finding.code, "muted"),
        )
        for finding in found
    )
    head = (words("col_severity"), words("col_where"), words("col_meaning"), "Code")
    return Table(words("flags_caption"), head, rows, "llll", (12.0, 24.0, 62.0, 26.0), small=True)


def voxel_flags_table(case: CaseResult, words: Words) -> Table | None:
    """Share of the liver's voxels that carry each voxel flag; None when none does."""
    inside = case.maps.flags[case.regions.liver.mask]
    rows = []
    for flag in FLAGS.values():
        if flag.bit is not None and flag.bit < 8 and inside.size:
            share = float(((inside >> flag.bit) & 1).mean())
            if share > 0:
                rows.append(line(words.flag(flag.code), words.percent(share), Cell(flag.code, "muted")))
    if not rows:
        return None
    head = (words("col_meaning"), words("col_share"), "Code")
    return Table(words("maps_flags_caption"), head, tuple(rows), "lrl", (60.0, 20.0, 40.0), small=True)
