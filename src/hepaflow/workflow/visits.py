"""A patient's visits, from a table to the response of patient and lesions at every visit, by any criterion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from hepaflow.cohort.kappa import weighted_kappa
from hepaflow.domain.course import Course, Verdict
from hepaflow.domain.response import Assessment, Given, Text, joined, spoken
from hepaflow.domain.visits import Visits
from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import DEFAULT_MODEL, MODELS
from hepaflow.lesions.by_model import ASSUMES
from hepaflow.response import chun, recist11, recist11_best, recist11_target
from hepaflow.response.catalogue import SizeCriterion, find
from hepaflow.response.criterion import NANCY_2019, Criterion
from hepaflow.response.perfusion import call
from hepaflow.response.real_change import REPEATABILITY, Repeatability
from hepaflow.response.recist11_best import Confirmation
from hepaflow.units import QUANTITIES
from hepaflow.workflow import changes
from hepaflow.workflow.case_folder import CaseTables, open_tables
from hepaflow.workflow.case_lesions import of_lesion
from hepaflow.workflow.made_with import UNKNOWN, MadeWith, differences, model_key
from hepaflow.workflow.visits_table import Row, by_visit, day_of, markers_raised, read_rows, to_visits

SCHEMA = 1
#: What the guideline asks of a confirmed response.
_GUIDELINE = Confirmation()
_TENFOLD = (Fraction(8), Fraction(13))


@dataclass(frozen=True, slots=True)
class Judged:
    """What a perfusion criterion reads of one row: the ratio, where it was measured, how sure it is, and what it was made with."""

    row: Row
    diameter_mm: float | None
    ratio: float | None
    sd: float | None
    region: str | None = None
    probability: float | None = None
    made: MadeWith = UNKNOWN
    ci95: tuple[float, float] | None = None

    @property
    def usable(self) -> bool:
        """Whether the lesion was measured at this visit, so that a response was asked for."""
        return self.row.state == "measured"


def respond(
    path: Path,
    *,
    criterion: str | Criterion | None = None,
    confirmation: Confirmation = _GUIDELINE,
    repeatability: Mapping[str, Repeatability] = REPEATABILITY,
    language: str = "en",
) -> dict[str, Any]:
    """The object that ``hepaflow respond --json`` prints; ``criterion`` is a key, a site's own rule, or None: the blood-flow rule where the table has ratios or cases, else RECIST 1.1.

    ``confirmation`` is what the protocol asks of a confirmed best overall response by RECIST 1.1, ``repeatability`` what changes from case to case are judged against; sentences are in ``language``. Refused: what ``read_rows`` and ``by_visit`` refuse, a table that
    lacks what the criterion reads, an unknown criterion.
    """
    rows = read_rows(path)
    with_ratios = any("bf_ratio" in row.cells or "case" in row.cells for row in rows)
    rule = (
        criterion
        if isinstance(criterion, Criterion)
        else find(criterion or (NANCY_2019.key if with_ratios else recist11_target.KEY))
    )
    visits = by_visit(rows)
    if isinstance(rule, SizeCriterion):
        found = _by_size(rule, visits, confirmation)
    else:
        found = _by_perfusion(rule, visits, path.parent, repeatability)
    told: dict[str, Any] = spoken(found, language)
    return told


def _by_size(rule: SizeCriterion, visits: dict[str, list[Row]], confirmation: Confirmation) -> dict[str, Any]:
    """Response by what a reader measured."""
    confirmed, found = None, to_visits(visits, roles_needed=rule.rates == "patient")
    if rule.key == recist11_target.KEY:
        course = recist11.assess(found, markers_raised=markers_raised(visits))
        confirmed = recist11_best.best(course.verdicts, confirmation) if course.verdicts[0].day is not None else None
    else:
        course = rule.assess(found)
    return {
        "schema": SCHEMA,
        "criterion": rule.key,
        "rule": rule.rule,
        "source": rule.source.citation,
        "limits": rule.source.limits,
        "visits": [_verdict(verdict) for verdict in course.verdicts],
        "nadir": {name: {"visit": low.visit, "value": _number(low.value)} for name, low in course.lowest.items()},
        "best_overall_response": None if course.best is None else course.best.category,
        "best_overall_response_because": None if course.best is None else said(course.best),
        "best_overall_response_confirmed": None if confirmed is None else said(confirmed),
        "not_estimated": _without_category(course),
        "differences": {},
        "readers": _readers(visits) if rule.key == chun.KEY else None,
        "flags": [*course.flags, *(["size-unit-suspect"] if _unit_suspect(found) else [])],
    }


def _readers(visits: dict[str, list[Row]]) -> dict[str, Any] | None:
    """Agreement of two readers on the morphology groups of all lesions and visits that both read; None where there is no second one."""
    pairs = [(row.group("morphology"), row.group("morphology_2")) for rows in visits.values() for row in rows]
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not both:
        return None
    found = weighted_kappa([one for one, _ in both], [other for _, other in both], categories=(1, 2, 3))
    return asdict(found)


def _unit_suspect(visits: Visits) -> bool:
    """Whether a lesion's diameter or a node's short axis changes about tenfold from one visit to the next, as cm among mm do."""
    last: dict[tuple[str, str], Fraction] = {}
    for found in (found for visit in visits.visits for found in visit.findings):
        for name, size in (("diameter", found.diameter_mm), ("short axis", found.short_axis_mm)):
            if size:
                low, high = sorted((last.get((found.lesion, name), size), size))
                if _TENFOLD[0] <= high / low <= _TENFOLD[1]:
                    return True
                last[found.lesion, name] = size
    return False


def said(found: Assessment) -> dict[str, Any]:
    """A category with the rule and numbers that decided it, and every reason; sentences as :class:`Text`."""
    first = found.reasons[0]
    return {
        "category": found.category,
        "rule": first.text,
        "numbers": {name: _number(value) for name, value in first.numbers.items()},
        "reasons": [
            {
                "rule": reason.rule,
                "text": reason.text,
                "numbers": {name: _number(value) for name, value in reason.numbers.items()},
            }
            for reason in found.reasons
        ],
        "flags": list(found.flags),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    nothing: dict[str, Any] = {"category": None, "rule": None, "numbers": {}, "reasons": [], "flags": []}
    return {
        "visit": verdict.visit,
        "date": None if verdict.day is None else verdict.day.isoformat(),
        **(nothing if verdict.overall is None else said(verdict.overall) | _decided(verdict, verdict.overall)),
        "parts": {name: said(part) for name, part in verdict.parts.items()},
        "lesions": [{"lesion": name, **said(lesion)} for name, lesion in verdict.lesions.items()],
    }


def _decided(verdict: Verdict, overall: Assessment) -> dict[str, Any]:
    """The sentences of the parts that made a patient's category, and the numbers of the targets beside it."""
    if not verdict.parts:
        return {}
    deciding = _deciding(verdict, overall.category)
    beside = verdict.parts["target"].reasons[0].numbers if "target" in verdict.parts else {}
    numbers = {**overall.reasons[0].numbers, **beside}
    return {
        "rule": joined([*deciding, overall.reasons[0].text]),
        "numbers": {name: _number(value) for name, value in numbers.items()},
    }


