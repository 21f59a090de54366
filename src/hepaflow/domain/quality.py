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
    # inputs and fits
    Flag(
        "arterial-peak-in-gap",
        "serious",
        "the arterial peak falls between passes that are far apart",
        "le pic artériel tombe entre des passages éloignés",
    ),
    Flag(
        "portal-peak-in-gap",
        "caution",
        "the portal peak falls between the dense and the sparse passes and was reconstructed",
        "le pic portal tombe entre les passages rapprochés et espacés et a été reconstruit",
    ),
    Flag(
        "portal-transit-untrusted",
        "caution",
        "the portal curve is not explained by a transit of the arterial one; plain interpolation was used",
        "la courbe portale ne s'explique pas par un transit de la courbe artérielle ; interpolation simple utilisée",
    ),
    Flag(
        "inputs-swapped",
        "serious",
        "the portal vein peaks before the aorta: are they swapped?",
        "la veine porte culmine avant l'aorte : sont-elles inversées ?",
    ),
    Flag(
        "inputs-identical",
        "serious",
        "arterial and portal input are the same curve",
        "les entrées artérielle et portale sont la même courbe",
    ),
    Flag("fit-poor", "caution", "the model describes this curve poorly", "le modèle décrit mal cette courbe"),
    Flag(
        "fit-at-bound",
        "caution",
        "a parameter ended at the edge of what was searched",
        "un paramètre a atteint la limite de la recherche",
    ),
    Flag(
        "shell-not-fitted",
        "info",
        "one part of the lesion had too few valid samples to be fitted",
        "une partie de la lésion avait trop peu de mesures valides",
    ),
    Flag(
        "ratio-undefined",
        "info",
        "a ratio has no meaning because the healthy value may be zero",
        "un rapport n'a pas de sens car la valeur saine peut être nulle",
    ),
)

FLAGS: dict[str, Flag] = {flag.code: flag for flag in _TABLE}


def known(code: str) -> Flag:
    """The flag of a code; an unknown code is a programming error."""
    return FLAGS[code]
