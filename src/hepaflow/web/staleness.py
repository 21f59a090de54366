"""Whether the results on disk are those of the regions as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hepaflow.store import atomic
from hepaflow.web import tables as t
from hepaflow.web.region_state import RegionState, state_of


def content(drawn: Mapping[str, RegionState]) -> str:
    """Digest of what an analysis takes of regions: voxels, shifts and whether a reader drew them; not who did, nor how."""
    told = hashlib.sha256()
    for name, one in sorted(drawn.items()):
        moved = sorted((shift.at_pass, tuple(shift.mm)) for shift in one.shifts)
        head = (name, one.origin == "proposed", *one.bits.shape, *one.bits.box, moved, len(one.bits.packed))
        told.update(repr(head).encode())
        told.update(one.bits.packed)
    return told.hexdigest()


def mark(case: Path) -> str:
    """What tells the results of one analysis from those of another; empty where they are not whole."""
    path = case / "case.json"
    return atomic.digest_of_file(path) if path.is_file() else ""


def outdated(connection: sa.Connection, study: str, known: Mapping[str, Any], case: Path, *, cursor: int) -> bool:
    """Whether the results in ``case`` are not what an analysis makes of the regions at ``cursor``, the study's last edit.

    ``known`` is what the last finished analysis said: results of another one, which was stopped once it had written them, are not its.
    """
    return known.get("case") != mark(case) or (known["cursor"] != cursor and changed_since(connection, study, known["cursor"]))


def changed_since(connection: sa.Connection, study: str, cursor: int) -> bool:
    """Whether regions now are others than at edit ``cursor``, the last one before an analysis. What was taken over from the analysis itself counts as there then."""
    rows = (t.edits.c.study == study, t.edits.c.version > 0)
    then = _latest(connection, *rows, sa.or_(t.edits.c.id <= cursor, t.edits.c.kind == t.INITIAL))
    now = _latest(connection, *rows)
    return content(then) != content(now) or any(_relinked(one, now.get(name)) for name, one in then.items())


def _relinked(then: RegionState, now: RegionState | None) -> bool:
    """Whether the results name a lesion of another visit that this one no longer is; a link that was not there yet makes nothing wrong."""
    return then.identity is not None and now is not None and now.identity != then.identity


def _latest(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> dict[str, RegionState]:
    last = sa.select(sa.func.max(t.edits.c.id)).where(*conditions).group_by(t.edits.c.region)
    found = {row.region: state_of(row) for row in connection.execute(sa.select(t.edits).where(t.edits.c.id.in_(last)))}
    return {name: state for name, state in found.items() if not state.deleted}
