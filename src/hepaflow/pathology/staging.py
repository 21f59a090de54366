"""The stage of colorectal cancer from T, N and M: AJCC and UICC, 8th edition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from types import MappingProxyType
from typing import Final

from hepaflow.domain.response import Assessment, Reason, Text
from hepaflow.pathology.tnm import DEFINITIONS, M, N, T, Tnm
from hepaflow.pathology.unsaid import NOT_DEFINED

STAGE: Final = "ajcc8-stage"
_N1 = (N.N1A, N.N1B, N.N1C)
_N2 = (N.N2A, N.N2B)
#: The rows of M0, as printed: stage, T, N.
_ROWS: Final = (
    ("0", (T.TIS,), (N.N0,)),
    ("I", (T.T1, T.T2), (N.N0,)),
    ("IIA", (T.T3,), (N.N0,)),
    ("IIB", (T.T4A,), (N.N0,)),
    ("IIC", (T.T4B,), (N.N0,)),
    ("IIIA", (T.T1, T.T2), _N1),
    ("IIIA", (T.T1,), (N.N2A,)),
    ("IIIB", (T.T3, T.T4A), _N1),
    ("IIIB", (T.T2, T.T3), (N.N2A,)),
    ("IIIB", (T.T1, T.T2), (N.N2B,)),
    ("IIIC", (T.T4A,), (N.N2A,)),
    ("IIIC", (T.T3, T.T4A), (N.N2B,)),
    ("IIIC", (T.T4B,), (*_N1, *_N2)),
)
_M0: Mapping[tuple[T, N], str] = MappingProxyType({pair: stage for stage, ts, ns in _ROWS for pair in product(ts, ns)})
_M1: Mapping[M, str] = MappingProxyType({M.M1A: "IVA", M.M1B: "IVB", M.M1C: "IVC"})
#: What a category without its letter may be.
_LETTERS: Mapping[T | N | M, tuple[T | N | M, ...]] = MappingProxyType(
    {T.T4: (T.T4A, T.T4B), N.N1: _N1, N.N2: _N2, M.M1: (M.M1A, M.M1B, M.M1C)}
)
#: What a category that is not known may be.
_UNKNOWN: Mapping[T | N | M, tuple[T | N | M, ...]] = MappingProxyType(
    {
        T.TX: (T.T0, T.TIS, T.T1, T.T2, T.T3, T.T4A, T.T4B),
        N.NX: (N.N0, *_N1, *_N2),
        M.MX: (M.M0, M.M1A, M.M1B, M.M1C),
    }
)


def stage_group(tnm: Tnm) -> Assessment:
    """The stage ``0`` to ``IVC``: every T, N and M has an answer.

    A category without its letter (T4, N1, N2, M1) or not known (TX, NX, MX) gives a stage only where everything it may stand for gives the
    same; otherwise ``not_defined``, the possible stages in the reason, flagged ``stage-letter-missing`` or ``stage-part-unknown``. What the
    table has no row for (T0 or Tis with nodes and no metastasis, T0 alone) is ``not_defined``, flagged ``stage-no-row``. The table says
    “any T, any N” for M1, so TX N2 M1a is IVA. Neither c, p nor y is read: give the TNM that is to be staged.

    >>> stage_group(Tnm(T.T3, N.N1A, M.M1A)).category, stage_group(Tnm(T.T4, N.N0, M.M0)).category
    ('IVA', 'not_defined')
    """
    possible = sorted({_stage(t, n, m) for t, n, m in _read_as(tnm)}, key=_ORDER.index)
    parts = (tnm.t, tnm.n, tnm.m)
    numbers = {"t": tnm.t.value, "n": tnm.n.value, "m": tnm.m.value}
    definitions = tuple(Reason(f"tnm-{one.value.lower()}", DEFINITIONS[one], {}) for one in parts)
    if len(possible) == 1 and possible[0]:
        found = possible[0]
        text = Text(f"Stage {found}: {' '.join(parts)}.", f"Stade {found} : {' '.join(parts)}.")
        return Assessment(STAGE, found, (Reason(f"stage-{found.lower()}", text, numbers), *definitions))
    flags: list[str] = []
    if possible == [""]:
        flags.append("stage-no-row")
        text = Text("The table has no row for this T, N and M.", "La table n’a pas de ligne pour ces T, N et M.")
    else:
        flags += ["stage-letter-missing"] if any(one in _LETTERS for one in parts) else []
        flags += ["stage-part-unknown"] if any(one in _UNKNOWN for one in parts) else []
        text = Text("T, N and M leave more than one stage possible.", "T, N et M laissent plus d’un stade possible.")
    named = ", ".join(stage or "-" for stage in possible)
    return Assessment(STAGE, NOT_DEFINED, (Reason(flags[0], text, {**numbers, "possible": named}), *definitions), tuple(flags))


#: Stages in order, first what has no row.
_ORDER: Final = ("", "0", "I", "IIA", "IIB", "IIC", "IIIA", "IIIB", "IIIC", "IVA", "IVB", "IVC")


def _read_as(tnm: Tnm) -> Iterator[tuple[T, N, M]]:
    """Everything that the three may stand for."""
    for t, n, m in product(*(_LETTERS.get(one) or _UNKNOWN.get(one) or (one,) for one in (tnm.t, tnm.n, tnm.m))):
        yield T(t), N(n), M(m)


def _stage(t: T, n: N, m: M) -> str:
    """The stage of three categories with their letters; empty where the table has no row."""
    return _M1[m] if m in _M1 else _M0.get((t, n), "")
