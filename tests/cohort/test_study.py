from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepaflow.cohort.study import Clusters, Names, Study
from hepaflow.cohort.table import LesionTable


def test_a_study_counts_the_lesions_of_its_table_and_stays_as_it_is() -> None:
    table = LesionTable(("A", "A", "B"), ("1", "2", "1"), (2, 3, 4), {"bf": np.ones(3)}, {})
    names = Names("made up", "major", "minor", "response", "patient")
    nothing: dict[str, object] = {
        field.name: () for field in dataclasses.fields(Study) if field.name not in ("names", "table", "truth", "clusters")
    }
    study = Study(  # type: ignore[arg-type]
        names=names, table=table, truth=np.array([True, False, True]), clusters=Clusters({2: 1, 1: 1}, 1, 1, 0, 1.2), **nothing
    )
    assert study.n == 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        study.names = names  # type: ignore[misc]
