from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patients_for_tests import numbers, patient, says, seen, tells

from hepaflow.domain.exact import exact
from hepaflow.domain.visits import Finding
from hepaflow.errors import InputRefused, UsageError
from hepaflow.response.choi import CHOI, CHUNG, MODIFIED_CHOI, SizeAndDensity, assess, judge

RULES = (CHOI, MODIFIED_CHOI, CHUNG)


def one(rule: SizeAndDensity, sizes: tuple[Any, Any], hu: tuple[Any, Any], *, new: bool = False) -> str:
    size, density = (tuple(None if value is None else exact(value) for value in pair) for pair in (sizes, hu))
    return judge(rule, size_mm=(size[0], size[1]), hu=(density[0], density[1]), new_lesion=new).category


@pytest.mark.parametrize(
    ("size", "hu", "choi", "modified"),
    [
        ("45", "80", "PR", "SD"),  # exactly -10 %
        ("45.01", "80", "SD", "SD"),
        ("50", "68", "PR", "SD"),  # exactly -15 %
        ("50", "68.01", "SD", "SD"),
        ("45", "68", "PR", "PR"),
        ("45.01", "68", "PR", "SD"),
        ("45", "68.01", "PR", "SD"),
        ("55", "80", "PD", "PD"),  # exactly +10 %
        ("54.99", "80", "SD", "SD"),
        ("55", "68.01", "PD", "PD"),
        ("55", "68", "PR", "SD"),  # larger, but paler: a response of Choi's, no progression of either
        ("60", "-10", "PR", "SD"),
        ("50", "100", "SD", "SD"),
        ("0", "80", "CR", "CR"),
    ],
)
def test_thresholds_on_both_sides(size: str, hu: str, choi: str, modified: str) -> None:
    assert one(CHOI, ("50", size), ("80", hu)) == choi
    assert one(MODIFIED_CHOI, ("50", size), ("80", hu)) == modified
    assert one(CHUNG, ("50", size), ("80", hu)) == choi  # with Choi's cut-offs, as its own are not in the abstract


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("sizes", "hu", "expected"),
    [
        (("50", "45"), ("0", "-5"), "NE"),
        (("50", "45"), ("-1", "-5"), "NE"),
        (("50", "50"), ("0.1", "0"), None),  # enhanced, if barely
        (("50", "45"), (None, "60"), "NE"),
        (("50", "45"), ("80", None), "NE"),
        (("50", None), ("80", "60"), "NE"),
        ((None, "45"), ("80", "60"), "NE"),
        ((None, None), (None, None), "NE"),
        (("50", "0"), (None, None), "CR"),
        ((None, "0"), (None, None), "CR"),
        (("0", "0"), ("80", "60"), "NE"),
        (("0", "5"), ("80", "60"), "NE"),
    ],
)
def test_nothing_is_said_without_both_examinations(rule: SizeAndDensity, sizes: Any, hu: Any, expected: str | None) -> None:
    found = one(rule, sizes, hu)
    assert found == expected if expected else found != "NE"


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sizes", [("50", "20"), ("50", "0"), ("50", None), (None, None)])
def test_a_new_lesion_is_progression_whatever_the_rest(rule: SizeAndDensity, sizes: Any) -> None:
    assert one(rule, sizes, ("80", "40"), new=True) == "PD"


@given(st.decimals(min_value=1, max_value=300, places=2), st.decimals(min_value=1, max_value=300, places=2))
def test_boundaries_never_flip_with_the_way_they_are_written(size: Decimal, hu: Decimal) -> None:
    smaller, larger, paler = float(size * Decimal("0.9")), float(size * Decimal("1.1")), float(hu * Decimal("0.85"))
    assert one(CHOI, (float(size), smaller), (hu, hu)) == "PR"
    assert one(CHOI, (size, size), (float(hu), paler)) == "PR"
    assert one(CHOI, (float(size), larger), (hu, hu)) == "PD"
    assert one(MODIFIED_CHOI, (float(size), smaller), (float(hu), paler)) == "PR"
    assert one(MODIFIED_CHOI, (size, size * Decimal("0.9001")), (hu, hu * Decimal("0.85"))) == "SD"
    assert one(MODIFIED_CHOI, (size, size * Decimal("0.9")), (hu, hu * Decimal("0.8501"))) == "SD"


