"""The specimen on the sheet: what it says of every lesion that is linked to a nodule, and of the patient."""

from __future__ import annotations

from collections.abc import Mapping

from hepaflow.domain.response import Assessment, Text
from hepaflow.pathology.aggregate import (
    GradeMapping,
    discordance,
    grade_mapping,
    mean_residual,
    nodule_response,
    patient_response,
    worst_grade,
)
from hepaflow.pathology.interface import interface_thickness
from hepaflow.pathology.specimen import Nodule, link
from hepaflow.report.sheet_content import Said
from hepaflow.workflow.board_words import HISTOLOGY, LEANING
from hepaflow.workflow.patient_record import NoduleRow, Record


def of_lesions(record: Record) -> Mapping[str, tuple[Text, Said | None]]:
    """For every lesion that is linked to a nodule: what the specimen says, and major or minor where the mapping names it.

    Refused: a lesion or a nodule that is linked twice, a mapping that is not known.
    """
    mapping = grade_mapping(record.grade_mapping)
    pairs = [(row.lesion, row.id) for row in record.nodules if row.lesion is not None]
    link(list(dict.fromkeys(lesion for lesion, _ in pairs)), [row.id for row in record.nodules], pairs)
    return {row.lesion: _of(row, mapping) for row in record.nodules if row.lesion is not None}


def flags(record: Record) -> tuple[str, ...]:
    """Flags of the nodules and of the patient."""
    if not record.nodules:
        return ()
    mapping = grade_mapping(record.grade_mapping)
    nodules = [_nodule(row) for row in record.nodules]
    said: list[Assessment] = [patient_response(nodules, mapping)]
    if mapping.reads == "trg":
        said += [discordance(one, mapping) for one in nodules]
    return tuple(dict.fromkeys(flag for one in said for flag in one.flags))


def of_patient(record: Record) -> tuple[tuple[Text, Text], ...]:
    """Lines of label and value: both aggregations, and major, minor or mixed by the mapping."""
    if not record.nodules:
        return ()
    mapping = grade_mapping(record.grade_mapping)
    nodules = [_nodule(row) for row in record.nodules]
    parts = (
        worst_grade([one.trg for one in nodules]),
        mean_residual([one.residual_percent for one in nodules]),
        patient_response(nodules, mapping),
    )
    known = [one for one in parts if one.category not in ("not_evaluable", "not_defined")]
    if not known:
        return ()
    return (
        (
            Text(f"Specimen ({mapping.key})", f"Pièce opératoire ({mapping.key})"),
            Text(" ".join(one.reasons[0].text.en for one in known), " ".join(one.reasons[0].text.fr for one in known)),
        ),
    )


def _of(row: NoduleRow, mapping: GradeMapping) -> tuple[Text, Said | None]:
    nodule = _nodule(row)
    found = nodule_response(nodule, mapping)
    parts_en, parts_fr = [], []
    if row.trg is not None:
        parts_en.append(f"TRG {row.trg}")
        parts_fr.append(f"TRG {row.trg}")
    if row.residual_percent is not None:
        parts_en.append(f"{row.residual_percent:g} % viable cells")
        parts_fr.append(f"{row.residual_percent:g} % de cellules viables")
    if row.interface_mm is not None:
        band = interface_thickness(row.interface_mm).category
        parts_en.append(f"interface {band} mm")
        parts_fr.append(f"interface {band} mm")
    if row.residual.value != "unknown":
        parts_en.append(row.residual.value)
        parts_fr.append(row.residual.value)
    said = Said("histology", HISTOLOGY, found.category, LEANING[found.category]) if found.category in LEANING else None
    return Text(", ".join(parts_en) or "–", ", ".join(parts_fr) or "–"), said


def _nodule(row: NoduleRow) -> Nodule:
    return Nodule(row.id, **row.model_dump(exclude={"id", "lesion"}))
