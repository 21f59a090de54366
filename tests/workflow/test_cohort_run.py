"""From a table to a study: classes, tests, areas, rules, and every refusal on the way."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import Columns, columns, study

from hepaflow.cohort.study import Study
from hepaflow.errors import HepaflowError, InputRefused, UsageError
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig
from hepaflow.workflow.cohort_questions import KNOWN, label_of
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import typed

QUICK = "bootstraps = 0\n"


def with_column(name: str, cells: list[str] | str) -> Columns:
    table = columns()
    return {**table, name: [cells] * len(table["patient"]) if isinstance(cells, str) else cells}


def area_of(found: Study, name: str = "bf_ratio") -> float:
    area = next(one.found.area for one in found.parameters if one.found.question.name == name)
    assert area is not None
    return area.auc


def test_everything_is_judged(tmp_path: Path) -> None:
    found, _ = study(tmp_path)
    table = columns()
    assert (found.n, found.table.patient_count, int(found.truth.sum())) == (
        len(table["patient"]),
        12,
        table["response"].count("major"),
    )
    assert [one.found.question.label for one in found.parameters] == ["BF ratio", "noise"]
    assert {one.origin for one in found.rules} == {"category", "fixed", "left-out"}
    assert len(found.rule_pairs) == len(found.rules) - 1
    assert all(part is not None for part in (found.together, found.sizes, found.pairs[0]))
    assert (len(found.probabilities), len(found.readers), len(found.survival), len(found.needs)) == (1, 1, 1, 4)
    counts = found.classes[0]
    below, above = (sum(float(cell) < 0.9 for cell in table["bf_ratio"]), sum(float(cell) > 1.1 for cell in table["bf_ratio"]))
    assert (counts.positive[0] + counts.negative[0], counts.positive[2] + counts.negative[2]) == (below, above)


def test_the_area_is_the_share_of_pairs_in_the_right_order(tmp_path: Path) -> None:
    table = columns()
    values = [float(cell) for cell in table["bf_ratio"]]
    high = [value for value, cell in zip(values, table["response"], strict=True) if cell == "major"]
    low = [value for value, cell in zip(values, table["response"], strict=True) if cell == "minor"]
    expected = np.mean([1.0 if one < other else 0.5 if one == other else 0.0 for one in high for other in low])
    assert area_of(study(tmp_path, content=QUICK)[0]) == pytest.approx(expected, abs=1e-12)


def test_without_a_configuration_only_known_ratios_are_tested_and_only_for_major_response(tmp_path: Path) -> None:
    table = {**with_column("ttp_ratio", columns()["noise"]), "other_ratio": columns()["noise"]}
    found, _ = study(tmp_path, table, QUICK)
    assert [(one.found.question.name, one.found.question.direction) for one in found.parameters] == [
        ("bf_ratio", "lower"),
        ("ttp_ratio", "higher"),
    ]
    assert "other_ratio" in next(one.text for one in found.findings if one.code == "no-direction")
    turned, _ = study(tmp_path, table, QUICK + 'positive = "minor"\n')
    assert turned.parameters == ()
    assert "nothing-tested" in {one.code for one in turned.findings}
    assert label_of("total_mtt_ratio") == "Total MTT, lesion / healthy liver"
    assert all(label_of(name) != name.replace("_", " ") for name in KNOWN)


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_the_names_of_patients_change_an_area(chance: random.Random) -> None:
    table = columns(8)
    order = list(range(len(table["patient"])))
    chance.shuffle(order)
    asked = StudyConfig(bootstraps=0)
    numbers = list(range(8))
    chance.shuffle(numbers)
    names = {cell: f"n{number}" for cell, number in zip(dict.fromkeys(table["patient"]), numbers, strict=True)}
    renamed = {**table, "patient": [names[cell] for cell in table["patient"]]}
    kept = ["patient", "lesion", "response", "bf_ratio"]
    first = run(typed(kept, [[table[name][k] for name in kept] for k in range(len(order))], asked)[0], asked)
    second = run(typed(kept, [[renamed[name][k] for name in kept] for k in order], asked)[0], asked)
    one, other = first.parameters[0], second.parameters[0]
    assert one.found.area is not None
    assert other.found.area is not None
    assert one.found.area.auc == pytest.approx(other.found.area.auc, abs=1e-12)
    assert one.found.area.ci95_clustered == pytest.approx(other.found.area.ci95_clustered, abs=1e-9)
    assert one.test is not None
    assert other.test is not None
    assert one.test.p == pytest.approx(other.test.p, abs=1e-12)


def test_patients_without_a_value_leave_the_area_of_the_others(tmp_path: Path) -> None:
    """Their numbers are then missing among the patients' numbers."""
    table = columns()
    for gone in ("P1", "P6", "P12"):
        holes = {
            **table,
            "bf_ratio": ["" if who == gone else cell for who, cell in zip(table["patient"], table["bf_ratio"], strict=True)],
        }
        kept = [k for k, who in enumerate(table["patient"]) if who != gone]
        without = {name: [cells[k] for k in kept] for name, cells in table.items()}
        content = 'bootstraps = 30\nprobability = ["probability_major"]\n'
        one, other = (study(tmp_path, cells, content)[0].parameters[0].found for cells in (holes, without))
        assert one.area == other.area
        assert one.missing == table["patient"].count(gone)
        assert one.best is not None
        assert other.best is not None
        assert one.best.cut == other.best.cut


