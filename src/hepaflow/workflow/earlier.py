"""Lesions that were seen before: the tracking identifiers of the earlier visit, carried on by links that a reader confirmed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from hepaflow.dicom import origin
from hepaflow.dicom.read_tracking import read_tracking
from hepaflow.domain.case import CaseResult
from hepaflow.domain.lesions import Tracked
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused, UsageError
from hepaflow.workflow.columns import read_text


@dataclass(frozen=True, slots=True)
class Earlier:
    """``links`` from lesions of this case to those of the earlier one; ``known`` the earlier one's lesions (and other segments) by label; its ``patient``."""

    links: dict[str, str]
    known: dict[str, Tracked]
    patient: str


def read_earlier(links: Path | None, folder: Path | None) -> Earlier | None:
    """Links as ``hepaflow link EARLIER THIS --json`` prints them, and the segmentation of the earlier case; None where neither is given.

    Refused: one without the other, a file that holds no links, a lesion linked twice or unknown to the earlier case.
    """
    if links is None and folder is None:
        return None
    if links is None or folder is None:
        raise UsageError("IDENTITY-INCOMPLETE", "--lesion-identity and --earlier go together", "Give both, or neither")
    return linked(_pairs(links), folder)


def linked(pairs: dict[str, str], folder: Path) -> Earlier:
    """``pairs`` from lesions of this case to those of the earlier case in ``folder``. Refused: a lesion unknown to the earlier case."""
    known, patient = read_tracking(folder / "dicom" / "segmentation.dcm")
    if not set(pairs.values()) <= set(known):
        raise InputRefused(
            "IDENTITY-UNKNOWN-LESION", "a link names a lesion that the earlier case does not have", "Link the two cases again"
        )
    return Earlier(pairs, known, patient)


def _pairs(path: Path) -> dict[str, str]:
    try:
        listed = json.loads(read_text(path) or "")["links"]
        found = [(str(pair["second"]), str(pair["first"])) for pair in listed]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputRefused(
            "IDENTITY-UNREADABLE", "the file holds no links of lesions", "Give what hepaflow link EARLIER THIS --json prints"
        ) from error
    if len({here for here, _ in found}) < len(found) or len({there for _, there in found}) < len(found):
        raise InputRefused("IDENTITY-TWICE", "a lesion is linked twice", "Keep one link a lesion")
    return dict(found)


def same_patient(series: DynamicSeries, earlier: Earlier) -> None:
    """Refused: an ``earlier`` case of another patient than ``series``, as far as both say whose they are."""
    patient = str(series.source.get("header", {}).get("PatientID", "")).strip()
    if patient and earlier.patient.strip() and patient != earlier.patient.strip():
        raise InputRefused(
            "IDENTITY-OTHER-PATIENT", "the earlier case is of another patient", "Give the patient's own earlier case"
        )


def carry(case: CaseResult, earlier: Earlier) -> dict[str, Tracked]:
    """Tracking identifier of every linked lesion, by its name in this case.

    A lesion that is not linked and bears the name of a linked one's identifier is told apart by ``new``. Refused: a link to a lesion
    that this case does not have; another patient.
    """
    same_patient(case.series, earlier)
    study, own = origin.origin_of(case), [lesion.id for lesion in case.regions.lesions]
    if not set(earlier.links) <= set(own):
        raise InputRefused(
            "IDENTITY-UNKNOWN-LESION", "a link names a lesion that this case does not have", "Link the two cases again"
        )
    found = {here: earlier.known[there] for here, there in earlier.links.items()}
    taken = {one.identifier for one in found.values()}
    for name in own:
        fresh = name
        while name not in earlier.links and (fresh in taken or (fresh != name and fresh in own)):
            fresh += " new"
        if fresh != name:
            taken.add(fresh)
            found[name] = Tracked(fresh, study.uid("tracking", name))
    return found
