from __future__ import annotations

import pytest

from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.counts import checks, flow

#: What the thesis prints, what comes out, and the verdict.
WANTED = {
    "flow": ("32", "32", "reproduced"),
    "lesion-total": ("61", "66", "contradicted"),
    "trg-2": ("26 (44.3 %)", "26 (42.6 %)", "contradicted"),
    "trg-3": ("3 (3.3 %)", "3 (4.9 %)", "contradicted"),
    "trg-4": ("32 (52.5 %)", "32 (52.5 %)", "reproduced"),
    "blazer": ("major 47.5, minor 52.5", "major 47.5, minor 52.5", "reproduced"),
    "rounding": ("34.3, 9.3, 18.7", "34.4, 9.4, 18.8", "rounding"),
    "differentiation": ("90.7", "90.6", "rounding"),
    "patients-by-response": ("11 + 4 + 17 = 32", "32", "reproduced"),
    "table-6-counts": ("2, 12, 11; 14, 15, 3", "2, 12, 11; 14, 15, 3", "reproduced"),
    "hpbf-of-major": ("26 + 1", "27 of 29", "contradicted"),
    "figure-reference": ("Figure 2", "Figure 4", "contradicted"),
}


def test_printed_recomputed_and_verdict() -> None:
    assert {one.key: (one.printed, one.recomputed, one.verdict) for one in checks()} == WANTED
    assert len(checks()) == len(WANTED)


def test_sentences_say_what_is_off() -> None:
    why = {one.key: one.why for one in checks()}
    assert "66: 5 more" in why["lesion-total"]
    assert why["trg-2"].startswith("44.3 % of 61 is 27 lesions, not 26")
    assert why["trg-3"].startswith("3.3 % of 61 is 2 lesions, not 3")
    assert why["hpbf-of-major"].startswith("2 lesions are in neither class")
    assert "also printed as 34.4" in why["rounding"]


def test_the_flow_chart() -> None:
    chart = flow()
    assert (chart.eligible, chart.included, chart.lesions, chart.analysed) == (41, 32, 61, 57)
    assert [one.patients for one in chart.excluded] == [3, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("name", "value", "key", "verdict"),
    [
        ("BLAZER", {"major": (29, "47.6"), "minor": (32, "52.5")}, "blazer", "contradicted"),
        ("SEVERAL_PERCENT", "34.4", "rounding", "contradicted"),
        ("PATIENTS_MIXED", (5, "12.5"), "patients-by-response", "contradicted"),
        ("TABLE6_COUNTS", printed.TABLE6_COUNTS | {("major", "PD"): 3}, "table-6-counts", "contradicted"),
        ("TRG", {2: (27, "44.3")}, "trg-2", "reproduced"),
    ],
)
def test_verdicts_follow_the_figures(monkeypatch: pytest.MonkeyPatch, name: str, value: object, key: str, verdict: str) -> None:
    monkeypatch.setattr(printed, name, value)
    assert {one.key: one.verdict for one in checks()}[key] == verdict
