from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.printed import Summary
from hepaflow.cohort.nancy2019.values import checks, pooled

WANTED = {
    "size-difference": ("0.0047", "0.0047", "reproduced"),
    "sizes-57": ("32.5 ± 20.2; 29.5 ± 17.0", "32.5 ± 20.2; 29.5 ± 17.0", "reproduced"),
    "mean-size-61": ("3.1", "the 4 lesions without a CT before average 45 to 60 mm", "attainable"),
    "volume-healthy": ("21.7", "32.2 to 45.5", "contradicted"),
    "volume-lesion": ("14.3", "23.7 to 49.4", "contradicted"),
    "flow-parts": ("81.8; 60.4", "78.6; 60.9", "contradicted"),
    "haf": ("0.3; 0.4", "0.19; 0.29 from the mean flows", "attainable"),
    "extraction": ("6.3", "at most 1", "contradicted"),
    "clusters": ("61 lesions", "as good as 27 at ICC 0.5", "questioned"),
}


def test_printed_recomputed_and_verdict() -> None:
    assert {one.key: (one.printed, one.recomputed, one.verdict) for one in checks()} == WANTED
    assert len(checks()) == len(WANTED)


def test_sentences_hold_the_figures_behind() -> None:
    why = {one.key: one.why for one in checks()}
    assert "t = -2.946; Welch's test would give 0.0056" in why["size-difference"]
    assert "would be 15.9 s" in why["volume-healthy"]
    assert "would be 14.2 s" in why["volume-lesion"]
    assert "off by 3.2 (4%), lesions by 0.5" in why["flow-parts"]
    assert "1.77, 2.29, 3.06 at an intraclass correlation of 0.3, 0.5, 0.8" in why["clusters"]
    assert "other 57 average 29.5 mm" in why["mean-size-61"]


@pytest.mark.parametrize(
    ("name", "value", "key", "verdict"),
    [
        ("SIZE_P", "0.0048", "size-difference", "contradicted"),
        ("SIZES_57", (("32.5", "20.2"), ("29.5", "17.1")), "sizes-57", "contradicted"),
        ("HEALTHY", printed.HEALTHY | {"bv": Summary(61, 40.0, 4.9)}, "volume-healthy", "reproduced"),
        ("HEALTHY", printed.HEALTHY | {"bv": Summary(61, 45.6, 4.9)}, "volume-healthy", "contradicted"),
    ],
)
def test_verdicts_follow_the_figures(monkeypatch: pytest.MonkeyPatch, name: str, value: object, key: str, verdict: str) -> None:
    monkeypatch.setattr(printed, name, value)
    assert {one.key: one.verdict for one in checks()}[key] == verdict


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-100, 100), min_size=2, max_size=8), min_size=1, max_size=4))
def test_groups_put_together_are_their_numbers_put_together(groups: list[list[float]]) -> None:
    found = pooled([Summary(len(one), float(np.mean(one)), float(np.std(one, ddof=1))) for one in groups])
    whole = np.concatenate(groups)
    assert found.n == len(whole)
    assert found.mean == pytest.approx(whole.mean(), abs=1e-9)
    assert found.sd == pytest.approx(whole.std(ddof=1), abs=1e-6)


def test_the_mean_of_a_product_stays_in_the_range_that_is_said() -> None:
    """E[XY] = E[X]E[Y] + r SD SD: both ends are reached at r = -1 and 1."""
    flow, time = printed.HEALTHY["bf"], printed.HEALTHY["mtt"]
    x = np.array([-1.0, 1.0])
    ends = [float(((flow.mean + flow.sd * x) * (time.mean + sign * time.sd * x)).mean() / 60) for sign in (-1, 1)]
    assert [f"{end:.1f}" for end in ends] == ["32.2", "45.5"]
    assert math.isclose(sum(ends) / 2, flow.mean * time.mean / 60)
