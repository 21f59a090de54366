"""Is a change between two examinations more than what repeated examinations differ by?

The repeatability coefficient of a within-subject coefficient of variation wCV is 1.96 * sqrt(2) * wCV (Bland JM, Altman DG. Stat Methods Med Res
1999;8:135-160): two examinations of an unchanged lesion differ by less in 95 of 100.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hepaflow.domain.response import Assessment, Given, Reason, Text
from hepaflow.errors import UsageError
from hepaflow.units import QUANTITIES

KEY = "real-change"
_TWO_SIDED = 1.96
NG_2011 = (
    "Ng CS et al. Reproducibility of CT perfusion parameters in liver tumors and normal liver. Radiology 2011;260:762-770: tumors, two scans 2 to 7 days "
    "apart, seven patients, deconvolution, rigid registration of both phases"
)


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Within-subject coefficient of variation of a quantity (0.112 for 11.2 %), and where it was measured. Refused: one that is not between 0 and 1."""

    wcv: float
    source: str

    def __post_init__(self) -> None:
        if not 0.0 < self.wcv < 1.0:
            raise UsageError("REPEATABILITY-INVALID", "a within-subject CV is not between 0 and 1", "Give 0.112 for 11.2 %")

    @property
    def coefficient(self) -> float:
        """The relative difference that 95 of 100 pairs of repeats stay within.

        >>> round(Repeatability(0.112, "").coefficient, 3)
        0.31
        """
        return _TWO_SIDED * math.sqrt(2.0) * self.wcv


#: What is known of liver tumors. Arterial and portal flow and their fraction were not measured there: nothing is assumed of them.
REPEATABILITY: Mapping[str, Repeatability] = {
    "bf": Repeatability(0.112, NG_2011),
    "bv": Repeatability(0.144, NG_2011),
    "mtt": Repeatability(0.055, NG_2011),
    "ps": Repeatability(0.121, NG_2011),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of one examination with its standard deviation there (None: not known)."""

    value: float | None
    sd: float | None = None


def judge(
    quantity: str,
    before: Measured,
    now: Measured,
    *,
    repeatability: Mapping[str, Repeatability] = REPEATABILITY,
    differs: tuple[str, ...] = (),
) -> Assessment:
    """``decrease`` or ``increase`` beyond repeatability, ``within_repeatability``, ``not_evaluable``, or ``not_comparable``.

    The limit is the repeatability coefficient or, where it is larger, 1.96 times what the two standard deviations add up to. ``differs`` names what the two
    examinations do not share: another model, density or haematocrit makes them not comparable, anything else (protocol, release) is a flag.

    >>> judge("bf", Measured(100.0), Measured(62.0)).reasons[0].text.en
    'Blood flow -38 %, beyond the 31 % that repeats differ by.'
    """
    name = QUANTITIES[quantity]
    known = repeatability.get(quantity)
    flags = tuple(f"{what}-differs" for what in differs if what in _FLAGGED)
    apart = [what for what in differs if what not in _FLAGGED]
    if apart:
        what = ", ".join(apart)
        text = Text(
            f"{name.name_en}: not compared, made with another {what}.",
            f"{name.name_fr} : pas de comparaison, obtenu autrement ({', '.join(_FRENCH.get(one, one) for one in apart)}).",
        )
        return _said("not_comparable", text, {"differs": what}, ("models-differ",))
    if (
        before.value is None
        or now.value is None
        or not 0 < before.value < math.inf
        or not 0 <= now.value < math.inf
        or known is None
    ):
        reason_en = "no repeatability is known" if known is None else "a value is missing, or is not above zero before"
        reason_fr = "répétabilité inconnue" if known is None else "une valeur manque ou n'est pas positive au départ"
        text = Text(f"{name.name_en}: not judged, {reason_en}.", f"{name.name_fr} : non jugé, {reason_fr}.")
        return _said("not_evaluable", text, {"before": before.value, "now": now.value}, flags)
    relative = now.value / before.value - 1.0
    limit = max(known.coefficient, _TWO_SIDED * _spread(before, now))
    category = "within_repeatability" if abs(relative) <= limit else "decrease" if relative < 0 else "increase"
    numbers: dict[str, Given] = {
        "before": before.value,
        "now": now.value,
        "change": relative,
        "limit": limit,
        "wcv": known.wcv,
        "limit_from": "repeatability" if limit == known.coefficient else "standard deviations of the two examinations",
        "source": known.source,
    }
    return _said(
        category, _sentence(name.name_en, name.name_fr, relative, limit, beyond=category != "within_repeatability"), numbers, flags
    )


_FLAGGED = ("protocol", "release")
_FRENCH = {"model": "modèle", "density_g_ml": "densité", "haematocrit": "hématocrite"}


def _spread(before: Measured, now: Measured) -> float:
    """Relative standard deviation of the ratio of the two values."""
    pairs = [(one.value, one.sd) for one in (before, now)]
    return math.sqrt(sum((sd / value) ** 2 for value, sd in pairs if value and sd is not None and math.isfinite(sd)))


def _sentence(name_en: str, name_fr: str, relative: float, limit: float, *, beyond: bool) -> Text:
    change, within = f"{100 * relative:+.0f} %", f"{100 * limit:.0f} %"
    where_en, where_fr = ("beyond", "au-delà des") if beyond else ("within", "dans les")
    return Text(
        f"{name_en} {change}, {where_en} the {within} that repeats differ by.",
        f"{name_fr} {change}, {where_fr} {within} d'écart entre examens répétés.",
    )


def _said(category: str, text: Text, numbers: Mapping[str, Given], flags: tuple[str, ...]) -> Assessment:
    return Assessment(KEY, category, (Reason(f"{KEY}/{category}", text, numbers),), flags)
