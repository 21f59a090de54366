from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from hepaflow.errors import HepaflowError, InputRefused
from hepaflow.response.recist11 import NON
from hepaflow.store import plain_json
from hepaflow.workflow.worked_cases import KINDS, UNSUPPORTED, try_cases

INVALID = "CASE-INPUT-INVALID"


def tried(folder: Path, *cases: Any, tree: Any = None) -> list[dict[str, Any]]:
    path = folder / "cases.json"
    path.write_text(json.dumps({"cases": list(cases)} if tree is None else tree), encoding="utf-8")
    return try_cases(path)


def got(folder: Path, kind: str, given: Any, criterion: str = "RECIST1.1") -> Any:
    (found,) = tried(folder, {"id": "1", "kind": kind, "criterion": criterion, "input": given, "expected": None})
    return found["got"]


# --- the file ---------------------------------------------------------------------------------------------------------

CASE = {"id": 7, "criterion": "nancy2019-bf-ratio", "input": {"bf_ratio": 0.5}, "expected": "major"}


def test_a_case_comes_back_with_what_was_expected(tmp_path: Path) -> None:
    wanted = [{"id": "7", "expected": "major", "got": "major", "ok": True}]
    assert tried(tmp_path, CASE) == wanted
    assert tried(tmp_path, tree=[CASE]) == wanted
    assert tried(tmp_path, CASE | {"expected": "minor"})[0]["ok"] is False


@pytest.mark.parametrize(
    "tree",
    [{}, {"cases": {}}, {"cases": []}, [], [3], ["ab"], [{"id": 1}], [{"expected": 1}], 3, "cases", [CASE, None], [[CASE]]],
)
def test_a_file_without_cases_is_refused(tmp_path: Path, tree: Any) -> None:
    with pytest.raises(InputRefused, match=r"^CASES-UNREADABLE: the file holds no worked cases"):
        tried(tmp_path, tree=tree)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"^CASES-UNREADABLE"):
        try_cases(tmp_path / "none.json")
    for text in ("", "[", "[" * 100_000, '{"cases": [{"id": NaN'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputRefused, match=r"^CASES-UNREADABLE"):
            try_cases(tmp_path / "bad.json")


@pytest.mark.parametrize("place", ["id", "expected", "input", "kind", "criterion"])
def test_what_nests_deeper_than_any_case_is_refused(tmp_path: Path, place: str) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep] if len(str(deep)) % 2 else {"a": deep}
    with pytest.raises(InputRefused, match=r"^CASES-UNREADABLE"):
        tried(tmp_path, CASE | {place: deep})
    shallow: Any = 1
    for _ in range(10):
        shallow = [shallow]
    assert tried(tmp_path, CASE | {"expected": shallow})[0]["ok"] is False


def test_yes_is_not_one(tmp_path: Path) -> None:
    def always(_criterion: str, _given: Any) -> Any:
        return True

    patched = pytest.MonkeyPatch()
    with patched.context() as patch:
        patch.setitem(KINDS, "made up", always)
        found = tried(tmp_path, *({"id": n, "kind": "made up", "input": {}, "expected": n} for n in (True, 1, 1.0, "true")))
    assert [case["ok"] for case in found] == [True, False, False, False]


@pytest.mark.parametrize("kind", ["unheard of", "stage2", "bor"])
def test_an_unknown_kind_is_unsupported(tmp_path: Path, kind: str) -> None:
    assert got(tmp_path, kind, {}) == UNSUPPORTED == "unsupported"


@pytest.mark.parametrize("kind", [*KINDS, ""])
@pytest.mark.parametrize("given", [None, 3, "x", [1], True])
def test_an_input_that_is_no_object_is_unsupported(tmp_path: Path, kind: str, given: Any) -> None:
    assert got(tmp_path, kind, given) == UNSUPPORTED


