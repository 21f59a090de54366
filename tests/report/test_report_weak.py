"""Permeability is marked where the study is too short for it, and nowhere else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_case import build_case

from hepaflow.curves.protocol import LONG_STUDY
from hepaflow.domain.history import Rule
from hepaflow.report import tables, weak
from hepaflow.report.words import NBSP, Words


def length(verdict: str) -> Rule:
    return Rule("length", verdict, "11 + 148 = 159 s", "≥ 220 s", "Permeability is weak.", "La perméabilité est faible.")


@pytest.mark.parametrize(("verdict", "marked"), [("warn", True), ("fail", True), ("pass", False), ("unknown", False)])
def test_the_mark_follows_the_rule_on_length(verdict: str, marked: bool) -> None:
    case = replace(build_case(), protocol=(length(verdict),))
    for language in ("en", "fr"):
        words = Words(language)
        heads = [head for table in tables.parameter_tables(case, words) for head in table.head]
        with_mark = {head.split(NBSP)[0] for head in heads if head.endswith(weak.MARK)}
        assert with_mark == (
            {tables.abbreviation(key) for key in LONG_STUDY if key in tables.shown_parameters(case)} if marked else set()
        )
        said = [paragraph.text for paragraph in weak.note(case, case.maps.maps, words)]
        assert [rule.why_en in text or rule.why_fr in text for rule in case.protocol for text in said] == [True] * marked
        assert all("159" in text for text in said)


def test_pictures_without_permeability_have_no_note() -> None:
    case = replace(build_case(), protocol=(length("warn"),))
    assert weak.note(case, ("bf", "haf"), Words("en")) == []
