"""What the sheet says in words: facts of the record, and where criteria disagree and why that matters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from hepaflow.domain.course import Course, Verdict
from hepaflow.domain.response import Assessment, Text
from hepaflow.pathology.chemotherapy import Course as ChemotherapyCourse
from hepaflow.pathology.chemotherapy import exposure, read_course
from hepaflow.pathology.dates import StudyDates, scan_to_surgery
from hepaflow.pathology.operability import GROUP_NAMES, Checklist, checklist
from hepaflow.pathology.specimen import BackgroundLiver, background
from hepaflow.pathology.staging import stage_group
from hepaflow.pathology.tnm import read_tnm
from hepaflow.report.sheet_content import Disagreement, Leaning, Said, SheetLesion
from hepaflow.response.catalogue import SIZE_CRITERIA
from hepaflow.therapy import remnant
from hepaflow.therapy.eligibility import Offer
from hepaflow.therapy.eligibility import assess as assess_ablation
from hepaflow.therapy.remnant import Volumes, body_surface_m2
from hepaflow.therapy.vocabulary import NAMES, Therapy
from hepaflow.workflow.changes import Change
from hepaflow.workflow.patient_record import Record

CRITERIA: Mapping[str, Text] = {one.key: one.name for one in SIZE_CRITERIA} | {
    "size-change": Text("size", "taille"),
    "modified-choi": Text("modified Choi", "Choi modifié"),
    "chun": Text("morphology", "morphologie"),
}
PERFUSION = Text("perfusion", "perfusion")
HISTOLOGY = Text("histology", "histologie")
NEW_LESION = Said("size-change", Text("new lesion", "nouvelle lésion"), "new", "progresses")
#: What a category says of a lesion.
LEANING: Mapping[str, Leaning] = {
    "CR": "responds",
    "PR": "responds",
    "SD": "no_response",
    "PD": "progresses",
    "gone": "responds",
    "smaller": "responds",
    "stable": "no_response",
    "larger": "progresses",
    "optimal": "responds",
    "incomplete": "partly",
    "none": "no_response",
    "major": "responds",
    "minor": "no_response",
}
_WHY: Mapping[str, Text] = {
    "specimen": Text(
        "the specimen outweighs the images, which must be read again with it",
        "la pièce opératoire prime sur l'imagerie, à relire avec elle",
    ),
    "perfusion-low": Text(
        "a lesion may lose its perfusion without shrinking: stable size does not exclude a major response",
        "une lésion peut perdre sa perfusion sans diminuer : une taille stable n'exclut pas une réponse majeure",
    ),
    "perfusion-high": Text(
        "what is still perfused may be viable: shrinkage alone does not prove a response",
        "ce qui reste perfusé peut être viable : la diminution de taille seule ne prouve pas la réponse",
    ),
    "progress": Text(
        "growth in one criterion while another responds: look for mixed behavior, hemorrhage or necrosis",
        "croissance selon un critère et réponse selon un autre : rechercher un comportement mixte, une hémorragie ou une nécrose",
    ),
    "density": Text(
        "attenuation fell where neither size nor perfusion did: make sure that phase, voltage and injection are the same before believing it",
        "l'atténuation a baissé sans la taille ni la perfusion : vérifier que phase, tension et injection sont identiques avant d'y croire",
    ),
    "other": Text("no criterion alone decides", "aucun critère ne décide seul"),
}
_ANTIANGIOGENIC = Text(
    "under antiangiogenics size misses responses most often",
    "sous antiangiogéniques, la taille méconnaît le plus souvent la réponse",
)


_TARGETED: Mapping[str, Text] = {
    "antiangiogenic-exposure": Text(
        "antiangiogenic: response may show without shrinkage, and perfusion falls by the drug itself",
        "antiangiogénique : la réponse peut survenir sans diminution de taille, et le médicament abaisse lui-même la perfusion",
    ),
    "anti-egfr-exposure": Text("anti-EGFR: size may miss a response", "anti-EGFR : la taille peut méconnaître une réponse"),
}


def disagreement(lesion: SheetLesion, record: Record) -> Disagreement | None:
    """The sentence for a lesion on which criteria lean apart; None where they do not."""
    leanings = {one.leaning for one in lesion.said}
    if "responds" not in leanings or not leanings & {"no_response", "progresses"}:
        return None
    sides = [
        ("responds", "response by", "réponse selon"),
        ("no_response", "none by", "absente selon"),
        ("progresses", "progression by", "progression selon"),
    ]
    parts = [(en, fr, [one.criterion for one in lesion.said if one.leaning == leaning]) for leaning, en, fr in sides]
    in_english = "; ".join(f"{said} {', '.join(one.en for one in names)}" for said, _, names in parts if names)
    in_french = " ; ".join(f"{said} {', '.join(one.fr for one in names)}" for _, said, names in parts if names)
    why = _why(lesion)
    reasons = [_WHY[why]]
    if why == "perfusion-low" and "antiangiogenic-exposure" in exposure(courses(record)).flags:
        reasons.append(_ANTIANGIOGENIC)
    because = Text("; ".join(one.en for one in reasons), "; ".join(one.fr for one in reasons))
    what = Text(f"{_name(lesion.name).en}: {in_english}", f"{_name(lesion.name).fr} : {in_french}")
    return Disagreement(what, because)


def _why(lesion: SheetLesion) -> str:
    by = {one.key: one.leaning for one in lesion.said}
    histology, perfusion, size = by.get("histology"), by.get("perfusion"), by.get("size-change")
    if histology is not None and any(one.leaning != histology for one in lesion.said):
        return "specimen"
    if perfusion == "responds" and size in ("no_response", "progresses"):
        return "perfusion-low"
    if perfusion == "no_response" and size == "responds":
        return "perfusion-high"
    if "progresses" in by.values():
        return "progress"
    return "density" if {key for key, leaning in by.items() if leaning == "responds"} <= {"choi", "modified-choi"} else "other"


def moved(change: Change) -> Text:
    """A change beyond repeatability, in short."""
    numbers = change.assessment.reasons[0].numbers
    relative, limit = numbers["change"], numbers["limit"]
    assert isinstance(relative, float)
    assert isinstance(limit, float)
    name, by, within = change.quantity.upper(), f"{100 * relative:+.0f} %", f"{100 * limit:.0f} %"
    return Text(f"{name} {by} (repeats: {within})", f"{name} {by} (répétabilité : {within})")


def unsure(lesions: list[str]) -> Text:
    """That the category by perfusion of some lesions could be the other one."""
    return Text(
        f"Perfusion of {_list(lesions).en}: the category is less than 95 % sure.",
        f"Perfusion de {_list(lesions).fr} : catégorie incertaine (probabilité inférieure à 95 %).",
    )


def unseen(lesions: list[str]) -> Text:
    """That lesions were not measured at the latest visit."""
    return Text(f"Not measured at the latest visit: {_list(lesions).en}.", f"Non mesurées au dernier examen : {_list(lesions).fr}.")


def other_size(lesion: str) -> Text:
    """That a written size does not fit the case."""
    return Text(
        f"{_name(lesion).en}: a size in the table is far from that of its case. Is case_lesion the same lesion?",
        f"{_name(lesion).fr} : une taille du tableau s'écarte nettement de celle du cas. case_lesion désigne-t-il la même lésion ?",
    )


def course(found: Course) -> tuple[Text, ...]:
    """The patient's category by RECIST 1.1 at every visit after the baseline, with its parts and sums."""
    lines = []
    for verdict in found.verdicts:
        if verdict.overall is None:
            continue
        parts = {name: part.category for name, part in verdict.parts.items()}
        en = ", ".join(f"{_PART[name].en} {category}" for name, category in parts.items())
        fr = ", ".join(f"{_PART[name].fr} {_IN_FRENCH.get(category, category)}" for name, category in parts.items())
        sums_en, sums_fr = _sums(verdict)
        head, tete = (
            f"{verdict.visit}, RECIST 1.1 {verdict.overall.category}",
            _IN_FRENCH.get(verdict.overall.category, verdict.overall.category),
        )
        lines.append(Text(f"{head}: {en}{sums_en}.", f"{verdict.visit}, RECIST 1.1 {tete} : {fr}{sums_fr}."))
    return tuple(lines)