RESPONSE_KINDS = {
    "target_series",
    "overall_timepoint",
    "bor_two_timepoints_confirmation_required",
    "bor_confirmed",
    "bor_unconfirmed",
    "selection",
    "text_rule",
    "size_density",
    "bidimensional",
    "viable_diameter",
    "enhancing_area",
    "morphology",
    "ratio",
}


def test_the_kinds_of_response() -> None:
    assert set(KINDS) >= RESPONSE_KINDS


@pytest.mark.parametrize("kind", sorted(RESPONSE_KINDS - {"size_density", "ratio"}))
def test_an_empty_input_is_invalid(tmp_path: Path, kind: str) -> None:
    assert got(tmp_path, kind, {}) == INVALID


# --- targets ----------------------------------------------------------------------------------------------------------


def series(folder: Path, *visits: list[Any], base: Any = None, nodes: tuple[Any, ...] = (False, True)) -> Any:
    first = [30, 20] if base is None else base
    return got(
        folder,
        "target_series",
        {"baseline": [{"mm": size, "node": node} for size, node in zip(first, nodes, strict=True)], "visits": list(visits)},
    )


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([[20, 15]], ["PR"]),
        ([["ABSENT", 9.9]], ["CR"]),
        ([["ABSENT", 10]], ["PR"]),
        ([["TSTM", 30]], ["PR"]),
        ([["TSTM", 30.1]], ["SD"]),
        ([[None, 15]], ["NE"]),
        ([[60, None]], ["PD"]),
        ([[[20, 20], 20]], ["PD"]),
        ([["32.2", "15"]], ["SD"]),
        ([[20, 15], [20, 20], [25, 20]], ["PR", "SD", "PD"]),
        ([], []),
        ([[-1, 15]], "NUMBER-NEGATIVE"),
        ([["big", 15]], "NUMBER-INVALID"),
        ([[True, 15]], "NUMBER-INVALID"),
        ([[math.nan, 15]], "NUMBER-INVALID"),
        ([[math.inf, 15]], "NUMBER-INVALID"),
        ([[10**400, 15]], "NUMBER-INVALID"),
        ([[[], 15]], "NUMBER-INVALID"),
        ([[[12, None], 15]], "NUMBER-INVALID"),
        ([[{"mm": 3}, 15]], "NUMBER-INVALID"),
        ([[20]], INVALID),
        ([[20, 15, 10]], INVALID),
        ([3], INVALID),
    ],
)
def test_a_series_of_targets(tmp_path: Path, visits: list[Any], expected: Any) -> None:
    assert series(tmp_path, *visits) == expected


def test_a_baseline_that_is_none(tmp_path: Path) -> None:
    assert series(tmp_path, [1, 1], base=[None, 3]) == "VISITS-BASELINE"
    assert series(tmp_path, [1, 1], base=["ABSENT", 3]) == "VISITS-BASELINE"
    assert series(tmp_path, [1, 1], base=[0, 3]) == "VISITS-BASELINE"
    for node in ("no", 0, None, []):
        assert series(tmp_path, [1, 1], nodes=(node, True)) == INVALID


# --- categories -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("CR", "NON", False), "PR"),
        (("CR", NON, False), "PR"),
        ((None, NON, False), NON),
        (("SD", None, True), "PD"),
        (("SD", None, "equivocal"), "SD"),
        (("good", None, False), "CASE-CATEGORY"),
        (("SD", "good", False), "CASE-CATEGORY"),
        ((["SD"], None, False), "CASE-CATEGORY"),
        (("SD", None, "no"), INVALID),
        (("SD", None, 1), INVALID),
        (("SD", None, None), INVALID),
    ],
)
def test_a_visit_as_a_whole(tmp_path: Path, given: Any, expected: str) -> None:
    assert got(tmp_path, "overall_timepoint", dict(zip(("target", "nontarget", "new"), given, strict=True))) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("CR", "SD", True), "SD"),
        (("CR", "SD", False), "PD"),
        (("PR", "CR", None), "PR"),
        (("CR", "SD", None), UNSUPPORTED),
        (("CR", "good", True), "CASE-CATEGORY"),
        (("good", "CR", True), "CASE-CATEGORY"),
        (("CR", "SD", "yes"), INVALID),
        (("CR", "SD", 1), INVALID),
    ],
)
def test_two_visits(tmp_path: Path, given: Any, expected: str) -> None:
    names = ("first", "second", "min_sd_duration_met")
    kind = "bor_two_timepoints_confirmation_required"
    assert got(tmp_path, kind, dict(zip(names, given, strict=True))) == expected
    assert got(tmp_path, kind, {"first": "CR", "second": "CR"}) == INVALID


