from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, says, tells

from hepaflow.domain.quality import FLAGS
from hepaflow.errors import UsageError
from hepaflow.response.real_change import NG_2011, REPEATABILITY, Measured, Repeatability, judge

#: 1.96 * sqrt(2) * 0.112
LIMIT = 0.31044


def test_the_repeatability_coefficient() -> None:
    assert Repeatability(0.112, "").coefficient == pytest.approx(LIMIT, abs=1e-5)
    assert Repeatability(0.5, "").coefficient == pytest.approx(1.385929, abs=1e-6)
    assert {key: one.wcv for key, one in REPEATABILITY.items()} == {"bf": 0.112, "bv": 0.144, "mtt": 0.055, "ps": 0.121}
    assert all(one.source == NG_2011 for one in REPEATABILITY.values())
    assert "Radiology 2011;260:762-770" in NG_2011


@pytest.mark.parametrize("wcv", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_a_coefficient_of_variation_that_is_none_is_refused(wcv: float) -> None:
    with pytest.raises(UsageError, match=r"^REPEATABILITY-INVALID"):
        Repeatability(wcv, "")


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (100.0, "within_repeatability"),
        (131.0, "within_repeatability"),
        (131.1, "increase"),
        (69.0, "within_repeatability"),
        (68.9, "decrease"),
        (0.0, "decrease"),
    ],
)
def test_beyond_what_repeats_differ_by(now: float, expected: str) -> None:
    found = judge("bf", Measured(100.0), Measured(now))
    assert says(found) == (expected, f"real-change/{expected}")
    assert (found.criterion, found.flags) == ("real-change", ())


def test_exactly_the_limit_is_within() -> None:
    exact = {"bf": Repeatability(0.25 / (1.96 * math.sqrt(2.0)), "made up")}
    assert exact["bf"].coefficient == 0.25
    assert judge("bf", Measured(100.0), Measured(125.0), repeatability=exact).category == "within_repeatability"
    assert judge("bf", Measured(100.0), Measured(75.0), repeatability=exact).category == "within_repeatability"
    assert judge("bf", Measured(100.0), Measured(125.001), repeatability=exact).category == "increase"


def test_what_is_said_is_said_with_its_numbers() -> None:
    found = judge("bf", Measured(100.0), Measured(62.0))
    assert dict(numbers(found)) == {
        "before": 100.0,
        "now": 62.0,
        "change": pytest.approx(-0.38),
        "limit": pytest.approx(LIMIT, abs=1e-5),
        "wcv": 0.112,
        "limit_from": "repeatability",
        "source": NG_2011,
    }
    assert found.reasons[0].text.en == "Blood flow -38 %, beyond the 31 % that repeats differ by."
    assert found.reasons[0].text.fr == "Flux sanguin -38 %, au-delà des 31 % d'écart entre examens répétés."
    within = judge("mtt", Measured(10.0), Measured(11.0)).reasons[0].text
    assert within.en == "Mean transit time +10 %, within the 15 % that repeats differ by."
    assert within.fr == "Temps de transit moyen +10 %, dans les 15 % d'écart entre examens répétés."


