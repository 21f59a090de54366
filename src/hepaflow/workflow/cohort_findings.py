"""What a careful reviewer would say of a study, said beforehand."""

from __future__ import annotations

from collections.abc import Iterator

from hepaflow.cohort.cutoff import Youden
from hepaflow.cohort.study import Study
from hepaflow.cohort.table import Finding
from hepaflow.workflow.cohort_config import StudyConfig

#: With fewer patients of a class than ``FEW`` variances over patients are rough, with fewer than ``VERY_FEW`` they mean nothing.
FEW, VERY_FEW = 10, 5
#: Lesions of the rarer class that a parameter of a combined rule asks for.
EVENTS_A_PARAMETER = 10
#: A figure that falls by more than this on patients it was not tuned on was flattered.
FLATTERED = 0.05


def of_table(study: Study, config: StudyConfig) -> Iterator[Finding]:
    """Findings on the lesions: several a patient, columns without a direction, counts that differ from the flow chart, a label that says RECIST."""
    if study.n > study.table.patient_count:
        text = (
            f"{study.n} lesions of {study.table.patient_count} patients: lesions of a patient are not independent. Intervals and p values by patients are the ones to quote; "
            f"those by lesions are too narrow (design effect {study.clusters.design_effect:.2f} at an intraclass correlation of 0.5)."
        )
        yield Finding("clustered", "info", text)
    judged = {one.found.question.name for one in study.parameters}
    silent = [name for name in study.table.numbers if name.endswith("_ratio") and name not in judged]
    if silent:
        yield Finding(
            "no-direction",
            "caution",
            f"Not judged, as nothing says which values mean {study.names.positive}: {', '.join(silent)}. Give them a direction in the configuration.",
        )
    if not study.parameters and not study.rules and not study.probabilities:
        text = "Nothing was tested: no column has a direction, and there is no test of categories and no probability."
        yield Finding("nothing-tested", "caution", text)
    if config.independent:
        text = "Nothing says which lesions share a patient: every lesion stands as a patient of its own, and where some do share one, every interval here is too narrow."
        yield Finding("patients-unknown", "caution", text)
    if study.flow is not None:
        patients = study.flow.included if config.independent else study.table.patient_count
        if (study.flow.included, study.flow.analysed) != (patients, study.n):
            yield Finding(
                "flow-differs",
                "serious",
                f"The flow chart ends with {study.flow.included} patients and {study.flow.analysed} lesions; the table holds {patients} and {study.n} with an outcome.",
            )
    labels = [one.label for one in config.columns.values()] + [one.label for one in config.tests.values()]
    for label in labels:
        if label is not None and "recist" in label.lower() and "lesion" not in label.lower():
            yield Finding(
                "recist-of-a-lesion",
                "caution",
                f"'{label}' is judged lesion by lesion. RECIST 1.1 rates a patient by a sum of target lesions with an absolute rule of 5 mm: call it size change.",
            )


