"""What is asked of a lesion table: which lesions count, which are positive, which parameters are judged."""

from __future__ import annotations

import numpy as np

from hepaflow.cohort.discriminate import Question
from hepaflow.cohort.sample import Bools, Direction
from hepaflow.cohort.study import Names
from hepaflow.cohort.table import Finding, LesionTable
from hepaflow.errors import InputRefused
from hepaflow.workflow.cohort_config import ColumnPart, StudyConfig

#: Which way the ratios of lesion over healthy liver point for major response (thesis of Nancy 2019, Table 3); other columns must say it themselves.
KNOWN: dict[str, Direction] = {
    "bf_ratio": "lower",
    "bv_ratio": "lower",
    "hpbf_ratio": "lower",
    "habf_ratio": "lower",
    "ttp_ratio": "higher",
    "mtt_ratio": "higher",
    "total_mtt_ratio": "higher",
}


def with_outcome(table: LesionTable, config: StudyConfig) -> tuple[Names, LesionTable, Bools, list[Finding]]:
    """The lesions whose outcome is known, which of them are positive, and what was left out."""
    if config.outcome not in table.texts:
        raise InputRefused(
            "STUDY-NO-OUTCOME",
            f"there is no column {config.outcome!r} of outcomes",
            "Name it in the configuration (outcome), or fill it in",
        )
    given = table.texts[config.outcome]
    levels = sorted({value for value in given if value is not None})
    if config.positive not in levels:
        raise InputRefused(
            "STUDY-NO-POSITIVE",
            f"no lesion has the positive outcome {config.positive!r}",
            "Check positive in the configuration and the outcomes",
        )
    others = list(config.negative) or [level for level in levels if level != config.positive]
    findings = []
    if not config.negative and len(others) > 1:
        findings.append(
            Finding(
                "outcome-levels",
                "caution",
                f"Outcomes other than {config.positive} ({', '.join(others[:6])}) are taken together as negative.",
                f"Les issues autres que {config.positive} ({', '.join(others[:6])}) sont regroupées comme négatives.",
                config.outcome,
            )
        )
    known = np.array([value == config.positive or value in others for value in given])
    if not known.all():
        rows = tuple(row for row, here in zip(table.rows, known, strict=True) if not here)
        others_found = sorted({value for value, here in zip(given, known, strict=True) if value is not None and not here})
        alike = {value.strip().casefold() for value in (config.positive, *others)} & {
            value.strip().casefold() for value in others_found
        }
        named_fr = f" Leurs issues : {', '.join(others_found[:6])}." if others_found else ""
        doubt_fr = (
            " Certaines ne diffèrent des issues de l’étude que par des majuscules ou des espaces : corrigez-les." if alike else ""
        )
        named = f" Their outcomes: {', '.join(others_found[:6])}." if others_found else ""
        doubt = " Some differ from the study's outcomes only by capitals or blanks: correct them." if alike else ""
        findings.append(
            Finding(
                "no-outcome",
                "serious" if alike else "caution",
                f"{len(rows)} of {table.n} lesions have no outcome of the study and are left out.{named}{doubt}",
                f"{len(rows)} lésions sur {table.n} n’ont pas d’issue de l’étude et sont exclues.{named_fr}{doubt_fr}",
                config.outcome,
                rows,
            )
        )
    kept = table.keep(known)
    truth = np.array([value == config.positive for value in kept.texts[config.outcome]], dtype=np.bool_)
    if truth.all():
        raise InputRefused("STUDY-ONE-CLASS", "no lesion has a negative outcome", "A diagnostic study needs both classes")
    negative = others[0] if len(others) == 1 else f"not {config.positive}"
    return Names(config.title, config.positive, negative, config.outcome, config.cluster), kept, truth, findings


def questions_of(table: LesionTable, config: StudyConfig) -> list[Question]:
    """The parameters to judge: those of the configuration that have a direction, else the ratios whose direction is known."""
    asked = {name: part for name, part in config.columns.items() if part.direction is not None}
    if not asked and config.positive == "major":
        asked = {name: ColumnPart(direction=way) for name, way in KNOWN.items() if name in table.numbers}
    return [
        Question(name, part.label or label_of(name), part.unit, part.direction, part.threshold)
        for name, part in asked.items()
        if part.direction is not None
    ]


def french_label(name: str, label: str) -> str:
    """The label of a column in French: its own, or how it is called.

    >>> french_label("bf_ratio", label_of("bf_ratio")), french_label("bf_ratio", "Ours")
    ('BF, lésion / foie sain', 'Ours')
    """
    return label.replace("lesion / healthy liver", "lésion / foie sain") if label == label_of(name) else label


def label_of(name: str) -> str:
    """How a column is called that has no label of its own.

    >>> label_of("bf_ratio"), label_of("size_mm")
    ('BF, lesion / healthy liver', 'size mm')
    """
    stem = name.removesuffix("_ratio")
    if stem != name and f"{stem}_ratio" in KNOWN:
        return f"{stem.replace('_', ' ').replace('total', 'total').upper().replace('TOTAL', 'Total')}, lesion / healthy liver"
    return name.replace("_", " ")
