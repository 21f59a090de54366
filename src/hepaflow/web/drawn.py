"""What the reading room hands to an analysis: its regions as a set that ``--rois`` reads, exactly as they are drawn."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hepaflow.domain.boxes import overlap
from hepaflow.domain.geometry import Grid
from hepaflow.store import atomic, nifti
from hepaflow.store.label_map import labelled
from hepaflow.web.pictures import reference_pass, working_set
from hepaflow.web.places import FRAME_OF_REFERENCE, StudyPlace
from hepaflow.web.region_state import RegionState
from hepaflow.web.staleness import content

ROIS = "rois.nii.gz"


def write(states: Mapping[str, RegionState], grid: Grid, home: Path, *, frame: int | None, series_digest: str) -> Path:
    """``rois.nii.gz`` and ``rois.json`` in a folder of ``home``, which comes as a whole; what the same regions gave before is left as it is.

    ``series_digest`` is the series' that they were drawn on; it is left out where a region came from a file that does not say on which.
    The folder is named by what the set holds: a number of the log could be that of an edit made while the set was gathered.

    Voxels that several regions share get a label of their own, which names them all: a liver keeps what lies in it.
    """
    facts: dict[str, Any] = {
        "frame": frame,
        "frames": elsewhere(states.values(), frame),
        "proposed": sorted(name for name, state in states.items() if state.origin == "proposed"),
    }
    if series_digest and not any(state.unverified for state in states.values()):
        facts["series_digest"] = series_digest
    facts = {key: value for key, value in facts.items() if key not in ("frame", "frames") or value not in (None, {})}
    held = f"{content(states)} {json.dumps(facts, sort_keys=True)}"
    folder = home / hashlib.sha256(held.encode()).hexdigest()[:32]
    if (folder / ROIS).is_file():
        return folder / ROIS
    labels, names = labelled(((name, state.bits.window, state.bits.inside) for name, state in sorted(states.items())), grid.shape)
    with atomic.reporting("the regions"), atomic.staging(home) as stage:
        nifti.write(stage / ROIS, labels, grid, description="regions, see rois.json")
        (stage / "rois.json").write_text(json.dumps({"labels": names, **facts}, indent=1) + "\n", encoding="utf-8")
        atomic.move_folder(stage, folder)
    return folder / ROIS


def reference_of(place: StudyPlace) -> int | None:
    """The pass that the corrected series was brought to; None before an analysis."""
    return reference_pass(place) if working_set(place) == "corrected" else None


def frame_of(place: StudyPlace, states: Collection[RegionState]) -> int | None:
    """The pass that regions are right on: the reference of the corrected series, before an analysis the one pass that they were all drawn on."""
    reference = reference_of(place)
    if reference is not None:
        return reference
    passes = set(elsewhere(states, None).values())
    return passes.pop() if len(passes) == 1 else None


def elsewhere(states: Collection[RegionState], frame: int | None) -> dict[str, int]:
    """By region the pass that a reader drew it on, where that is not ``frame``, the one that all are taken to be right on."""
    return {one.name: one.frame for one in states if one.origin != "proposed" and one.frame not in (None, frame)}


def flags_of(place: StudyPlace, states: Collection[RegionState]) -> tuple[str, ...]:
    """What to know of regions before anything is computed from them, as ``--rois`` tells it of the set that an analysis is given."""
    parts = [one.bits for one in states if one.name != "liver"]
    told = {
        "regions-on-different-passes": bool(elsewhere(states, frame_of(place, states))),
        "region-frame-unverified": bool(place.known(FRAME_OF_REFERENCE)) and any(state.unverified for state in states),
        "region-overlap": bool(parts) and overlap(((one.window, one.inside) for one in parts), parts[0].shape),
    }
    return tuple(flag for flag, holds in told.items() if holds)
