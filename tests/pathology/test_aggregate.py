from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hepaflow.errors import InputRefused, UsageError
from hepaflow.pathology.aggregate import (
    BLAZER_MAPPING,
    DISCORDANCE,
    MAPPINGS,
    MEAN_RESIDUAL,
    NANCY_2019_MAPPING,
    RUBBIA_BRANDT_MAPPING,
    WINDOW_POINTS,
    WORST_GRADE,
    GradeMapping,
    discordance,
    grade_mapping,
    mean_residual,
    nodule_response,
    patient_response,
    worst_grade,
)
from hepaflow.pathology.regression import GRADE_DEFINITIONS, regression_grade, residual_cells
from hepaflow.pathology.specimen import Nodule

D, E = "not_defined", "not_evaluable"


def nodules(*grades: int | None) -> list[Nodule]:
    return [Nodule(str(i), trg=grade) for i, grade in enumerate(grades)]


# the worst grade


@pytest.mark.parametrize(("grades", "worst"), [([2, 4, 3], 4), ([1], 1), ([1, 1], 1), ([5, 1], 5), ([3, 2, 2], 3), (["2", 1.0], 2)])
def test_the_patient_has_the_worst_grade(grades: list[int], worst: int) -> None:
    said = worst_grade(grades)
    assert (said.criterion, said.category, said.flags) == (WORST_GRADE, f"TRG{worst}", ())
    (reason,) = said.reasons
    assert (reason.rule, reason.numbers) == ("worst-nodule", {"trg": worst, "nodules": len(grades), "unknown": 0})
    assert reason.text.en == f"Worst nodule. {GRADE_DEFINITIONS[worst].en}"
    assert reason.text.fr == f"Nodule le plus péjoratif. {GRADE_DEFINITIONS[worst].fr}"


def test_a_nodule_without_grade_leaves_the_worst_open_unless_another_is_5() -> None:
    for grades in ([4, None], [None], [None, 1]):
        said = worst_grade(grades)
        assert (said.criterion, said.category, said.flags) == (WORST_GRADE, E, ("nodules-unknown",))
        assert "grade of every nodule" in said.reasons[0].text.en
        assert "grade de chaque nodule" in said.reasons[0].text.fr
    said = worst_grade([5, None])
    assert (said.category, said.flags) == ("TRG5", ("nodules-unknown",))
    assert said.reasons[0].numbers == {"trg": 5, "nodules": 2, "unknown": 1}


@given(st.lists(st.integers(1, 5), min_size=1), st.integers(1, 5))
def test_another_nodule_never_improves_the_patient(grades: list[int], more: int) -> None:
    assert worst_grade([*grades, more]).category >= worst_grade(grades).category
    assert worst_grade(grades) == worst_grade(grades[::-1])


# the mean share


@pytest.mark.parametrize(
    ("shares", "mean", "category", "flags"),
    [
        ([10, 80, 30], "40", "major", ()),
        ([0, 0], "0", "complete", ()),
        ([0, "0.01"], "0.005", "major", ()),
        ([0, 100], "50", "minor", ("residual-near-cut-off",)),
        ([0, "99.98"], "49.99", "major", ("residual-near-cut-off",)),
        ([45], "45", "major", ("residual-near-cut-off",)),
        (["44.99"], "44.99", "major", ()),
        ([55], "55", "minor", ("residual-near-cut-off",)),
        (["55.01"], "55.01", "minor", ()),
        ([100, 100], "100", "minor", ()),
    ],
)
def test_the_patient_has_the_mean_share(shares: list[float], mean: str, category: str, flags: tuple[str, ...]) -> None:
    said = mean_residual(shares)
    assert (said.criterion, said.category, said.flags) == (MEAN_RESIDUAL, category, flags)
    (reason,) = said.reasons
    assert reason.rule == "mean-of-nodules"
    assert reason.numbers == {"mean_percent": Fraction(mean), "nodules": len(shares), "minor_from_percent": 50}
    assert reason.text.en == f"Mean over nodules: {category}."
    french = {"complete": "complète", "major": "majeure", "minor": "mineure"}[category]
    assert reason.text.fr == f"Moyenne des nodules\u00a0: {french}."


def test_the_mean_is_exact() -> None:
    assert mean_residual(["49.9", "50.1", 50]).category == "minor"
    assert mean_residual([33.3, 33.3, 83.4]).category == "minor"
    assert mean_residual([33.3, 33.3, 83.399999]).category == "major"


