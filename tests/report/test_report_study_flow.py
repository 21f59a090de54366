"""The flow chart of a study: its counts, its reasons, and text within its boxes whatever the length."""

from __future__ import annotations

import pytest
from drawn_study import same_bytes, size_mm, text_stays_inside, words_of
from hypothesis import given, settings
from hypothesis import strategies as st

from hepaflow.cohort.flow import Excluded, Flow
from hepaflow.report.study_flow import flow_figure
from hepaflow.report.study_style import wrapped

THESIS = Flow(41, (Excluded("lesions too small", 3), Excluded("no chemotherapy", 6)), 32, 61)
LONG = "a reason that someone wrote down in full although a short one would have done, " * 3 + "w" * 150


def text_in_boxes(figure: object) -> bool:
    """Every text lies within one of the boxes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patches import FancyArrowPatch, Rectangle

    agg = FigureCanvasAgg(figure)  # type: ignore[arg-type]
    agg.draw()
    axes = figure.axes[0]  # type: ignore[attr-defined]
    boxes = [p.get_window_extent() for p in axes.patches if isinstance(p, Rectangle) and not isinstance(p, FancyArrowPatch)]
    texts = [t.get_window_extent(agg.get_renderer()) for t in axes.texts if t.get_text()]
    assert texts
    return all(any(b.x0 <= t.x0 and t.x1 <= b.x1 and b.y0 <= t.y0 and t.y1 <= b.y1 for b in boxes) for t in texts)


def test_the_chart_holds_its_counts_and_reasons() -> None:
    text = words_of(flow_figure(THESIS))
    for said in (
        "Eligible: 41 patients",
        "Excluded: 9 patients",
        " 3 ",
        " 6 ",
        "lesions too small",
        "Included: 32 patients, 61 lesions",
    ):
        assert said in text
    assert "Analysed" not in text
    assert "synthetic" not in text


def test_lesions_left_out_have_a_box_of_their_own() -> None:
    text = words_of(flow_figure(Flow(32, (), 32, 61, (Excluded("no baseline", 4),)), synthetic=True))
    assert "Not analysed: 4 lesions" in text
    assert "Analysed: 57 lesions" in text
    assert "Excluded" not in text
    assert "SYNTHETIC" in text


@pytest.mark.parametrize("reasons", [0, 1, 8])
def test_long_reasons_stay_within_their_boxes(reasons: int) -> None:
    excluded = tuple(Excluded(LONG, 1000) for _ in range(reasons))
    figure = flow_figure(Flow(10_000, excluded, 10_000 - 1000 * reasons, 20_000, (Excluded(LONG, 7),)), synthetic=True)
    assert size_mm(figure)[0] == pytest.approx(180.0)
    assert text_in_boxes(flow_figure(Flow(10_000, excluded, 10_000 - 1000 * reasons, 20_000, (Excluded(LONG, 7),))))
    assert text_stays_inside(figure)


def test_the_same_flow_makes_the_same_files() -> None:
    assert same_bytes(lambda: flow_figure(THESIS))


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(codec="latin-1", categories=("L", "N", "Zs", "P")), max_size=200), st.floats(10.0, 90.0))
def test_wrapping_loses_no_letter(text: str, width: float) -> None:
    assert "".join("".join(wrapped(text, width)).split()) == "".join(text.split())
