"""Draws the picture of the README from the demo's study.

python docs/picture.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hepaflow.report.document import summary_figure
from hepaflow.store.case import Case
from hepaflow.workflow.demo import make_study
from hepaflow.workflow.one import analyze
from hepaflow.workflow.plan import Plan

PICTURE = Path(__file__).parent / "pictures" / "demo.png"


def draw(folder: Path) -> None:
    """The demo with its own size and seed in ``folder``, and its summary as PNG."""
    regions = make_study(folder, size="small", seed=0, progress=None)["regions"]
    truth = {
        name: {"bf": found["bf"]} | ({"ratio_bf": found["bf_ratio"]} if "bf_ratio" in found else {})
        for name, found in regions.items()
    }
    with Case(folder / "case") as case:
        study = analyze(Plan(), folder / "phantom" / "dicom", case, rois=folder / "phantom" / "rois.nii.gz")
        summary_figure(study.result(), PICTURE, truth=truth)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        draw(Path(scratch))
