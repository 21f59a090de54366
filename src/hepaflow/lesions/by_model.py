"""How far a response rests on the model: a model that is only assumed, one that the data reject, a category that others change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hepaflow.domain.comparison import Comparison
from hepaflow.domain.lesions import LesionResult, Measurement, Ratio, ResponseCall
from hepaflow.kinetics.catalogue import DEFAULT_MODEL
from hepaflow.kinetics.compare import rejected
from hepaflow.lesions.ratios import ratio, ratio_draws

ASSUMES, REJECTED, DEPENDS = "response-assumes-model", "model-rejected", "response-depends-on-model"
#: Flags of lesions that concern the study as a whole.
OF_THE_STUDY = (ASSUMES, REJECTED, DEPENDS)

Verdict = Callable[[ResponseCall, Ratio, npt.NDArray[np.float64] | None], ResponseCall]


def part_name(lesion: str, part: str) -> str:
    """How a compared curve is called: the lesion, with the part that is not the whole.

    >>> part_name("lesion-1", "whole"), part_name("lesion-1", "vascular")
    ('lesion-1', 'lesion-1-vascular')
    """
    return lesion if part == "whole" else f"{lesion}-{part}"


def flag_healthy(healthy: Measurement, *, model: str, compared: Sequence[Comparison]) -> Measurement:
    """The healthy liver, flagged where the data clearly reject the ``model`` in use."""
    if compared and rejected(compared[0], model):
        return replace(healthy, flags=tuple(dict.fromkeys((*healthy.flags, REJECTED))))
    return healthy


def flag_lesion(lesion: LesionResult, *, model: str, compared: Sequence[Comparison], says: Verdict) -> LesionResult:
    """A rated lesion with what is to be said of the ``model`` in use, on every call that has a category.

    ``response-assumes-model`` where it is not the default one; ``model-rejected`` where the data clearly reject it on the part judged;
    ``response-depends-on-model`` where a model that the data do not reject, on that part or on the healthy liver, puts the lesion into
    another category. ``says`` is what the criterion of a call says of another ratio and its draws.
    """
    calls = []
    for call in lesion.response:
        flags = list(call.flags)
        if call.category is not None:
            flags += [ASSUMES] if model != DEFAULT_MODEL else []
            curve = _of(compared, part_name(lesion.lesion.id, call.region))
            if curve is not None:
                flags += [REJECTED] if rejected(curve, model) else []
                others = calls_by(call, curve, compared[0], says=says)
                standing = [key for key in others if not (rejected(curve, key) or rejected(compared[0], key))]
                flags += [DEPENDS] if any(others[key].category not in {None, call.category} for key in standing) else []
        calls.append(replace(call, flags=tuple(dict.fromkeys(flags))))
    return replace(lesion, response=tuple(calls))


def calls_by(call: ResponseCall, curve: Comparison, healthy: Comparison, *, says: Verdict) -> dict[str, ResponseCall]:
    """What the criterion says by every ranked model: its ratio to the healthy liver on ``curve``, against the threshold of ``call``."""
    below = {fit.model: fit.found for fit in healthy.fits if fit.found is not None}
    return {
        fit.model: says(call, ratio(fit.found, below[fit.model], "bf"), ratio_draws(fit.found, below[fit.model], "bf"))
        for fit in curve.ranked
        if fit.found is not None and fit.model in below
    }


def by_curve(
    lesions: Sequence[LesionResult], compared: Sequence[Comparison], *, says: Verdict
) -> dict[str, dict[str, ResponseCall]]:
    """:func:`calls_by` of every compared curve that a criterion rated, by the curve's name; the first call of a curve decides."""
    found: dict[str, dict[str, ResponseCall]] = {}
    for lesion in lesions:
        for call in lesion.response:
            name = part_name(lesion.lesion.id, call.region)
            curve = _of(compared, name)
            if curve is not None and call.category is not None and name not in found:
                found[name] = calls_by(call, curve, compared[0], says=says)
    return found


def _of(compared: Sequence[Comparison], name: str) -> Comparison | None:
    return next((one for one in compared if one.curve == name), None)