@given(st.integers(1, 200), st.integers(0, 200), st.integers(1, 200), st.integers(-100, 200))
def test_the_modified_rule_never_responds_where_chois_does_not(first: int, later: int, hu: int, later_hu: int) -> None:
    strict, free = (one(rule, (first, later), (hu, later_hu)) for rule in (MODIFIED_CHOI, CHOI))
    assert free == "PR" or strict != "PR"
    assert (strict == "PD") == (free == "PD")
    assert (strict == "CR") == (free == "CR")
    assert one(CHOI, (first * 3, later * 3), (hu, later_hu)) == free  # there is no absolute rule


def test_what_is_said_is_said_with_its_numbers() -> None:
    found = judge(CHOI, size_mm=(Fraction(50), Fraction(40)), hu=(Fraction(80), Fraction(72)))
    assert (found.criterion, found.flags) == ("choi", ())
    assert says(found) == ("PR", "choi/PR-either")
    assert dict(numbers(found)) == {
        "size_base_mm": 50,
        "size_mm": 40,
        "size_change": Fraction(-1, 5),
        "hu_base": 80,
        "hu": 72,
        "hu_change": Fraction(-1, 10),
        "size_fall": Fraction(1, 10),
        "hu_fall": Fraction(3, 20),
        "size_rise": Fraction(1, 10),
        "new_lesion": False,
    }
    unread = judge(MODIFIED_CHOI, size_mm=(Fraction(50), None), hu=(Fraction(-4), Fraction(72)), new_lesion=True)
    assert says(unread) == ("PD", "modified-choi/PD-new")
    assert (numbers(unread)["size_change"], numbers(unread)["hu_change"], numbers(unread)["new_lesion"]) == (None, None, True)


@pytest.mark.parametrize(
    ("rule", "sizes", "hu", "new", "key", "en", "fr"),
    [
        (CHOI, (50, 0), (80, 80), False, "CR", "The lesion has disappeared.", "La lésion a disparu."),
        (
            CHOI,
            (50, 45),
            (80, 80),
            False,
            "PR-either",
            "at least 10 % or attenuation by at least 15 %",
            "10 % ou l'atténuation d'au moins 15 %",
        ),
        (
            MODIFIED_CHOI,
            (50, 45),
            (80, 68),
            False,
            "PR-both",
            "at least 10 % and attenuation by at least 15 %",
            "10 % et l'atténuation d'au moins 15 %",
        ),
        (CHOI, (50, 55), (80, 80), False, "PD", "risen by at least 10 %", "augmenté d'au moins 10 %"),
        (
            CHOI,
            (50, 50),
            (80, 80),
            True,
            "PD-new",
            "There is a new lesion, a new or growing nodule",
            "Il existe une nouvelle lésion, un nodule",
        ),
        (CHOI, (50, 50), (80, 80), False, "SD", "Neither response nor progression.", "Ni réponse, ni progression."),
        (CHOI, (50, None), (80, 80), False, "NE", "A size or an attenuation is missing", "Une taille ou une atténuation manque"),
    ],
)
def test_the_sentence_belongs_to_the_category(
    rule: SizeAndDensity, sizes: Any, hu: Any, new: bool, key: str, en: str, fr: str
) -> None:
    size, density = (tuple(None if value is None else Fraction(value) for value in pair) for pair in (sizes, hu))
    found = judge(rule, size_mm=(size[0], size[1]), hu=(density[0], density[1]), new_lesion=new)
    assert says(found) == (key[:2], f"{rule.key}/{key}")
    assert tells(found.reasons[0].text, en, fr)


def test_cut_offs_may_be_set_and_are_in_the_sentence() -> None:
    own = SizeAndDensity("own", Fraction(15, 100), Fraction(10, 100), Fraction(25, 100), True, CHUNG.source)
    found = judge(own, size_mm=(Fraction(100), Fraction(85)), hu=(Fraction(100), Fraction(90)))
    assert found.category == "PR"
    assert tells(found.reasons[0].text, "at least 15 % and attenuation by at least 10 %", "15 % et l'atténuation d'au moins 10 %")
    grown = judge(own, size_mm=(Fraction(100), Fraction(125)), hu=(Fraction(100), Fraction(91)))
    assert grown.category == "PD"
    assert tells(grown.reasons[0].text, "risen by at least 25 %", "augmenté d'au moins 25 %")
    assert one(own, (100, "124.9"), (100, 91)) == "SD"
    assert one(own, (100, "85.1"), (100, 90)) == "SD"


@pytest.mark.parametrize("cut", [0, 1, -1, 2])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_cut_off_that_is_no_share_is_refused(cut: int, place: int) -> None:
    cuts = [Fraction(1, 10)] * 3
    cuts[place] = Fraction(cut)
    with pytest.raises(UsageError, match=r"^CRITERION-CUT-OFF"):
        SizeAndDensity("own", *cuts, False, CHUNG.source)


