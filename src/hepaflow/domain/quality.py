"""The flag table: every quality flag, its meaning in plain words, and its bit in ``flags.nii.gz``.

A flag travels with the result it qualifies: a voxel (``bit``), a region, a lesion, a case. A flag is data, never a lost warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "caution", "serious"]


@dataclass(frozen=True, slots=True)
class Flag:
    """One possible problem: ``code`` (lower-kebab), plain sentences in English and French, severity, and voxel bit or None."""

    code: str
    severity: Severity
    en: str
    fr: str
    bit: int | None = None


_TABLE: tuple[Flag, ...] = (
    # voxels (bits are part of the file format: never renumber)
    Flag("voxel-missing-samples", "caution", "too few valid passes at this voxel", "trop peu de passages valides pour ce voxel", 0),
    Flag("voxel-no-enhancement", "caution", "no enhancement above noise", "pas de rehaussement au-dessus du bruit", 1),
    Flag("voxel-not-finite", "serious", "the image value is not a number", "la valeur d'image n'est pas un nombre", 2),
    Flag("voxel-poor-fit", "caution", "the model does not describe this curve", "le modèle ne décrit pas cette courbe", 3),
    Flag(
        "voxel-prior-driven",
        "info",
        "the value is mostly the organ's prior",
        "la valeur provient surtout de l'a priori de l'organe",
        4,
    ),
)

FLAGS: dict[str, Flag] = {flag.code: flag for flag in _TABLE}


def known(code: str) -> Flag:
    """The flag of a code; an unknown code is a programming error."""
    return FLAGS[code]
