"""What no table of perfusion values may hold, whoever measured it: impossible values are left out and said, unlikely ones are said."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from hepaflow.cohort.sample import Bools
from hepaflow.cohort.table import Finding, LesionTable, comma

#: Whole-word parts of a column's name that say what it holds.
_FRACTIONS = frozenset({"haf", "extraction", "extract", "probability", "fraction"})
_NOT_NEGATIVE = frozenset({"bf", "bv", "mtt", "habf", "hpbf", "ps", "ktrans", "ttp", "volume", "diameter", "size"})
_SIGNED = frozenset({"change", "difference", "delta", "log", "sd"})
#: Columns that must say the same in every row for their numbers to be set side by side.
MADE_WITH = ("model", "density_g_ml", "haematocrit", "release", "version", "protocol", "criterion", "scanner")
#: Relative distance from which the parts of a flow do not make its whole, and a volume is not flow x time.
SUM_TOLERANCE, VOLUME_TOLERANCE = 0.05, 0.10
#: Below this size a region of interest is not reliable (the thesis's own limit).
SMALLEST_MM = 15.0


def checked(table: LesionTable) -> tuple[LesionTable, tuple[Finding, ...]]:
    """The table without its impossible cells, and every finding.

    Impossible: a fraction (HAF, extraction, probability) outside 0 to 1, a negative flow, volume, time or size, a ratio of such that is negative. Questionable: HABF + HPBF
    more than 5 % off BF; BV more than 10 % off BF x MTT; models, densities, versions, protocols that differ between rows; a lesion under 15 mm.
    """
    findings: list[Finding] = []
    for name, values in table.numbers.items():
        wrong, why, why_fr = _impossible(name, values)
        if wrong.any():
            rows = _rows(table, wrong)
            text = f"{name}: {len(rows)} of {table.n} values are impossible ({why}) and are left out of every statistic."
            french = (
                f"{name} : {len(rows)} valeurs sur {table.n} sont impossibles ({why_fr}) et exclues de toutes les statistiques."
            )
            findings.append(Finding("impossible-value", "serious", text, french, name, rows))
            table = table.without(name, wrong)
    findings += [*_sums(table), *_volumes(table), *_mixed(table), *_small(table)]
    return table, tuple(findings)


def _parts(name: str) -> list[str]:
    return [part for part in re.split(r"[^a-z0-9]+", name.lower()) if part]


def _impossible(name: str, values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[Bools, str, str]:
    parts = set(_parts(name))
    if parts & _SIGNED:
        return np.zeros(len(values), bool), "", ""
    if "ratio" in parts:
        return (
            values < 0,
            "a ratio of flows, volumes or times is not negative",
            "un rapport de débits, de volumes ou de temps n’est pas négatif",
        )
    if parts & _FRACTIONS:
        return (values < 0) | (values > 1), "a fraction lies between 0 and 1", "une fraction est comprise entre 0 et 1"
    if parts & _NOT_NEGATIVE:
        return values < 0, "it cannot be negative", "elle ne peut être négative"
    return np.zeros(len(values), bool), "", ""


def _families(table: LesionTable, *keys: str) -> Iterator[tuple[str, ...]]:
    """Columns that belong together: the same name but for one part, which is each of ``keys``."""
    named = {name.lower(): name for name in table.numbers}
    for name in named:
        if re.search(rf"(^|_){keys[0]}(_|$)", name) and not (_SIGNED | {"ratio", "total"}) & set(_parts(name)):
            others = [re.sub(rf"(^|_){keys[0]}(_|$)", rf"\g<1>{key}\g<2>", name) for key in keys]
            if all(other in named for other in others):
                yield tuple(named[other] for other in others)


def _sums(table: LesionTable) -> Iterator[Finding]:
    for whole, arterial, portal in _families(table, "bf", "habf", "hpbf"):
        flow = table.numbers[whole]
        off = np.abs(table.numbers[arterial] + table.numbers[portal] - flow) > SUM_TOLERANCE * np.abs(flow)
        yield from _questionable(
            table,
            off,
            whole,
            code="flow-parts",
            text=f"{arterial} + {portal} is more than {SUM_TOLERANCE:.0%} off {whole} in N lesions: total flow is their sum by definition.",
            french=f"{arterial} + {portal} s’écarte de plus de {100 * SUM_TOLERANCE:.0f} % de {whole} dans N lésions : le débit total est leur somme par définition.",
        )


def _volumes(table: LesionTable) -> Iterator[Finding]:
    for flow, volume, time in _families(table, "bf", "bv", "mtt"):
        expected = table.numbers[flow] * table.numbers[time] / 60.0
        off = np.abs(table.numbers[volume] - expected) > VOLUME_TOLERANCE * np.abs(expected)
        yield from _questionable(
            table,
            off,
            volume,
            code="volume-is-not-flow-times-time",
            text=f"{volume} is more than {VOLUME_TOLERANCE:.0%} off {flow} x {time} in N lesions: that time is not the vascular transit time.",
            french=f"{volume} s’écarte de plus de {100 * VOLUME_TOLERANCE:.0f} % de {flow} x {time} dans N lésions : ce temps n’est pas le temps de transit vasculaire.",
        )


def _mixed(table: LesionTable) -> Iterator[Finding]:
    for name in MADE_WITH:
        given: list[str | None]
        if name in table.texts:
            given = list(table.texts[name])
        elif name in table.numbers:
            given = [f"{value:g}" if np.isfinite(value) else None for value in table.numbers[name]]
        else:
            continue
        values = sorted({value for value in given if value is not None})
        if len(values) > 1:
            shown = ", ".join(values[:5]) + (" ..." if len(values) > 5 else "")
            text = f"{name} differs between lesions ({shown}): their numbers were not made the same way, and a cut-off for all of them is not meaningful."
            french = f"{name} diffère d’une lésion à l’autre ({shown}) : leurs nombres n’ont pas été obtenus de la même façon, et un seuil commun n’a pas de sens."
            yield Finding(f"mixed-{name.replace('_', '-')}", "serious", text, french, name)
        elif values and None in given:
            rows = tuple(row for row, value in zip(table.rows, given, strict=True) if value is None)
            text, french = f"{name} is not known for {len(rows)} lesions.", f"{name} est inconnu pour {len(rows)} lésions."
            yield Finding("made-with-unknown", "caution", text, french, name, rows)


def _small(table: LesionTable) -> Iterator[Finding]:
    for name in ("diameter_mm", "size_mm"):
        if name in table.numbers:
            yield from _questionable(
                table,
                table.numbers[name] < SMALLEST_MM,
                name,
                code="small-lesion",
                text=f"N lesions are smaller than {SMALLEST_MM:g} mm, below which a region of interest is not reliable.",
                french=f"N lésions mesurent moins de {comma(f'{SMALLEST_MM:g}')} mm : une région d’intérêt n’y est pas fiable.",
            )


def _questionable(table: LesionTable, where: Bools, column: str, *, code: str, text: str, french: str) -> Iterator[Finding]:
    """A finding where there is something to find; N in its text is how many."""
    if where.any():
        n = int(where.sum())
        said = text.replace("N lesions", f"{n} lesions"), french.replace("N lésions", f"{n} lésions")
        yield Finding(code, "caution", *said, column, _rows(table, where))


def _rows(table: LesionTable, where: Bools) -> tuple[int, ...]:
    return tuple(row for row, here in zip(table.rows, where, strict=True) if here)
