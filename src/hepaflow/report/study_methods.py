"""The methods paragraph of a study, and the STARD 2015 checklist as far as the data fill it.

Bossuyt PM et al. BMJ 2015;351:h5527 (STARD 2015); the items are told in our own words.
"""

from __future__ import annotations

from collections.abc import Mapping

from hepaflow import __version__
from hepaflow.cohort.describe import QUARTILES
from hepaflow.cohort.study import Study
from hepaflow.report.content import Bullets, Row, Table
from hepaflow.report.study_numbers import percent
from hepaflow.report.study_tables import group, plain, row

TO_WRITE = "to be written by the authors"


def paragraph(study: Study, software: Mapping[str, str]) -> str:
    """What was done, in sentences for a paper. ``software`` names libraries and versions."""
    names = study.names
    said = [
        f"The unit of analysis was the lesion: {study.held_by}; the positive class was {names.positive} response "
        f"({int(study.truth.sum())} lesions), the negative class {names.negative} ({int((~study.truth).sum())} lesions).",
        f"Continuous variables are given as median [first; third quartile] ({QUARTILES}), per cents with their counts, rounded half up; missing values were left out of the statistic concerned and counted.",
    ]
    by_lesion = sorted({one.test.test for one in study.parameters if one.test is not None})
    by_patient = sorted({one.clustered.test for one in study.parameters if one.clustered is not None})
    if by_lesion:
        said.append(
            f"Classes were compared by the {' and the '.join(by_lesion)}, which takes lesions as independent, and by the {' and the '.join(by_patient) or 'same'}, "
            f"which does not; differences by lesions are Hodges-Lehmann shifts with exact intervals, or differences of means for a t-test; p values over patients were adjusted for the number of parameters ({study.multiplicity})."
        )
    if any(one.found.area is not None for one in study.parameters):
        said.append(
            "Areas under empirical ROC curves are given with 95 % confidence intervals that allow for several lesions of a patient (variance of Obuchowski, logit scale, t quantile) and with those of DeLong, which do not; "
            f"areas on the same lesions were compared by the same variances, p adjusted over all pairs ({study.multiplicity})."
        )
    if any(one.found.best is not None for one in study.parameters):
        drawn = (
            f"its optimism was estimated by {study.bootstraps} bootstrap draws of patients (seed {study.seed}) and "
            if study.bootstraps
            else "it was also judged "
        )
        said.append(
            "Cut-offs maximize Youden's index, at midpoints between neighbouring values, the one nearest the upper left corner where several are equal; "
            f"{drawn}by leaving each patient out. Sensitivity, specificity and predictive values carry exact (Clopper-Pearson) intervals over lesions and intervals over patients (ratio estimator)."
        )
    if study.rule_pairs:
        said.append(
            f"Tests were compared on the same lesions and the same positive class ({names.positive}) by the exact McNemar test and by Durkalski's test for clustered data, not adjusted."
        )
    if study.probabilities or study.together is not None:
        said.append(
            "Probabilities were judged by calibration intercept and slope with intervals over patients, the Brier score, and decision curves."
        )
    if study.together is not None:
        said.append(
            "Several parameters were joined by ridge-penalized logistic regression; penalty and coefficients were found within outer folds of whole patients."
        )
    if study.sizes is not None and study.sizes.student is not None:
        said.append(f"Differences of size were compared by {study.sizes.student.test}.")
    if study.sizes is not None and study.sizes.categories is not None:
        said.append(f"Categories of size change were compared by {study.sizes.categories.test}, lesions taken as independent.")
    if study.readers:
        said.append(
            "Agreement is given as bias and limits of agreement that allow for several lesions of a patient, intraclass correlation, or kappa."
        )
    if study.survival:
        said.append(
            "Survival was estimated by the Kaplan-Meier method with log-log intervals and compared by the log-rank test; hazard ratios are from Cox models (Efron's ties)."
        )
    said.append(
        "All tests are two-sided. "
        + "Software: "
        + ", ".join(f"{name} {version}" for name, version in software.items())
        + f" (hepaflow {__version__})."
    )
    return " ".join(said)


