"""How often 95 % intervals of areas, their differences, sensitivity and specificity hold the truth, and how often tests find what is not there.

    python benchmarks/cohort_coverage.py [--repetitions N] [--tests N] [--draws N] [--seed N]

Cohorts are of 32 patients with 61 lesions (21 with 1, 3 with 2, 2 with 3, 3 with 4, 2 with 5, one with 6). Outcomes have an intraclass correlation of
0.5 within a patient (beta-binomial, half of all lesions positive), values of it too (normal with a patient effect), whatever the outcome. Two values
of a lesion correlate by 0.5, at both levels. Sensitivity and specificity are at a cut fixed beforehand. Intervals that cannot be estimated (area 1,
one patient of a class) are counted apart and not as misses. Tests are those of ``cohort_tests.py`` in cohorts of these sizes, with
correlations of 0 and 0.5, and the comparison of two areas that are equal.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from cohort_tests import p_values
from scipy import stats

from hepaflow.cohort.crossed import clustered_rates, crossed
from hepaflow.cohort.cutoff import called_positive
from hepaflow.cohort.resample import draw, leave_one_out, percentile, resample
from hepaflow.cohort.roc import auc, difference, resampled_interval
from hepaflow.cohort.sample import Floats, Sample

SIZES = np.repeat([1, 2, 3, 4, 5, 6], [21, 3, 2, 3, 2, 1])
PATIENT = np.repeat(np.arange(SIZES.size), SIZES)
#: Patients with lesions of both groups, in the tests.
MIXED = 4
ICC, ALIKE = 0.5, 0.5
AREAS = (0.5, 0.7, 0.85, 0.95)
#: Second area of a pair that differs, by the first.
OTHER = {0.5: 0.5, 0.7: 0.7, 0.85: 0.7, 0.95: 0.85}
#: Where the cut lies between the two means.
PLACE = 0.5
Interval = tuple[float, float] | None


class Cohort(NamedTuple):
    first: Sample
    second: Sample


def bca(value: float, draws: Floats, without: Floats) -> tuple[float, float] | None:
    """95 % interval, bias-corrected and accelerated (Efron and Tibshirani 1993); ``without``: the statistic with each patient left out in turn."""
    kept, left = draws[np.isfinite(draws)], without[np.isfinite(without)]
    if len(kept) < 20 or len(left) < 3:
        return None
    below = (np.count_nonzero(kept < value) + 0.5 * np.count_nonzero(kept == value)) / len(kept)
    if not 0.0 < below < 1.0:
        return None
    shift = float(stats.norm.ppf(below))
    apart = left.mean() - left
    spread = float((apart**2).sum())
    pull = 0.0 if spread == 0.0 else float((apart**3).sum()) / (6.0 * spread**1.5)
    ends = []
    for z in (float(stats.norm.ppf(0.025)), float(stats.norm.ppf(0.975))):
        moved = shift + (shift + z) / (1.0 - pull * (shift + z))
        ends.append(float(np.quantile(kept, float(stats.norm.cdf(moved)))))
    return ends[0], ends[1]


def simulate(area: float, other: float, icc: float, rng: np.random.Generator) -> Cohort:
    """Two values with these true areas; drawn again where all lesions are of one class."""
    while True:
        own = rng.beta((1 - icc) / icc / 2, (1 - icc) / icc / 2, SIZES.size) if icc else np.full(SIZES.size, 0.5)
        truth = rng.random(PATIENT.size) < own[PATIENT]
        if 0 < truth.sum() < truth.size:
            break
    correlated = np.linalg.cholesky([[1, ALIKE], [ALIKE, 1]])
    of_patient, of_lesion = (correlated @ rng.normal(size=(2, n)) for n in (SIZES.size, PATIENT.size))
    noise = np.sqrt(icc) * of_patient[:, PATIENT] + np.sqrt(1 - icc) * of_lesion
    shifts = np.sqrt(2) * stats.norm.ppf([area, other])
    made = noise + shifts[:, None] * truth
    return Cohort(*(Sample(x, truth, PATIENT) for x in made))


def intervals(area: float, other: float, draws: int, rng: np.random.Generator) -> dict[str, tuple[float, Interval]]:
    """Truth and interval of every method in one cohort."""
    cohort = simulate(area, other, ICC, rng)
    found, apart = auc(cohort.first), difference(cohort.first, cohort.second)
    drawn = resample(cohort.first, draw(SIZES.size, repeats=draws, rng=rng)).auc
    shift = float(np.sqrt(2) * stats.norm.ppf(area))
    cut = PLACE * shift
    called = called_positive(cohort.first.values, cut, direction="higher")
    plain = crossed(called, cohort.first.positive)
    robust = clustered_rates(called, cohort.first.positive, cluster=PATIENT)
    sensitivity, specificity = float(stats.norm.sf(cut - shift)), float(stats.norm.cdf(cut))
    return {
        "area, DeLong": (area, found.ci95_delong),
        "area, DeLong on the logit scale": (area, found.ci95_delong_logit),
        "area, clustered": (area, found.ci95_clustered),
        "area, bootstrap of patients": (area, resampled_interval(cohort.first, drawn)),
        "area, bootstrap, percentiles": (area, percentile(drawn)),
        "area, bootstrap, BCa": (area, bca(found.auc, drawn, leave_one_out(cohort.first).auc)),
        "difference of areas, DeLong": (area - other, apart.ci95),
        "difference of areas, clustered": (area - other, apart.ci95_clustered),
        "sensitivity, Clopper-Pearson": (sensitivity, plain.sensitivity.ci95_exact),
        "sensitivity, clustered": (sensitivity, robust["sensitivity"].ci95),
        "specificity, Clopper-Pearson": (specificity, plain.specificity.ci95_exact),
        "specificity, clustered": (specificity, robust["specificity"].ci95),
    }


def coverage(repetitions: int, draws: int, rng: np.random.Generator) -> dict[str, list[str]]:
    """Per cent of the intervals that hold the truth, and in brackets per cent that could not be estimated; a column an area."""
    table: dict[str, list[str]] = defaultdict(list)
    for area in AREAS:
        every = [intervals(area, OTHER[area], draws, rng) for _ in range(repetitions)]
        for name in every[0]:
            known = [(truth, ends) for truth, ends in (one[name] for one in every) if ends is not None]
            held = 100 * float(np.mean([ends[0] <= truth <= ends[1] for truth, ends in known]))
            none = 100 * (1 - len(known) / repetitions)
            table[name].append(f"{held:.1f}" + (f" ({none:.1f})" if none else ""))
    return table


def errors(icc: float, repetitions: int, rng: np.random.Generator) -> dict[str, float]:
    """Per cent of cohorts without a difference in which each test finds one at 5 %; tests that cannot be done find none."""
    found: dict[str, list[bool]] = defaultdict(list)
    for _ in range(repetitions):
        every = dict(p_values(SIZES, MIXED, icc, rng))
        for area in (0.7, 0.85):
            apart = difference(*simulate(area, area, icc, rng))
            every[f"two areas of {area:g}, DeLong"] = 1.0 if apart.p is None else apart.p
            every[f"two areas of {area:g}, clustered"] = 1.0 if apart.p_clustered is None else apart.p_clustered
        for name, p in every.items():
            found[name].append(p <= 0.05)
    return {name: 100 * float(np.mean(row)) for name, row in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--tests", type=int, default=1500)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("error")
    rng, began = np.random.default_rng(asked.seed), time.perf_counter()
    spread = 100 * np.sqrt(0.05 * 0.95 / np.array([asked.repetitions, asked.tests]))
    print(f"95 % intervals that hold the truth, % ({asked.repetitions} cohorts, error {spread[0]:.1f}; not estimable in brackets)")
    print(f"{'area':38}" + "".join(f"{area:>14g}" for area in AREAS))
    for name, row in coverage(asked.repetitions, asked.draws, rng).items():
        print(f"{name:38}" + "".join(f"{cell:>14}" for cell in row), flush=True)
    rejected = [errors(icc, asked.tests, rng) for icc in (0.0, ICC)]
    print(
        f"\nfinds a difference at 5 % where none is, % ({asked.tests} cohorts, error {spread[1]:.1f})\n{'':38}{'ICC 0':>14}{f'ICC {ICC:g}':>14}"
    )
    for name, share in rejected[0].items():
        print(f"{name:38}{share:14.1f}{rejected[1][name]:14.1f}")
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
