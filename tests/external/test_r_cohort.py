"""The same answers from R: rank tests, t-tests, tables, adjusted p values, on random data of fixed seeds; R's own arithmetic is the reference."""

from __future__ import annotations

import numpy as np
import pytest
from asking_r import ask_r, row

from hepaflow.cohort.categories import chi_square, fisher_exact
from hepaflow.cohort.crossed import Crossed
from hepaflow.cohort.means import t_paired, t_pooled, t_welch
from hepaflow.cohort.multiplicity import adjust
from hepaflow.cohort.paired import mcnemar
from hepaflow.cohort.proportion import proportion
from hepaflow.cohort.ranks import mann_whitney, wilcoxon_signed

pytestmark = pytest.mark.external
CLOSE = {"rel": 1e-8, "abs": 1e-12}
#: R's exact p of ranks without ties agrees further.
EXACT = {"rel": 1e-12, "abs": 0.0}
SIDES = {"two-sided": "two.sided", "greater": "greater", "less": "less"}


def table(counts: np.ndarray) -> str:
    return f"matrix({row(counts.ravel())}, nrow={counts.shape[0]}, byrow=TRUE)"


@pytest.mark.parametrize("seed", range(4))
def test_rank_tests_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(1.5 * seed, 1, 29), rng.normal(0, 1, 11 + 7 * seed)
    script, found = [f"a <- {row(first)}; b <- {row(second)}; o <- c()"], []
    for side, name in SIDES.items():
        script.append(
            f"o <- c(o, wilcox.test(a, b, exact=TRUE, alternative='{name}')$p.value, wilcox.test(a, exact=TRUE, alternative='{name}')$p.value)"
        )
        found += [mann_whitney(first, second, alternative=side).p, wilcoxon_signed(first, alternative=side).p]
    script.append("w <- wilcox.test(a, b, exact=TRUE, conf.int=TRUE); s <- wilcox.test(a, exact=TRUE, conf.int=TRUE)")
    wanted = ask_r("; ".join([*script, "c(o, w$statistic, w$estimate, w$conf.int, s$statistic, s$estimate, s$conf.int)"]))
    assert found == pytest.approx(wanted[:6], **EXACT)
    for test, start in ((mann_whitney(first, second), 6), (wilcoxon_signed(first), 10)):
        assert test.shift_ci95 is not None
        assert [test.statistic, test.shift, *test.shift_ci95] == pytest.approx(wanted[start : start + 4], **CLOSE)


def test_rank_tests_of_many_values_with_ties() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(0.2, 1, 120).round(1), rng.normal(0, 1, 110).round(1)
    asked = [f"wilcox.test({row(first)}, {row(second)}, exact=FALSE, alternative='{name}')$p.value" for name in SIDES.values()]
    wanted = ask_r(f"c({', '.join(asked)})")
    assert [mann_whitney(first, second, alternative=side).p for side in SIDES] == pytest.approx(wanted, **CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_t_tests(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(0, 1, 14), rng.normal(1, 2, 14)
    a, b = row(first), row(second)
    asked = [f"t.test({a}, {b}, {how})" for how in ("var.equal=TRUE", "var.equal=FALSE", "paired=TRUE")]
    wanted = ask_r(
        "; ".join(f"t{n} <- {test}" for n, test in enumerate(asked))
        + "; unlist(lapply(list(t0, t1, t2), function(t) c(t$statistic, t$parameter, t$p.value, t$conf.int)))"
    )
    found = [
        x
        for t in (t_pooled(first, second), t_welch(first, second), t_paired(first, second))
        for x in (t.statistic, t.df, t.p, *t.ci95)
    ]
    assert found == pytest.approx(wanted, **CLOSE)


@pytest.mark.parametrize("shape", [(2, 2), (2, 3), (5, 2), (3, 3)])
def test_tables(shape: tuple[int, int]) -> None:
    counts = np.random.default_rng(sum(shape)).integers(0, 7, shape)
    wanted = ask_r(
        f"x <- {table(counts)}; y <- suppressWarnings(chisq.test(x, correct=FALSE)); z <- suppressWarnings(chisq.test(x)); c(fisher.test(x)$p.value, y$statistic, y$p.value, z$p.value)"
    )
    plain, corrected = chi_square(counts), chi_square(counts, correction=True)
    # R's network algorithm for tables beyond 2 x 2 keeps fewer digits
    assert fisher_exact(counts).p == pytest.approx(wanted[0], rel=1e-7)
    assert [plain.statistic, plain.p, corrected.p] == pytest.approx(wanted[1:], **CLOSE)
    if shape == (2, 2):
        (tp, fp), (fn, tn) = counts.tolist()
        assert Crossed(tp, fp, fn, tn, "major").fisher_p == pytest.approx(wanted[0], **CLOSE)


def test_proportions_and_mcnemar() -> None:
    wanted = ask_r(
        "m <- matrix(c(794, 86, 150, 570), 2); c(binom.test(28, 29)$conf.int, prop.test(28, 29, correct=FALSE)$conf.int, mcnemar.test(m, correct=FALSE)$p.value, mcnemar.test(m)$p.value, binom.test(86, 236)$p.value)"
    )
    share, pairs = proportion(28, 29), mcnemar(150, 86)
    assert [*share.ci95_exact, *share.ci95_wilson, pairs.p_chi2, pairs.p_chi2_corrected, pairs.p_exact] == pytest.approx(
        wanted, **CLOSE
    )


def test_adjusted_p_values() -> None:
    p_values = np.random.default_rng(1).uniform(0, 0.2, 9)
    for ours, theirs in (("holm", "holm"), ("benjamini-hochberg", "BH"), ("bonferroni", "bonferroni")):
        assert adjust(p_values.tolist(), method=ours) == pytest.approx(ask_r(f"p.adjust({row(p_values)}, '{theirs}')"), **CLOSE)