def _sums(verdict: Verdict) -> tuple[str, str]:
    if "target" not in verdict.parts:
        return "", ""
    numbers = verdict.parts["target"].reasons[0].numbers
    now, base, lowest = (float(numbers[key] or 0) for key in ("sum_mm", "baseline_sum_mm", "nadir_sum_mm"))
    known = "" if numbers["not_evaluated"] == 0 else " (not all measured)"
    connu = "" if numbers["not_evaluated"] == 0 else " (non toutes mesurées)"
    return (
        f"; sum {now:g} mm{known}, baseline {base:g}, smallest before {lowest:g}",
        f" ; somme {now:g} mm{connu}, initiale {base:g}, plus petite antérieure {lowest:g}",
    )


_PART: Mapping[str, Text] = {
    "target": Text("targets", "cibles"),
    "non-target": Text("non-targets", "non-cibles"),
    "new": Text("new lesion", "nouvelle lésion"),
}
_IN_FRENCH = {
    "CR": "RC",
    "PR": "RP",
    "SD": "MS",
    "PD": "MP",
    "Non-CR/Non-PD": "Non-RC/Non-MP",
    "no": "non",
    "yes": "oui",
    "equivocal": "douteuse",
}


def unrated(lesions: list[str]) -> Text:
    """That some lesions have a ratio but no category."""
    return Text(
        f"{_list(lesions).en}: measured, but not rated by perfusion (under 15 mm, or not evaluable).",
        f"{_list(lesions).fr} : mesurée, mais non classée par la perfusion (moins de 15 mm, ou non évaluable).",
    )


