"""One noisy curve of a residue model, made ready for the search and the posterior."""

from __future__ import annotations

import numpy as np
from curves_for_tests import THESIS_TIMES, TISSUES, sampled, true_aath
from direct_for_tests import ARTERIAL, PORTAL, inputs_at

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.dictionary import Sources, parameters, prior_of
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.problem import Prior, Problem

DUAL, SINGLE = inputs_at(THESIS_TIMES), inputs_at(THESIS_TIMES, single=True)


def problem_of(model: ResidueModel, inputs: Inputs = DUAL, *, noise: float = 1.0, tissue: int = 0) -> Problem:
    """The curve of an AATH tissue with an offset of 40 HU and noise of this SD."""
    sources = Sources.of(inputs)
    chosen = parameters(model, sources.count)
    clean = sampled(true_aath(ARTERIAL, PORTAL, TISSUES[tissue]), THESIS_TIMES)
    observed = clean + 40.0 + noise * np.random.default_rng(7).standard_normal(THESIS_TIMES.size)
    return Problem(model, chosen, sources, THESIS_TIMES, observed, 0.5, Prior(*prior_of(chosen)))


def unknowns(problem: Problem, values: tuple[float, ...], flows: tuple[float, ...], baseline: float = 40.0) -> np.ndarray:
    """One row of unknowns from values of the parameters in their own units."""
    return np.array([*(float(q.to_scale(x)) for q, x in zip(problem.chosen, values, strict=True)), *flows, baseline])
