"""Worked cases of stage, residual cells, regression groups, the patient and the interface."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from hepaflow.pathology.aggregate import mean_residual, worst_grade
from hepaflow.pathology.interface import interface_thickness
from hepaflow.pathology.regression import regression_group, residual_cells
from hepaflow.pathology.staging import stage_group
from hepaflow.pathology.tnm import read_tnm

pytestmark = pytest.mark.external
OURS = {
    ("AJCC8", "stage"),
    ("Blazer", "residual_percent"),
    ("Rubbia-Brandt", "trg_group"),
    ("Rubbia-Brandt", "patient_level"),
    ("Blazer", "patient_level"),
    ("TNI thickness", "mm"),
}


def answer(criterion: str, kind: str, given: dict) -> object:
    if kind == "stage":
        return stage_group(read_tnm(given["T"], given["N"], given["M"])).category
    if kind == "residual_percent":
        return residual_cells(given["percent"]).category
    if kind == "trg_group":
        return regression_group(given["trg"]).category
    if kind == "mm":
        return interface_thickness(given["mm"]).category
    if criterion == "Rubbia-Brandt":
        return worst_grade(given["trgs"]).reasons[0].numbers["trg"]
    said = mean_residual(given["percents"])
    return f"{said.category} (mean {float(said.reasons[0].numbers['mean_percent']):g}%)"


def test_worked_cases(reference: Path) -> None:
    every = json.loads((reference / "response_cases.json").read_text(encoding="utf-8"))["cases"]
    cases = [case for case in every if (case["criterion"], case["kind"]) in OURS]
    assert set(Counter((case["criterion"], case["kind"]) for case in cases)) == OURS
    wrong = {
        case["id"]: found for case in cases if (found := answer(case["criterion"], case["kind"], case["input"])) != case["expected"]
    }
    assert wrong == {}