def therapy(kind: Therapy) -> Text:
    """Name of a therapy."""
    return NAMES[kind]


def therapies_of(lesion: str, record: Record) -> tuple[Text, ...]:
    """What was done to a lesion, with the day."""
    done = [event for event in record.therapies if event.lesion == lesion]
    return tuple(Text(f"{NAMES[event.therapy].en} {event.on}", f"{NAMES[event.therapy].fr} {event.on}") for event in done)


def courses(record: Record) -> tuple[ChemotherapyCourse, ...] | None:
    """The courses of chemotherapy; None where nothing is recorded."""
    return tuple(read_course(one.regimen, cycles=one.cycles) for one in record.chemotherapy) or None


def facts(record: Record, *, last_scan: date | None) -> tuple[tuple[Text, Text], ...]:
    """Stage, chemotherapy, liver, the board's word, remnant and dates, as far as the record holds them: lines of label and value."""
    return (
        *_stage(record),
        *_drugs(record),
        *_liver(record),
        *_said_by_board(record),
        *_remnant(record),
        *_surgery(record, last_scan),
    )


def _stage(record: Record) -> tuple[tuple[Text, Text], ...]:
    first = record.primary
    if first.t is None or first.n is None or first.m is None:
        return ()
    tnm = read_tnm(first.t, first.n, first.m)
    text = f"{tnm.t.value} {tnm.n.value} {tnm.m.value}, {stage_group(tnm).category}"
    return ((Text("TNM, AJCC 8 stage", "TNM, stade AJCC 8"), Text(text, text)),)


def _drugs(record: Record) -> tuple[tuple[Text, Text], ...]:
    given = courses(record)
    if given is None:
        return ()
    said = "; ".join(one.regimen + (f" x {one.cycles}" if one.cycles is not None else "") for one in record.chemotherapy)
    lines = [(Text("Chemotherapy", "Chimiothérapie"), Text(said, said))]
    flags = exposure(given).flags
    lines += [(Text("Targeted drug", "Thérapie ciblée"), _TARGETED[flag]) for flag in flags if flag in _TARGETED]
    return tuple(lines)


