"""Agreement of readers, survival from times or from days, and the size of a next study."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import Columns, columns, study

from hepaflow.cohort.study import Study

QUICK = "bootstraps = 0\n"
COUNTED = '[[survival]]\ntime = "days"\nevent = "event"\n'
DATED = '[[survival]]\nendpoint = "{}"\n[survival.dates]\nstart = "start"\nlast_seen = "seen"\ndeath = "death"\nprogression = "progression"\n'


def told(found: Study, code: str) -> str:
    return " ".join(one.text for one in found.findings if one.code == code)


def dated() -> Columns:
    """Every patient starts on one day; those of odd number die after their ``days``, those of even number are seen last then."""
    table = columns()
    start = date(2020, 1, 1)
    end = [str(start + timedelta(int(days))) for days in table["days"]]
    died = [cell == "1" for cell in table["event"]]
    return {
        **table,
        "start": [str(start)] * len(end),
        "seen": end,
        "death": [day if dead else "" for day, dead in zip(end, died, strict=True)],
        "progression": [""] * len(end),
    }


def test_survival_counts_patients_once_and_lesions_each(tmp_path: Path) -> None:
    found, _ = study(tmp_path, content=f'{QUICK}{COUNTED}groups = "sex"\n{COUNTED}unit = "lesion"\n')
    by_patient, by_lesion = found.survival
    assert sum(curve.n for _, curve in by_patient.groups) == 12
    assert [name for name, _ in by_patient.groups] == ["F", "M"]
    assert by_patient.log_rank is not None
    assert by_lesion.groups[0][1].n == found.n
    assert (by_lesion.label, by_lesion.log_rank, by_lesion.incidence) == ("days", None, ())


def test_overall_survival_from_days_is_that_of_counted_times(tmp_path: Path) -> None:
    found, _ = study(tmp_path, dated(), QUICK + DATED.format("os") + COUNTED)
    of_days, of_counts = (one.groups[0][1] for one in found.survival)
    assert (of_days.times, of_days.events, of_days.survival) == (of_counts.times, of_counts.events, of_counts.survival)
    assert "death" in found.survival[0].definition.lower()


@pytest.mark.parametrize("endpoint", ["os", "dfs", "pfs", "liver-pfs", "ttp"])
def test_every_endpoint_is_defined_or_its_lack_is_said(endpoint: str, tmp_path: Path) -> None:
    found, _ = study(tmp_path, dated(), QUICK + DATED.format(endpoint))
    if found.survival:
        assert found.survival[0].definition
    else:
        assert "row" in told(found, "survival-not-estimated")


def test_competing_deaths_have_an_incidence(tmp_path: Path) -> None:
    table = columns()
    table["event"] = [str(int(who[1:]) % 3) for who in table["patient"]]
    found, _ = study(tmp_path, table, QUICK + COUNTED)
    assert [name for name, _ in found.survival[0].incidence] == ["all"]


@pytest.mark.parametrize("code", ["0.5", "3", "-1", str(2**53)])
def test_an_event_of_no_known_code_is_not_estimated(code: str, tmp_path: Path) -> None:
    table = columns()
    table["event"][0] = code
    found, _ = study(tmp_path, table, QUICK + COUNTED)
    assert found.survival == ()
    assert "none of 0, 1, 2" in told(found, "survival-not-estimated")


@pytest.mark.parametrize(("name", "cells"), [("days", ""), ("days", "-5"), ("days", "0")])
def test_times_that_are_none_are_said(name: str, cells: str, tmp_path: Path) -> None:
    table = {**columns(), name: [cells] * len(columns()["patient"])}
    found, _ = study(tmp_path, table, QUICK + COUNTED)
    assert bool(found.survival) != bool(told(found, "survival-not-estimated"))


def test_a_day_that_is_none_is_said_by_its_row_and_never_echoed(tmp_path: Path) -> None:
    table = dated()
    table["death"][0] = "Jeanne"
    found, _ = study(tmp_path, table, QUICK + DATED.format("os"))
    assert "row 2, column 'death' is no day" in told(found, "survival-not-estimated")
    assert "Jeanne" not in " ".join(one.text for one in found.findings)


def test_readers_agree_by_limits_or_by_kappa(tmp_path: Path) -> None:
    parts = '[[readers]]\nfirst = "bf_ratio"\nsecond = "second_reader"\n'
    parts += '[[readers]]\nfirst = "bf_ratio"\nsecond = "second_reader"\nkind = "test-retest"\nlabel = "Again"\n'
    parts += '[[readers]]\nfirst = "size_class"\nsecond = "size_class"\nkind = "categories"\n'
    parts += '[[readers]]\nfirst = "size_class"\nsecond = "size_class"\nkind = "categories"\ncategories = ["PR", "SD", "PD"]\n'
    two, again, plain, ordered = study(tmp_path, content=QUICK + parts)[0].readers
    assert (two.label, again.label) == ("bf_ratio and second_reader", "Again")
    assert two.limits is not None
    assert two.repeats is None
    assert again.repeats is not None
    assert plain.kappa is not None
    assert ordered.kappa is not None
    assert (plain.kappa.kappa, plain.kappa.weights, ordered.kappa.weights) == (1.0, "none", "quadratic")


def test_readings_that_cannot_be_compared_are_said(tmp_path: Path) -> None:
    part = '[[readers]]\nfirst = "size_class"\nsecond = "size_class"\nkind = "categories"\ncategories = ["PR", "SD"]\n'
    found, _ = study(tmp_path, content=QUICK + part)
    assert found.readers == ()
    assert "none of the categories" in told(found, "readers-not-compared")


def test_a_next_study_needs_more_where_lesions_are_alike(tmp_path: Path) -> None:
    wanted = [
        study(tmp_path, content=f"{QUICK}[next_study]\nauc = 0.8\nsensitivity = 0.9\nicc = {icc}\n")[0].needs for icc in (0.0, 0.9)
    ]
    assert [len(one) for one in wanted] == [2, 2]
    assert all(alone.lesions < alike.lesions for alone, alike in zip(*wanted, strict=True))
