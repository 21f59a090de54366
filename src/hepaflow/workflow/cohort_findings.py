"""What a careful reviewer would say of a study, said beforehand."""

from __future__ import annotations

from collections.abc import Iterator

from hepaflow.cohort.cutoff import Youden
from hepaflow.cohort.study import Study
from hepaflow.cohort.table import Finding, comma
from hepaflow.workflow.cohort_config import StudyConfig
from hepaflow.workflow.cohort_questions import french_label

#: With fewer patients of a class than ``FEW`` variances over patients are rough, with fewer than ``VERY_FEW`` they mean nothing.
FEW, VERY_FEW = 10, 5
#: Lesions of the rarer class that a parameter of a combined rule asks for.
EVENTS_A_PARAMETER = 10
#: A figure that falls by more than this on patients it was not tuned on was flattered.
FLATTERED = 0.05


def negative_fr(study: Study) -> str:
    """What the negative class is called in French, where the outcomes do not name it themselves."""
    names = study.names
    return f"autre que {names.positive}" if names.negative == f"not {names.positive}" else names.negative


def of_table(study: Study, config: StudyConfig) -> Iterator[Finding]:
    """Findings on the lesions: several a patient, columns without a direction, counts that differ from the flow chart, a label that says RECIST."""
    if study.n > study.table.patient_count:
        text = (
            f"More lesions than patients ({study.n} and {study.table.patient_count}): lesions of a patient are not independent. Intervals and p values by patients are the ones to quote; "
            f"those by lesions are too narrow (design effect {study.clusters.design_effect:.2f} at an intraclass correlation of 0.5)."
        )
        french = (
            f"Plus de lésions que de patients ({study.n} et {study.table.patient_count}) : les lésions d’un patient ne sont pas indépendantes. Citez les intervalles et les p par patients ; "
            f"ceux par lésions sont trop étroits (effet de plan {comma(f'{study.clusters.design_effect:.2f}')} pour une corrélation intraclasse de 0,5)."
        )
        yield Finding("clustered", "info", text, french)
    judged = {one.found.question.name for one in study.parameters}
    silent = [name for name in study.table.numbers if name.endswith("_ratio") and name not in judged]
    if silent:
        yield Finding(
            "no-direction",
            "caution",
            f"Not judged, as nothing says which values mean {study.names.positive}: {', '.join(silent)}. Give them a direction in the configuration.",
            f"Non jugé, car rien ne dit quelles valeurs signifient {study.names.positive} : {', '.join(silent)}. Donnez-leur un sens (direction) dans la configuration.",
        )
    if not study.parameters and not study.rules and not study.probabilities:
        text = "Nothing was tested: no column has a direction, and there is no test of categories and no probability."
        french = "Rien n’a été testé : aucune colonne n’a de sens (direction), et il n’y a ni test par catégories ni probabilité."
        yield Finding("nothing-tested", "caution", text, french)
    if config.independent:
        text = "Nothing says which lesions share a patient: every lesion stands as a patient of its own, and where some do share one, every interval here is too narrow."
        french = "Rien ne dit quelles lésions sont d’un même patient : chaque lésion compte comme un patient, et si certaines en partagent un, tous les intervalles sont ici trop étroits."
        yield Finding("patients-unknown", "caution", text, french)
    if study.flow is not None:
        patients = study.flow.included if config.independent else study.table.patient_count
        if (study.flow.included, study.flow.analysed) != (patients, study.n):
            yield Finding(
                "flow-differs",
                "serious",
                f"The flow chart ends with {study.flow.included} patients and {study.flow.analysed} lesions; the table holds {patients} and {study.n} with an outcome.",
                f"Le diagramme de flux finit avec {study.flow.included} patients et {study.flow.analysed} lésions ; le tableau en contient {patients} et {study.n} avec une issue.",
            )
    labels = [one.label for one in config.columns.values()] + [one.label for one in config.tests.values()]
    for label in labels:
        if label is not None and "recist" in label.lower() and "lesion" not in label.lower():
            yield Finding(
                "recist-of-a-lesion",
                "caution",
                f"'{label}' is judged lesion by lesion. RECIST 1.1 rates a patient by a sum of target lesions with an absolute rule of 5 mm: call it size change.",
                f"« {label} » est jugé lésion par lésion. RECIST 1.1 classe un patient, par une somme de lésions cibles et un minimum absolu de 5 mm : parlez de variation de taille.",
            )


