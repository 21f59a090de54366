"""An analysis works beside the case, and takes its place whole: what everybody sees meanwhile is all of the last one.

``analysing`` starts as the case and its corrected series, by links; whatever an analysis makes anew is a new file there. Once whole it is
``analysed``. The study's row says whose results the study has; what is analysed moves into place when it is those, and otherwise waits for
the next analysis, which goes on from it.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hepaflow.store import atomic
from hepaflow.store.case import MARKER
from hepaflow.web.places import StudyPlace
from hepaflow.web.staleness import mark

#: In the order in which they move: the case, by which its analysis is known, last.
PARTS = ("corrected", "case")
#: Of a case, what is written in place: its lock and its log.
_IN_PLACE = (MARKER, "timing.jsonl")


def begin(place: StudyPlace) -> StudyPlace:
    """Where an analysis works: what an earlier one left there, else what the study has now."""
    with atomic.reporting("the analysis"):
        if place.analysed.is_dir():
            os.replace(place.analysed, place.analysing)
        beside = StudyPlace(place.analysing)
        for part in PARTS:
            now, then = place.folder / part, beside.folder / part
            if now.is_dir() and not then.exists():
                with atomic.staging(place.folder) as stage:
                    _copy(now, stage)
                    beside.folder.mkdir(exist_ok=True)
                    os.replace(stage, then)
    return beside


def finish(place: StudyPlace) -> None:
    """Says that what is in ``analysing`` is whole."""
    with atomic.reporting("the analysis"):
        os.replace(place.analysing, place.analysed)
        atomic.sync_folder(place.folder)


def settle(place: StudyPlace, known: str) -> None:
    """Moves what is analysed into place if it is that of which the study's row knows the mark; else nothing. Once more does no harm."""
    done = StudyPlace(place.analysed)
    if not known or mark(done.case) != known:
        return
    with atomic.reporting("the results"), atomic.staging(place.folder) as aside:
        for part in PARTS:
            made, here = done.folder / part, place.folder / part
            if made.is_dir():
                if here.is_dir():
                    os.replace(here, aside / part)
                os.replace(made, here)
        done.folder.rmdir()
        atomic.sync_folder(place.folder)


def link(path: Path, target: Path) -> None:
    """A file that is never changed in place, once more under another name."""
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        shutil.copyfile(path, target)


def _copy(folder: Path, target: Path) -> None:
    for path in sorted(folder.rglob("*")):
        here = target / path.relative_to(folder)
        if path.is_dir():
            here.mkdir()
        elif path.name in _IN_PLACE:
            shutil.copyfile(path, here)
        else:
            link(path, here)