@pytest.mark.parametrize(
    ("shares", "category", "least", "most"),
    [
        ([100, None], "minor", 50, 100),
        ([1, 1, 1, None], "major", Fraction(3, 4), Fraction(103, 4)),
        ([98, None], E, 49, 99),
        ([0, 0, 0, None], E, 0, 25),
        ([100, "49.99999", None], E, None, None),
        ([None], E, None, None),
    ],
)
def test_a_share_not_recorded_leaves_the_mean_open_unless_no_value_could_change_it(shares, category, least, most) -> None:
    said = mean_residual(shares)
    assert (said.criterion, said.category, said.flags) == (MEAN_RESIDUAL, category, ("nodules-unknown",))
    if category == E:
        assert "every nodule" in said.reasons[0].text.en
        assert "chaque nodule" in said.reasons[0].text.fr
    else:
        numbers = {"nodules": len(shares), "minor_from_percent": 50, "unknown": 1}
        assert said.reasons[0].numbers == numbers | {"mean_at_least_percent": least, "mean_at_most_percent": most}


def test_the_window_is_the_callers() -> None:
    assert WINDOW_POINTS == 5
    assert mean_residual([49], window_points=0).flags == ()
    assert mean_residual([50], window_points=0).flags == ("residual-near-cut-off",)
    assert mean_residual([60], window_points=10).flags == ("residual-near-cut-off",)
    for rule in (
        lambda w: mean_residual([1], window_points=w),
        lambda w: discordance(Nodule("1"), NANCY_2019_MAPPING, window_points=w),
    ):
        with pytest.raises(InputRefused, match="NUMBER-NEGATIVE: the window around the cut-off"):
            rule(-1)


def test_a_patient_without_nodules_is_refused() -> None:
    for rule in (worst_grade, mean_residual, lambda none: patient_response(none, BLAZER_MAPPING)):
        with pytest.raises(InputRefused, match="NODULES-MISSING"):
            rule([])
    with pytest.raises(InputRefused, match="TRG-UNKNOWN"):
        worst_grade([1, 7])
    with pytest.raises(InputRefused, match="PERCENT-OUT-OF-RANGE: the share of viable tumor cells"):
        mean_residual([1, 101])


# major and minor


@pytest.mark.parametrize(
    ("mapping", "classes"),
    [
        (RUBBIA_BRANDT_MAPPING, ("major", "major", D, "minor", "minor")),
        (NANCY_2019_MAPPING, (D, "major", "major", "minor", D)),
    ],
)
def test_grades_by_name_of_the_mapping(mapping: GradeMapping, classes: tuple[str, ...]) -> None:
    for grade, expected in enumerate(classes, 1):
        said = nodule_response(Nodule("1", trg=grade), mapping)
        assert (said.criterion, said.category) == (f"nodule-{mapping.key}", expected)
        assert said.flags == (("grade-not-in-mapping",) if expected == D else ())
        first, second = said.reasons
        assert first.rule == ("grade-not-named" if expected == D else "grade-mapped")
        assert first.numbers == {"category": f"TRG{grade}", "mapping": mapping.key}
        assert second == regression_grade(grade).reasons[0]
        if expected == D:
            assert first.text == mapping.source.limits
        else:
            assert first.text.en == f"TRG{grade} counts as {expected}."
            assert first.text.fr == f"TRG{grade} compte comme {'majeure' if expected == 'major' else 'mineure'}."


@pytest.mark.parametrize(
    ("share", "category", "expected"), [(0, "complete", "major"), (49, "major", "major"), (50, "minor", "minor")]
)
def test_shares_by_blazer(share: int, category: str, expected: str) -> None:
    said = nodule_response(Nodule("1", trg=3, residual_percent=share), BLAZER_MAPPING)
    assert (said.criterion, said.category, said.flags) == ("nodule-blazer", expected, ())
    assert said.reasons[0].numbers == {"category": category, "mapping": "blazer"}
    assert said.reasons[0].text.en == f"{category} counts as {expected}."
    assert said.reasons[0].text.fr.split()[0] in {"complète", "majeure", "mineure"}
    assert said.reasons[1] == residual_cells(share).reasons[0]


def test_each_mapping_reads_its_own_grading_and_nothing_else() -> None:
    for mapping in MAPPINGS:
        other = Nodule("1", trg=2) if mapping.reads == "residual" else Nodule("1", residual_percent=20)
        said = nodule_response(other, mapping)
        assert (said.criterion, said.category, said.flags) == (f"nodule-{mapping.key}", E, ())
        assert said.reasons[0].rule == "not-recorded"
    assert "TRG 1 and 5" in NANCY_2019_MAPPING.source.limits.en
    assert "TRG 1 et 5" in NANCY_2019_MAPPING.source.limits.fr