def _liver(record: Record) -> tuple[tuple[Text, Text], ...]:
    found = background(BackgroundLiver(**record.background.model_dump()))
    if found.category == "not_evaluable":
        return ()
    said, share = _all(found), _STEATOSIS.get(record.background.steatosis.value, "")
    more = f" ({share})" if share else ""
    return ((Text("Background liver", "Foie non tumoral"), Text(f"{said.en}{more}", f"{said.fr}{more}")),)


_STEATOSIS = {"below_10": "< 10 %", "10_to_50": "10-50 %", "above_50": "> 50 %"}


def _said_by_board(record: Record) -> tuple[tuple[Text, Text], ...]:
    if not record.board:
        return ()
    last = max(record.board, key=lambda one: one.on)
    name = GROUP_NAMES[last.group]
    said = (Text("Board, as recorded", "RCP, selon le compte rendu"), Text(f"{name.en} ({last.on})", f"{name.fr} ({last.on})"))
    if all(answer == "unknown" for answer in record.checklist.model_dump().values()):
        return (said,)
    asked = checklist(Checklist(**record.checklist.model_dump()))
    return said, (Text("Resectability, as recorded", "Résécabilité, selon les réponses"), asked.reasons[0].text)


def _remnant(record: Record) -> tuple[tuple[Text, Text], ...]:
    given = record.remnant
    if given is None:
        return ()
    surface = None
    if given.height_cm is not None and given.weight_kg is not None:
        surface = body_surface_m2(given.height_cm, given.weight_kg)
    found = remnant.assess(Volumes(given.flr_ml, given.total_ml, given.tumor_ml), given.liver, surface_m2=surface)
    return ((Text("Future liver remnant", "Futur foie restant"), _all(found)),)


def ablation(lesion: str, size_mm: float | None, record: Record) -> tuple[Text, ...]:
    """What a lesion offers for ablation, where the record says something of it."""
    row = next((one for one in record.ablation if one.lesion == lesion), None)
    if row is None:
        return ()
    found = assess_ablation(Offer(size_mm, row.hilum_mm, row.vessel_mm, row.visible))
    en, fr = _IDEAL[found.category].en, _IDEAL[found.category].fr
    missing = [one.text for one in found.reasons if one.numbers.get("verdict") in ("not_met", "unknown")]
    return (
        Text(
            " ".join([f"Ablation: {en}.", *(one.en for one in missing)]),
            " ".join([f"Ablation : {fr}.", *(one.fr for one in missing)]),
        ),
    )


_IDEAL: Mapping[str, Text] = {
    "ideal": Text(
        "all criteria of the ideal candidate met (not decided by software)",
        "tous les critères du candidat idéal remplis (non décidé par un logiciel)",
    ),
    "not_ideal": Text(
        "not the ideal candidate (not decided by software)", "n'est pas le candidat idéal (non décidé par un logiciel)"
    ),
    "unknown": Text("criteria not all known", "critères incomplets"),
}


def _surgery(record: Record, last_scan: date | None) -> tuple[tuple[Text, Text], ...]:
    if record.surgery is None:
        return ()
    found = scan_to_surgery(StudyDates(before_surgery=last_scan, surgery=record.surgery))
    days, said = found.reasons[0].numbers.get("days"), _all(found)
    limit = found.reasons[0].numbers.get("limit_days")
    en, fr = "", ""
    if days is not None:
        en = f", {days} days after the last scan (limit {limit} days)"
        fr = f", {days} jours après le dernier examen (limite {limit} jours)"
    return ((Text("Surgery", "Chirurgie"), Text(f"{record.surgery}{en}. {said.en}", f"{record.surgery}{fr}. {said.fr}")),)


def _all(found: Assessment) -> Text:
    """Every reason of an assessment, one sentence after another."""
    return Text(" ".join(one.text.en for one in found.reasons), " ".join(one.text.fr for one in found.reasons))


def _name(lesion: str) -> Text:
    number = lesion.removeprefix("lesion-")
    return Text(f"Lesion {number}", f"Lésion {number}") if number.isdigit() and number != lesion else Text(lesion, lesion)


def _list(lesions: list[str]) -> Text:
    names = [_name(one) for one in lesions]
    return Text(", ".join(one.en for one in names), ", ".join(one.fr for one in names))