BEST = {
    "reference_date": "2024-01-01",
    "observations": [["2024-03-01", "pr"], ["2024-04-01", "PR"], ["2024-05-01", "non-cr/non-pd"]],
    "pd_date": None,
    "min_sd_days": 42,
    "confirm_days": 28,
    "max_ne_between": 1,
    "accept_sd_between": False,
}


@pytest.mark.parametrize(
    ("more", "confirmed", "unconfirmed"),
    [
        ({}, "PR", "PR"),
        ({"confirm_days": 32}, "SD", "PR"),
        ({"pd_date": "2024-03-15"}, "SD", "PR"),
        ({"observations": [["2024-05-01", "Non-CR/Non-PD"]]}, "NON-CR/NON-PD", "NON-CR/NON-PD"),
        ({"observations": [["2024-02-01", "SD"]]}, "NE", "NE"),
        ({"observations": [["2024-02-01", "SD"]], "min_sd_days": 31}, "SD", "SD"),
        ({"observations": [["2024-03-01", "PR"], ["2024-03-10", "SD"], ["2024-04-01", "PR"]]}, "SD", "PR"),
        (
            {"observations": [["2024-03-01", "PR"], ["2024-03-10", "SD"], ["2024-04-01", "PR"]], "accept_sd_between": True},
            "PR",
            "PR",
        ),
        ({"observations": [["2024-03-01", "PR"], ["2024-03-10", "NE"], ["2024-04-01", "PR"]], "max_ne_between": 0}, "SD", "PR"),
        ({"observations": []}, "MISSING", "MISSING"),
        ({"observations": [], "missing_as_ne": True}, "NE", "NE"),
        ({"observations": [], "missing_as_ne": False}, "MISSING", "MISSING"),
        ({"observations": [], "missing_as_ne": "yes"}, INVALID, INVALID),
        ({"observations": [["2024-02-30", "SD"]]}, INVALID, INVALID),
        ({"observations": [["2024-02-01", "good"]]}, INVALID, INVALID),
        ({"observations": [["2024-02-01"]]}, INVALID, INVALID),
        ({"reference_date": None}, INVALID, INVALID),
        ({"pd_date": 3}, INVALID, INVALID),
        ({"min_sd_days": "42"}, INVALID, INVALID),
        ({"min_sd_days": math.inf}, INVALID, INVALID),
        ({"min_sd_days": 42.5}, INVALID, INVALID),
        ({"min_sd_days": True}, INVALID, INVALID),
        ({"confirm_days": -1}, "CONFIRMATION-INVALID", "PR"),
        ({"confirm_days": None}, INVALID, "PR"),
        ({"max_ne_between": "1"}, INVALID, "PR"),
        ({"accept_sd_between": "no"}, INVALID, "PR"),
        ({"confirm_days": 10**30}, "SD", "PR"),
    ],
)
def test_best_overall_response(tmp_path: Path, more: dict[str, Any], confirmed: str, unconfirmed: str) -> None:
    assert got(tmp_path, "bor_confirmed", BEST | more) == confirmed
    assert got(tmp_path, "bor_unconfirmed", BEST | more) == unconfirmed


