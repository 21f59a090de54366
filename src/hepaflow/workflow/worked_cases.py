"""Worked cases of response, pathology, stage and therapy: what this installation answers to each kind, so that a site can prove conformance with its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

from hepaflow.domain.exact import exact, not_negative
from hepaflow.domain.visits import Finding, State, Visit, Visits
from hepaflow.errors import HepaflowError, InputRefused
from hepaflow.pathology.aggregate import mean_residual, worst_grade
from hepaflow.pathology.interface import interface_thickness
from hepaflow.pathology.regression import regression_group, residual_cells
from hepaflow.pathology.staging import stage_group
from hepaflow.pathology.tnm import read_tnm
from hepaflow.response import choi, chun, enhancing, recist11, recist11_best, recist11_practice, recist11_selection, who
from hepaflow.response.criterion import CRITERIA
from hepaflow.response.perfusion import call
from hepaflow.therapy import eligibility, margin, remnant
from hepaflow.workflow.columns import read_text

Input = Mapping[str, Any]
Answer = Callable[[str, Input], Any]
UNSUPPORTED = "unsupported"


def try_cases(path: Path) -> list[dict[str, Any]]:
    """Every case of a file as ``id, expected, got, ok``.

    ``got`` is ``unsupported`` for a kind that is not known, and the code of the error for an input that is refused. Refused: a file that
    is not ``{"cases": [{"id", "kind", "criterion", "input", "expected"}]}`` or such a list, that holds no case, or nests deeper than any case does.
    """
    refusal = InputRefused("CASES-UNREADABLE", "the file holds no worked cases", 'Give JSON of the form {"cases": [...]}')
    try:
        text = read_text(path)
        if text is None:
            raise refusal
        tree = json.loads(text)
        listed = tree["cases"] if isinstance(tree, dict) else tree
        if not listed or _depth(listed) > _DEEPEST:
            raise refusal
        cases = [(str(case["id"]), case, case["expected"]) for case in listed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise refusal from error
    if not cases:
        raise refusal
    found = []
    for name, case, expected in cases:
        got = _answer(case)
        found.append(
            {
                "id": name,
                "expected": expected,
                "got": got,
                "ok": got == expected and isinstance(got, bool) is isinstance(expected, bool),
            }
        )
    return found


def _depth(tree: Any) -> int:
    """How many lists and objects of a JSON tree lie in one another."""
    depth, level = 0, [tree]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth, level = depth + 1, [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
    return depth


def _answer(case: Input) -> Any:
    criterion, given = str(case.get("criterion", "")), case.get("input")
    kind = str(case.get("kind", ""))
    answer = KINDS.get(kind) if kind else _perfusion
    if answer is None or not isinstance(given, Mapping):
        return UNSUPPORTED
    try:
        return answer(criterion, given)
    except HepaflowError as error:
        return error.code
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError):
        return "CASE-INPUT-INVALID"


def _true(given: Input, name: str, *, default: bool | None = None) -> bool:
    """A yes or no that is written as one; ValueError for anything else, KeyError without it and without a default."""
    value = given[name] if default is None else given.get(name)
    value = default if value is None else value
    if not isinstance(value, bool):
        raise ValueError("neither true nor false")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("not a whole number")
    return value


def _pair(value: Any) -> tuple[Fraction, Fraction]:
    """Two sizes; ValueError for anything but a list of two."""
    if not isinstance(value, list):
        raise ValueError("not a pair")
    longest, across = value
    return not_negative(longest, what="a size"), not_negative(across, what="a size")


def _perfusion(criterion: str, given: Input) -> Any:
    rule = next((known for known in CRITERIA if known.key == criterion), None)
    if rule is None:
        return UNSUPPORTED
    ratio, diameter = exact(given["bf_ratio"]), given.get("diameter_mm")
    size = None if diameter is None else float(not_negative(diameter, what="the diameter"))
    return call(rule, float(ratio), diameter_mm=size).category or "not_evaluable"


def _target_series(_: str, given: Input) -> list[str]:
    nodes = [_true(lesion, "node") for lesion in given["baseline"]]
    first = _visit("0", nodes, [lesion["mm"] for lesion in given["baseline"]])
    later = [_visit(str(number), nodes, sizes) for number, sizes in enumerate(given["visits"], start=1)]
    course = recist11.assess(Visits((first, *later)))
    return [verdict.parts["target"].category for verdict in course.verdicts[1:]]


def _visit(name: str, nodes: list[bool], sizes: list[Any]) -> Visit:
    return Visit(name, None, tuple(_finding(f"{n}", node, size) for n, (node, size) in enumerate(zip(nodes, sizes, strict=True))))


def _finding(lesion: str, node: bool, size: Any) -> Finding:
    states: dict[str, State] = {"TSTM": "too_small", "ABSENT": "absent"}
    if size is None:
        return Finding(lesion, "target", "not_evaluated", nodal=node)
    if isinstance(size, str) and size in states:
        return Finding(lesion, "target", states[size], nodal=node)
    parts = size if isinstance(size, list) and size else [size]
    total = sum((not_negative(part, what="a size") for part in parts), Fraction(0))
    lengths: dict[str, Any] = {"short_axis_mm" if node else "diameter_mm": total}
    return Finding(lesion, "target", "fragments" if isinstance(size, list) else "measured", nodal=node, **lengths)


def _overall(_: str, given: Input) -> str:
    target, beside, new = given["target"], given["nontarget"], given["new"]
    if target not in (None, "CR", "PR", "SD", "PD", "NE") or beside not in (None, "CR", "NON", recist11.NON, "PD", "NE"):
        raise InputRefused("CASE-CATEGORY", "a category is not one of the guideline's", "Use CR, PR, SD, NON, PD, NE or null")
    state: recist11.New = "equivocal" if new == "equivocal" else "yes" if _true(given, "new") else "no"
    return recist11.overall(target, "NON" if beside == recist11.NON else beside, state)


def _two_visits(_: str, given: Input) -> str:
    first, second = given["first"], given["second"]
    if first not in recist11_best.ORDER or second not in recist11_best.ORDER:
        raise InputRefused("CASE-CATEGORY", "a category is not one of the guideline's", "Use CR, PR, SD, Non-CR/Non-PD, PD or NE")
    if given["min_sd_duration_met"] is None:  # not said: fine where the table does not ask
        either = {recist11_best.two_visits(first, second, min_sd_met=met) for met in (True, False)}
        return either.pop() if len(either) == 1 else UNSUPPORTED
    return recist11_best.two_visits(first, second, min_sd_met=_true(given, "min_sd_duration_met"))


def _best_confirmed(_: str, given: Input) -> str:
    lasts, apart, missing = (_count(given[name]) for name in ("min_sd_days", "confirm_days", "max_ne_between"))
    rule = recist11_best.Confirmation(lasts, apart, missing, _true(given, "accept_sd_between"))
    seen, start, until = _seen(given)
    return _spelled(recist11_best.confirmed(seen, start, rule, until=until), given)


def _best_unconfirmed(_: str, given: Input) -> str:
    seen, start, until = _seen(given)
    return _spelled(recist11_best.unconfirmed(seen, start, min_sd_days=_count(given["min_sd_days"]), until=until), given)


def _seen(given: Input) -> tuple[list[recist11_best.Seen], date, date | None]:
    spelled = {category.upper(): category for category in recist11_best.ORDER}
    seen = [recist11_best.Seen(date.fromisoformat(day), spelled[category.upper()]) for day, category in given["observations"]]
    until = given.get("pd_date")
    return seen, date.fromisoformat(given["reference_date"]), None if until is None else date.fromisoformat(until)


def _spelled(best: str | None, given: Input) -> str:
    """In the capitals of the public test suites; without any visit MISSING, or NE where that is asked for."""
    return best.upper() if best is not None else "NE" if _true(given, "missing_as_ne", default=False) else "MISSING"


def _selection(_: str, given: Input) -> list[str]:
    lesions = [
        recist11_selection.Candidate(
            str(one["id"]),
            str(one["organ"]),
            not_negative(one["mm"], what="a size"),
            _true(one, "node", default=False),
            _true(one, "measurable", default=True),
        )
        for one in given["lesions"]
    ]
    return list(recist11_selection.select(lesions, slice_mm=given.get("slice_mm", 5)))


def _practice(_: str, given: Input) -> str:
    found = recist11_practice.answer(str(given["event"]))
    return UNSUPPORTED if found is None else found.answer


def _size_density(criterion: str, given: Input) -> Any:
    rules = {"Choi": choi.CHOI, "mChoi": choi.MODIFIED_CHOI, "Chung": choi.CHUNG}
    if criterion not in rules:
        return UNSUPPORTED
    size, hu = (tuple(_or_none(given.get(f"{what}_{when}")) for when in ("base", "fu")) for what in ("size", "hu"))
    new = _true(given, "new_lesion", default=False)
    return choi.judge(rules[criterion], size_mm=(size[0], size[1]), hu=(hu[0], hu[1]), new_lesion=new).category


def _bidimensional(_: str, given: Input) -> str | None:
    new = _true(given, "new_lesion", default=False)
    visits = Visits((_pairs("0", given["baseline"], new=False), _pairs("1", given["followup"], new=new)))
    last = who.assess(visits, at_least=_true(given, "pd_at_least", default=True)).verdicts[-1].overall
    return None if last is None else last.category


def _pairs(name: str, pairs: list[Any], *, new: bool) -> Visit:
    found = [
        Finding(f"{n}", "target", "not_evaluated")
        if pair is None
        else Finding(f"{n}", "target", diameter_mm=(size := _pair(pair))[0], perpendicular_mm=size[1])
        for n, pair in enumerate(pairs)
    ]
    return Visit(name, None, (*found, *((Finding("new", "new"),) if new else ())))


def _viable(_: str, given: Input) -> str:
    base, now = (not_negative(given[f"viable_{when}"], what="a size") for when in ("base", "fu"))
    lowest = min(base, not_negative(given.get("viable_nadir", given["viable_base"]), what="a size"))
    return _enhancing(enhancing.MRECIST, now, base, lowest, given)


def _area(_: str, given: Input) -> str:
    base, now = (longest * across for longest, across in (_pair(given[when]) for when in ("base", "fu")))
    return _enhancing(enhancing.EASL, now, base, base, given)


def _enhancing(rule: enhancing.Enhancing, now: Fraction, base: Fraction, lowest: Fraction, given: Input) -> str:
    if base == 0:
        raise InputRefused("CASE-BASELINE", "nothing enhances at the baseline", "Give a baseline that can respond")
    return enhancing.category(rule, now, base=base, lowest=lowest, new_lesion=_true(given, "new_lesion", default=False))


def _morphology(_: str, given: Input) -> str:
    return chun.judge(given["group_base"], given["group_fu"]).category


def _or_none(value: Any) -> Fraction | None:
    return None if value is None else exact(value)


def _stage(_: str, given: Input) -> str:
    return stage_group(read_tnm(str(given["T"]), str(given["N"]), str(given["M"]))).category


def _residual(_: str, given: Input) -> str:
    return residual_cells(given["percent"]).category


def _grade_group(_: str, given: Input) -> str:
    return regression_group(given["trg"]).category


def _patient_level(_: str, given: Input) -> Any:
    """The worst grade as its number; the mean share with its category, in the words of the shared cases."""
    if "trgs" in given:
        return worst_grade(given["trgs"]).reasons[0].numbers["trg"]
    found = mean_residual(given["percents"])
    mean = sum((exact(share) for share in given["percents"]), Fraction(0)) / len(given["percents"])
    return f"{found.category} (mean {float(mean):g}%)"


def _millimeters(criterion: str, given: Input) -> str:
    if criterion == "TNI thickness":
        return interface_thickness(given["mm"]).category
    return margin.category(given["min_margin_mm"]) if criterion == "Ablation margin" else UNSUPPORTED


def _remnant(_: str, given: Input) -> bool:
    return remnant.enough(given["flr_percent"], given["liver"])


def _standardized_remnant(_: str, given: Input) -> float:
    return float(round(remnant.standardized_percent(given["flr_ml"], given["bsa"]), 1))


def _ablation(_: str, given: Input) -> bool:
    offer = eligibility.Offer(given["mm"], given["away_from_hilum"], given["away_from_large_vessels"], given["visible"])
    return eligibility.assess(offer).category == "ideal"


#: Deeper than this no case nests.
_DEEPEST = 20
#: What can be answered, by the kind of a case.
KINDS: dict[str, Answer] = {
    "target_series": _target_series,
    "overall_timepoint": _overall,
    "bor_two_timepoints_confirmation_required": _two_visits,
    "bor_confirmed": _best_confirmed,
    "bor_unconfirmed": _best_unconfirmed,
    "selection": _selection,
    "text_rule": _practice,
    "size_density": _size_density,
    "bidimensional": _bidimensional,
    "viable_diameter": _viable,
    "enhancing_area": _area,
    "morphology": _morphology,
    "ratio": _perfusion,
    "stage": _stage,
    "residual_percent": _residual,
    "trg_group": _grade_group,
    "patient_level": _patient_level,
    "mm": _millimeters,
    "threshold": _remnant,
    "sFLR": _standardized_remnant,
    "rule": _ablation,
}
