"""What pages are told of numbers: those of the regions as they are drawn now, and those of the last analysis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from hepaflow.domain.curves import Inputs
from hepaflow.domain.lesions import LesionResult
from hepaflow.errors import HepaflowError, InputRefused
from hepaflow.store import case_json
from hepaflow.units import QUANTITIES
from hepaflow.web import ratings, regions_log, studies
from hepaflow.web import tables as t
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import NotThere
from hepaflow.web.room import Room
from hepaflow.web.staleness import outdated
from hepaflow.workflow.columns import read_text
from hepaflow.workflow.made_with import of_case

if TYPE_CHECKING:
    from hepaflow.report.words import Words
    from hepaflow.web.live_values import Drawn, Measured, Numbers

number = case_json.number


def drawn_now(room: Room, study: str) -> tuple[int, dict[str, Any]]:
    """The number of the study's last edit, and its regions as they stand then."""
    with room.tables.read() as connection:
        cursor = studies.edits_so_far(connection, study)
    return cursor, regions_log.current(room, study)


def told(found: Numbers, drawn: Mapping[str, Drawn], *, cursor: int, words: Words, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """The answer to a question for numbers; ``flags`` are those of the regions themselves. Values as in lesions.json. Curves of tissue are HU, with the ``baseline_hu`` to take off."""
    return {
        "cursor": cursor,
        "series": found.series,
        "model": found.model,
        "seconds": round(found.seconds, 4),
        "inputs": inputs_told(found.inputs),
        "healthy": measured_told(found.healthy),
        "lesions": [
            _lesion(one, found.parts[one.lesion.id], drawn[one.lesion.id].version) | {"ratings": ratings.told(one, words)}
            for one in found.lesions
        ],
        "flags": list(dict.fromkeys((*found.flags, *flags))),
    }


def inputs_told(inputs: Inputs) -> dict[str, Any]:
    """The inputs as sampled and as the models see them, baseline removed (HU)."""
    return {
        "times_s": numbers(inputs.arterial.times_s),
        "aorta": numbers(inputs.arterial.values),
        "portal": None if inputs.portal is None else numbers(inputs.portal.values),
        "spleen": None if inputs.spleen is None else numbers(inputs.spleen.values),
        "baseline_passes": inputs.baseline_passes,
        "dense": {
            "times_s": numbers(inputs.dense_times_s),
            "arterial": numbers(inputs.dense_arterial),
            "portal": None if inputs.dense_portal is None else numbers(inputs.dense_portal),
        },
        "source": inputs.provenance,
        "flags": list(inputs.flags),
    }


def measured_told(one: Measured) -> dict[str, Any]:
    """One region: parameters, the curve with its fit, how good that is."""
    found, curve = one.found, one.curve
    baseline = curve.values - found.curve_hu
    base = float(np.nanmean(baseline)) if np.isfinite(baseline).any() else float("nan")
    low, high = (None, None) if found.fit_interval_hu is None else (numbers(row + base) for row in found.fit_interval_hu)
    return {
        "voxels": found.voxels,
        "parameters": {
            key: {"value": number(value.value), "sd": number(value.sd), "unit": QUANTITIES[key].unit}
            for key, value in found.parameters.items()
        },
        "curve": {
            "times_s": numbers(curve.times_s),
            "hu": numbers(curve.values),
            "sd": None if curve.sd is None else numbers(curve.sd),
            "baseline_hu": number(base),
            "fit": numbers(found.fit_hu + base),
            "low": low,
            "high": high,
            "residual": numbers(found.curve_hu - found.fit_hu),
        },
        "r2": number(found.r2),
        "aic": number(found.aic),
        "residual_sd": number(found.residual_sd),
        "delays_s": {key: number(value) for key, value in found.delays_s.items()},
        "flags": list(found.flags),
    }


def numbers(values: npt.NDArray[np.float64]) -> list[float | None]:
    """A list of JSON numbers; what is none is null."""
    return [number(float(value)) for value in values]


def _lesion(one: LesionResult, parts: Mapping[str, Measured], version: int) -> dict[str, Any]:
    return {
        "id": one.lesion.id,
        "version": version,
        "volume_ml": number(one.lesion.volume_ml),
        "longest_axial_diameter_mm": number(one.lesion.longest_axial_diameter_mm),
        "axis_mm": one.lesion.axis_mm,
        "flags": list(dict.fromkeys((*one.lesion.flags, *one.flags))),
        "parts": {part: measured_told(measured) for part, measured in parts.items()},
        "ratio": {key: case_json.ratio(value) for key, value in one.ratio.items()},
        "response": [case_json.response(call) for call in one.response],
    }


def analysed(room: Room, study: str) -> dict[str, Any] | None:
    """What is known of the study's last analysis: ``cursor``, ``at``, ``model``, ``flags``; None where there is none."""
    with room.tables.read() as connection:
        row = connection.execute(sa.select(t.studies.c.analysed).where(t.studies.c.id == study)).scalar_one_or_none()
    return None if row is None else dict(json.loads(row))


def stale(room: Room, study: str) -> bool:
    """Whether the results are not those of the regions as they are."""
    known, case = analysed(room, study), room.place(study).case
    if known is None:
        return True
    with room.tables.read() as connection:
        cursor = studies.edits_so_far(connection, study)
        return outdated(connection, study, known, case, cursor=cursor)


def results(room: Room, study: str, *, words: Words) -> dict[str, Any]:
    """lesions.json of the case with each lesion's ``ratings``, whether it is ``stale``, the flags of the study and what it was ``made`` with. Refused: ``CASE-MISSING``."""
    place = room.place(study)
    table, summary = case_file(place, "lesions.json"), case_file(place, "case.json")
    known = analysed(room, study) or {}
    made = of_case(table, place.case)
    return table | {
        "lesions": [lesion | {"ratings": ratings.of_case(lesion, words)} for lesion in table["lesions"]],
        "stale": stale(room, study),
        "flags": summary.get("flags", []),
        "made": {
            "at": known.get("at"),
            "model": made.model,
            "density_g_ml": made.density_g_ml,
            "haematocrit": made.haematocrit,
            "motion": summary.get("motion", {}).get("method"),
            "language": summary.get("plan", {}).get("language"),
            "version": summary.get("software", {}).get("version"),
            "compared": (place.case / "comparison.json").exists(),
        },
    }


def case_file(place: StudyPlace, name: str) -> dict[str, Any]:
    """A JSON file of the finished case. Refused: ``CASE-MISSING``."""
    try:
        # where case.json is, all that lies beside it belongs together
        text = read_text(place.case / name) if (place.case / "case.json").is_file() else None
        tree = None if text is None else json.loads(text)
    except FileNotFoundError:
        tree = None
    except (OSError, ValueError, HepaflowError) as error:
        raise InputRefused("CASE-UNREADABLE", f"{name} of the case cannot be read", "Analyse the study again") from error
    if not isinstance(tree, dict):
        raise NotThere("CASE-MISSING", "the study has no such results yet", "Analyse the study first")
    return tree