@pytest.mark.parametrize("sizes", [(-1, 5), (5, -1)])
def test_a_negative_size_is_refused(sizes: tuple[int, int]) -> None:
    with pytest.raises(InputRefused, match=r"^NUMBER-NEGATIVE"):
        judge(CHOI, size_mm=(Fraction(sizes[0]), Fraction(sizes[1])), hu=(None, None))


def test_sources_and_their_limits() -> None:
    assert [rule.key for rule in RULES] == ["choi", "modified-choi", "chung"]
    assert [rule.source.citation for rule in RULES] == [
        "Choi H et al. J Clin Oncol 2007;25:1753-1759 (GIST under imatinib)",
        "Modified Choi criteria: both changes are asked for (tabulated in PMC5658474)",
        "Chung WS et al. AJR 2012;199:809-815 (colorectal liver metastases)",
    ]
    assert all(tells(rule.source.limits, "same phase, tube voltage and injection", "même phase, la même tension") for rule in RULES)
    assert tells(CHUNG.source.limits, "not in its abstract", "ne figurent pas dans son résumé")


# --- over visits ------------------------------------------------------------------------------------------------------


def lesions(*later: Finding, rule: SizeAndDensity = CHOI) -> dict[str, str]:
    first = [seen("a", 50, hu=80), seen("b", 20, hu=80), seen("n", 20, nodal=True, hu=80), Finding("x", "non-target")]
    course = assess(patient(first, list(later)), rule)
    return {name: found.category for name, found in course.verdicts[1].lesions.items()}


def test_every_lesion_against_its_own_baseline() -> None:
    found = lesions(seen("a", 45, hu=80), seen("b", 23, hu=80), seen("n", 17, nodal=True, hu=80))
    assert found == {"a": "PR", "b": "PD", "n": "PR", "x": "NE"}
    assert lesions(seen("a", 45, hu=80), seen("b", 20, hu=80), rule=MODIFIED_CHOI)["a"] == "SD"


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (seen("a", "absent"), "CR"),
        (Finding("a", "target", "too_small", hu=Fraction(80)), "PR"),
        (seen("a", "not_evaluated", hu=60), "NE"),
        (seen("a", 50), "NE"),
    ],
)
def test_states_of_a_lesion(later: Finding, expected: str) -> None:
    assert lesions(later) == {"a": expected, "b": "NE", "n": "NE", "x": "NE"}


def test_a_merged_lesion_has_no_size_of_its_own() -> None:
    assert lesions(seen("a", 45, hu=80), seen("b", "merged", hu=80))["b"] == "NE"


@pytest.mark.parametrize(
    ("other", "everywhere"),
    [
        (Finding("m", "new"), True),
        (Finding("m", "new", unequivocal=False), False),
        (Finding("x", "non-target", unequivocal=True), True),
        (Finding("x", "non-target", unequivocal=False), False),
    ],
)
def test_new_lesions_and_non_target_disease_are_the_patient_s_not_every_lesion_s(other: Finding, everywhere: bool) -> None:
    assert lesions(seen("a", 40, hu=60), other)["a"] == "PR"
    baseline = [seen("a", 50, hu=80), Finding("x", "non-target")]
    overall = assess(patient(baseline, [seen("a", 40, hu=60), other])).verdicts[1].overall
    assert (overall is not None) is everywhere
    if overall is not None:
        assert overall.category == "PD"
        assert sum(int(value) for value in overall.reasons[0].numbers.values()) == 1  # type: ignore[arg-type]


def test_a_nodule_that_grows_inside_counts_for_its_lesion() -> None:
    found = lesions(seen("a", 40, hu=60, unequivocal=True), seen("b", 10, hu=60))
    assert (found["a"], found["b"]) == ("PD", "PR")


def test_the_course_has_lesions_only() -> None:
    course = assess(patient([seen("a", 50, hu=80)], [seen("a", 50, hu=80)], [seen("a", 40, hu=80)]), MODIFIED_CHOI)
    assert (course.criterion, dict(course.lowest), course.best) == ("modified-choi", {}, None)
    assert [verdict.overall for verdict in course.verdicts] == [None] * 3
    assert [verdict.visit for verdict in course.verdicts] == ["v0", "v1", "v2"]
    assert course.verdicts[0].lesions == {}
    assert assess(patient([seen("a", 50, hu=80)])).criterion == "choi"
