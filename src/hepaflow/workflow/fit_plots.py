"""Fits of a file of curves as pictures: one a curve, and one that shows whether the models agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from hepaflow.domain.curves import TimeCurve
from hepaflow.report.figures import rendered, styled, vector
from hepaflow.report.figures_fit import Shown, fit_figure
from hepaflow.report.figures_models import agreement_figures
from hepaflow.report.words import Words
from hepaflow.store import atomic
from hepaflow.workflow.fit_file import FittedFile

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

Progress = Callable[[str, int, int], None] | None
#: For print; the report's own figures have half as many.
PRINT_DPI = 300
AGREEMENT = "agreement"


def write_plots(done: FittedFile, folder: Path, *, progress: Progress = None) -> list[Path]:
    """SVG and PNG of every curve that a model could be fitted to, and ``agreement`` where models share a quantity.

    Files of the same name are replaced, each in one step. A folder that cannot be written raises OUTPUT-...
    """
    words = Words("en")
    written: list[Path] = []
    names = file_names([one.curve for one in done.compared])
    shown = [one for one in done.compared if any(fit.found is not None for fit in one.fits)]
    with styled():
        for number, one in enumerate(shown):
            curve = TimeCurve(one.curve, done.times_s, done.columns[one.curve])
            picture = fit_figure(one, Shown(curve, done.inputs, done.unit, done.haematocrit), words=words)
            written += _write(picture, folder / names[one.curve])
            if progress:
                progress("plots", number + 1, len(shown))
        for number, sheet in enumerate(agreement_figures(shown, [one.curve for one in shown], words=words), start=1):
            written += _write(sheet, folder / (AGREEMENT if number == 1 else f"{AGREEMENT}-{number}"))
    return written


def check_folder(folder: Path) -> None:
    """Makes the folder and refuses it before the fits when it cannot be written."""
    with atomic.reporting("the folder for plots"):
        folder.mkdir(parents=True, exist_ok=True)
    with atomic.staging(folder):
        pass


def file_names(curves: list[str]) -> dict[str, str]:
    """A file name, without ending, for every curve: letters, digits, dots and dashes of its name; numbered where two would be alike.

    >>> file_names(["liver", "lesion 1/rim", "lesion 1 rim"])
    {'liver': 'fit-liver', 'lesion 1/rim': 'fit-lesion_1_rim', 'lesion 1 rim': 'fit-lesion_1_rim-2'}
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for curve in curves:
        stem = "fit-" + (re.sub(r"[^\w.-]+", "_", curve)[:60].strip("_.") or "curve")
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names[curve] = name
    return names


def _write(picture: Canvas, stem: Path) -> list[Path]:
    """Writes ``stem.svg`` and ``stem.png``."""
    paths = [stem.with_name(stem.name + ".svg"), stem.with_name(stem.name + ".png")]
    atomic.write_bytes(paths[0], vector(picture))
    picture.set_dpi(PRINT_DPI)
    atomic.write_bytes(paths[1], rendered(picture)[0])
    return paths