def test_mappings_by_key() -> None:
    assert [mapping.key for mapping in MAPPINGS] == ["rubbia-brandt", "blazer", "nancy-2019"]
    assert all(grade_mapping(mapping.key) is mapping for mapping in MAPPINGS)
    with pytest.raises(UsageError, match=r"MAPPING-UNKNOWN.*Use one of: rubbia-brandt, blazer, nancy-2019") as caught:
        grade_mapping("mandard")
    assert "mandard" not in str(caught.value)


@pytest.mark.parametrize(
    ("grades", "category", "flags"),
    [
        ([2, 3], "major", ()),
        ([4, 4], "minor", ()),
        ([2], "major", ()),
        ([4], "minor", ()),
        ([2, 4], "mixed", ("response-dissociated",)),
        ([2, 4, 1], "mixed", ("response-dissociated", "grade-not-in-mapping")),
        ([2, 4, None], "mixed", ("response-dissociated", "nodules-unknown")),
        ([2, 5], D, ("grade-not-in-mapping",)),
        ([1, 1], D, ("grade-not-in-mapping",)),
        ([2, None], E, ("nodules-unknown",)),
        ([4, None], E, ("nodules-unknown",)),
        ([None], E, ("nodules-unknown",)),
        ([2, 5, None], D, ("grade-not-in-mapping", "nodules-unknown")),
        ([2, 4, 5, None], "mixed", ("response-dissociated", "grade-not-in-mapping", "nodules-unknown")),
    ],
)
def test_the_patient_over_all_nodules(grades: list[int | None], category: str, flags: tuple[str, ...]) -> None:
    said = patient_response(nodules(*grades), NANCY_2019_MAPPING)
    assert (said.criterion, said.category, said.flags) == ("patient-nancy-2019", category, flags)
    first, second = said.reasons
    assert first.rule == f"patient-{category.replace('_', '-')}"
    assert first.numbers == {
        "major": sum(grade in {2, 3} for grade in grades),
        "minor": grades.count(4),
        D: grades.count(1) + grades.count(5),
        E: grades.count(None),
        "mapping": "nancy-2019",
    }
    words = {"major": "Every", "minor": "No nodule", "mixed": "dissociated", D: "does not name", E: "not graded"}
    french = {"major": "Tous", "minor": "Aucun", "mixed": "dissociée", D: "ne nomme pas", E: "pas été gradé"}
    assert words[category] in first.text.en
    assert french[category] in first.text.fr
    assert (second.rule, second.text, second.numbers) == (
        "mapping",
        NANCY_2019_MAPPING.source.limits,
        {"mapping": "nancy-2019"},
    )


def test_one_patient_may_be_minor_by_the_worst_nodule_and_major_by_the_mean() -> None:
    several = [Nodule(str(i), trg=t, residual_percent=p) for i, (t, p) in enumerate([(2, 10), (4, 80), (3, 30)])]
    assert patient_response(several, BLAZER_MAPPING).category == "mixed"
    assert worst_grade([nodule.trg for nodule in several]).category == "TRG4"
    assert mean_residual([nodule.residual_percent for nodule in several]).category == "major"


def test_two_nodules_of_one_name_are_refused() -> None:
    with pytest.raises(InputRefused, match="NODULES-REPEATED"):
        patient_response([Nodule("1", trg=2), Nodule("1", trg=4)], NANCY_2019_MAPPING)


@given(st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=1, max_size=6), st.sampled_from([0, 2]))
def test_a_patient_does_not_depend_on_the_order_of_nodules(grades: list[int | None], which: int) -> None:
    mapping = MAPPINGS[which]
    assert patient_response(nodules(*grades), mapping) == patient_response(nodules(*grades[::-1]), mapping)


# discordance