def _deciding(verdict: Verdict, category: str) -> list[Text]:
    """The sentences of the parts that have the patient's category or a new lesion; where none has (the table made it from both), those of the lesions known."""
    chosen = [name for name, part in verdict.parts.items() if part.category in (category, "yes")]
    chosen = chosen or [name for name in verdict.parts if name != "new"]
    return [part.reasons[0].text for name, part in verdict.parts.items() if name in chosen or part.category == "equivocal"]


def _number(value: Given) -> Given:
    """A number of a rule as JSON holds it."""
    return float(value) if isinstance(value, Fraction) else value


def _without_category(course: Course) -> list[Text]:
    """Visits and lesions of which the criterion can say nothing."""
    silent = {"NE", "not_evaluable"}
    lines = [
        _about(verdict.visit, joined(_deciding(verdict, verdict.overall.category) or [verdict.overall.reasons[0].text]))
        for verdict in course.verdicts
        if verdict.overall is not None and verdict.overall.category in silent
    ]
    lines += [
        _about(f"{verdict.visit}, {name}", one.reasons[0].text)
        for verdict in course.verdicts
        for name, one in verdict.lesions.items()
        if one.category in silent
    ]
    return lines


def _about(where: str, text: Text) -> Text:
    return Text(f"{where}: {text.en}", f"{where} : {text.fr}")


def _by_perfusion(
    rule: Criterion, visits: dict[str, list[Row]], folder: Path, repeatability: Mapping[str, Repeatability]
) -> dict[str, Any]:
    """Response by the ratio of perfusion; ratios made with different models, densities, haematocrits or releases are judged, each by itself, and flagged ``models-differ``."""
    column = f"{rule.quantity}_ratio"
    if not any(column in row.cells or "case" in row.cells for rows in visits.values() for row in rows):
        raise InputRefused(
            "VISITS-COLUMN-MISSING",
            f"there is neither a column {column} nor case",
            "Give the ratio of every lesion, or the path of its case",
        )
    read = {visit: [judged_row(row, folder, rule) for row in rows] for visit, rows in visits.items()}
    every = [one for found in read.values() for one in found]
    first = next((one.made for one in every if one.made.known), UNKNOWN)
    apart = differences(one.made for one in every)
    judged = {visit: [_beside(judge(one, rule), one.made, first) for one in found] for visit, found in read.items()}
    return {
        "schema": SCHEMA,
        "criterion": rule.key,
        "rule": rule.rule,
        "threshold": rule.threshold,
        "source": rule.source,
        "limits": rule.limits,
        "visits": [{"visit": visit, "date": _iso(visits[visit]), "lesions": judged[visit]} for visit in visits],
        "nadir": _nadir(judged),
        "best_overall_response": None,
        "not_estimated": [
            _about(f"{visit}, {one.row.lesion}", _lack(one, rule))
            for visit, found in read.items()
            for one in found
            if one.usable and one.ratio is None
        ],
        "changes": _changes(visits, folder, repeatability),
        "differences": apart,
        "flags": ["models-differ"] if apart else [],
    }


