from __future__ import annotations

import numpy as np
import pytest

from hepaflow.cohort.sample import Sample, sample
from hepaflow.errors import InputRefused


def test_patients_are_numbered_and_lesions_without_patients_stand_alone() -> None:
    found = sample([1, 2, 3, 4], [True, False, True, False], ["b", "a", "b", "c"])
    assert found.cluster.tolist() == [1, 0, 1, 2]
    assert found.clusters == 3
    alone = sample([1, 2, 3], [True, False, True])
    assert (alone.cluster.tolist(), alone.clusters, alone.direction) == ([0, 1, 2], 3, "higher")


def test_oriented_values_are_higher_where_positive_is_meant() -> None:
    assert sample([1.0, 2.0], [True, False], direction="lower").oriented.tolist() == [-1.0, -2.0]
    assert sample([1.0, 2.0], [True, False]).oriented.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "positive", "cluster", "direction", "code"),
    [
        ([1.0, 2.0, 3.0], [True, False], [0, 1, 2], "higher", "SAMPLE-UNEQUAL"),
        ([1.0, 2.0], [True, False, True], [0, 1], "higher", "SAMPLE-UNEQUAL"),
        ([1.0, 2.0], [True, False], [0, 1, 1], "higher", "SAMPLE-UNEQUAL"),
        ([1.0, 2.0], [True, False], [0, 1], "below", "SAMPLE-DIRECTION"),
        ([1.0, np.nan], [True, False], [0, 1], "lower", "SAMPLE-NOT-FINITE"),
        ([1.0, -np.inf], [True, False], [0, 1], "lower", "SAMPLE-NOT-FINITE"),
        ([1.0, 2.0], [True, True], [0, 1], "lower", "SAMPLE-ONE-CLASS"),
        ([1.0, 2.0], [False, False], [0, 1], "lower", "SAMPLE-ONE-CLASS"),
        ([], [], [], "lower", "SAMPLE-ONE-CLASS"),
    ],
)
def test_what_has_no_curve_is_refused(
    values: list[float], positive: list[bool], cluster: list[int], direction: str, code: str
) -> None:
    with pytest.raises(InputRefused, match="^" + code):
        Sample(np.array(values), np.array(positive, bool), np.array(cluster), direction)  # type: ignore[arg-type]
    with pytest.raises(InputRefused, match="^" + code):
        sample(values, positive, cluster, direction=direction)  # type: ignore[arg-type]
