"""What the pathologist recorded: each nodule, the liver around it, and which lesion of the images is which nodule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from hepaflow.domain.exact import Written, exact, not_negative
from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.primary import Differentiation
from hepaflow.pathology.regression import Components, grade_of
from hepaflow.pathology.unsaid import not_recorded, percent

BACKGROUND: Final = "background-liver"


class Necrosis(StrEnum):
    """Kinds of necrosis: of the type of an infarct (a response), dirty (none)."""

    INFARCT_LIKE = "infarct_like"
    DIRTY = "dirty"


class Residual(StrEnum):
    """Residual tumor at the margin (UICC): none, microscopic, macroscopic, not assessable, not recorded."""

    R0 = "R0"
    R1 = "R1"
    R2 = "R2"
    RX = "RX"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Nodule:
    """One nodule of a specimen; None or ``unknown`` where the report does not say.

    ``macro_mm`` and ``micro_mm`` are its longest diameter seen by eye and under the microscope, ``interface_mm`` the thickness of viable tumor at its edge,
    ``margin_mm`` the distance to the cut. ``necrosis`` is the set of kinds seen, empty when none was. Refused: an empty identifier
    (``NODULE-UNNAMED``), numbers out of range, and what contradicts itself (``NODULE-CONTRADICTS``): R0 with a margin of 0 mm, two shares of
    viable cells that differ, a component of a kind of necrosis that was not seen.
    """

    identifier: str
    differentiation: Differentiation = Differentiation.UNKNOWN
    macro_mm: Written | None = None
    micro_mm: Written | None = None
    trg: Written | None = None
    residual_percent: Written | None = None
    necrosis: frozenset[Necrosis] | None = None
    components: Components | None = None
    interface_mm: Written | None = None
    margin_mm: Written | None = None
    residual: Residual = Residual.UNKNOWN

    def __post_init__(self) -> None:
        if not self.identifier.strip():
            raise InputRefused("NODULE-UNNAMED", "a nodule has no identifier", "Number the nodules")
        for value, what in (
            (self.macro_mm, "the macroscopic size"),
            (self.micro_mm, "the microscopic size"),
            (self.interface_mm, "the thickness of tumor at the interface"),
            (self.margin_mm, "the margin"),
        ):
            if value is not None:
                not_negative(value, what=what)
        if self.trg is not None:
            grade_of(self.trg)
        if self.residual_percent is not None:
            percent(self.residual_percent, what="the share of viable tumor cells")
        if self.residual is Residual.R0 and self.margin_mm is not None and exact(self.margin_mm) == 0:
            raise InputRefused("NODULE-CONTRADICTS", "a margin of 0 mm is recorded as R0", "Correct one of the two")
        if self.components is not None:
            self._check_components(self.components)

    def _check_components(self, made_of: Components) -> None:
        viable = made_of.viable_percent
        if viable is not None and self.residual_percent is not None and exact(viable) != exact(self.residual_percent):
            raise InputRefused("NODULE-CONTRADICTS", "two shares of viable cells of one nodule differ", "Record one reading")
        for kind, share in (
            (Necrosis.INFARCT_LIKE, made_of.infarct_like_percent),
            (Necrosis.DIRTY, made_of.dirty_necrosis_percent),
        ):
            if share is not None and exact(share) > 0 and self.necrosis is not None and kind not in self.necrosis:
                raise InputRefused(
                    "NODULE-CONTRADICTS", "a share of a kind of necrosis that was not seen is recorded", "Correct one of the two"
                )


class Finding(StrEnum):
    """Whether something was found in the liver around."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Steatosis(StrEnum):
    """Share of the liver cells with fat: the classes of the thesis Nancy 2019, Table 1."""

    NONE = "none"
    BELOW_10 = "below_10"
    FROM_10_TO_50 = "10_to_50"
    ABOVE_50 = "above_50"
    UNKNOWN = "unknown"


def steatosis_class(fat_percent: Written | None) -> Steatosis:
    """The class of a share in per cent; 10 and 50 belong to the middle one, 0 is none, and None is unknown.

    >>> steatosis_class(10).value
    '10_to_50'
    """
    if fat_percent is None:
        return Steatosis.UNKNOWN
    found = percent(fat_percent, what="the share of steatosis")
    if found == 0:
        return Steatosis.NONE
    if found < 10:
        return Steatosis.BELOW_10
    return Steatosis.FROM_10_TO_50 if found <= 50 else Steatosis.ABOVE_50


@dataclass(frozen=True, slots=True)
class BackgroundLiver:
    """The liver around the nodules, which is what “healthy liver” means in a ratio."""

    steatosis: Steatosis = Steatosis.UNKNOWN
    fibrosis: Finding = Finding.UNKNOWN
    iron_overload: Finding = Finding.UNKNOWN
    steatohepatitis: Finding = Finding.UNKNOWN
    sinusoidal_obstruction: Finding = Finding.UNKNOWN