def of_results(study: Study) -> Iterator[Finding]:
    """Findings on what came out: few patients, a stated direction that the data contradict, perfect separation, flattered cuts, missing values, one-sided draws."""
    high, low = study.clusters.positive + study.clusters.mixed, study.clusters.negative + study.clusters.mixed
    if min(high, low) < FEW:
        text = f"Patients with a {study.names.positive} lesion: {high}, with a {study.names.negative} one: {low}. Fewer than {FEW} make every interval and p value over patients unreliable."
        french = f"Patients ayant une lésion {study.names.positive} : {high}, une lésion {negative_fr(study)} : {low}. À moins de {FEW}, tout intervalle et tout p par patients est peu fiable."
        yield Finding("few-patients", "caution" if min(high, low) >= VERY_FEW else "serious", text, french)
    for rule in study.rules:
        if rule.origin == "category" and not rule.called.any():
            yield Finding(
                "never-positive",
                "caution",
                f"{rule.label}: no lesion holds a value that means positive. Check how they are written.",
                f"{rule.label} : aucune lésion n’a de valeur qui signifie positif. Vérifiez leur écriture.",
            )
    for one in study.parameters:
        found, name, label = one.found, one.found.question.name, one.found.question.label
        label_fr = french_label(name, label)
        if found.area is None:
            yield Finding(
                "not-judged",
                "serious",
                f"{label}: the lesions that have a value are all of one class, so nothing can be said.",
                f"{label_fr} : les lésions qui ont une valeur sont toutes d’une même classe, rien ne peut être dit.",
                name,
            )
            continue
        if found.missing:
            rows = tuple(row for row, here in zip(study.table.rows, found.where, strict=True) if not here)
            text = f"{label}: {found.missing} of {study.n} lesions have no value."
            french = f"{label_fr} : {found.missing} lésions sur {study.n} n’ont pas de valeur."
            yield Finding("missing-values", "info", text, french, name, rows)
        bounds = found.area.ci95_clustered or found.area.ci95_delong
        if found.area.auc < 0.5:
            wrong = bounds is not None and bounds[1] < 0.5
            text = f"{label}: area {found.area.auc:.3f}, below one half: these data point the other way than stated ({found.question.direction} means {study.names.positive})."
            way = "basses" if found.question.direction == "lower" else "hautes"
            french = f"{label_fr} : aire de {comma(f'{found.area.auc:.3f}')}, moins d’un demi : ces données vont dans l’autre sens que celui annoncé (valeurs {way} = {study.names.positive})."
            yield Finding("direction-contradicted", "serious" if wrong else "caution", text, french, name)
        if found.area.auc in (0.0, 1.0):
            yield Finding(
                "separated",
                "caution",
                f"{label}: the classes do not overlap in these data, so no interval can be estimated; that is no proof of perfection.",
                f"{label_fr} : les classes ne se recouvrent pas dans ces données, aucun intervalle ne peut être estimé ; ce n’est pas une preuve de perfection.",
                name,
            )
        if one.found.question.threshold is None:
            yield from _cut(study, one.found.best, label, label_fr, name)
    if study.together is not None and study.together.found.apparent_auc - study.together.found.auc.auc > FLATTERED:
        found_together = study.together.found
        text = f"The combined rule reaches {found_together.apparent_auc:.3f} on its own data and {found_together.auc.auc:.3f} in patients it has not seen: quote the second."
        french = f"La règle combinée atteint {comma(f'{found_together.apparent_auc:.3f}')} sur ses propres données et {comma(f'{found_together.auc.auc:.3f}')} chez des patients qu’elle n’a pas vus : citez le second."
        yield Finding("combined-flattered", "caution", text, french)
    yield from _together(study)
    for pair in study.rule_pairs:
        few = pair.rates["accuracy"].clustered.discordant_clusters
        if few < FEW:
            text = f"{pair.first} against {pair.second}: the two differ in lesions of {few} patients only. The test over patients is then rough: quote the larger of its p and the exact one."
            french = f"{pair.first} contre {pair.second} : les deux ne diffèrent que dans les lésions de {few} patients. Le test par patients est alors approximatif : citez le plus grand de son p et du p exact."
            yield Finding("few-discordant", "caution", text, french)
    yield from _survival(study)


