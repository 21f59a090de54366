"""T, N and M of colorectal cancer: every category, its definition, and N from what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Source, Text
from hepaflow.errors import InputRefused
from hepaflow.pathology.unsaid import not_recorded

NODES: Final = "ajcc8-n-from-counts"
AJCC_8 = Source(
    "AJCC Cancer Staging Manual and UICC TNM, 8th edition (January 2017), colon and rectum; as printed in the thesis Nancy 2019",
    Text(
        "Not for the anal canal, the appendix, neuroendocrine tumors or lymphoma, which have tables of their own.",
        "Ne s’applique ni au canal anal, ni à l’appendice, ni aux tumeurs neuroendocrines, ni au lymphome, qui ont leurs propres tables.",
    ),
)


class T(StrEnum):
    """Primary tumor; ``T4`` is T4 with its letter not given."""

    TX = "TX"
    T0 = "T0"
    TIS = "Tis"
    T1 = "T1"
    T2 = "T2"
    T3 = "T3"
    T4 = "T4"
    T4A = "T4a"
    T4B = "T4b"


class N(StrEnum):
    """Regional lymph nodes; ``N1`` and ``N2`` are those with their letter not given."""

    NX = "NX"
    N0 = "N0"
    N1 = "N1"
    N1A = "N1a"
    N1B = "N1b"
    N1C = "N1c"
    N2 = "N2"
    N2A = "N2a"
    N2B = "N2b"


class M(StrEnum):
    """Distant metastasis; ``M1`` is M1 with its letter not given, ``MX`` is M not known (no category of the 8th edition, but often written)."""

    MX = "MX"
    M0 = "M0"
    M1 = "M1"
    M1A = "M1a"
    M1B = "M1b"
    M1C = "M1c"


DEFINITIONS: Mapping[T | N | M, Text] = MappingProxyType(
    {
        T.TX: Text("Primary tumor cannot be assessed.", "Tumeur primitive non évaluable."),
        T.T0: Text("No evidence of a primary tumor.", "Pas de tumeur primitive décelable."),
        T.TIS: Text("Carcinoma in situ: intraepithelial or intramucosal.", "Carcinome in situ : intra-épithélial ou intramuqueux."),
        T.T1: Text("Tumor invades the submucosa.", "Tumeur envahissant la sous-muqueuse."),
        T.T2: Text("Tumor invades the muscularis propria.", "Tumeur envahissant la musculeuse."),
        T.T3: Text(
            "Tumor invades the subserosa or the tissues around the colon or rectum.",
            "Tumeur envahissant la sous-séreuse ou les tissus péricoliques ou périrectaux.",
        ),
        T.T4: Text("T4, letter not given.", "T4, lettre non précisée."),
        T.T4A: Text("Tumor penetrates the visceral peritoneum.", "Tumeur pénétrant le péritoine viscéral."),
        T.T4B: Text(
            "Tumor invades, or adheres to, a neighboring organ or structure.",
            "Tumeur envahissant un organe ou une structure de voisinage, ou y adhérant.",
        ),
        N.NX: Text("Regional lymph nodes cannot be assessed.", "Ganglions lymphatiques régionaux non évaluables."),
        N.N0: Text("No metastasis in regional lymph nodes.", "Pas de métastase ganglionnaire régionale."),
        N.N1: Text(
            "Metastasis in 1 to 3 regional lymph nodes, or deposits without any; letter not given.",
            "Métastase dans 1 à 3 ganglions régionaux, ou dépôts sans ganglion atteint ; lettre non précisée.",
        ),
        N.N1A: Text("Metastasis in 1 regional lymph node.", "Métastase dans 1 ganglion régional."),
        N.N1B: Text("Metastasis in 2 or 3 regional lymph nodes.", "Métastases dans 2 ou 3 ganglions régionaux."),
        N.N1C: Text(
            "Tumor deposits in the subserosa or the non-peritonealized tissue around the colon or rectum, without metastatic lymph node.",
            "Dépôts tumoraux dans la sous-séreuse ou le tissu péricolique ou périrectal non péritonisé, sans ganglion métastatique.",
        ),
        N.N2: Text(
            "Metastasis in 4 or more regional lymph nodes; letter not given.",
            "Métastases dans 4 ganglions régionaux ou plus ; lettre non précisée.",
        ),
        N.N2A: Text("Metastasis in 4 to 6 regional lymph nodes.", "Métastases dans 4 à 6 ganglions régionaux."),
        N.N2B: Text("Metastasis in 7 or more regional lymph nodes.", "Métastases dans 7 ganglions régionaux ou plus."),
        M.MX: Text("Distant metastasis not known.", "Métastases à distance non connues."),
        M.M0: Text("No distant metastasis.", "Pas de métastase à distance."),
        M.M1: Text("Distant metastasis, letter not given.", "Métastase à distance, lettre non précisée."),
        M.M1A: Text(
            "Metastasis confined to one organ or site, without the peritoneum.",
            "Métastases limitées à un seul organe ou site, sans atteinte péritonéale.",
        ),
        M.M1B: Text(
            "Metastasis in more than one organ or site, without the peritoneum.",
            "Métastases dans plus d’un organe ou site, sans atteinte péritonéale.",
        ),
        M.M1C: Text(
            "Metastasis to the peritoneum, with or without other organs.",
            "Métastase péritonéale, avec ou sans autre organe atteint.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Tnm:
    """One tumor’s T, N and M."""

    t: T
    n: N
    m: M


def read_tnm(t: str, n: str, m: str) -> Tnm:
    """T, N and M as written (``"T4a"``, ``"N1b"``, ``"M0"``, no prefix); what is no category is refused (``TNM-UNKNOWN``), naming which of the three.

    >>> read_tnm("T4a", "N1b", "M0").n.value
    'N1b'
    """
    found: list[StrEnum] = []
    for kind, text in ((T, t), (N, n), (M, m)):
        if text not in [one.value for one in kind]:
            raise InputRefused(
                "TNM-UNKNOWN",
                f"{kind.__name__} is not a category of colorectal cancer",
                f"Write one of {', '.join(one.value for one in kind)}",
            )
        found.append(kind(text))
    return Tnm(T(found[0]), N(found[1]), M(found[2]))


def n_from_counts(nodes_positive: int | None, deposits: int | None) -> Assessment:
    """N from the number of metastatic regional nodes and of tumor deposits: ``N0``, ``N1a`` (1), ``N1b`` (2-3), ``N1c`` (deposits, no node), ``N2a`` (4-6), ``N2b`` (7 and more).

    Deposits count only when no node is metastatic; there they must be recorded, else ``not_evaluable``. Refused: what is no whole number
    from zero up (``COUNT-INVALID``).

    >>> n_from_counts(0, 2).category, n_from_counts(3, None).category
    ('N1c', 'N1b')
    """
    for count in (nodes_positive, deposits):
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise InputRefused(
                "COUNT-INVALID", "a count of nodes or deposits is not a whole number from zero up", "Check the counts"
            )
    if nodes_positive is None:
        return not_recorded(NODES, Text("the number of metastatic nodes", "le nombre de ganglions métastatiques"))
    if nodes_positive == 0 and deposits is None:
        return not_recorded(NODES, Text("the number of tumor deposits", "le nombre de dépôts tumoraux"))
    found = _n(nodes_positive, deposits or 0)
    numbers = {"nodes_positive": nodes_positive, "deposits": deposits}
    return Assessment(NODES, found.value, (Reason(f"counts-{found.value.lower()}", DEFINITIONS[found], numbers),))


def _n(nodes: int, deposits: int) -> N:
    if nodes == 0:
        return N.N1C if deposits else N.N0
    if nodes == 1:
        return N.N1A
    if nodes <= 3:
        return N.N1B
    return N.N2A if nodes <= 6 else N.N2B
