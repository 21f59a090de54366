"""How often each test of a cohort finds a difference where there is none, and how often intervals of a share hold the truth.

    python benchmarks/cohort_tests.py [--repetitions N] [--seed N]

Cohorts are of 32 patients with 66 lesions (21 with 1, 3 with 2, one with 3, 3 with 4, one with 5, 2 with 6, one with 7), 4 of them with lesions of both
groups, and of 16 patients with 36, 2 of them so. Values are normal with intraclass correlation 0 or 0.5 of a patient's lesions; groups do not
depend on them. Paired tests see two readings, each right in 80 % of the lesions, with patient effects of their own. A fair test at 5 % prints 5 to within
twice the error below; exact tests of counts may print less.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy import stats

from hepaflow.cohort.categories import chi_square, fisher_exact
from hepaflow.cohort.means import t_paired, t_pooled, t_welch
from hepaflow.cohort.paired import clustered_mcnemar, mcnemar
from hepaflow.cohort.proportion import clustered, proportion
from hepaflow.cohort.ranks import clustered_ranks, mann_whitney, wilcoxon_signed

#: Lesions of each patient; patients of whom some lesions are of each group.
COHORTS = {"32": ([1] * 21 + [2] * 3 + [3] + [4] * 3 + [5] + [6] * 2 + [7], 4), "16": ([1] * 9 + [2] * 2 + [3, 4, 5, 5, 6], 2)}
DESIGNS = (("32", 0.0), ("32", 0.5), ("16", 0.0), ("16", 0.5))
RIGHT = 0.8
SHARES = (0.8, 0.95)


def groups(sizes: np.ndarray, mixed: int, rng: np.random.Generator) -> np.ndarray:
    """Group of each lesion: patients of one group, two of five of them the first, but for ``mixed`` with lesions of both."""
    patient = np.repeat(np.arange(sizes.size), sizes)
    both = rng.choice(np.flatnonzero(sizes > 1), mixed, replace=False)
    pure = rng.permutation(np.setdiff1d(np.arange(sizes.size), both))
    first = np.isin(patient, pure[: round(0.4 * pure.size)])
    for one in both:
        lesions = np.flatnonzero(patient == one)
        first[rng.choice(lesions, rng.integers(1, lesions.size), replace=False)] = True
    return first


def values(patient: np.ndarray, icc: float, rng: np.random.Generator) -> np.ndarray:
    """Standard normal values of lesions, correlated within a patient."""
    return np.sqrt(icc) * rng.normal(size=patient.max() + 1)[patient] + np.sqrt(1 - icc) * rng.normal(size=patient.size)


def p_values(sizes: np.ndarray, mixed: int, icc: float, rng: np.random.Generator) -> dict[str, float]:
    """P of every test in one cohort without any difference."""
    patient, first = np.repeat(np.arange(sizes.size), sizes), groups(sizes, mixed, rng)
    x, other = values(patient, icc, rng), values(patient, icc, rng)
    thirds = np.digitize(x, stats.norm.ppf([1 / 3, 2 / 3]))
    two, three = (
        np.array([[(of[first == side] == k).sum() for k in range(n)] for side in (True, False)])
        for of, n in ((thirds // 2, 2), (thirds, 3))
    )
    right = [values(patient, icc, rng) < stats.norm.ppf(RIGHT) for _ in range(2)]
    pairs = mcnemar(int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum()))
    return {
        "Mann-Whitney, exact": mann_whitney(x[first], x[~first]).p,
        "Mann-Whitney, exact with ties": mann_whitney(x[first].round(), x[~first].round()).p,
        "rank-sum, clustered (Datta-Satten)": clustered_ranks(x, first, cluster=patient).p,
        "rank-sum, clustered, with ties": clustered_ranks(x.round(), first, cluster=patient).p,
        "t, pooled": t_pooled(x[first], x[~first]).p,
        "t, Welch": t_welch(x[first], x[~first]).p,
        "t, paired": t_paired(x, other).p,
        "Wilcoxon signed-rank, exact": wilcoxon_signed(x - other).p,
        "chi-square 2 x 2": chi_square(two).p,
        "Fisher exact 2 x 2": fisher_exact(two).p,
        "chi-square 2 x 3": chi_square(three).p,
        "Fisher-Freeman-Halton 2 x 3": fisher_exact(three).p,
        "McNemar, exact": pairs.p_exact,
        "McNemar, mid-P": pairs.p_mid,
        "McNemar, chi-square": 1.0 if pairs.p_chi2 is None else pairs.p_chi2,
        "McNemar, chi-square corrected": 1.0 if pairs.p_chi2_corrected is None else pairs.p_chi2_corrected,
        "McNemar, clustered (Durkalski)": clustered_mcnemar(right[0], right[1], cluster=patient).p,
    }


def held(sizes: np.ndarray, share: float, icc: float, rng: np.random.Generator) -> dict[str, bool]:
    """Whether each interval of a share holds it; patients' own shares are beta distributed."""
    own = rng.beta(share * (1 - icc) / icc, (1 - share) * (1 - icc) / icc, sizes.size) if icc else np.full(sizes.size, share)
    events = rng.binomial(sizes, own)
    plain, robust = proportion(int(events.sum()), int(sizes.sum())), clustered(events.tolist(), sizes.tolist())
    every = {"Clopper-Pearson": plain.ci95_exact, "Wilson": plain.ci95_wilson, "clustered": robust.ci95}
    return {f"{name}, {share:.0%}": low <= share <= high for name, (low, high) in every.items()}


def shares(one: Callable[[str, float], dict[str, float]], repetitions: int) -> dict[str, list[float]]:
    """Per cent of repetitions, a column a design."""
    found: dict[str, list[float]] = {}
    for cohort, icc in DESIGNS:
        runs = [one(cohort, icc) for _ in range(repetitions)]
        for name in runs[0]:
            found.setdefault(name, []).append(100 * float(np.mean([run[name] for run in runs])))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    warnings.simplefilter("error")
    rng, began = np.random.default_rng(asked.seed), time.perf_counter()
    sizes = {name: np.array(lesions) for name, (lesions, _) in COHORTS.items()}
    rejected = shares(
        lambda cohort, icc: {k: p <= 0.05 for k, p in p_values(sizes[cohort], COHORTS[cohort][1], icc, rng).items()},
        asked.repetitions,
    )
    covered = shares(
        lambda cohort, icc: {k: v for share in SHARES for k, v in held(sizes[cohort], share, icc, rng).items()}, asked.repetitions
    )
    error = 100 * np.sqrt(0.05 * 0.95 / asked.repetitions)
    print(f"{asked.repetitions} cohorts of each kind, error of 5 % {error:.1f}; {time.perf_counter() - began:.0f} s")
    for title, table in (("found a difference where none is, %", rejected), ("interval holds the share, %", covered)):
        print(f"{title:38}" + "".join(f"{f'{cohort} patients':>14}" for cohort, _ in DESIGNS))
        print(f"{'':38}" + "".join(f"{f'ICC {icc:g}':>14}" for _, icc in DESIGNS))
        for name, row in table.items():
            print(f"{name:38}" + "".join(f"{share:14.1f}" for share in row))


if __name__ == "__main__":
    main()
