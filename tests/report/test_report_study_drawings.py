"""Which figures a study has, and that no label of a user is obeyed."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "workflow"))
from lesions_for_tests import columns, study

from hepaflow.report.figures import raster, styled, vector
from hepaflow.report.study_drawings import drawings_of


def test_labels_of_any_letters_are_drawn_as_they_are(tmp_path: Path) -> None:
    label = "漢字 $\\\\frac{x}$ <script> & " + "W" * 90
    content = f'bootstraps = 20\n[columns.bf_ratio]\ndirection = "lower"\nlabel = "{label}"\nunit = "<b>%s{{0}}"\n'
    found, _ = study(tmp_path, content=content)
    with styled():
        drawn = list(drawings_of(found))
        assert [one.key for one in drawn] == ["boxes", "roc", "forest"]
        for one in drawn:
            assert raster(one.canvas, 40)
            assert b"<script>" not in vector(one.canvas)


def test_no_more_than_twelve_parameters_in_one_figure_and_it_is_said(tmp_path: Path) -> None:
    table = {**columns(), **{f"c{k}": columns(seed=k)["noise"] for k in range(20, 34)}}
    size = len(columns()["patient"])
    table = {name: (cells * 3)[:size] for name, cells in table.items()}
    content = "bootstraps = 0\n" + "".join(f'[columns.c{k}]\ndirection = "lower"\n' for k in range(20, 34))
    found, _ = study(tmp_path, table, content)
    with styled():
        drawn = {one.key: one for one in drawings_of(found)}
    assert set(drawn) == {"boxes", "roc", "forest"}
    assert all("The 12 largest areas of 14." in one.caption for one in drawn.values())


def test_changes_that_are_not_known_leave_the_waterfall_out(tmp_path: Path) -> None:
    table = {**columns(), "before_mm": ["0"] * len(columns()["patient"])}
    found, _ = study(tmp_path, table, 'bootstraps = 0\nsize = { before = "before_mm", after = "after_mm" }\n')
    with styled():
        assert "waterfall" not in [one.key for one in drawings_of(found)]
