"""The printed data against each other, as far as they agree; the tests of the checks hold where they do not."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hepaflow.cohort.nancy2019 import printed


def test_who_came_in() -> None:
    assert printed.ELIGIBLE - sum(count for _, count in printed.EXCLUDED) == printed.INCLUDED == 32
    assert [count for _, count in printed.EXCLUDED] == [3, 1, 1, 2, 2]
    assert printed.MAJOR + printed.MINOR == printed.LESIONS == 61
    assert sum(patients for patients, _ in printed.LESIONS_BY_PATIENT.values()) == 32
    assert sum(count for count, _ in (printed.PATIENTS_MAJOR, printed.PATIENTS_MIXED, printed.PATIENTS_MINOR)) == 32
    assert printed.TRG[2][0] + printed.TRG[3][0] == printed.MAJOR == printed.BLAZER["major"][0]
    assert printed.TRG[4][0] == printed.MINOR == printed.BLAZER["minor"][0]


def test_table_6_lists_57_lesions_in_its_own_classes() -> None:
    rows = printed.table6()
    assert len(rows) == 57 == printed.LESIONS - printed.WITHOUT_BASELINE
    assert Counter((response, kind) for response, _, kind in rows) == printed.TABLE6_COUNTS
    for _, change, kind in rows:
        assert kind == ("PR" if change <= -30 else "PD" if change >= 20 else "SD")
    for response, total in (("major", 25), ("minor", 32)):
        assert sum(one == response for one, _, _ in rows) == total
    # sums of what the thesis lists, so that no entry slips
    assert sum(change for response, change, _ in rows if response == "major") == -491
    assert sum(change for response, change, _ in rows if response == "minor") == 988


def test_mean_differences_are_those_of_whole_millimetres() -> None:
    for group, total in (("major", -215), ("minor", 44)):
        one = printed.DIFFERENCES[group]
        assert one.n * one.mean == pytest.approx(total)
        before, after = printed.SIZES[group, "before"], printed.SIZES[group, "after"]
        assert after.mean - before.mean == pytest.approx(one.mean, abs=0.1)
        assert before.n == after.n == one.n
        low, high = printed.DIFFERENCE_RANGE[group]
        assert low < one.mean < high


def test_ratios_are_medians_between_their_quartiles_that_point_one_way() -> None:
    assert list(printed.RATIOS) == ["bf_ratio", "bv_ratio", "ttp_ratio", "hpbf_ratio", "total_mtt_ratio", "habf_ratio"]
    for ratio in printed.RATIOS.values():
        for median, q1, q3 in (ratio.major, ratio.minor):
            assert q1 < median < q3
        assert (ratio.major[0] < ratio.minor[0]) == (ratio.direction == "lower")
    assert [ratio.p for ratio in printed.RATIOS.values()] == ["<1e-12", "<1e-9", "<1e-4", "<1e-11", "<1e-7", "0.045"]


def test_table_2_means_of_61() -> None:
    for group in (printed.HEALTHY, printed.LESION):
        assert {one.n for one in group.values()} == {61}
        assert np.all([one.sd > 0 for one in group.values()])