@pytest.mark.parametrize(
    ("sd_before", "sd_now", "expected", "limit"),
    [
        (10.0, None, "decrease", LIMIT),
        (30.0, 16.0, "within_repeatability", 1.96 * math.sqrt(0.3**2 + 0.25**2)),
        (30.0, None, "within_repeatability", 1.96 * 0.3),
        (None, 32.0, "within_repeatability", 1.96 * 0.5),
        (math.inf, math.nan, "decrease", LIMIT),
        (0.0, 0.0, "decrease", LIMIT),
    ],
)
def test_a_wide_spread_of_the_two_examinations_widens_the_limit(
    sd_before: float | None, sd_now: float | None, expected: str, limit: float
) -> None:
    found = judge("bf", Measured(100.0, sd_before), Measured(64.0, sd_now))
    assert found.category == expected
    assert numbers(found)["limit"] == pytest.approx(limit, abs=1e-5)
    own = limit > LIMIT + 1e-4
    assert numbers(found)["limit_from"] == ("standard deviations of the two examinations" if own else "repeatability")


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (None, 1.0),
        (1.0, None),
        (0.0, 1.0),
        (-1.0, 1.0),
        (math.nan, 1.0),
        (math.inf, 1.0),
        (1.0, math.nan),
        (1.0, math.inf),
        (1.0, -0.1),
    ],
)
def test_without_two_values_nothing_is_judged(before: float | None, now: float | None) -> None:
    found = judge("bf", Measured(before), Measured(now), differs=("protocol",))
    assert says(found) == ("not_evaluable", "real-change/not_evaluable")
    assert set(numbers(found)) == {"before", "now"}
    assert found.flags == ("protocol-differs",)
    assert found.reasons[0].text.en == "Blood flow: not judged, a value is missing, or is not above zero before."
    assert found.reasons[0].text.fr == "Flux sanguin : non jugé, une valeur manque ou n'est pas positive au départ."


def test_without_known_repeatability_nothing_is_judged() -> None:
    found = judge("haf", Measured(0.2), Measured(0.4))
    assert found.category == "not_evaluable"
    assert dict(numbers(found)) == {"before": 0.2, "now": 0.4}
    assert tells(found.reasons[0].text, "not judged, no repeatability is known", "non jugé, répétabilité inconnue")
    own = {"haf": Repeatability(0.1, "own repeats")}
    told = judge("haf", Measured(0.2), Measured(0.4), repeatability=own)
    assert (told.category, numbers(told)["source"], numbers(told)["wcv"]) == ("increase", "own repeats", 0.1)


@pytest.mark.parametrize(
    ("differs", "category", "flags"),
    [
        (("protocol",), "decrease", ("protocol-differs",)),
        (("release", "protocol"), "decrease", ("release-differs", "protocol-differs")),
        (("model",), "not_comparable", ("models-differ",)),
        (("protocol", "density_g_ml", "haematocrit"), "not_comparable", ("models-differ",)),
    ],
)
def test_what_the_examinations_do_not_share(differs: tuple[str, ...], category: str, flags: tuple[str, ...]) -> None:
    found = judge("bf", Measured(100.0), Measured(50.0), differs=differs)
    assert (found.category, found.flags) == (category, flags)
    assert set(flags) <= set(FLAGS)


def test_it_says_what_makes_them_not_comparable() -> None:
    found = judge("bf", Measured(None), Measured(50.0), differs=("protocol", "model", "haematocrit"))
    assert says(found) == ("not_comparable", "real-change/not_comparable")
    assert dict(numbers(found)) == {"differs": "model, haematocrit"}
    assert found.reasons[0].text.en == "Blood flow: not compared, made with another model, haematocrit."
    assert found.reasons[0].text.fr == "Flux sanguin : pas de comparaison, obtenu autrement (modèle, hématocrite)."


positive = st.floats(0.1, 1000)


@given(st.sampled_from(sorted(REPEATABILITY)), positive, positive, st.sampled_from([0.5, 2.0, 4.0]))
def test_laws_of_change(key: str, before: float, now: float, scale: float) -> None:
    found = judge(key, Measured(before), Measured(now))
    scaled: Any = judge(key, Measured(before * scale), Measured(now * scale))
    assert scaled.category == found.category  # a power of two: no rounding
    assert (found.category == "increase") == (now / before - 1 > REPEATABILITY[key].coefficient)
    assert (found.category == "decrease") == (now / before - 1 < -REPEATABILITY[key].coefficient)
    # less certain examinations never make a change out of none
    unsure = judge(key, Measured(before, before), Measured(now, now))
    assert found.category != "within_repeatability" or unsure.category == "within_repeatability"
