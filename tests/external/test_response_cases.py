"""Worked cases of tumour response from guideline tables and public test suites: every one is answered as it is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hepaflow.workflow.worked_cases import try_cases

pytestmark = pytest.mark.external

#: Kinds of response and how many cases of each there are; the other kinds of the file are of other rooms.
KINDS = {
    "target_series": 19,
    "overall_timepoint": 13,
    "bor_two_timepoints_confirmation_required": 10,
    "bor_confirmed": 13,
    "bor_unconfirmed": 6,
    "selection": 3,
    "text_rule": 5,
    "size_density": 6,
    "bidimensional": 4,
    "viable_diameter": 2,
    "enhancing_area": 2,
    "morphology": 4,
}


@pytest.fixture(scope="module")
def tried(reference: Path) -> dict[str, list[dict[str, Any]]]:
    path = reference / "response_cases.json"
    kinds = {case["id"]: case["kind"] for case in json.loads(path.read_text(encoding="utf-8"))["cases"]}
    found: dict[str, list[dict[str, Any]]] = {}
    for case in try_cases(path):
        found.setdefault(kinds[case["id"]], []).append(case)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_case_of_a_kind_is_answered_as_it_is_written(kind: str, tried: dict[str, list[dict[str, Any]]]) -> None:
    assert len(tried[kind]) == KINDS[kind]
    assert [case for case in tried[kind] if not case["ok"]] == []
