"""Region curves of six tissues against their truth: the goals of accuracy, on fewer seeds than the benchmark."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hepaflow.kinetics.dictionary import Sources, parameters, prior_of
from hepaflow.kinetics.posterior import posterior
from hepaflow.kinetics.problem import Prior, Problem
from hepaflow.kinetics.search import modes
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "region_curves.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("region_curves", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times", "noise", "goal"),
    [("dense", 0.0, 0.01), ("thesis", 0.0, 0.03), ("dense", 0.3, 0.03), ("thesis", 0.3, 0.07)],
    # the benchmark's ten seeds give 0, 0.4, 1.4 and 5.3 %; the last is a goal of 6 % and one of sampling error on four seeds
)
def test_median_flow_error_of_aath(bench, times, noise, goal):
    found, _ = bench.fits("aath", bench.TIMES[times], noise, seeds=4, input_noise=0.0)
    rows = np.concatenate(list(found.values()))
    assert np.median(np.abs(rows[:, 0])) < goal
    if noise:
        assert rows[:, 2].mean() > 0.8  # 24 intervals at 95 %: 19 or fewer has a chance below 0.01


def test_a_long_tail_is_covered_by_many_draws(bench):
    """Two decays that can trade places leave a tail towards E = 1; a single draw must not stand for it."""
    times = bench.TIMES["dense"]
    clean = bench.sampled(bench.TRUTHS["two-compartment"](bench.TISSUES[5]), times)
    values = clean + np.random.default_rng(1).standard_normal(times.size)
    sources = Sources.of(bench.inputs_at(times, 0.0, np.random.default_rng(0)))
    chosen = parameters(TWO_COMPARTMENT, sources.count)
    problem = Problem(TWO_COMPARTMENT, chosen, sources, times, values, 0.01, Prior(*prior_of(chosen)))
    draws = posterior(problem, modes(problem), np.random.default_rng(0))
    _, repeats = np.unique(draws[:, 0], return_counts=True)
    # a draw with a fiftieth of the weight comes 40 times in 2000; before tails had proposals of their own, one came 680 times
    assert repeats.max() <= 40
    assert repeats.size > 500