def sources(study: Study) -> Bullets:
    """Where the methods used come from."""
    wanted = [
        (True, "Obuchowski NA. Biometrics 1997;53:567-578", "areas, lesions within patients"),
        (True, "DeLong ER, DeLong DM, Clarke-Pearson DL. Biometrics 1988;44:837-845", "areas, lesions independent"),
        (True, "Datta S, Satten GA. J Am Stat Assoc 2005;100:908-915", "rank-sum test, lesions within patients"),
        (True, "Harrell FE, Lee KL, Mark DB. Stat Med 1996;15:361-387", "optimism of a cut-off"),
        (bool(study.pairs), "Zou GY, Donner A. Stat Med 2008;27:1693-1702", "interval of a difference of areas"),
        (bool(study.rule_pairs), "Durkalski VL et al. Stat Med 2003;22:2417-2428", "McNemar test, lesions within patients"),
        (
            bool(study.probabilities) or study.together is not None,
            "Vickers AJ, Elkin EB. Med Decis Making 2006;26:565-574",
            "decision curve",
        ),
        (
            study.together is not None,
            "le Cessie S, van Houwelingen JC. Appl Stat 1992;41:191-201",
            "ridge-penalized logistic regression",
        ),
        (
            bool(study.readers),
            "Bland JM, Altman DG. J Biopharm Stat 2007;17:571-582",
            "limits of agreement, lesions within patients",
        ),
        (bool(study.survival), "Lin DY, Wei LJ. J Am Stat Assoc 1989;84:1074-1078", "hazard ratios with robust errors"),
    ]
    return Bullets(tuple((f"{what}: ", source) for used, source, what in wanted if used))


def stard(study: Study, given: Mapping[str, str]) -> Table:
    """The checklist. ``given``: what the configuration says (``reference_standard``, ``index_test``, ``setting``, ``registration``, ``funding``)."""
    names = study.names
    flow = "flow chart" if study.flow is not None else TO_WRITE
    missing = sum(one.found.missing for one in study.parameters)
    tested = any(one.found.area is not None for one in study.parameters)
    items: list[tuple[str, str, str, str]] = [
        (
            "Title, abstract",
            "1",
            "called a study of diagnostic accuracy",
            f"title: {names.title}; areas with intervals in the abstract: {TO_WRITE}",
        ),
        ("", "2", "structured summary", TO_WRITE),
        ("Introduction", "3", "background, intended use of the test", TO_WRITE),
        ("", "4", "aims and hypotheses", TO_WRITE),
        ("Methods", "5", "data collected before or after the tests were done", TO_WRITE),
        ("", "6", "who was eligible", flow if study.flow is not None else TO_WRITE),
        ("", "7", "how they were found", TO_WRITE),
        ("", "8", "where and when", given.get("setting", TO_WRITE)),
        ("", "9", "consecutive, random or convenience series", TO_WRITE),
        ("", "10a", "the index test, to be repeated", given.get("index_test", TO_WRITE)),
        (
            "",
            "10b",
            "the reference standard, to be repeated",
            given.get("reference_standard", f"column {names.outcome}; {TO_WRITE}"),
        ),
        ("", "11", "why this reference standard", TO_WRITE),
        (
            "",
            "12a",
            "cut-offs of the index test, set beforehand or explored",
            "table of tests: each says whether its cut-off was fixed beforehand",
        ),
        ("", "12b", "cut-offs of the reference standard", f"positive = {names.positive}, negative = {names.negative}"),
        ("", "13a", "readers of the index test blind to the reference", TO_WRITE),
        ("", "13b", "assessors of the reference blind to the index test", TO_WRITE),
        ("", "14", "how accuracy was estimated and compared", "methods paragraph"),
        ("", "15", "indeterminate results", TO_WRITE),
        ("", "16", "missing data", f"left out and counted ({missing} missing values over all parameters)"),
        (
            "",
            "17",
            "variability of accuracy, planned or explored",
            "intervals over patients; " + ("agreement of readers" if study.readers else "between readers: " + TO_WRITE),
        ),
        ("", "18", "intended sample size", "table of the next study" if study.needs else TO_WRITE),
        ("Results", "19", "flow of participants", flow),
        ("", "20", "characteristics of participants", "table of patients"),
        ("", "21a", "distribution of disease among those with it", "table of lesions"),
        ("", "21b", "other diagnoses among those without it", f"{names.negative}: {int((~study.truth).sum())} lesions"),
        ("", "22", "time and treatment between test and reference", TO_WRITE),
        ("", "23", "index test against reference, crossed", "tables of 2 x 2" if study.rules else TO_WRITE),
        (
            "",
            "24",
            "accuracy with its precision",
            "areas and rates with 95 % intervals over lesions and over patients" if tested else TO_WRITE,
        ),
        ("", "25", "harm from the tests", TO_WRITE),
        ("Discussion", "26", "limits, bias, generalizability", f"findings of this report; {TO_WRITE}"),
        ("", "27", "what it means for practice", TO_WRITE),
        ("Other", "28", "registration", given.get("registration", TO_WRITE)),
        ("", "29", "protocol", TO_WRITE),
        ("", "30", "funding", given.get("funding", TO_WRITE)),
    ]
    rows: list[Row] = []
    for heading, item, what, where in items:
        if heading:
            rows.append(group(heading))
        rows.append(row(f"{item}  {what}", where))
    done = sum(TO_WRITE not in where for *_, where in items)
    prevalence = percent(float(study.truth.mean()))
    caption = f"STARD 2015, {done} of {len(items)} items filled from the data (prevalence of {names.positive} {prevalence} %); the rest only the authors know."
    return plain(caption, ("item", "where"), rows, widths=(2.2, 3.0), align="ll")