def of_results(study: Study) -> Iterator[Finding]:
    """Findings on what came out: few patients, a stated direction that the data contradict, perfect separation, flattered cuts, missing values, one-sided draws."""
    high, low = study.clusters.positive + study.clusters.mixed, study.clusters.negative + study.clusters.mixed
    if min(high, low) < FEW:
        text = f"{high} patients have a {study.names.positive} lesion and {low} a {study.names.negative} one: fewer than {FEW} make every interval and p value over patients unreliable."
        yield Finding("few-patients", "caution" if min(high, low) >= VERY_FEW else "serious", text)
    for rule in study.rules:
        if rule.origin == "category" and not rule.called.any():
            yield Finding(
                "never-positive",
                "caution",
                f"{rule.label}: no lesion holds a value that means positive. Check how they are written.",
            )
    for one in study.parameters:
        found, name, label = one.found, one.found.question.name, one.found.question.label
        if found.area is None:
            yield Finding(
                "not-judged",
                "serious",
                f"{label}: the lesions that have a value are all of one class, so nothing can be said.",
                name,
            )
            continue
        if found.missing:
            rows = tuple(row for row, here in zip(study.table.rows, found.where, strict=True) if not here)
            yield Finding("missing-values", "info", f"{label}: {found.missing} of {study.n} lesions have no value.", name, rows)
        bounds = found.area.ci95_clustered or found.area.ci95_delong
        if found.area.auc < 0.5:
            wrong = bounds is not None and bounds[1] < 0.5
            text = f"{label}: area {found.area.auc:.3f}, below one half: these data point the other way than stated ({found.question.direction} means {study.names.positive})."
            yield Finding("direction-contradicted", "serious" if wrong else "caution", text, name)
        if found.area.auc in (0.0, 1.0):
            yield Finding(
                "separated",
                "caution",
                f"{label}: the classes do not overlap in these data, so no interval can be estimated; that is no proof of perfection.",
                name,
            )
        if one.found.question.threshold is None:
            yield from _cut(study, one.found.best, label, name)
    if study.together is not None and study.together.found.apparent_auc - study.together.found.auc.auc > FLATTERED:
        found_together = study.together.found
        text = f"The combined rule reaches {found_together.apparent_auc:.3f} on its own data and {found_together.auc.auc:.3f} in patients it has not seen: quote the second."
        yield Finding("combined-flattered", "caution", text)
    yield from _together(study)
    for pair in study.rule_pairs:
        few = pair.rates["accuracy"].clustered.discordant_clusters
        if few < FEW:
            text = f"{pair.first} against {pair.second}: the two differ in lesions of {few} patients only. The test over patients is then rough: quote the larger of its p and the exact one."
            yield Finding("few-discordant", "caution", text)
    yield from _survival(study)


def _together(study: Study) -> Iterator[Finding]:
    """A rule of many parameters on few lesions, and coefficients that point the other way than their parameter alone."""
    if study.together is None:
        return
    rule, events = study.together.found.rule, min(int(study.together.positive.sum()), int((~study.together.positive).sum()))
    if events < EVENTS_A_PARAMETER * len(rule.names):
        text = f"The combined rule has {len(rule.names)} parameters for {events} lesions of the rarer class: fewer than {EVENTS_A_PARAMETER} a parameter. Its coefficients are not to be read one by one."
        yield Finding("few-lesions-a-parameter", "caution", text)
    ways = {one.found.question.name: one.found.question.direction for one in study.parameters}
    turned = [
        name
        for name, weight in zip(rule.names, rule.coefficients, strict=True)
        if name in ways and weight != 0.0 and (weight > 0.0) != (ways[name] == "higher")
    ]
    if turned:
        text = f"In the combined rule {', '.join(turned)} weigh the other way than alone: they share what the others say."
        yield Finding("coefficient-turned", "info", text)


def _cut(study: Study, best: Youden | None, label: str, name: str) -> Iterator[Finding]:
    if best is None:
        return
    if len(best.equal) > 1:
        cuts = ", ".join(f"{cut.threshold:.4g}" for cut in best.equal[:4])
        yield Finding(
            "several-cuts",
            "info",
            f"{label}: {len(best.equal)} cut-offs reach the same Youden index ({cuts}); the one nearest the upper left corner is shown.",
            name,
        )
    honest = best.left_out or best.bootstrap
    if honest is not None and best.cut.youden - honest.youden > FLATTERED:
        text = f"{label}: the cut-off was found on the lesions it is judged on. Youden's index is {best.cut.youden:.2f} there and {honest.youden:.2f} in patients it was not tuned on."
        yield Finding("cut-flattered", "caution", text, name)
    if study.bootstraps and best.failed > 0.01 * study.bootstraps:
        yield Finding(
            "draws-of-one-class",
            "caution",
            f"{label}: {best.failed} of {study.bootstraps} drawn studies held one class only and were left out.",
            name,
        )


def _survival(study: Study) -> Iterator[Finding]:
    for one in study.survival:
        if one.cox is not None and one.cox.few_events:
            yield Finding("few-events", "caution", f"{one.label}: fewer than 10 events a covariate; hazard ratios are unstable.")
        if one.cox is not None:
            # the last test is of all covariates together: the same again where there is one
            for test in one.cox.proportionality[: 1 if len(one.cox.hazards) == 1 else None]:
                if test.p is not None and test.p < 0.05:
                    yield Finding(
                        "hazards-not-proportional",
                        "caution",
                        f"{one.label}: the hazard ratio of {test.name} changes over time (p {test.p:.3f}); one number does not describe it.",
                    )
