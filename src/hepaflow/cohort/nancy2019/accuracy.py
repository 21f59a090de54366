"""Printed accuracy of blood flow and of size: what comes out of Tables 4 and 6, and what cannot."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from scipy import stats

from hepaflow.cohort.crossed import Crossed
from hepaflow.cohort.cutoff import youden
from hepaflow.cohort.describe import half_up, truncated
from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.check import Check
from hepaflow.cohort.paired import mcnemar
from hepaflow.cohort.rank_distribution import u_ways
from hepaflow.cohort.ranks import mann_whitney
from hepaflow.cohort.roc import auc, hanley_se
from hepaflow.cohort.sample import Sample, sample

Rates = tuple[Fraction, Fraction, Fraction, Fraction]


def checks() -> list[Check]:
    """Every check of accuracy."""
    return [*_flow_rule(), *_flow_area(), *_p_values(), *_size_rule(), _same_class(), _size_area(), _paired(), _progressions()]


def flow_table() -> Crossed:
    """Table 4: BF ratio below 0.68 as a test for major response."""
    major, minor = printed.BF_MAJOR_BELOW, printed.BF_MINOR_BELOW
    return Crossed(major, minor, printed.MAJOR - major, printed.MINOR - minor, "major")


def response_table() -> Crossed:
    """Table 6: partial response in size as a test for major response."""
    count = printed.TABLE6_COUNTS
    major, minor = count["major", "PR"], count["minor", "PR"]
    return Crossed(major, minor, 25 - major, 32 - minor, "major")


def size_sample() -> Sample:
    """Table 6: change of size, lower meaning major response; patients are not known, so every lesion stands alone."""
    rows = printed.table6()
    return sample([float(change) for _, change, _ in rows], [group == "major" for group, _, _ in rows], direction="lower")


def rates(table: Crossed) -> Rates:
    """Sensitivity, specificity, PPV and NPV as exact fractions."""
    return (
        Fraction(table.tp, table.tp + table.fn),
        Fraction(table.tn, table.tn + table.fp),
        Fraction(table.tp, table.tp + table.fp),
        Fraction(table.tn, table.tn + table.fn),
    )


def shown(found: Rates, decimals: int = 1) -> str:
    """Four rates in per cent, half up."""
    return " / ".join(half_up(100 * rate, decimals=decimals) for rate in found)


def _flow_rule() -> Iterator[Check]:
    table = flow_table()
    found = rates(table)
    low, high = table.sensitivity.ci95_exact
    cut = truncated(100 * found[0], decimals=1)
    yield Check(
        "bf-accuracy",
        "Table 4",
        "BF ratio < 0.68 for MAJOR response: sensitivity / specificity / PPV / NPV, %",
        " / ".join(printed.BF_PRINTED),
        shown(found),
        "rounding" if cut == printed.BF_PRINTED[0] else "contradicted",
        f"28/29 is {half_up(100 * found[0], decimals=2)}, printed as {cut}: sensitivity and PPV are cut, the other two are rounded. Exact 95 % interval of sensitivity {half_up(100 * low, decimals=1)} to {half_up(100 * high, decimals=1)} %, lesions taken as independent.",
    )
    yield Check(
        "bf-youden",
        "Results, text",
        "Youden's index at 0.68",
        "not given",
        "none" if table.youden is None else half_up(table.youden, decimals=3),
        "not checkable",
        "The 2 x 2 gives the index; that 0.68 is where it is largest needs the 61 ratios, which are not public. Tuned and tested on the same lesions, it flatters itself.",
    )


def _flow_area() -> Iterator[Check]:
    pairs = printed.MAJOR * printed.MINOR
    fits = [u for u in range(pairs + 1) if half_up(Fraction(u, pairs), decimals=4) == printed.AUC]
    u = fits[0]
    # with 28 of 29 and 31 of 32 on the right side, at most 28 + 31 pairs and the pair of the two outliers can be the wrong way round
    least = pairs - (printed.BF_MAJOR_BELOW + printed.MINOR - printed.BF_MINOR_BELOW) - 1
    inside = least <= u <= pairs - 1
    yield Check(
        "bf-auc",
        "Results, Figure 4",
        "area under the ROC curve of the BF ratio",
        printed.AUC,
        " or ".join(f"{u}/{pairs}" for u in fits),
        "attainable" if len(fits) == 1 and inside else "contradicted",
        f"Only {u} of {pairs} pairs of lesions in the right order print as {printed.AUC}; the 2 x 2 allows {least} to {pairs - 1}. Hanley's standard error is {hanley_se(u / pairs, printed.MAJOR, printed.MINOR):.4f}; no interval is printed.",
    )


def exact_p(u: int) -> float:
    """Two-sided exact Mann-Whitney p of U for 29 against 32 lesions without ties."""
    ways = u_ways(printed.MAJOR, printed.MINOR)
    return min(1.0, 2.0 * float(min(ways[: u + 1].sum(), ways[u:].sum()) / ways.sum()))


def _p_values() -> Iterator[Check]:
    pairs = printed.MAJOR * printed.MINOR
    p = exact_p(899)
    normal = 2 * float(stats.norm.sf(pairs / 2 / (pairs * (printed.LESIONS + 1) / 12) ** 0.5))
    yield Check(
        "bf-p",
        "Table 3",
        "p of the BF ratio, major against minor",
        printed.RATIOS["bf_ratio"].p,
        f"{p:.1e}",
        "attainable" if p < 1e-12 else "contradicted",
        f"The exact Mann-Whitney test gives it at 899 of 928 pairs. The normal approximation of that test never goes below {normal:.1e}. The test is not named; a t-test of the ratios cannot be ruled out.",
    )
    reached = {}
    chances = {u: exact_p(u) for u in range(pairs // 2, pairs + 1)}
    for name, ratio in printed.RATIOS.items():
        if ratio.p.startswith("<"):
            u = next(u for u, chance in chances.items() if chance < float(ratio.p[1:]))
        else:
            u = min(chances, key=lambda u: abs(chances[u] - float(printed.RATIOS["habf_ratio"].p)))
        reached[name] = u / pairs
    order = sorted(reached, key=lambda name: -reached[name])
    yield Check(
        "table-3-order",
        "Table 3",
        "smallest area that each printed p allows",
        ", ".join(f"{ratio.label} {ratio.p}" for ratio in printed.RATIOS.values()),
        ", ".join(f"{printed.RATIOS[name].label} {'=' if name == 'habf_ratio' else '≥'} {reached[name]:.3f}" for name in order),
        "attainable" if order[0] == "bf_ratio" and order[-1] == "habf_ratio" else "contradicted",
        "Only if every p is that of an exact rank test: then BF comes first and HABF last, as the text says.",
    )


def matching_tables(texts: tuple[str, str, str, str], largest: int) -> list[Crossed]:
    """Every 2 x 2 of at most ``largest`` lesions whose four rates are rounded or cut to whole per cents as printed."""

    def fits(rate: Fraction, text: str) -> bool:
        return text in {half_up(100 * rate, decimals=0), truncated(100 * rate, decimals=0)}

    shares: dict[str, list[tuple[int, int]]] = {
        text: [(a, n) for n in range(1, largest + 1) for a in range(n + 1) if fits(Fraction(a, n), text)] for text in texts
    }
    made = []
    for tp, diseased in shares[texts[0]]:
        for tn, healthy in shares[texts[1]]:
            fp, fn = healthy - tn, diseased - tp
            if diseased + healthy > largest or tp + fp == 0 or tn + fn == 0:
                continue
            if fits(Fraction(tp, tp + fp), texts[2]) and fits(Fraction(tn, tn + fn), texts[3]):
                made.append(Crossed(tp, fp, fn, tn, "?"))
    return made


def _size_rule() -> Iterator[Check]:
    found = matching_tables(printed.RECIST_PRINTED, printed.LESIONS)
    only = found[0]
    # 32 lesions with the condition and 25 without: the condition is MINOR response
    opposite = len(found) == 1 and (only.tp + only.fn, only.tn + only.fp) == (32, 25)
    yield Check(
        "recist-accuracy",
        "Results, text",
        "'the RECIST criteria': sensitivity / specificity / PPV / NPV, %",
        " / ".join(printed.RECIST_PRINTED),
        f"TP {only.tp}, FN {only.fn}, FP {only.fp}, TN {only.tn}, positive = MINOR: {shown(rates(only))}",
        "contradicted" if opposite else "not checkable",
        "No other 2 x 2 of up to 61 lesions prints so: the positive class is MINOR response, the opposite of the one used for blood flow, and NPV is cut.",
    )
    rows = printed.table6()
    change = np.array([value for _, value, _ in rows], float)
    minor = np.array([group == "minor" for group, _, _ in rows])
    reached = {(int((minor & (change >= cut)).sum()), int((~minor & (change >= cut)).sum())) for cut in np.unique(change)}
    nearest = next(tp for tp, fp in sorted(reached) if fp == only.fp)
    yield Check(
        "recist-from-table-6",
        "Results, text and Table 6",
        "lesions of minor response that the test calls so, of 32",
        f"{only.tp} (from the four rates)",
        str(nearest),
        "contradicted" if (only.tp, only.fp) not in reached else "reproduced",
        f"No cut of the changes in Table 6 gives {only.tp} and {only.fp}; {only.fp} false positives force {nearest}, also in mm, which keep the sign: most likely one lesion is counted on the wrong side.",
    )


def _same_class() -> Check:
    size, flow = rates(response_table()), rates(flow_table())
    return Check(
        "recist-same-class",
        "Discussion",
        "size against blood flow, sensitivity and PPV",
        "59 and 79 against 96.5 and 96.5",
        f"partial response for MAJOR: {shown(size)}; BF ratio < 0.68 for MAJOR: {shown(flow)}",
        "contradicted",
        "The two were computed for opposite classes and cannot be compared. On the same class blood flow is better by more in sensitivity (44.0 against 96.6) and by less in specificity (90.6 against 96.9).",
    )


def _size_area() -> Check:
    found = size_sample()
    area, best = auc(found), youden(found)
    test = mann_whitney(found.values[found.positive], found.values[~found.positive])
    if area.ci95_delong is None or best is None:
        raise ValueError("Table 6 has both classes and different values")
    low, high = area.ci95_delong
    return Check(
        "size-auc",
        "not reported",
        "area of the change of size in per cent",
        "not given",
        f"{area.auc:.3f} ({low:.3f} to {high:.3f})",
        "not checkable",
        f"The fair comparator of blood flow's {printed.AUC}: the change itself, not its three classes. {test.test}: p {test.p:.1e}. Best cut between {best.cut.between[0]:g} and {best.cut.between[1]:g} %, sensitivity {best.cut.sensitivity:.1%}, specificity {best.cut.specificity:.1%}.",
    )


def _paired() -> Check:
    """Bounds of McNemar's exact p over every overlap of the two rules that the printed margins allow, on the 57 lesions that have both."""
    size = response_table()
    p = []
    # the one major lesion that blood flow misses may be among the four without a baseline (0 misses) or not
    for missed in (0, 1):
        for flow_wrong_size_right_major in range(missed + 1):
            only_size_major = flow_wrong_size_right_major
            only_flow_major = 25 - missed - (size.tp - only_size_major)
            for only_size_minor in (0, 1):
                only_flow_minor = 31 - (size.tn - only_size_minor)
                p.append(mcnemar(only_flow_major + only_flow_minor, only_size_major + only_size_minor).p_exact)
    return Check(
        "paired",
        "not reported",
        "blood flow against partial response, same class, exact McNemar p over 57 lesions",
        "not given",
        f"{min(p):.1e} to {max(p):.1e}",
        "not checkable",
        "Whatever the overlap, blood flow is right in more lesions; that lesions share patients is not known here and would widen it.",
    )


def _progressions() -> Check:
    largest = max(change for _, change, _ in printed.table6())
    bound = printed.DIFFERENCE_RANGE["minor"][1] / (largest / 100)
    return Check(
        "baseline-below-15-mm",
        "Methods, Tables 6 and 7",
        "smallest lesion included",
        "> 15 mm",
        f"≤ {bound:.0f} mm before chemotherapy",
        "questioned",
        f"A growth of {largest} % with no difference above 32 mm needs a lesion of at most {bound:.0f} mm before chemotherapy; at which CT 15 mm was asked for is not said. Sizes are not printed, so which of the 14 'progressions' grew by the 5 mm that RECIST 1.1 asks for is not known; and RECIST rates the patient's sum, not a lesion: the table is one of size change.",
    )
