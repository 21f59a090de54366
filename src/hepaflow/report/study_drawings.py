"""The figures of a study with what stands under them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hepaflow.cohort.competing import CumulativeIncidence
from hepaflow.cohort.cutoff import Cut
from hepaflow.cohort.sample import Floats, Ints
from hepaflow.cohort.study import Parameter, Probability, Readers, Study, SurvivalResult
from hepaflow.cohort.survival import KaplanMeier
from hepaflow.report.study_agreement import bland_altman_figure
from hepaflow.report.study_boxes import Boxed, box_figure
from hepaflow.report.study_calibration import calibration_figure, decision_figure
from hepaflow.report.study_flow import flow_figure
from hepaflow.report.study_numbers import p_value
from hepaflow.report.study_roc import Drawn, forest_figure, roc_figure
from hepaflow.report.study_style import mark_synthetic
from hepaflow.report.study_survival import Survived, survival_figure
from hepaflow.report.study_waterfall import waterfall_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

SYNTHETIC = "SYNTHETIC DATA: no lesion of this report was ever measured."
#: More curves or boxes than this do not fit in one figure.
_MOST = 12


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A figure, what stands under it, and what it shows for those who cannot see it."""

    key: str
    canvas: Canvas
    caption: str
    alternative: str

    @property
    def width_mm(self) -> float:
        """Width on paper."""
        return float(self.canvas.get_size_inches()[0]) * 25.4


def drawings_of(study: Study) -> Iterator[Drawing]:
    """Every figure that the study's data allow."""
    mark = f" {SYNTHETIC}" if study.synthetic else ""
    for one in _every(study):
        if study.synthetic and one.key != "flow":  # the chart says it itself
            mark_synthetic(one.canvas)
        yield Drawing(one.key, one.canvas, one.caption + mark, one.alternative)


def _every(study: Study) -> Iterator[Drawing]:
    if study.flow is not None:
        yield Drawing("flow", flow_figure(study.flow, study.synthetic), "Flow of patients and lesions.", "Flow chart of the study")
    yield from _parameters(study)
    if study.sizes is not None:
        yield from _sizes(study)
    for k, one in enumerate(study.probabilities, start=1):
        yield from _probability(one, str(k))
    if study.together is not None:
        found = study.together
        title = "Combined rule, patients not seen"
        held_out = Probability(title, found.found.n, found.found.held_out, found.positive, found.calibration, found.decision)
        yield from _probability(held_out, "combined")
    for k, readers in enumerate(study.readers, start=1):
        yield from _agreement(readers, k)
    for k, endpoint in enumerate(study.survival, start=1):
        yield from _survival(endpoint, k)


def _parameters(study: Study) -> Iterator[Drawing]:
    judged = study.ranked
    ranked = judged[:_MOST]
    boxed = [box for one in ranked if (box := _boxed(one, study)) is not None]
    if not boxed:
        return
    solid = ", solid line 1" if any(box.reference is not None for box in boxed) else ""
    left_out = "" if len(judged) <= _MOST else f" The {_MOST} largest areas of {len(judged)}."
    yield Drawing(
        "boxes",
        box_figure(boxed),
        f"Every lesion by response: Tukey's boxes (whiskers to 1.5 interquartile ranges), dashed line the cut-off{solid}; lesions of patients with both responses wear a ring."
        + left_out,
        "Box plots of each parameter by response",
    )
    curves = [
        Drawn(one.found.question.label, one.found.curve, one.found.area, _marked(one))
        for one in ranked
        if one.found.curve is not None and one.found.area is not None
    ]
    caption = f"Empirical ROC curves, positive = {study.names.positive}; marks: cut-off fixed beforehand, else by Youden's index as found; intervals over patients.{left_out}"
    yield Drawing("roc", roc_figure(curves, study.names.positive), caption, "ROC curves of all parameters")
    rows = [(one.label, one.auc) for one in curves]
    caption = f"Areas with their 95 % intervals over patients (thick) and over lesions taken as independent (thin; DeLong, logit scale).{left_out}"
    yield Drawing("forest", forest_figure(rows), caption, "Areas with intervals")


def _marked(one: Parameter) -> Cut | None:
    """The operating point to mark: the cut-off fixed beforehand, else the best one."""
    found, threshold = one.found, one.found.question.threshold
    if threshold is None or found.at_fixed is None:
        return None if found.best is None else found.best.cut
    table = found.at_fixed.table
    return Cut(threshold, (threshold, threshold), table.sensitivity.value or 0.0, table.specificity.value or 0.0)


