"""What a response criterion is, and the one explicit list of criteria."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from hepaflow.domain.response import Text
from hepaflow.errors import UsageError
from hepaflow.units import QUANTITIES


@dataclass(frozen=True, slots=True)
class Criterion:
    """A named rule on one lesion: what it reads, its threshold, its categories, its source and what it is not.

    ``quantity`` is the ratio (lesion over healthy liver) it reads; below ``threshold`` (strictly) is ``below``, otherwise ``otherwise``. ``major_below`` says
    which of the two is the major response. Refused: a quantity that is not known, a threshold that is not positive.
    """

    key: str
    name: Text
    quantity: str
    threshold: float
    below: str
    otherwise: str
    smallest_mm: float
    rule: Text
    source: str
    limits: Text
    major_below: bool = True

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES:
            raise UsageError(
                "CRITERION-QUANTITY", "the criterion reads a quantity that is not known", "Use a key such as bf or mtt"
            )
        if not (isfinite(self.threshold) and self.threshold > 0):
            raise UsageError(
                "THRESHOLD-INVALID", "the response threshold is not a positive number", "Give a threshold such as 0.68"
            )


def _rule(name: str, side_en: str, side_fr: str, smallest_mm: float) -> Text:
    return Text(
        f"major when {name}(lesion) / {name}(healthy liver) {side_en}, otherwise minor; lesions under {smallest_mm:g} mm are not rated",
        f"majeure si {name}(lésion) / {name}(foie sain) {side_fr}, sinon mineure ; les lésions de moins de {smallest_mm:g} mm ne sont pas évaluées",
    )


NANCY_2019 = Criterion(
    key="nancy2019-bf-ratio",
    name=Text(
        "Blood-flow ratio below 0.68 (single centre, Nancy 2019)",
        "Rapport de flux sanguin inférieur à 0,68 (monocentrique, Nancy 2019)",
    ),
    quantity="bf",
    threshold=0.68,
    below="major",
    otherwise="minor",
    smallest_mm=15.0,
    rule=_rule("BF", "< threshold", "< seuil", 15.0),
    source="Thesis on CT perfusion of colorectal liver metastases after chemotherapy, Nancy 2019: 61 lesions of 32 patients, one centre, one protocol",
    limits=Text(
        "single centre, not validated elsewhere, bound to its protocol and software; never a treatment decision by itself",
        "monocentrique, non validé ailleurs, lié à son protocole et à son logiciel ; jamais à lui seul une décision de traitement",
    ),
)

CRITERIA: tuple[Criterion, ...] = (NANCY_2019,)


def criterion(key: str) -> Criterion:
    """The criterion of a key; refused with the list of keys when there is none.

    >>> criterion("nancy2019-bf-ratio").threshold
    0.68
    """
    for candidate in CRITERIA:
        if candidate.key == key:
            return candidate
    raise UsageError("CRITERION-UNKNOWN", f"no criterion {key!r}", "Use one of: " + ", ".join(c.key for c in CRITERIA))


def calibrated(
    quantity: str, threshold: float, *, major: str = "below", smallest_mm: float = 15.0, source: str, key: str = "calibrated"
) -> Criterion:
    """A site's own rule: a major response is a ratio of ``quantity`` strictly ``below`` (or ``above``) a ``threshold`` that the site found in its own patients.

    Major responses have low ratios of bf, bv, hpbf and habf, and high ones of ttp and mtt (thesis Nancy 2019). Refused: another word than ``below`` or
    ``above``, and what :class:`Criterion` refuses.

    >>> calibrated("ttp", 1.2, major="above", source="own data").rule.en
    'major when TTP(lesion) / TTP(healthy liver) > 1.2, otherwise minor; lesions under 15 mm are not rated'
    """
    if major not in ("below", "above"):
        raise UsageError("CRITERION-DIRECTION", "the side of a major response is not known", "Use below or above")
    sign = "<" if major == "below" else ">"
    name, limit = quantity.upper(), f"{sign} {threshold:g}"
    limit_fr = limit.replace(".", ",")
    return Criterion(
        key,
        Text(f"{name} ratio {limit} (calibrated by the user)", f"Rapport {name} {limit_fr} (calibré par l'utilisateur)"),
        quantity,
        threshold,
        "major" if major == "below" else "minor",
        "minor" if major == "below" else "major",
        smallest_mm,
        _rule(name, limit, limit_fr, smallest_mm),
        source,
        Text(
            "calibrated by the user, valid for the protocol, model and release it was found with; never a treatment decision by itself",
            "calibré par l'utilisateur, valable pour le protocole, le modèle et la version avec lesquels il a été trouvé ; jamais à lui seul une décision de traitement",
        ),
        major == "below",
    )
