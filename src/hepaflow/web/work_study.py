"""Jobs of one study, each in a process of its own: bring in, fetch, analyse, send."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hepaflow.errors import InputRefused
from hepaflow.store import atomic, codec
from hepaflow.store.sources import identify
from hepaflow.web import beside, copies
from hepaflow.web.places import FRAME_OF_REFERENCE, MADE_OF, StudyPlace
from hepaflow.web.staleness import mark

if TYPE_CHECKING:
    from hepaflow.domain.history import Rule
    from hepaflow.domain.series import DynamicSeries

Tell = Callable[[str, int, int], None]
#: Beyond the files themselves: the series as assembled is up to twice as large as compressed files.
_ROOM = 4


def bring_in(asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A folder, .zip or 4D NIfTI at ``path``: judged, assembled, then copied into the study's folder; ``path`` goes if it was an upload.

    Nothing is copied of a study that cannot be assembled. One whose very files are here already (``seen``) is named and not read again.
    """
    place, path = StudyPlace(Path(asked["folder"])), Path(asked["path"])
    try:
        read, files = copies.marks(path), identify(path)
        twin = asked.get("seen", {}).get(files.digest)
        if twin is not None and (place.folder.parent / twin).is_dir():
            return {"same_as": twin}
        facts = _assembled(place, path, bytes.fromhex(asked["salt"]), tell, size_bytes=files.size_bytes)
        copies.copy(path, place.source, tell, read=read)
    except InputRefused:
        if asked["uploaded"]:
            path.unlink(missing_ok=True)  # it will not become better; one that was interrupted is kept
        raise
    if asked["uploaded"]:
        path.unlink(missing_ok=True)
    return facts | {"files": files.digest}


