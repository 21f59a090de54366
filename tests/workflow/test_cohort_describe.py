"""Tables 1 and 2: who is counted once, what is compared, what differs within a patient."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import columns, study

from hepaflow.cohort.describe import Described, Levels

QUICK = "bootstraps = 0\n"


def test_patients_are_described_once(tmp_path: Path) -> None:
    age, sex = study(tmp_path, content=QUICK + 'describe_patients = ["age", "sex"]\n')[0].of_patients
    assert isinstance(age.of_all, Described)
    assert (age.of_all.n, age.of_all.smallest, age.of_all.largest) == (12, 41.0, 52.0)
    assert isinstance(sex.of_all, Levels)
    assert [(one.name, one.count, one.percent) for one in sex.of_all.levels] == [("F", 6, "50.0"), ("M", 6, "50.0")]


@pytest.mark.parametrize(("name", "cell"), [("age", "99"), ("sex", "F"), ("age", ""), ("sex", "NA")])
def test_what_differs_within_a_patient_is_said_and_the_first_row_counts(name: str, cell: str, tmp_path: Path) -> None:
    table = columns()
    last = max(k for k, who in enumerate(table["patient"]) if who == "P2")
    assert table["patient"].count("P2") > 1
    table[name][last] = cell
    found, _ = study(tmp_path, table, QUICK + f'describe_patients = ["{name}"]\n')
    assert [(one.column, one.rows) for one in found.findings if one.code == "patient-varies"] == [(name, (last + 2,))]
    assert (
        found.of_patients[0].of_all == study(tmp_path, None, QUICK + f'describe_patients = ["{name}"]\n')[0].of_patients[0].of_all
    )


def test_lesions_are_described_by_class_and_compared_by_a_named_test(tmp_path: Path) -> None:
    table = columns()
    ratio, kind = study(tmp_path, content=QUICK + 'describe_lesions = ["bf_ratio", "size_class"]\n')[0].of_lesions
    for column, test in ((ratio, "Mann-Whitney"), (kind, "Fisher")):
        assert column.groups is not None
        assert column.groups[0].n == table["response"].count("major")
        assert column.groups[1].n == table["response"].count("minor")
        assert column.test is not None
        assert test in column.test.test


def test_names_are_counted_and_not_tested(tmp_path: Path) -> None:
    """A category for every lesion: more than thirty are no categories; up to thirty are tested though no two lesions share one."""
    for patients, tested in ((12, True), (24, False)):
        table = columns(patients)
        table["own"] = [f"x{k}" for k in range(len(table["patient"]))]
        own = study(tmp_path, table, QUICK + 'describe_lesions = ["own"]\n')[0].of_lesions[0]
        assert isinstance(own.of_all, Levels)
        assert len(own.of_all.levels) == len(table["patient"])
        assert (own.test is not None) == tested


def test_a_column_without_values_has_no_test(tmp_path: Path) -> None:
    table = {**columns(), "gap": [""] * len(columns()["patient"])}
    found, _ = study(tmp_path, table, QUICK + 'describe_lesions = ["gap"]\n')
    assert (found.of_lesions[0].of_all.n, found.of_lesions[0].test) == (0, None)


def test_without_a_list_the_first_forty_columns_are_described(tmp_path: Path) -> None:
    table = {**columns(), **{f"c{k}": columns()["noise"] for k in range(50)}}
    assert len(study(tmp_path, table, QUICK)[0].of_lesions) == 40
