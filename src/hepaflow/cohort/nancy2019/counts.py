"""Printed counts and percentages of the thesis against each other."""

from __future__ import annotations

from fractions import Fraction

from hepaflow.cohort.describe import percent, truncated
from hepaflow.cohort.flow import Excluded, Flow
from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.check import Check


def flow() -> Flow:
    """The printed flow chart (Figure 2); its sums are checked as it is made."""
    left_out = tuple(Excluded(reason, count) for reason, count in printed.EXCLUDED)
    return Flow(
        printed.ELIGIBLE,
        left_out,
        printed.INCLUDED,
        printed.LESIONS,
        (Excluded("no CT before chemotherapy: size change not known", printed.WITHOUT_BASELINE),),
    )


def checks() -> list[Check]:
    """Every check of counts."""
    return [_flow(), _lesions(), *_grades(), _rounding(), _differentiation(), _patients(), _table6(), _hpbf(), _figure()]


def _flow() -> Check:
    chart = flow()
    return Check(
        "flow",
        "Figure 2",
        "patients left of 41 after 9 exclusions",
        str(printed.INCLUDED),
        str(chart.eligible - sum(one.patients for one in chart.excluded)),
        "reproduced",
        "The five reasons add up to nine patients.",
    )


def _lesions() -> Check:
    total = sum(lesions * patients for lesions, (patients, _) in printed.LESIONS_BY_PATIENT.items())
    return Check(
        "lesion-total",
        "Table 1",
        "lesions of the 32 patients",
        str(printed.LESIONS),
        str(total),
        "contradicted",
        f"Lesions per patient times patients give {total}: {total - printed.LESIONS} more than were analysed. Either they were left out, or Table 1 is misprinted; the text does not say.",
    )


def _grades() -> list[Check]:
    made = []
    for grade, (count, share) in printed.TRG.items():
        shown = percent(count, printed.LESIONS)
        fits = next(n for n in range(printed.LESIONS + 1) if percent(n, printed.LESIONS) == share)
        same = shown == share
        why = (
            "Count and per cent agree."
            if same
            else f"{share} % of {printed.LESIONS} is {fits} lesions, not {count}; the major responses are 29 either way."
        )
        made.append(
            Check(
                f"trg-{grade}",
                "Table 2",
                f"lesions of regression grade {grade}",
                f"{count} ({share} %)",
                f"{count} ({shown} %)",
                "reproduced" if same else "contradicted",
                why,
            )
        )
    shares = ", ".join(f"{name} {percent(count, printed.LESIONS)}" for name, (count, _) in printed.BLAZER.items())
    said = ", ".join(f"{name} {share}" for name, (_, share) in printed.BLAZER.items())
    made.append(
        Check(
            "blazer",
            "Table 2",
            "responses by Blazer, per cent of 61",
            said,
            shares,
            "reproduced" if said == shares else "contradicted",
            "29 and 32 of 61.",
        )
    )
    return made


def _rounding() -> Check:
    cells = [
        (11, 32, printed.SEVERAL_PERCENT),
        (3, 32, printed.LESIONS_BY_PATIENT[2][1]),
        (printed.FOLFIRINOX[0], 32, printed.FOLFIRINOX[1]),
    ]
    cut = all(truncated(Fraction(100 * n, total), decimals=1) == share != percent(n, total) for n, total, share in cells)
    return Check(
        "rounding",
        "Table 1",
        "per cent of 11, 3 and 6 of 32",
        ", ".join(share for _, _, share in cells),
        ", ".join(percent(n, total) for n, total, _ in cells),
        "rounding" if cut else "contradicted",
        f"The table cuts some figures after the decimal and rounds others: the same 11 of 32 is also printed as {printed.WOMEN_PERCENT}, the same 3 of 32 as 9.4.",
    )


def _differentiation() -> Check:
    good, average, _ = printed.DIFFERENTIATION
    shown = percent(good[0] + average[0], printed.INCLUDED)
    return Check(
        "differentiation",
        "Results, text",
        "primary well or moderately differentiated, per cent",
        printed.GOOD_OR_AVERAGE,
        shown,
        "rounding",
        f"29 of 32 is {shown} %; the text adds the rounded parts {good[1]} and {average[1]}.",
    )


def _patients() -> Check:
    parts = [printed.PATIENTS_MAJOR, printed.PATIENTS_MIXED, printed.PATIENTS_MINOR]
    total = sum(count for count, _ in parts)
    return Check(
        "patients-by-response",
        "Table 1",
        "patients with only major, mixed and only minor responses",
        " + ".join(str(count) for count, _ in parts) + f" = {printed.INCLUDED}",
        str(total),
        "reproduced" if total == printed.INCLUDED else "contradicted",
        "Four patients hold both responses: lesions of a patient are not copies, and not independent either.",
    )


def _table6() -> Check:
    listed = {key: len(changes) for key, changes in printed.TABLE6.items()}
    same = listed == printed.TABLE6_COUNTS
    return Check(
        "table-6-counts",
        "Table 6 and text",
        "lesions progressive, stable, partial response: major; minor",
        "2, 12, 11; 14, 15, 3",
        "; ".join(", ".join(str(listed[group, kind]) for kind in ("PD", "SD", "PR")) for group in ("major", "minor")),
        "reproduced" if same else "contradicted",
        "Counted from the 57 changes that the table lists.",
    )


def _hpbf() -> Check:
    named = sum(printed.HPBF_MAJOR)
    return Check(
        "hpbf-of-major",
        "Discussion",
        "major responses with HPBF decreased or increased",
        f"{printed.HPBF_MAJOR[0]} + {printed.HPBF_MAJOR[1]}",
        f"{named} of {printed.MAJOR}",
        "contradicted",
        f"{printed.MAJOR - named} lesions are in neither class; a class of unchanged lesions is not named.",
    )


def _figure() -> Check:
    return Check(
        "figure-reference",
        "Discussion",
        "where HABF is seen to be the weakest criterion",
        "Figure 2",
        "Figure 4",
        "contradicted",
        "Figure 2 is the flow chart; the ROC curves are Figure 4.",
    )