_BACKGROUND_NAMES: Final = (
    ("fibrosis", Text("fibrosis", "fibrose")),
    ("iron_overload", Text("iron overload", "surcharge en fer")),
    ("steatohepatitis", Text("steatohepatitis", "stéatohépatite")),
    ("sinusoidal_obstruction", Text("sinusoidal obstruction", "obstruction sinusoïdale")),
)


def background(liver: BackgroundLiver) -> Assessment:
    """``altered`` when anything was found in the liver around (any steatosis counts), ``unaltered`` when all was looked for and absent, else ``not_evaluable``.

    Flags ``background-liver-altered`` and ``background-liver-unknown``: a ratio to “healthy liver” is to be read beside them.
    """
    names = (("steatosis", Text("steatosis", "stéatose")), *_BACKGROUND_NAMES)
    fat = Finding.UNKNOWN if liver.steatosis is Steatosis.UNKNOWN else Finding.PRESENT
    fat = Finding.ABSENT if liver.steatosis is Steatosis.NONE else fat
    found = (fat, liver.fibrosis, liver.iron_overload, liver.steatohepatitis, liver.sinusoidal_obstruction)
    present = [named for named, one in zip(names, found, strict=True) if one is Finding.PRESENT]
    unknown = [named for named, one in zip(names, found, strict=True) if one is Finding.UNKNOWN]
    flags = ("background-liver-unknown",) if unknown else ()
    if present:
        reasons = tuple(
            Reason(
                f"background-{key.replace('_', '-')}",
                Text(f"Found in the liver around: {text.en}.", f"Trouvé dans le foie environnant : {text.fr}."),
                {"steatosis_class": liver.steatosis.value} if key == "steatosis" else {},
            )
            for key, text in present
        )
        return Assessment(BACKGROUND, "altered", reasons, ("background-liver-altered", *flags))
    if unknown:
        return not_recorded(BACKGROUND, *(text for _, text in unknown), flags=flags)
    text = Text("Nothing was found in the liver around.", "Rien n’a été trouvé dans le foie environnant.")
    return Assessment(BACKGROUND, "unaltered", (Reason("background-unaltered", text, {}),))


@dataclass(frozen=True, slots=True)
class Links:
    """Which lesion of the images is which nodule of the specimen, and what has no partner on either side, in the order given."""

    pairs: tuple[tuple[str, str], ...]
    lesions_alone: tuple[str, ...]
    nodules_alone: tuple[str, ...]


def link(lesions: Sequence[str], nodules: Sequence[str], pairs: Sequence[tuple[str, str]]) -> Links:
    """One-to-one links (lesion, nodule), checked.

    Refused by name, with the number of the pair and never its words: an identifier that is listed twice (``LESIONS-REPEATED``,
    ``NODULES-REPEATED``), an unknown one (``LINK-LESION-UNKNOWN``, ``LINK-NODULE-UNKNOWN``), one linked twice (``LINK-LESION-TWICE``,
    ``LINK-NODULE-TWICE``).

    >>> link(["a", "b"], ["1"], [("b", "1")]).lesions_alone
    ('a',)
    """
    if max(Counter(lesions).values(), default=0) > 1:
        raise InputRefused("LESIONS-REPEATED", "two lesions have the same identifier", "Give each lesion its own")
    if max(Counter(nodules).values(), default=0) > 1:
        raise InputRefused("NODULES-REPEATED", "two nodules have the same identifier", "Give each nodule its own")
    seen_lesions: set[str] = set()
    seen_nodules: set[str] = set()
    for i, (lesion, nodule) in enumerate(pairs, 1):
        if lesion not in lesions:
            raise InputRefused("LINK-LESION-UNKNOWN", f"pair {i} names a lesion that is not in the images", "Correct the pair")
        if nodule not in nodules:
            raise InputRefused("LINK-NODULE-UNKNOWN", f"pair {i} names a nodule that is not in the specimen", "Correct the pair")
        if lesion in seen_lesions:
            raise InputRefused("LINK-LESION-TWICE", f"pair {i} links a lesion a second time", "Keep one nodule a lesion")
        if nodule in seen_nodules:
            raise InputRefused("LINK-NODULE-TWICE", f"pair {i} links a nodule a second time", "Keep one lesion a nodule")
        seen_lesions.add(lesion)
        seen_nodules.add(nodule)
    alone = tuple(one for one in lesions if one not in seen_lesions), tuple(one for one in nodules if one not in seen_nodules)
    return Links(tuple(pairs), *alone)