# --- lesions ----------------------------------------------------------------------------------------------------------


def test_selection(tmp_path: Path) -> None:
    lesions = [
        {"id": 1, "organ": "liver", "mm": 14},
        {"id": "b", "organ": "liver", "mm": "16.5", "node": False},
        {"id": "n", "organ": "hilum", "mm": 15, "node": True},
        {"id": "e", "organ": "pleura", "mm": 50, "measurable": False},
    ]
    assert got(tmp_path, "selection", {"lesions": lesions}) == ["b", "n", "1"]
    assert got(tmp_path, "selection", {"lesions": lesions, "slice_mm": 8}) == ["b"]
    assert got(tmp_path, "selection", {"lesions": lesions, "slice_mm": -8}) == "NUMBER-NEGATIVE"
    assert got(tmp_path, "selection", {"lesions": []}) == []
    for wrong, code in (
        ({"mm": -1}, "NUMBER-NEGATIVE"),
        ({"mm": None}, "NUMBER-INVALID"),
        ({"node": "no"}, INVALID),
        ({"measurable": 0}, INVALID),
    ):
        assert got(tmp_path, "selection", {"lesions": [lesions[0] | wrong]}) == code


def test_questions_of_practice(tmp_path: Path) -> None:
    assert got(tmp_path, "text_rule", {"event": "new lesion in an organ not scanned at baseline"}) == "PD"
    assert got(tmp_path, "text_rule", {"event": "something else"}) == UNSUPPORTED
    assert got(tmp_path, "text_rule", {"event": ["x"]}) == UNSUPPORTED


