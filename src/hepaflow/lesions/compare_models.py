"""Every residue model on the curves that a report reads."""

from __future__ import annotations

from collections.abc import Callable

from hepaflow.curves.enhancement import region_curve
from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Region
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.compare import Tried, compare
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.problem import Prior
from hepaflow.lesions.measure import seed_of, shared_delays

Progress = Callable[[str, int, int], None] | None


def compare_models(
    aligned: DynamicSeries,
    inputs: Inputs,
    healthy: Region,
    parts: dict[str, Region],
    *,
    density_g_ml: float,
    progress: Progress = None,
) -> tuple[Comparison, ...]:
    """One comparison for the healthy liver and one for each of ``parts`` (name to region), in that order.

    Each model is fitted as :func:`hepaflow.lesions.measure.measure` fits the case's own: lesions share the delays that this model found
    in the healthy liver. A model that cannot be fitted to a curve is listed with its reason.
    """
    priors: dict[str, Prior] = {}
    found = []
    for number, (name, region) in enumerate({"healthy": healthy, **parts}.items(), start=1):
        curve = region_curve(aligned, region.mask, name=region.name)
        tried: dict[str, Tried] = {}
        for model in MODELS:
            if isinstance(model, ResidueModel):
                tried[model.key] = _try(curve, inputs, model, density_g_ml=density_g_ml, prior=priors.get(model.key))
                outcome = tried[model.key]
                if name == "healthy" and not isinstance(outcome, InputRefused):
                    priors[model.key] = shared_delays(outcome, model)
        found.append(compare(name, tried))
        if progress:
            progress("models", number, 1 + len(parts))
    return tuple(found)


def _try(curve: TimeCurve, inputs: Inputs, model: ResidueModel, *, density_g_ml: float, prior: Prior | None) -> Tried:
    seed = seed_of(curve.name)
    try:
        return fit_curve(curve, inputs, model=model, density_g_ml=density_g_ml, prior=prior, seed=seed)
    except InputRefused as error:
        return error