def _changes(visits: dict[str, list[Row]], folder: Path, repeatability: Mapping[str, Repeatability]) -> list[dict[str, Any]]:
    """Every quantity of every lesion from each visit with a case to the next one, judged against repeatability."""
    found: list[dict[str, Any]] = []
    last: dict[str, tuple[str, CaseTables, str]] = {}
    opened: dict[str, CaseTables] = {}
    for visit, rows in visits.items():
        for row in rows:
            if not (written := row.cell("case")):
                continue
            if written not in opened:
                opened[written] = open_tables(folder / written, what=f"row {row.number}: the case")
            here = (visit, opened[written], row.cell("case_lesion") or row.lesion)
            before = last.get(row.lesion)
            last[row.lesion] = here
            if before is not None:
                both = changes.of_lesion(before[1], here[1], (before[2], here[2]), repeatability=repeatability)
                where = {"lesion": row.lesion, "from": before[0], "to": visit}
                found += [where | {"region": one.region, "quantity": one.quantity, **said(one.assessment)} for one in both]
    return found


def judge(one: Judged, rule: Criterion) -> dict[str, Any]:
    """What a perfusion criterion says of one row, with the numbers behind it; its rule as :class:`Text`."""
    found = call(rule, one.ratio if one.usable else None, sd=one.sd, probability=one.probability, diameter_mm=one.diameter_mm)
    flags = [*found.flags, *(["lesion-below-15-mm"] if one.row.state == "too_small" else [])]
    return {
        "lesion": one.row.lesion,
        "category": found.category or "not_evaluable",
        "probability_major": found.probability_major,
        "rule": rule.rule,
        "numbers": {
            "ratio": one.ratio,
            "sd": one.sd,
            "region": one.region,
            "threshold": found.threshold,
            "diameter_mm": one.diameter_mm,
            "smallest_mm": rule.smallest_mm,
            "state": one.row.state,
        },
        "flags": flags,
    }


def judged_row(row: Row, folder: Path, rule: Criterion) -> Judged:
    """The ratio of a row, as it is written or from its case, in which the lesion may have another name (``case_lesion``)."""
    diameter, ratio, sd = (
        row.length("diameter_mm"),
        *(_positive(row, key) for key in (f"{rule.quantity}_ratio", f"{rule.quantity}_ratio_sd")),
    )
    size = None if diameter is None else float(diameter)
    if ratio is not None or not row.cell("case"):
        return Judged(row, size, ratio, sd, made=MadeWith(model_key(row.cell("model"))))
    found = of_lesion(folder / row.cell("case"), row.cell("case_lesion") or row.lesion, rule, where=f"row {row.number}")
    return Judged(
        row,
        found.diameter_mm if size is None else size,
        found.ratio,
        found.sd,
        found.region,
        found.probability,
        found.made,
        found.ci95,
    )


def _positive(row: Row, name: str) -> float | None:
    value = row.number_of(name)
    if value is not None and value < 0:
        raise InputRefused("VISITS-NEGATIVE", f"row {row.number}: {name} is negative", "Check the value")
    return None if value is None else float(value)


def _lack(one: Judged, rule: Criterion) -> Text:
    """Why a measured lesion has no response."""
    quantity, model = QUANTITIES[rule.quantity], one.made.model
    what, what_fr = quantity.name_en.lower(), quantity.name_fr.lower()
    if model in [blind.key for blind in MODELS if rule.quantity not in blind.quantities]:
        return Text(
            f"the model {model} gives no {what}, which {rule.key} reads",
            f"le modèle {model} ne donne pas : {what_fr}, que lit {rule.key}",
        )
    return Text(f"no ratio of {what}", f"pas de rapport : {what_fr}")


def _beside(judged: dict[str, Any], made: MadeWith, first: MadeWith) -> dict[str, Any]:
    """A judged row with what its ratio was made with, flagged where that is not what the ``first`` known one was made with, and where it
    rests on a model other than the default one.
    """
    assumed = judged["category"] != "not_evaluable" and made.model not in {None, DEFAULT_MODEL}
    flags = [*judged["flags"], *([ASSUMES] if assumed else []), *(["models-differ"] if differences((first, made)) else [])]
    return judged | {"made_with": asdict(made) if made.known else None, "flags": flags}


def _iso(rows: list[Row]) -> str | None:
    day = day_of(rows)
    return None if day is None else day.isoformat()


def _nadir(judged: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """For every lesion the lowest ratio and its visit."""
    lowest: dict[str, dict[str, Any]] = {}
    for visit, lesions in judged.items():
        for lesion in lesions:
            ratio = lesion["numbers"]["ratio"]
            if ratio is not None and (lesion["lesion"] not in lowest or ratio < lowest[lesion["lesion"]]["ratio"]):
                lowest[lesion["lesion"]] = {"visit": visit, "ratio": ratio}
    return lowest