@pytest.mark.parametrize(
    ("criterion", "given", "expected"),
    [
        ("Choi", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80}, "PR"),
        ("mChoi", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80}, "SD"),
        ("Chung", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80}, "PR"),
        ("Choi", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80, "new_lesion": True}, "PD"),
        ("Choi", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80, "new_lesion": None}, "PR"),
        ("Choi", {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80, "new_lesion": "no"}, INVALID),
        ("Choi", {"size_base": 50, "size_fu": 50, "hu_base": 80, "hu_fu": -10}, "PR"),
        ("Choi", {"size_base": 50, "size_fu": 45}, "NE"),
        ("Choi", {}, "NE"),
        ("Choi", {"size_base": -50, "size_fu": 45, "hu_base": 80, "hu_fu": 80}, "NUMBER-NEGATIVE"),
        ("Choi", {"size_base": "x", "size_fu": 45, "hu_base": 80, "hu_fu": 80}, "NUMBER-INVALID"),
        ("choi 2", {}, UNSUPPORTED),
    ],
)
def test_size_and_density(tmp_path: Path, criterion: str, given: dict[str, Any], expected: str) -> None:
    assert got(tmp_path, "size_density", given, criterion) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"baseline": [[20, 20]], "followup": [[20, 10]]}, "PR"),
        ({"baseline": [[20, 20]], "followup": [[25, 20]]}, "PD"),
        ({"baseline": [[20, 20]], "followup": [[25, 20]], "pd_at_least": False}, "NC"),
        ({"baseline": [[20, 20]], "followup": [[20, 10]], "new_lesion": True}, "PD"),
        ({"baseline": [[20, 20], [9, 9]], "followup": [[20, 10], None]}, "NE"),
        ({"baseline": [[20, 20], [9, 9]], "followup": [[20, 10]]}, "NE"),
        ({"baseline": [[20, 20]], "followup": [[20, 10], [3, 3]]}, "VISITS-BASELINE"),
        ({"baseline": [], "followup": []}, "VISITS-BASELINE"),
        ({"baseline": [[20, 0]], "followup": [[20, 10]]}, "VISITS-BASELINE"),
        ({"baseline": [[20, -1]], "followup": [[20, 10]]}, "NUMBER-NEGATIVE"),
        ({"baseline": [[20, 1, 3]], "followup": [[20, 10]]}, INVALID),
        ({"baseline": [["20"]], "followup": [[20, 10]]}, INVALID),
        ({"baseline": ["20"], "followup": [[20, 10]]}, INVALID),
        ({"baseline": [20], "followup": [[20, 10]]}, INVALID),
        ({"baseline": [[20, 20]], "followup": [[25, 20]], "pd_at_least": "no"}, INVALID),
    ],
)
def test_two_diameters(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    assert got(tmp_path, "bidimensional", given, "WHO") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"viable_base": 50, "viable_fu": 35}, "PR"),
        ({"viable_base": 50, "viable_fu": 36}, "SD"),
        ({"viable_base": 50, "viable_fu": 36, "viable_nadir": 30}, "PD"),
        ({"viable_base": 50, "viable_fu": 59, "viable_nadir": 90}, "SD"),  # no smallest sum above the baseline
        ({"viable_base": 50, "viable_fu": 60, "viable_nadir": 90}, "PD"),
        ({"viable_base": 50, "viable_fu": 35, "new_lesion": True}, "PD"),
        ({"viable_base": 50, "viable_fu": 0}, "CR"),
        ({"viable_base": 0, "viable_fu": 0}, "CASE-BASELINE"),
        ({"viable_base": 50, "viable_fu": -1}, "NUMBER-NEGATIVE"),
        ({"viable_base": 50, "viable_fu": None}, "NUMBER-INVALID"),
        ({"viable_base": 50, "viable_fu": 35, "new_lesion": 0}, INVALID),
    ],
)
def test_what_enhances(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    assert got(tmp_path, "viable_diameter", given, "mRECIST") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"base": [40, 30], "fu": [30, 20]}, "PR"),
        ({"base": [40, 30], "fu": [40, 37]}, "SD"),
        ({"base": [40, 30], "fu": [50, 30]}, "SD"),
        ({"base": [40, 30], "fu": [50.1, 30]}, "PD"),
        ({"base": [40, 30], "fu": [0, 0]}, "CR"),
        ({"base": [40, 30], "fu": [30, 20], "new_lesion": True}, "PD"),
        ({"base": [40, 0], "fu": [30, 20]}, "CASE-BASELINE"),
        ({"base": "40", "fu": [30, 20]}, INVALID),
        ({"base": [40, 30], "fu": [30]}, INVALID),
    ],
)
def test_enhancing_areas(tmp_path: Path, given: dict[str, Any], expected: str) -> None:
    assert got(tmp_path, "enhancing_area", given, "EASL") == expected


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        (3, 1, "optimal"),
        (3, 2, "incomplete"),
        (1, 1, "none"),
        (None, 1, "not_evaluable"),
        (4, 1, "MORPHOLOGY-GROUP"),
        ("3", 1, "MORPHOLOGY-GROUP"),
        ([], 1, "MORPHOLOGY-GROUP"),
    ],
)
def test_morphology(tmp_path: Path, first: Any, later: Any, expected: str) -> None:
    assert got(tmp_path, "morphology", {"group_base": first, "group_fu": later}, "Chun") == expected


@pytest.mark.parametrize("kind", ["ratio", ""])
@pytest.mark.parametrize(
    ("given", "criterion", "expected"),
    [
        ({"bf_ratio": 0.67}, "nancy2019-bf-ratio", "major"),
        ({"bf_ratio": "0.68"}, "nancy2019-bf-ratio", "minor"),
        ({"bf_ratio": 0.5, "diameter_mm": 15}, "nancy2019-bf-ratio", "major"),
        ({"bf_ratio": 0.5, "diameter_mm": 14.9}, "nancy2019-bf-ratio", "not_evaluable"),
        ({"bf_ratio": 0.5, "diameter_mm": -1}, "nancy2019-bf-ratio", "NUMBER-NEGATIVE"),
        ({"bf_ratio": None}, "nancy2019-bf-ratio", "NUMBER-INVALID"),
        ({}, "nancy2019-bf-ratio", INVALID),
        ({"bf_ratio": 0.5}, "made up", UNSUPPORTED),
    ],
)
def test_ratios(tmp_path: Path, kind: str, given: dict[str, Any], criterion: str, expected: str) -> None:
    assert got(tmp_path, kind, given, criterion) == expected


