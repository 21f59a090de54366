"""The tracking identifiers of a segmentation that hepaflow wrote, so that a later visit can go on with them."""

from __future__ import annotations

from pathlib import Path

from hepaflow.dicom.pixels import quiet
from hepaflow.domain.lesions import Tracked
from hepaflow.errors import InputRefused


def read_tracking(path: Path) -> tuple[dict[str, Tracked], str]:
    """Tracking identifier and UID by segment label, and the patient's ID (to be compared, never shown).

    Refused: what is no segmentation with tracking identifiers.
    """
    from pydicom import dcmread

    with quiet():
        try:
            dataset = dcmread(path, stop_before_pixels=True)
            found = {str(s.SegmentLabel): Tracked(str(s.TrackingID), str(s.TrackingUID)) for s in dataset.SegmentSequence}
            patient = str(dataset.get("PatientID") or "")
        except Exception as error:  # the library's message would repeat values
            raise InputRefused(
                "IDENTITY-NO-SEGMENTATION",
                "the earlier case holds no segmentation with tracking identifiers",
                "Give a case folder that hepaflow analyze wrote",
            ) from error
    return found, patient
