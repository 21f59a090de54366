"""Choi criteria and those made after them: size and attenuation in the portal phase, per lesion.

Choi H et al. J Clin Oncol 2007;25:1753-1759. The modified Choi criteria ask for both changes. Chung WS et al. (AJR 2012;199:809) rated colorectal
liver metastases by size and density; the abstract gives no cut-offs, so that here they are Choi's unless the user sets others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hepaflow.domain.course import Course, Verdict
from hepaflow.domain.exact import change
from hepaflow.domain.response import Assessment, Given, Reason, Source, Text
from hepaflow.domain.visits import Finding, Visit, Visits
from hepaflow.errors import InputRefused, UsageError
from hepaflow.response.progress import beside, new_lesions


@dataclass(frozen=True, slots=True)
class SizeAndDensity:
    """A criterion on size and attenuation: how far each must fall for a response, whether both must, how far size must rise for progression.

    Refused: cut-offs that are not fractions between 0 and 1.
    """

    key: str
    size_fall: Fraction
    hu_fall: Fraction
    size_rise: Fraction
    both: bool
    source: Source

    def __post_init__(self) -> None:
        if not all(0 < cut < 1 for cut in (self.size_fall, self.hu_fall, self.size_rise)):
            raise UsageError("CRITERION-CUT-OFF", "a cut-off is not between 0 and 1", "Give it as a fraction, such as 0.10")


_LIMITS = Text(
    "Both examinations must have the same phase, tube voltage and injection; one lesion at a time.",
    "Les deux examens doivent avoir la même phase, la même tension et la même injection ; une lésion à la fois.",
)
_TEN, _FIFTEEN = Fraction(10, 100), Fraction(15, 100)
CHOI = SizeAndDensity(
    "choi", _TEN, _FIFTEEN, _TEN, False, Source("Choi H et al. J Clin Oncol 2007;25:1753-1759 (GIST under imatinib)", _LIMITS)
)
MODIFIED_CHOI = SizeAndDensity(
    "modified-choi",
    _TEN,
    _FIFTEEN,
    _TEN,
    True,
    Source("Modified Choi criteria: both changes are asked for (tabulated in PMC5658474)", _LIMITS),
)
CHUNG = SizeAndDensity(
    "chung",
    _TEN,
    _FIFTEEN,
    _TEN,
    False,
    Source(
        "Chung WS et al. AJR 2012;199:809-815 (colorectal liver metastases)",
        Text(
            "The cut-offs of the paper are not in its abstract: Choi's are used. " + _LIMITS.en,
            "Les seuils de l'article ne figurent pas dans son résumé : ceux de Choi sont utilisés. " + _LIMITS.fr,
        ),
    ),
)

_TEXT: Mapping[str, Text] = {
    "CR": Text("The lesion has disappeared.", "La lésion a disparu."),
    "PR-either": Text(
        "Size has fallen by at least 10 % or attenuation by at least 15 %.",
        "La taille a diminué d'au moins 10 % ou l'atténuation d'au moins 15 %.",
    ),
    "PR-both": Text(
        "Size has fallen by at least 10 % and attenuation by at least 15 %.",
        "La taille a diminué d'au moins 10 % et l'atténuation d'au moins 15 %.",
    ),
    "PD": Text(
        "Size has risen by at least 10 % without the fall in attenuation of a response.",
        "La taille a augmenté d'au moins 10 % sans la baisse d'atténuation d'une réponse.",
    ),
    "PD-new": Text(
        "There is a new lesion, a new or growing nodule in the lesion, or unequivocal progression of non-target disease.",
        "Il existe une nouvelle lésion, un nodule nouveau ou croissant dans la lésion, ou une progression certaine des lésions non cibles.",
    ),
    "SD": Text("Neither response nor progression.", "Ni réponse, ni progression."),
    "NE": Text(
        "A size or an attenuation is missing, or the first attenuation is not that of an enhanced examination (0 HU or less).",
        "Une taille ou une atténuation manque, ou la première atténuation n'est pas celle d'un examen injecté (0 UH ou moins).",
    ),
}


def judge(
    rule: SizeAndDensity,
    *,
    size_mm: tuple[Fraction | None, Fraction | None],
    hu: tuple[Fraction | None, Fraction | None],
    new_lesion: bool = False,
) -> Assessment:
    """One lesion from its (first, later) longest diameter in mm and mean attenuation in HU.

    A new lesion (or what counts like one: a nodule that grows inside, non-target disease that progresses) is progression, a lesion that is gone a
    complete response; without usable attenuation nothing else is said. Refused: a negative size.

    >>> judge(CHOI, size_mm=(Fraction(50), Fraction(45)), hu=(Fraction(80), Fraction(80))).category
    'PR'
    """
    if any(size is not None and size < 0 for size in size_mm):
        raise InputRefused("NUMBER-NEGATIVE", "a size of a lesion is negative", "Check the value")
    size = None if None in size_mm else change(size_mm[1] or Fraction(0), size_mm[0] or Fraction(0))
    density = None if hu[0] is None or hu[1] is None or hu[0] <= 0 else change(hu[1], hu[0])
    category, text = _category(rule, size, density, gone=size_mm[1] == 0 and size_mm[0] != 0, new=new_lesion)
    words = _in_words(rule, text)
    numbers: dict[str, Given] = {
        "size_base_mm": size_mm[0],
        "size_mm": size_mm[1],
        "size_change": size,
        "hu_base": hu[0],
        "hu": hu[1],
        "hu_change": density,
        "size_fall": rule.size_fall,
        "hu_fall": rule.hu_fall,
        "size_rise": rule.size_rise,
        "new_lesion": new_lesion,
    }
    return Assessment(rule.key, category, (Reason(f"{rule.key}/{text}", words, numbers),))


def _category(rule: SizeAndDensity, size: Fraction | None, density: Fraction | None, *, gone: bool, new: bool) -> tuple[str, str]:
    if new:
        return "PD", "PD-new"
    if gone:
        return "CR", "CR"
    if size is None or density is None:
        return "NE", "NE"
    smaller, paler = size <= -rule.size_fall, density <= -rule.hu_fall
    if (smaller and paler) if rule.both else (smaller or paler):
        return "PR", "PR-both" if rule.both else "PR-either"
    if size >= rule.size_rise and not paler:
        return "PD", "PD"
    return "SD", "SD"


def _in_words(rule: SizeAndDensity, text: str) -> Text:
    """The sentence with the rule's own cut-offs in place of Choi's."""
    words = _TEXT[text]
    size, hu, rise = (f"{float(100 * cut):g} %" for cut in (rule.size_fall, rule.hu_fall, rule.size_rise))
    first = rise if text == "PD" else size
    swap = [part.replace("15 %", "\0").replace("10 %", first).replace("\0", hu) for part in (words.en, words.fr)]
    return Text(swap[0], swap[1])


def assess(visits: Visits, rule: SizeAndDensity = CHOI) -> Course:
    """Every lesion of the baseline at every later visit, each against its own baseline; ``unequivocal`` says that a nodule in it is new or grows.

    The patient has a category where a new lesion or unequivocal progression of non-target disease makes it progression; it changes no lesion's own.
    """
    verdicts = [Verdict(visits.baseline.name, visits.baseline.day, None)]
    for visit in visits.followups:
        found = {}
        for first in visits.baseline.findings:
            now = visit.of(first.lesion)
            found[first.lesion] = judge(
                rule,
                size_mm=(first.size_mm, _size(now)),
                hu=(first.hu, None if now is None else now.hu),
                new_lesion=now is not None and bool(now.unequivocal),
            )
        verdicts.append(Verdict(visit.name, visit.day, _patient(rule, visits.baseline, visit), lesions=found))
    return Course(rule.key, tuple(verdicts), {}, None)


def _patient(rule: SizeAndDensity, baseline: Visit, visit: Visit) -> Assessment | None:
    new, progressed = new_lesions(visit), beside(baseline, visit).progressed
    if not new and not progressed:
        return None
    numbers: dict[str, Given] = {"new_lesions": new, "non_target_progressed": progressed}
    return Assessment(rule.key, "PD", (Reason(f"{rule.key}/patient/PD", _PATIENT, numbers),))


_PATIENT = Text(
    "A new lesion, or unequivocal progression of non-target disease: progression of the patient, whatever the lesions say.",
    "Nouvelle lésion, ou progression certaine des lésions non cibles : progression du patient, quelles que soient les lésions.",
)


def _size(found: Finding | None) -> Fraction | None:
    return None if found is None or found.state == "merged" else found.size_mm