# --- anything at all --------------------------------------------------------------------------------------------------

SECRET = "DUPONT^JEAN"
ODD = [
    None,
    True,
    False,
    -1,
    0,
    3,
    1e308,
    math.nan,
    math.inf,
    10**400,
    SECRET,
    "",
    "12",
    [],
    {},
    [1, 2],
    [[1, 2]],
    [None],
    {"mm": 3},
    "2024-01-01",
    "\x1b[2J",
]
SOUND: dict[str, dict[str, Any]] = {
    "target_series": {"baseline": [{"mm": 30, "node": False}], "visits": [[20], ["TSTM"]]},
    "overall_timepoint": {"target": "CR", "nontarget": "NON", "new": False},
    "bor_two_timepoints_confirmation_required": {"first": "CR", "second": "SD", "min_sd_duration_met": True},
    "bor_confirmed": BEST,
    "bor_unconfirmed": BEST,
    "selection": {"lesions": [{"id": "a", "organ": "liver", "mm": 30}], "slice_mm": 5},
    "text_rule": {"event": "equivocal"},
    "size_density": {"size_base": 50, "size_fu": 45, "hu_base": 80, "hu_fu": 80, "new_lesion": False},
    "bidimensional": {"baseline": [[20, 20]], "followup": [[20, 10]]},
    "viable_diameter": {"viable_base": 50, "viable_fu": 35},
    "enhancing_area": {"base": [40, 30], "fu": [30, 20]},
    "morphology": {"group_base": 3, "group_fu": 1},
    "ratio": {"bf_ratio": 0.5, "diameter_mm": 20},
}


def spoiled(value: Any, chance: random.Random) -> Any:
    """The value with one odd thing somewhere in it."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        name = chance.choice(list(value))
        if chance.random() < 0.1:
            return {other: item for other, item in value.items() if other != name}
        return value | {name: spoiled(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        place = chance.randrange(len(value))
        return [*value[:place], spoiled(value[place], chance), *value[place + 1 :]]
    return chance.choice(ODD)


@pytest.mark.parametrize("kind", sorted(SOUND))
def test_every_case_is_answered(tmp_path: Path, kind: str) -> None:
    criterion = {"size_density": "Choi", "ratio": "nancy2019-bf-ratio"}.get(kind, "RECIST1.1")
    chance = random.Random(kind)
    cases = []
    for number in range(300):
        case: Any = {"id": number, "kind": kind, "criterion": criterion, "expected": "x", "input": SOUND[kind]}
        part = chance.choice(["input"] * 8 + ["criterion", "kind"])
        cases.append(case | {part: spoiled(case[part], chance)})
    found = tried(tmp_path, *cases)
    assert len(found) == 300
    assert "DUPONT" not in plain_json.text([case["got"] for case in found])
    assert any(case["got"] not in (UNSUPPORTED, INVALID) for case in found)


def test_every_file_is_answered_or_refused(tmp_path: Path) -> None:
    chance = random.Random(0)
    refused = 0
    for _ in range(300):
        tree = spoiled(
            {"meta": {}, "cases": [CASE, {"id": "2", "kind": "morphology", "input": SOUND["morphology"], "expected": 1}]}, chance
        )
        refusal = None
        try:
            json.loads(plain_json.text(tried(tmp_path, tree=tree)))
        except HepaflowError as error:
            refusal = error
        if refusal is not None:
            refused += 1
            assert refusal.code == "CASES-UNREADABLE"
            assert "DUPONT" not in str(refusal)
    assert 0 < refused < 300
