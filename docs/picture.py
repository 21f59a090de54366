"""Draws the pictures of the documentation from the demo's study.

python docs/picture.py
"""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from PIL import Image

from hepaflow.report.document import summary_figure
from hepaflow.store.case import Case
from hepaflow.workflow.demo import make_study
from hepaflow.workflow.fit_file import fit_file
from hepaflow.workflow.fit_plots import write_plots
from hepaflow.workflow.one import analyze
from hepaflow.workflow.plan import Plan

PICTURES = Path(__file__).parent / "pictures"
#: Columns of a case's curves.csv as ``hepaflow fit`` calls them.
COLUMNS = {"time_s": "time_s", "aorta": "arterial", "portal_vein": "portal", "healthy": "healthy liver", "lesion-2": "lesion 2"}
#: Wide enough to read on a page.
PIXELS = 1400


def draw(folder: Path) -> None:
    """The demo with its own size and seed in ``folder``, its summary and the models on one of its curves as PNG."""
    regions = make_study(folder, size="small", seed=0, progress=None)["regions"]
    truth = {
        name: {"bf": found["bf"]} | ({"ratio_bf": found["bf_ratio"]} if "bf_ratio" in found else {})
        for name, found in regions.items()
    }
    with Case(folder / "case") as case:
        study = analyze(Plan(), folder / "phantom" / "dicom", case, rois=folder / "phantom" / "rois.nii.gz")
        summary_figure(study.result(), PICTURES / "demo.png", truth=truth)
    draw_fits(folder / "case" / "curves.csv", folder)


def draw_fits(curves: Path, folder: Path) -> None:
    """Every model on the healthy liver, and the agreement of the models, from a case's curves."""
    with curves.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(COLUMNS.values())
    writer.writerows([row[column] for column in COLUMNS] for row in rows)
    (folder / "curves.csv").write_text(table.getvalue(), encoding="utf-8")
    write_plots(fit_file(folder / "curves.csv", model="all", density_g_ml=Plan().density_g_ml), folder / "figures")
    for name in ("fit-healthy_liver", "agreement"):
        picture = Image.open(folder / "figures" / f"{name}.png")
        small = picture.resize((PIXELS, round(PIXELS * picture.height / picture.width)), Image.Resampling.LANCZOS)
        small.quantize(256).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch))
