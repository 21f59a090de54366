from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.cohort.describe import half_up
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import UsageError
from hepaflow.response.criterion import CRITERIA, NANCY_2019, calibrated, criterion
from hepaflow.response.perfusion import call, decimals

ratios = st.floats(0.0, 5.0)


@given(ratios, ratios, st.floats(1e-3, 1.0))
def test_a_larger_ratio_is_never_closer_to_major(a: float, b: float, sd: float) -> None:
    low, high = sorted((a, b))
    p_low, p_high = (call(NANCY_2019, value, sd=sd).probability_major for value in (low, high))
    assert p_low is not None
    assert p_high is not None
    assert 0 <= p_high <= p_low <= 1


@given(ratios, st.floats(1e-3, 1.0))
def test_category_and_probability_agree(value: float, sd: float) -> None:
    found = call(NANCY_2019, value, sd=sd)
    assert found.category == ("major" if value < 0.68 else "minor")
    assert found.probability_major is not None
    # both sides of one half, but for the last bits of the error function
    assert (found.probability_major > 0.5 - 1e-12) if found.category == "major" else (found.probability_major < 0.5 + 1e-12)
    uncertain = "response-uncertain" in found.flags
    assert uncertain == (0.05 < found.probability_major < 0.95)


@pytest.mark.parametrize(("value", "category"), [(0.6799999, "major"), (0.68, "minor"), (0.0, "major"), (2.0, "minor")])
def test_the_rule_says_strictly_below(value: float, category: str) -> None:
    assert call(NANCY_2019, value).category == category


def test_samples_give_the_probability() -> None:
    samples = np.array([0.5, 0.6, 0.7, 0.8, np.nan])
    assert call(NANCY_2019, 0.65, samples=samples).probability_major == 0.5
    assert call(NANCY_2019, 0.65, samples=np.array([np.nan]), sd=0.0).probability_major == 1.0


def test_a_given_threshold_replaces_the_criterions() -> None:
    found = call(NANCY_2019, 0.75, threshold=0.8)
    assert (found.category, found.threshold) == ("major", 0.8)


@pytest.mark.parametrize("threshold", [0.0, -1.0, math.nan, math.inf])
def test_a_threshold_that_is_none_is_refused(threshold: float) -> None:
    with pytest.raises(UsageError, match=r"^THRESHOLD-INVALID"):
        call(NANCY_2019, 0.5, threshold=threshold)


@pytest.mark.parametrize(("diameter", "rated"), [(14.99, False), (15.0, True), (None, True)])
def test_small_lesions_are_flagged_not_rated(diameter: float | None, rated: bool) -> None:
    found = call(NANCY_2019, 0.4, sd=0.01, diameter_mm=diameter)
    assert (found.category is not None) == rated
    assert ("lesion-below-15-mm" in found.flags) != rated
    assert found.probability_major == pytest.approx(1.0)  # said all the same: 28 deviations from the threshold


def test_what_has_no_category_has_none_that_could_be_the_other_one() -> None:
    assert call(NANCY_2019, 0.7, sd=0.1, diameter_mm=20.0).flags == ("response-uncertain",)
    assert call(NANCY_2019, 0.7, sd=0.1, diameter_mm=10.0).flags == ("lesion-below-15-mm",)


@given(st.floats(0.01, 5.0), st.sampled_from([0.68, 0.675, 0.5, 0.7, 1.0]))
def test_a_printed_ratio_lies_on_its_side_of_the_threshold(value: float, limit: float) -> None:
    count = decimals(value, limit)
    printed = float(half_up(value, decimals=count))
    assert (printed < limit, printed > limit) == (value < limit, value > limit)
    assert count == 2 or abs(value - limit) < 0.01  # no more than it takes


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_no_ratio_no_category(value: float | None) -> None:
    found = call(NANCY_2019, value, sd=0.1)
    assert (found.category, found.probability_major, found.flags) == (None, None, ("response-not-evaluable",))


def test_without_uncertainty_there_is_no_probability() -> None:
    assert call(NANCY_2019, 0.5).probability_major is None
    assert call(NANCY_2019, 0.5, sd=math.nan).probability_major is None


def test_every_flag_is_in_the_table() -> None:
    said = [call(NANCY_2019, 0.68, sd=0.1, diameter_mm=10), call(NANCY_2019, None)]
    assert {code for found in said for code in found.flags} <= set(FLAGS)


def test_the_catalogue_is_found_by_key() -> None:
    assert [criterion(c.key) for c in CRITERIA] == list(CRITERIA)
    with pytest.raises(UsageError, match=r"^CRITERION-UNKNOWN.*nancy2019-bf-ratio"):
        criterion("recist")


def test_a_site_may_calibrate_another_ratio_whose_major_side_is_above() -> None:
    rule = calibrated("ttp", 1.2, major="above", source="own data")
    assert [call(rule, value).category for value in (1.19, 1.2, 1.21)] == ["minor", "minor", "major"]
    assert call(rule, 1.4, sd=0.1).probability_major == pytest.approx(0.97725, abs=1e-5)  # Phi(2)
    assert call(rule, 1.4, samples=np.array([1.1, 1.3, 1.4, np.nan])).probability_major == pytest.approx(2 / 3)
    below = calibrated("mtt", 0.9, source="own data", smallest_mm=10.0)
    assert [call(below, value).category for value in (0.89, 0.9)] == ["major", "minor"]
    assert call(below, 0.5, diameter_mm=9.9).category is None
    assert "MTT" in below.rule.en
    assert "10 mm" in below.rule.en


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"quantity": "flow", "threshold": 1.0}, "CRITERION-QUANTITY"),
        ({"quantity": "bf", "threshold": 0.0}, "THRESHOLD-INVALID"),
        ({"quantity": "bf", "threshold": float("nan")}, "THRESHOLD-INVALID"),
        ({"quantity": "bf", "threshold": 1.0, "major": "left"}, "CRITERION-DIRECTION"),
    ],
)
def test_a_calibrated_rule_that_cannot_be_meant_is_refused(given: dict, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        calibrated(**given, source="own data")