def retrieve(asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """A study of an archive: fetched into the study's folder (gone on with after an interruption), then assembled."""
    from hepaflow.workflow import pacs, pacs_config

    place = StudyPlace(Path(asked["folder"]))
    peer = pacs_config.load(Path(asked["config"])).peer(asked["archive"])
    place.source.mkdir(exist_ok=True)
    pacs.fetch(peer, asked["study_uid"], place.source, progress=tell)
    return _assembled(place, place.source, bytes.fromhex(asked["salt"]), tell, size_bytes=identify(place.source).size_bytes)


def analyze(asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The command line's analysis and the corrected series, beside those that the study has: they take their place with the job's end."""
    from hepaflow.store.case import Case
    from hepaflow.workflow import one
    from hepaflow.workflow.earlier import linked
    from hepaflow.workflow.plan import load

    place = StudyPlace(Path(asked["folder"]))
    drawn = None if asked["drawn"] is None else Path(asked["drawn"])
    plan = load(None, **asked["plan"])
    one.check_places(place.study_path, place.analysing, drawn)
    seen = asked.get("earlier")
    before = None if seen is None else linked(seen["links"], Path(seen["case"]))
    made = beside.begin(place)
    with Case(made.case) as case:
        first = asked.get("first_visit", False)
        done = one.analyze(plan, place.study_path, case, rois=drawn, earlier=before, first_visit=first, progress=tell)
        tell("save", 0, 1)
        stamp = made.corrected / MADE_OF
        if not stamp.exists() or stamp.read_text(encoding="ascii") != done.aligned.digest:
            _keep(done.aligned.get(), made.corrected, made_of=done.aligned.digest)
        tell("save", 1, 1)
        (rules, _), (_, lesions) = done.summary.get(), done.lesions.get()
    told = {"model": plan.model, "motion": plan.motion.method, "compare": plan.compare, "case": mark(made.case)}
    told |= {"lesions": len(lesions), "flags": list(done.flags()), "missing": done.missing()} | _judged(rules)
    beside.finish(place)
    return told


def send(asked: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The DICOM results, signed or not as asked, to an archive. Refused: an archive that did not take or keep all of them."""
    from hepaflow.workflow import pacs, pacs_config

    source = StudyPlace(Path(asked["folder"])).results(asked["signature"]) / "dicom"
    sent = pacs.send(pacs_config.load(Path(asked["config"])).peer(asked["archive"]), source, progress=tell)
    if sent.refused or sent.missing:
        raise InputRefused(
            "SEND-REFUSED",
            f"the archive refused {sum(sent.refused.values())} objects and does not list {sent.missing}",
            "Ask who runs the archive",
        )
    return {"sent": sent.sent, "already": sent.already, "verified": sent.verified}


def _assembled(place: StudyPlace, path: Path, salt: bytes, tell: Tell, *, size_bytes: int) -> dict[str, Any]:
    from hepaflow.dicom.assemble import assemble
    from hepaflow.workflow.protocol_check import check_study

    atomic.sweep(place.folder)
    atomic.require_space(place.folder, 64 * 2**20 + _ROOM * size_bytes)
    series = assemble(path, progress=tell)
    tell("protocol", 0, 1)
    facts = _facts(series, salt) | _judged(check_study(series))
    tell("protocol", 1, 1)
    _keep(series, place.acquired, made_of=str(series.source.get("digest", "")))
    return facts


def _keep(series: DynamicSeries, target: Path, *, made_of: str) -> None:
    with atomic.reporting(f"the {target.name} series"), atomic.staging(target.parent) as stage:
        codec.save(series, stage)
        (stage / MADE_OF).write_text(made_of, encoding="ascii")
        (stage / FRAME_OF_REFERENCE).write_text(series.grid.frame_of_reference_uid, encoding="ascii")
        atomic.move_folder(stage, target)


def _facts(series: DynamicSeries, salt: bytes) -> dict[str, Any]:
    header: dict[str, str] = series.source.get("header", {})
    grid, date = series.grid, header.get("StudyDate", "")
    whose = header.get("PatientID", "") or header.get("PatientName", "")
    issuer = header.get("IssuerOfPatientID", "")
    # the key brings visits of a patient together and cannot be turned back without the salt
    key = hashlib.sha256(salt + f"{issuer}\n{whose}".encode()).hexdigest()[:16] if whose else ""
    birth_date = header.get("PatientBirthDate", "")
    return {
        "patient": " ".join(part for part in header.get("PatientName", "").split("=")[0].split("^") if part),
        "patient_key": key,
        "patient_id": header.get("PatientID", "").strip(),
        "date": f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else "",
        "description": header.get("StudyDescription", ""),
        # not the date: only whether two studies bear the same is asked
        "born": hashlib.sha256(salt + f"born {birth_date}".encode()).hexdigest()[:16] if birth_date else "",
        "digest": str(series.source.get("digest", "")),
        "passes": series.passes,
        "times_s": [round(float(t), 6) for t in series.times_s],
        "shape": list(grid.shape),
        "spacing_mm": [round(v, 6) for v in grid.spacing_mm],
        "coverage_mm": [round(n * v, 3) for n, v in zip(grid.shape, grid.spacing_mm, strict=True)],
        "acquisition": _acquisition(series),
        "flags": list(series.flags),
    }


def _acquisition(series: DynamicSeries) -> dict[str, Any]:
    got = series.acquisition

    def several(values: Sequence[Any]) -> list[Any]:
        return [value for value in dict.fromkeys(values) if value is not None]

    return {
        "manufacturer": got.manufacturer,
        "model_name": got.model_name,
        "kvp": several(got.kvp),
        "kernel": several(got.kernel),
        "tube_current_ma": several(got.tube_current_ma),
        "time_source": got.time_source,
        "injection_to_first_s": got.injection_to_first_s,
        "contrast_volume_ml": got.contrast_volume_ml,
        "contrast_flow_ml_s": got.contrast_flow_ml_s,
        "duration_s": round(float(series.times_s[-1]), 3),
    }


def _judged(rules: Sequence[Rule]) -> dict[str, Any]:
    return {
        "rules": [
            {
                "key": rule.key,
                "verdict": rule.verdict,
                "value": rule.measured,
                "limit": rule.expected,
                "text": {"en": rule.why_en, "fr": rule.why_fr},
            }
            for rule in rules
        ]
    }