REFUSED = {
    "no outcome column": ('outcome = "zz"', "STUDY-NO-OUTCOME"),
    "no positive lesion": ('positive = "none"', "STUDY-NO-POSITIVE"),
    "positive is a missing code": ('missing = ["major"]', "STUDY-NO-POSITIVE"),
    "no negative lesion": ('negative = ["none"]', "STUDY-ONE-CLASS"),
    "test of numbers": ('tests.a = { column = "age", positive = ["1"] }', "STUDY-CONFIG: tests.a"),
    "combine text": ('combine = ["sex"]', "STUDY-CONFIG: combine"),
    "combine nothing": ('combine = ["zz"]', "STUDY-CONFIG: combine"),
    "probability of text": ('probability = ["sex"]', "STUDY-CONFIG: probability"),
    "probability above 1": ('probability = ["noise"]', "CALIBRATION-RANGE"),
    "size of text": ('size.change_percent = "sex"', "STUDY-CONFIG: size"),
    "tolerance of text": ("[columns.sex]\ntolerance = 0.1", "STUDY-CONFIG: columns"),
    "describe nothing": ('describe_lesions = ["zz"]', "STUDY-CONFIG"),
    "describe no patients": ('describe_patients = ["zz"]', "STUDY-CONFIG"),
    "readers of text": ('[[readers]]\nfirst = "bf_ratio"\nsecond = "sex"', "STUDY-CONFIG"),
    "survival of text": ('[[survival]]\ntime = "sex"\nevent = "event"', "STUDY-CONFIG"),
    "survival of no group": ('[[survival]]\ntime = "days"\nevent = "event"\ngroups = "age"', "STUDY-CONFIG: survival"),
    "no difference to find": ("next_study = { auc = 0.9, comparator_auc = 0.9 }", "POWER-NO-DIFFERENCE"),
    "flow": ("flow = { eligible = 1, included = 2, lesions = 3 }", "FLOW-SUM"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_asked_of_this_table_is_refused(key: str, tmp_path: Path) -> None:
    content, code = REFUSED[key]
    with pytest.raises(HepaflowError, match=code):
        study(tmp_path, content=f"{QUICK}{content}\n")


def test_too_many_draws_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hepaflow.workflow.cohort_run.MOST_DRAWN", 119)
    study(tmp_path, content="bootstraps = 9\n")
    with pytest.raises(UsageError, match="STUDY-CONFIG: bootstraps"):
        study(tmp_path, content="bootstraps = 10\n")


def test_sizes_below_zero_are_refused_unless_a_range_leaves_them_out(tmp_path: Path) -> None:
    table = columns()
    table["before_mm"][0] = "-3"
    content = '[size]\nbefore = "before_mm"\nafter = "after_mm"\n'
    with pytest.raises(InputRefused, match="STUDY-SIZE"):
        study(tmp_path, table, QUICK + content)
    found, _ = study(tmp_path, table, f"{QUICK}{content}[columns.before_mm]\nrange = [0, 500]\n")
    assert found.sizes is not None
    assert int(np.isnan(found.sizes.found.change).sum()) == 1
    with pytest.raises(InputRefused, match="STUDY-SIZE"):
        study(tmp_path, with_column("change", "-101"), QUICK + '[size]\nchange_percent = "change"\n')


def test_outcomes_that_are_not_known_are_left_out_and_levels_are_told(tmp_path: Path) -> None:
    table = columns()
    table["response"][:3] = ["NA", "odd", "odd"]
    found, _ = study(tmp_path, table, QUICK)
    assert found.n == len(table["response"]) - 1
    assert {one.code: one.rows for one in found.findings if one.code in ("no-outcome", "outcome-levels")} == {
        "no-outcome": (2,),
        "outcome-levels": (),
    }
    assert found.names.negative == "not major"
    found, _ = study(tmp_path, table, QUICK + 'negative = ["minor"]\n')
    assert found.n == len(table["response"]) - 3
    assert found.names.negative == "minor"


EDGES = {
    "one patient": {
        **columns(),
        "patient": ["P"] * len(columns()["patient"]),
        "lesion": [str(k) for k in range(len(columns()["patient"]))],
    },
    "one of each class": {name: cells[:2] for name, cells in {**columns(), "response": ["major", "minor"]}.items()},
    "all equal": {
        **columns(),
        **{
            name: ["1"] * len(columns()["patient"])
            for name in ("bf_ratio", "second_reader", "noise", "age", "days", "event", "before_mm", "after_mm", "probability_major")
        },
    },
    "no value": with_column("bf_ratio", ""),
    "every category its own": with_column("size_class", [f"c{k}" for k in range(len(columns()["patient"]))]),
    "certain": with_column("probability_major", ["1" if cell == "major" else "0" for cell in columns()["response"]]),
    "separated": with_column("bf_ratio", ["0.1" if cell == "major" else "1" for cell in columns()["response"]]),
    "largest": {
        **with_column("bf_ratio", [str(2**53) if k % 3 else "0.5" for k in range(len(columns()["patient"]))]),
        "second_reader": ["8e15"] * len(columns()["patient"]),
    },
    "smallest": with_column("bf_ratio", ["9e-300" if k % 3 else "0.5" for k in range(len(columns()["patient"]))]),
}


@pytest.mark.parametrize("key", EDGES)
def test_the_edges_of_a_study_are_judged_or_said_not_to_be(key: str, tmp_path: Path) -> None:
    found, _ = study(tmp_path, EDGES[key])
    told = {one.code for one in found.findings}
    expected = {
        "one patient": "not-combined",
        "one of each class": "separated",
        "all equal": "readers-not-compared",
        "no value": "not-judged",
        "certain": "few-patients",
        "separated": "separated",
    }
    assert expected.get(key, "few-patients") in told
    for one in found.parameters:
        assert one.found.area is None or 0.0 <= one.found.area.auc <= 1.0


@pytest.mark.parametrize("kind", ["mann-whitney", "welch", "student"])
def test_the_test_of_the_configuration_is_done_and_named(kind: str, tmp_path: Path) -> None:
    found, _ = study(tmp_path, content=f'{QUICK}test = "{kind}"\n')
    test = found.parameters[0].test
    assert test is not None
    assert {"mann-whitney": "Mann-Whitney", "welch": "Welch", "student": "Student"}[kind] in test.test


def test_the_same_seed_gives_the_same_study_and_another_another_interval(tmp_path: Path) -> None:
    spread = [
        study(tmp_path, content=f"bootstraps = 50\nseed = {seed}\n")[0].parameters[0].found.bootstrap_ci95 for seed in (1, 1, 2)
    ]
    assert spread[0] == spread[1] != spread[2]


def test_a_direction_turned_round_gives_the_other_area(tmp_path: Path) -> None:
    parts = [f'{QUICK}[columns.bf_ratio]\ndirection = "{way}"\n' for way in ("lower", "higher")]
    one, other = (area_of(study(tmp_path, content=part)[0]) for part in parts)
    assert one + other == pytest.approx(1.0, abs=1e-12)


def test_a_threshold_is_judged_as_it_was_fixed() -> None:
    head = ["patient", "lesion", "response", "x"]
    body = [[f"P{k}", "1", "major" if k < 5 else "minor", str(value)] for k, value in enumerate((1, 2, 3, 3, 9, 3, 4, 5, 6, 7))]
    asked = StudyConfig(bootstraps=0, columns={"x": ColumnPart(direction="lower", threshold=3.0)})
    rule = next(one for one in run(typed(head, body, asked)[0], asked).rules if one.origin == "fixed")
    assert (rule.found.table.tp, rule.found.table.fn, rule.found.table.fp, rule.found.table.tn) == (2, 3, 0, 5)
    assert rule.label == "x < 3"
