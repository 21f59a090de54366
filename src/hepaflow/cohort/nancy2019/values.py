"""Printed means, standard deviations and tests of the thesis against each other."""

from __future__ import annotations

import math

from hepaflow.cohort.describe import half_up
from hepaflow.cohort.means import t_from_summary
from hepaflow.cohort.nancy2019 import printed
from hepaflow.cohort.nancy2019.check import Check
from hepaflow.cohort.nancy2019.printed import Summary
from hepaflow.cohort.power import design_effect


def checks() -> list[Check]:
    """Every check of values."""
    return [_size_test(), _pooled_sizes(), _mean_size(), *_volumes(), _flows(), _fractions(), _extraction(), _clusters()]


def pooled(parts: list[Summary]) -> Summary:
    """Mean and SD of groups put together."""
    n = sum(one.n for one in parts)
    mean = sum(one.n * one.mean for one in parts) / n
    squares = sum((one.n - 1) * one.sd**2 + one.n * (one.mean - mean) ** 2 for one in parts)
    return Summary(n, mean, math.sqrt(squares / (n - 1)))


def _size_test() -> Check:
    major, minor = printed.DIFFERENCES["major"], printed.DIFFERENCES["minor"]
    first, second = (major.n, major.mean, major.sd), (minor.n, minor.mean, minor.sd)
    student, welch = t_from_summary(first, second, equal_variance=True), t_from_summary(first, second, equal_variance=False)
    shown = half_up(student.p, decimals=4)
    return Check(
        "size-difference",
        "Table 7",
        "p of the difference of size, major against minor",
        printed.SIZE_P,
        shown,
        "reproduced" if shown == printed.SIZE_P else "contradicted",
        f"Student's t with pooled variance, t = {student.statistic:.3f}; Welch's test would give {welch.p:.4f}. The test is not named, and lesions are taken as independent.",
    )


def _pooled_sizes() -> Check:
    found = [pooled([printed.SIZES[group, when] for group in ("major", "minor")]) for when in ("before", "after")]
    shown = "; ".join(f"{half_up(one.mean, decimals=1)} ± {half_up(one.sd, decimals=1)}" for one in found)
    said = "; ".join(f"{mean} ± {sd}" for mean, sd in printed.SIZES_57)
    return Check(
        "sizes-57",
        "Results, text",
        "size before; after, mm, 57 lesions",
        said,
        shown,
        "reproduced" if said == shown else "contradicted",
        "Put together from the two groups of Table 5.",
    )


def _mean_size() -> Check:
    after = pooled([printed.SIZES["major", "after"], printed.SIZES["minor", "after"]])
    centre = float(printed.MEAN_SIZE_CM_61) * 10
    low, high = (
        (mean * printed.LESIONS - after.mean * after.n) / printed.WITHOUT_BASELINE for mean in (centre - 0.5, centre + 0.5)
    )
    return Check(
        "mean-size-61",
        "Table 2",
        "mean size of 61 lesions, cm",
        printed.MEAN_SIZE_CM_61,
        f"the 4 lesions without a CT before average {low:.0f} to {high:.0f} mm",
        "attainable",
        f"The other 57 average {after.mean:.1f} mm; if both tables measure the same, the four left out of the comparison are large.",
    )


def _volumes() -> list[Check]:
    made = []
    for name, group in (("healthy liver", printed.HEALTHY), ("lesion", printed.LESION)):
        flow, time, volume = group["bf"], group["mtt"], group["bv"]
        low, high = ((flow.mean * time.mean + sign * flow.sd * time.sd) / 60 for sign in (-1, 1))
        made.append(
            Check(
                f"volume-{name.split()[0]}",
                "Introduction and Table 2",
                f"BV = BF x MTT, {name}: mean BV, mL/100 g",
                f"{volume.mean:g}",
                f"{low:.1f} to {high:.1f}",
                "contradicted" if not low <= volume.mean <= high else "reproduced",
                f"The mean of the product lies in that range whatever the correlation of the two. 'Total MTT' is therefore not BV / BF, which would be {60 * volume.mean / flow.mean:.1f} s.",
            )
        )
    return made


def _flows() -> Check:
    said = [group["bf"].mean for group in (printed.HEALTHY, printed.LESION)]
    found = [group["habf"].mean + group["hpbf"].mean for group in (printed.HEALTHY, printed.LESION)]
    return Check(
        "flow-parts",
        "Table 2",
        "mean BF of healthy liver; lesion, against HABF + HPBF, mL/min/100 g",
        "; ".join(f"{value:g}" for value in said),
        "; ".join(f"{value:.1f}" for value in found),
        "contradicted",
        f"Means of parts add up exactly: healthy liver is off by {abs(said[0] - found[0]):.1f} ({abs(said[0] - found[0]) / said[0]:.0%}), lesions by {abs(said[1] - found[1]):.1f}.",
    )


def _fractions() -> Check:
    found = [group["habf"].mean / group["bf"].mean for group in (printed.HEALTHY, printed.LESION)]
    return Check(
        "haf",
        "Table 2",
        "mean HAF of healthy liver; lesion",
        "; ".join(f"{group['haf'].mean:g}" for group in (printed.HEALTHY, printed.LESION)),
        "; ".join(f"{value:.2f}" for value in found) + " from the mean flows",
        "attainable",
        "A mean of ratios is not the ratio of means; one patient after ALPPS has an arterial fraction of 1.",
    )


def _extraction() -> Check:
    return Check(
        "extraction",
        "Table 2",
        "largest extraction fraction",
        printed.EXTRACTION_LARGEST,
        "at most 1",
        "contradicted",
        "A fraction of what passes cannot exceed 1. Such a value is left out here, and said.",
    )


def _clusters() -> Check:
    sizes = [lesions for lesions, (patients, _) in printed.LESIONS_BY_PATIENT.items() for _ in range(patients)]
    effects = [design_effect(sizes, icc) for icc in (0.3, 0.5, 0.8)]
    return Check(
        "clusters",
        "Methods",
        "lesions of one patient taken as independent",
        "61 lesions",
        f"as good as {printed.LESIONS / effects[1]:.0f} at ICC 0.5",
        "questioned",
        "32 patients hold them. Variances are larger by "
        + ", ".join(f"{effect:.2f}" for effect in effects)
        + " at an intraclass correlation of 0.3, 0.5, 0.8 (with the 66 lesions of Table 1): where lesions of a patient are alike, p is larger than printed.",
    )
