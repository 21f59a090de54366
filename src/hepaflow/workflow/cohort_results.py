"""``results.json`` of a study: every number at full precision. Its keys are relied on from outside; they grow, they do not change."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from hepaflow import __version__
from hepaflow.cohort.crossed import Rate
from hepaflow.cohort.cutoff import Youden
from hepaflow.cohort.describe import QUARTILES, ROUNDING
from hepaflow.cohort.discriminate import Operating
from hepaflow.cohort.proportion import Proportion, at_prevalence
from hepaflow.cohort.study import AreaPair, Parameter, Rule, Study

SCHEMA = 1
LIBRARIES = ("numpy", "scipy", "matplotlib")


def results(study: Study) -> dict[str, Any]:
    """The whole of results.json."""
    judged = [one for one in study.parameters if one.found.area is not None]
    return {
        "schema": SCHEMA,
        "title": study.names.title,
        "synthetic": study.synthetic,
        "notice": "Research use only; not a medical device.",
        "n": study.n,
        "clusters": study.table.patient_count,
        "patients_known": not study.independent,
        "positive": study.names.positive,
        "negative": study.names.negative,
        "positives": int(study.truth.sum()),
        "negatives": int((~study.truth).sum()),
        "patients": _plain(study.clusters),
        "roc": {one.found.question.name: _roc(one, study) for one in judged},
        "comparisons": [_pair(one) for one in study.pairs],
        "tests": {one.found.question.name: _test(one) for one in judged},
        "ratio_classes": _plain(study.classes),
        "rules": [_rule(one) for one in study.rules],
        "rule_comparisons": [
            {"a": one.first, "b": one.second, "positive": study.names.positive, "n": one.n, **_plain(one.rates)}
            for one in study.rule_pairs
        ],
        "probabilities": [
            {"label": one.label, "n": one.n, "calibration": _plain(one.calibration), "decision_curve": _plain(one.decision)}
            for one in study.probabilities
        ],
        "combined": None if study.together is None else _plain(study.together, skip=("held_out", "positive")),
        "sizes": None if study.sizes is None else _plain(study.sizes, skip=("difference_mm", "change")),
        "description": {"patients": _plain(study.of_patients), "lesions": _plain(study.of_lesions)},
        "flow": _plain(study.flow),
        "agreement": _plain(study.readers, skip=("first", "second", "cluster")),
        "survival": _plain(study.survival),
        "next_study": _plain(study.needs),
        "findings": _plain(study.findings),
        "methods": {
            "seed": study.seed,
            "bootstraps": study.bootstraps,
            "multiplicity": study.multiplicity,
            "quartiles": QUARTILES,
            "rounding": ROUNDING,
            "software": {
                "hepaflow": __version__,
                "python": platform.python_version(),
                **{name: version(name) for name in LIBRARIES},
            },
        },
    }


def _roc(one: Parameter, study: Study) -> dict[str, Any]:
    found, area, curve = one.found, one.found.area, one.found.curve
    if area is None or curve is None:
        raise ValueError("a parameter without both classes has no area")
    rows = np.asarray(study.table.rows)[found.where]
    prevalence = study.prevalence
    return {
        "label": found.question.label,
        "unit": found.question.unit,
        "direction": found.question.direction,
        "positive": study.names.positive,
        "missing": found.missing,
        **_plain(area),
        "ci95_bootstrap": _plain(found.bootstrap_ci95),
        "youden": None if found.best is None or found.at_best is None else _youden(found.best, found.at_best, prevalence),
        "fixed": None
        if found.at_fixed is None
        else {"threshold": found.question.threshold, **_operating(found.at_fixed, prevalence)},
        "curve": [
            {"threshold": cut, "value": value, "sensitivity": high, "specificity": low, "rows": rows[lesions].tolist()}
            for cut, value, high, low, lesions in zip(
                curve.thresholds.tolist(),
                curve.values.tolist(),
                curve.sensitivity.tolist(),
                curve.specificity.tolist(),
                curve.lesions,
                strict=True,
            )
        ],
    }


def _youden(best: Youden, at: Operating, prevalence: float | None) -> dict[str, Any]:
    honest = best.bootstrap or best.left_out
    return {
        "threshold": best.cut.threshold,
        "between": list(best.cut.between),
        "youden": best.cut.youden,
        **_operating(at, prevalence),
        "equal": [cut.threshold for cut in best.equal],
        "threshold_ci95": _plain(best.threshold_ci95),
        "corrected": None
        if honest is None
        else {
            **_plain(honest),
            "method": "bootstrap" if best.bootstrap else "left-out",
            "left_out": _plain(best.left_out),
            "bootstrap": _plain(best.bootstrap),
        },
        "draws": best.repeats,
        "draws_failed": best.failed,
    }


def _operating(at: Operating, prevalence: float | None) -> dict[str, Any]:
    table = at.table
    rates: dict[Rate, Proportion] = {
        "sensitivity": table.sensitivity,
        "specificity": table.specificity,
        "ppv": table.ppv,
        "npv": table.npv,
        "accuracy": table.accuracy,
    }
    made: dict[str, Any] = {str(name): rate.value for name, rate in rates.items()}
    made["table"] = {"tp": table.tp, "fp": table.fp, "fn": table.fn, "tn": table.tn, "positive": table.positive}
    made["kappa"], made["fisher_p"] = table.kappa, table.fisher_p
    made["intervals"] = {
        name: {
            "events": rate.events,
            "n": rate.n,
            "exact": list(rate.ci95_exact),
            "wilson": list(rate.ci95_wilson),
            "clustered": _plain(at.clustered[name]),
        }
        for name, rate in rates.items()
    }
    sensitivity, specificity = rates["sensitivity"].value, rates["specificity"].value
    if prevalence is not None and sensitivity is not None and specificity is not None:
        ppv, npv = at_prevalence(sensitivity, specificity, prevalence=prevalence)
        made["at_prevalence"] = {"prevalence": prevalence, "ppv": ppv, "npv": npv}
    return made


def _pair(one: AreaPair) -> dict[str, Any]:
    pair, apart = one.pair, one.pair.result
    return {
        "a": pair.first,
        "b": pair.second,
        "auc_a": pair.areas[0],
        "auc_b": pair.areas[1],
        **_plain(apart),
        "p_adjusted": one.p_adjusted,
    }


def _test(one: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {"test": None, "statistic": None, "p": None} if one.test is None else _plain(one.test)
    return {**found, "clustered": _plain(one.clustered), "p_adjusted": one.p_adjusted, "groups": _plain(one.found.groups)}


def _rule(one: Rule) -> dict[str, Any]:
    return {"label": one.label, "origin": one.origin, "n": int(one.where.sum()), **_operating(one.found, None)}


def _plain(value: Any, *, skip: tuple[str, ...] = ()) -> Any:
    """Dataclasses, arrays and tuples as JSON objects, arrays and numbers; numbers that are none become null when written."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), skip=skip) for field in fields(value) if field.name not in skip}
    if isinstance(value, Mapping):
        return {str(key): _plain(item, skip=skip) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(item, skip=skip) for item in value]
    return value