@pytest.mark.parametrize(
    ("trg", "share", "mapping", "category", "rules", "flags"),
    [
        (2, 20, "nancy-2019", "concordant", ("gradings-agree",), ()),
        (4, 80, "nancy-2019", "concordant", ("gradings-agree",), ()),
        (3, 20, "nancy-2019", "concordant", ("gradings-agree",), ()),
        (1, 0, "rubbia-brandt", "concordant", ("gradings-agree",), ()),
        (5, 100, "rubbia-brandt", "concordant", ("gradings-agree",), ()),
        # requirement 98: 49 % of viable cells
        (3, 49, "nancy-2019", "concordant", ("gradings-agree", "residual-near-cut-off"), ("residual-near-cut-off",)),
        (3, 45, "nancy-2019", "concordant", ("gradings-agree", "residual-near-cut-off"), ("residual-near-cut-off",)),
        (3, "44.9", "nancy-2019", "concordant", ("gradings-agree",), ()),
        (4, 55, "nancy-2019", "concordant", ("gradings-agree", "residual-near-cut-off"), ("residual-near-cut-off",)),
        (4, "55.1", "nancy-2019", "concordant", ("gradings-agree",), ()),
        (4, 20, "nancy-2019", "discordant", ("trg-blazer-disagree",), ("trg-blazer-disagree",)),
        (2, 80, "nancy-2019", "discordant", ("trg-blazer-disagree",), ("trg-blazer-disagree",)),
        (
            4,
            49,
            "nancy-2019",
            "discordant",
            ("trg-blazer-disagree", "residual-near-cut-off"),
            ("trg-blazer-disagree", "residual-near-cut-off"),
        ),
        (2, 0, "nancy-2019", "discordant", ("grade-contradicts-residual",), ("grade-contradicts-residual",)),
        (1, 10, "rubbia-brandt", "discordant", ("grade-contradicts-residual",), ("grade-contradicts-residual",)),
        (
            1,
            60,
            "rubbia-brandt",
            "discordant",
            ("grade-contradicts-residual", "trg-blazer-disagree"),
            ("grade-contradicts-residual", "trg-blazer-disagree"),
        ),
        (1, 10, "nancy-2019", "discordant", ("grade-contradicts-residual",), ("grade-contradicts-residual",)),
        (3, 20, "rubbia-brandt", E, ("grade-not-named",), ("grade-not-in-mapping",)),
        (
            3,
            49,
            "rubbia-brandt",
            E,
            ("grade-not-named", "residual-near-cut-off"),
            ("residual-near-cut-off", "grade-not-in-mapping"),
        ),
        (1, 0, "nancy-2019", E, ("grade-not-named",), ("grade-not-in-mapping",)),
        (None, 20, "nancy-2019", E, ("not-recorded",), ()),
        (None, 50, "nancy-2019", E, ("not-recorded", "residual-near-cut-off"), ("residual-near-cut-off",)),
        (2, None, "nancy-2019", E, ("not-recorded",), ()),
        (1, None, "nancy-2019", E, ("grade-not-named", "not-recorded"), ("grade-not-in-mapping",)),
        (None, None, "nancy-2019", E, ("not-recorded", "not-recorded"), ()),
    ],
)
def test_discordance(trg, share, mapping, category, rules, flags) -> None:
    said = discordance(Nodule("1", trg=trg, residual_percent=share), grade_mapping(mapping))
    assert (said.criterion, said.category, said.flags) == (DISCORDANCE, category, flags)
    assert tuple(reason.rule for reason in said.reasons) == rules
    exact = None if share is None else Fraction(str(share))
    for reason in said.reasons:
        if reason.rule in {"gradings-agree", "trg-blazer-disagree", "grade-contradicts-residual"}:
            assert reason.numbers == {"trg": trg, "viable_percent": exact, "mapping": mapping}
        if reason.rule == "residual-near-cut-off":
            assert reason.numbers == {"viable_percent": exact, "minor_from_percent": 50, "window_points": 5}
        words = {
            "gradings-agree": ("the same", "concordent"),
            "trg-blazer-disagree": ("Major by one", "Majeure selon une"),
            "grade-contradicts-residual": ("contradict", "contredisent"),
            "residual-near-cut-off": ("near the cut-off", "proche du seuil"),
        }
        if reason.rule in words:
            assert words[reason.rule][0] in reason.text.en
            assert words[reason.rule][1] in reason.text.fr


def test_the_window_of_discordance_is_the_callers() -> None:
    nodule = Nodule("1", trg=3, residual_percent=40)
    assert discordance(nodule, NANCY_2019_MAPPING, window_points=10).flags == ("residual-near-cut-off",)
    assert discordance(nodule, NANCY_2019_MAPPING, window_points="9.99").flags == ()


def test_discordance_needs_a_mapping_of_grades() -> None:
    with pytest.raises(UsageError, match="MAPPING-NOT-OF-TRG"):
        discordance(Nodule("1"), BLAZER_MAPPING)
