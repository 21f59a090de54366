from __future__ import annotations

import numpy as np
import pytest

from hepaflow.cohort.table import LesionTable
from hepaflow.errors import InputRefused


def table(**changed: object) -> LesionTable:
    parts: dict[str, object] = {
        "patients": ("B", "A", "B", "C"),
        "lesions": ("1", "1", "2", "1"),
        "rows": (2, 3, 4, 6),
        "numbers": {"bf": np.array([1.0, 2.0, np.nan, 4.0]), "bv": np.array([5.0, 6.0, 7.0, 8.0])},
        "texts": {"response": ("major", None, "minor", "major")},
    }
    return LesionTable(**(parts | changed))  # type: ignore[arg-type]


def test_lesions_and_patients_are_counted() -> None:
    found = table()
    assert (found.n, found.patient_count, found.cluster.tolist()) == (4, 3, [1, 0, 1, 2])


def test_cells_left_out_and_rows_kept() -> None:
    found = table()
    without = found.without("bf", np.array([False, True, False, False]))
    assert np.isnan(without.numbers["bf"]).tolist() == [False, True, True, False]
    assert without.numbers["bf"][[0, 3]].tolist() == [1.0, 4.0]
    assert without.numbers["bv"] is found.numbers["bv"]
    assert found.numbers["bf"][1] == 2.0  # the table itself is as it was
    kept = found.keep(np.array([True, False, False, True]))
    assert (kept.patients, kept.lesions, kept.rows) == (("B", "C"), ("1", "1"), (2, 6))
    assert kept.numbers["bf"].tolist() == [1.0, 4.0]
    assert kept.texts["response"] == ("major", "major")
    assert found.keep(np.zeros(4, bool)).n == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"lesions": ("1", "1", "2")},
        {"rows": (2, 3, 4)},
        {"numbers": {"bf": np.zeros(3)}},
        {"texts": {"response": ("major",)}},
    ],
)
def test_columns_of_unlike_length_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(InputRefused, match="STUDY-COLUMNS"):
        table(**changed)


def test_a_row_without_a_patient_is_refused_by_its_number() -> None:
    with pytest.raises(InputRefused, match="STUDY-NO-PATIENT: row 4 "):
        table(patients=("B", "A", "", "C"))


def test_a_lesion_that_is_there_twice_is_refused_by_its_rows_and_without_its_name() -> None:
    with pytest.raises(InputRefused, match="STUDY-DUPLICATE: rows 2 and 6 are the same lesion of the same patient") as refused:
        table(patients=("Miller", "A", "Miller", "Miller"))
    assert "Miller" not in str(refused.value)