def _together(study: Study) -> Iterator[Finding]:
    """A rule of many parameters on few lesions, and coefficients that point the other way than their parameter alone."""
    if study.together is None:
        return
    rule, events = study.together.found.rule, min(int(study.together.positive.sum()), int((~study.together.positive).sum()))
    if events < EVENTS_A_PARAMETER * len(rule.names):
        text = f"The combined rule has {len(rule.names)} parameters for {events} lesions of the rarer class: fewer than {EVENTS_A_PARAMETER} a parameter. Its coefficients are not to be read one by one."
        french = f"La règle combinée a {len(rule.names)} paramètres pour {events} lésions de la classe la plus rare : moins de {EVENTS_A_PARAMETER} par paramètre. Ses coefficients ne se lisent pas un par un."
        yield Finding("few-lesions-a-parameter", "caution", text, french)
    ways = {one.found.question.name: one.found.question.direction for one in study.parameters}
    turned = [
        name
        for name, weight in zip(rule.names, rule.coefficients, strict=True)
        if name in ways and weight != 0.0 and (weight > 0.0) != (ways[name] == "higher")
    ]
    if turned:
        text = f"In the combined rule {', '.join(turned)} weigh the other way than alone: they share what the others say."
        french = f"Dans la règle combinée, {', '.join(turned)} pèsent dans l’autre sens que seuls : ils partagent ce que disent les autres."
        yield Finding("coefficient-turned", "info", text, french)


def _cut(study: Study, best: Youden | None, label: str, label_fr: str, name: str) -> Iterator[Finding]:
    if best is None:
        return
    if len(best.equal) > 1:
        cuts = ", ".join(f"{cut.threshold:.4g}" for cut in best.equal[:4])
        cuts_fr = " ; ".join(comma(f"{cut.threshold:.4g}") for cut in best.equal[:4])
        yield Finding(
            "several-cuts",
            "info",
            f"{label}: {len(best.equal)} cut-offs reach the same Youden index ({cuts}); the one nearest the upper left corner is shown.",
            f"{label_fr} : {len(best.equal)} seuils atteignent le même indice de Youden ({cuts_fr}) ; le plus proche du coin supérieur gauche est retenu.",
            name,
        )
    honest = best.left_out or best.bootstrap
    if honest is not None and best.cut.youden - honest.youden > FLATTERED:
        text = f"{label}: the cut-off was found on the lesions it is judged on. Youden's index is {best.cut.youden:.2f} there and {honest.youden:.2f} in patients it was not tuned on."
        french = f"{label_fr} : le seuil a été trouvé sur les lésions mêmes qui le jugent. L’indice de Youden y est de {comma(f'{best.cut.youden:.2f}')}, et de {comma(f'{honest.youden:.2f}')} chez des patients sur lesquels il n’a pas été réglé."
        yield Finding("cut-flattered", "caution", text, french, name)
    if study.bootstraps and best.failed > 0.01 * study.bootstraps:
        yield Finding(
            "draws-of-one-class",
            "caution",
            f"{label}: {best.failed} of {study.bootstraps} drawn studies held one class only and were left out.",
            f"{label_fr} : {best.failed} des {study.bootstraps} études tirées au sort n’avaient qu’une classe et ont été écartées.",
            name,
        )


def _survival(study: Study) -> Iterator[Finding]:
    for one in study.survival:
        if one.cox is not None and one.cox.few_events:
            yield Finding(
                "few-events",
                "caution",
                f"{one.label}: fewer than 10 events a covariate; hazard ratios are unstable.",
                f"{one.label} : moins de 10 événements par covariable ; les rapports de risques sont instables.",
            )
        if one.cox is not None:
            # the last test is of all covariates together: the same again where there is one
            for test in one.cox.proportionality[: 1 if len(one.cox.hazards) == 1 else None]:
                if test.p is not None and test.p < 0.05:
                    yield Finding(
                        "hazards-not-proportional",
                        "caution",
                        f"{one.label}: the hazard ratio of {test.name} changes over time (p {test.p:.3f}); one number does not describe it.",
                        f"{one.label} : le rapport de risques de {test.name} change avec le temps (p {comma(f'{test.p:.3f}')}) ; un seul nombre ne le décrit pas.",
                    )