def _boxed(one: Parameter, study: Study) -> Boxed | None:
    found, question = one.found, one.found.question
    if found.sample is None:
        return None
    cut = question.threshold if question.threshold is not None else found.best.cut.threshold if found.best is not None else None
    by_lesion, by_patient = (p_value(None if test is None else test.p) for test in (one.test, one.clustered))
    return Boxed(
        question.label,
        question.unit or ("ratio" if question.name.endswith("_ratio") else ""),
        found.sample.values,
        found.sample.positive,
        found.sample.cluster,
        study.names.positive,
        study.names.negative,
        cut,
        1.0 if question.name.endswith("_ratio") else None,
        f"p = {by_lesion} (lesions), {by_patient} (patients)",
    )


def _sizes(study: Study) -> Iterator[Drawing]:
    if study.sizes is None:
        return
    change = study.sizes.found.change
    known = np.isfinite(change) & (change >= -100.0)
    if known.any():
        figure = waterfall_figure(change[known], study.truth[known], study.names.positive, study.names.negative)
        caption = "Change of size of every lesion, sorted; lines at −30 % and +20 %. Lesion by lesion: this is not RECIST 1.1."
        yield Drawing("waterfall", figure, caption, "Waterfall of size changes by response")


def _probability(one: Probability, key: str) -> Iterator[Drawing]:
    figure = calibration_figure(one.calibration, one.label, probability=one.values, positive=one.positive)
    yield Drawing(f"calibration_{key}", figure, f"Calibration: {one.label}.", f"Calibration of {one.label}")
    caption = f"Decision curve: net benefit a lesion of acting on {one.label}, on every lesion and on none."
    yield Drawing(f"decision_{key}", decision_figure(one.decision, one.label), caption, f"Decision curve of {one.label}")


def _agreement(one: Readers, k: int) -> Iterator[Drawing]:
    if one.limits is None:
        return
    first, second = (np.log(one.first), np.log(one.second)) if one.limits.log else (one.first, one.second)
    figure = bland_altman_figure(
        first,
        second,
        bias=one.limits.bias,
        limits=(one.limits.lower, one.limits.upper),
        bias_ci=one.limits.bias_ci95,
        limit_cis=(one.limits.lower_ci95, one.limits.upper_ci95),
        unit="natural logarithms" if one.limits.log else one.unit,
        cluster=one.cluster,
    )
    yield Drawing(
        f"agreement_{k}",
        figure,
        f"Differences over means, {one.label}; limits of agreement allow for several lesions of a patient.",
        f"Agreement, {one.label}",
    )


def _survival(one: SurvivalResult, k: int) -> Iterator[Drawing]:
    caption = f"Kaplan-Meier curves with 95 % log-log limits: {one.label}."
    ticks = _ticks(max(curve.times[-1] for _, curve in one.groups))
    curves = [_survived(name, curve, ticks) for name, curve in one.groups]
    yield Drawing(f"survival_{k}", survival_figure(curves, "Time (days)", event_name=one.label), caption, f"Survival, {one.label}")
    if one.incidence:
        rising = [_incident(name, curve, ticks) for name, curve in one.incidence]
        figure = survival_figure(rising, "Time (days)", event_name="Cumulative incidence", rising=True)
        caption = f"Cumulative incidence (Aalen-Johansen) with death as a competing event: {one.label}."
        yield Drawing(f"survival_{k}_incidence", figure, caption, f"Cumulative incidence, {one.label}")


def _survived(name: str, curve: KaplanMeier, ticks: Floats) -> Survived:
    low, high = _band(curve.ci95)
    times = np.array(curve.times)
    censored = times[np.array(curve.censored) > 0]
    return Survived(name, times, np.array(curve.survival), low, high, censored, ticks, _followed(ticks, times, curve.at_risk))


def _incident(name: str, curve: CumulativeIncidence, ticks: Floats) -> Survived:
    low, high = _band(curve.ci95)
    times = np.array(curve.times)
    return Survived(name, times, np.array(curve.incidence), low, high, np.empty(0), ticks, _followed(ticks, times, curve.at_risk))


def _ticks(longest: float) -> Floats:
    """Round times from 0 to ``longest`` at which those still followed are counted."""
    from matplotlib.ticker import MaxNLocator

    found = np.asarray(MaxNLocator(6, integer=True).tick_values(0.0, longest), np.float64)
    return found[(found >= 0.0) & (found <= longest)]


def _followed(ticks: Floats, times: Floats, at_risk: tuple[int, ...]) -> Ints:
    """How many are still followed at each tick; after the last time nobody is."""
    counts = np.array([*at_risk, 0], np.intp)
    return counts[np.searchsorted(times, ticks)]


def _band(limits: tuple[tuple[float, float] | None, ...]) -> tuple[Floats, Floats]:
    gap = (np.nan, np.nan)
    return np.array([(one or gap)[0] for one in limits]), np.array([(one or gap)[1] for one in limits])
