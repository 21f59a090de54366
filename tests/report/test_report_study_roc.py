"""ROC curves and areas of a study as figures: the numbers drawn are the numbers found."""

from __future__ import annotations

import io

import numpy as np
import pytest
from drawn_study import same_bytes, size_mm, text_stays_inside, words_of
from PIL import Image

from hepaflow.cohort.cutoff import curve, youden
from hepaflow.cohort.roc import auc
from hepaflow.cohort.sample import sample
from hepaflow.errors import InputRefused
from hepaflow.report.figures import raster
from hepaflow.report.study_roc import Drawn, forest_figure, roc_figure
from hepaflow.report.study_style import line_look


def made(label: str, shift: float, *, n: int = 61, direction: str = "lower") -> Drawn:
    rng = np.random.default_rng(7)
    positive = np.arange(n) % 2 == 0
    values = rng.normal(size=n) - np.where(positive, shift, -shift) * (1 if direction == "lower" else -1)
    found = sample(values, positive, np.arange(n) // 2, direction=direction)  # type: ignore[arg-type]
    best = youden(found)
    return Drawn(label, curve(found), auc(found), None if best is None else best.cut)


def test_each_curve_is_the_empirical_one_and_the_largest_area_comes_first() -> None:
    drawn = [made("weak", 0.2), made("strong", 1.0, direction="higher")]
    figure = roc_figure(drawn, "major response")
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["weak"].get_ydata(), drawn[0].curve.sensitivity)
    np.testing.assert_array_equal(lines["weak"].get_xdata(), 1.0 - drawn[0].curve.specificity)
    text = words_of(figure)
    assert text.index("strong") < text.index("weak")
    assert "Positive: major response (31 of 61 lesions, 31 patients)" in text
    low, high = drawn[0].auc.ci95_clustered or (0, 0)
    assert f"area {drawn[0].auc.auc:.3f} ({low:.2f} to {high:.2f})" in text
    assert "cut < " in text
    assert "cut > " in text


def test_the_operating_point_is_marked_where_it_lies() -> None:
    one = made("one", 0.6)
    assert one.cut is not None
    marks = [line for line in roc_figure([one], "p").axes[0].lines if line.get_marker() == "o"]
    assert [(float(m.get_xdata()[0]), float(m.get_ydata()[0])) for m in marks] == [(1 - one.cut.specificity, one.cut.sensitivity)]
    unmarked = roc_figure([Drawn("one", one.curve, one.auc, None)], "p").axes[0].lines
    assert not [line for line in unmarked if line.get_marker() == "o"]


@pytest.mark.parametrize(("number", "width"), [(1, 85.0), (3, 85.0), (4, 180.0), (12, 180.0)])
def test_the_square_is_square_and_nothing_is_cut(number: int, width: float) -> None:
    figure = roc_figure([made(f"a criterion with a long name that wraps, $number {k}", 0.1 * k) for k in range(number)], "x " * 60)
    assert size_mm(figure)[0] == pytest.approx(width)
    assert text_stays_inside(figure)
    box = figure.axes[0].get_window_extent()
    assert box.width == pytest.approx(box.height, rel=0.02)


def test_twelve_lines_are_all_unlike() -> None:
    assert len({tuple(line_look(number).values()) for number in range(12)}) == 12


def test_curves_of_unlike_lesions_say_so() -> None:
    assert "numbers differ" in words_of(roc_figure([made("a", 0.5), made("b", 0.5, n=40)], "p"))


@pytest.mark.parametrize("number", [0, 13])
def test_no_curve_and_too_many_are_refused(number: int) -> None:
    one = made("a", 0.5)
    with pytest.raises(InputRefused, match="FIGURE-LINES"):
        roc_figure([one] * number, "p")
    with pytest.raises(InputRefused, match="FIGURE-LINES"):
        forest_figure([("a", one.auc)] * number)


def test_two_lesions_apart_have_an_area_and_no_interval() -> None:
    found = sample([1.0, 2.0], [False, True])
    drawn = Drawn("two", curve(found), auc(found), None)
    assert "area 1.000 (95 % interval not estimable)" in words_of(roc_figure([drawn], "p"))
    assert words_of(forest_figure([("two", drawn.auc)])).count("not estimable") == 2


def test_the_forest_holds_both_intervals() -> None:
    one = made("one", 0.4)
    figure = forest_figure([("one", one.auc)])
    spans = {tuple(np.asarray(line.get_xdata(), float)): line.get_linewidth() for line in figure.axes[0].lines}
    assert one.auc.ci95_clustered is not None
    assert one.auc.ci95_delong_logit is not None
    assert spans[one.auc.ci95_clustered] > 2 * spans[one.auc.ci95_delong_logit]
    assert text_stays_inside(figure)


def test_the_same_curves_make_the_same_files() -> None:
    drawn = [made("a", 0.5), made("b", 0.2)]
    assert same_bytes(lambda: roc_figure(drawn, "p"))
    assert same_bytes(lambda: forest_figure([(one.label, one.auc) for one in drawn]))


def test_a_raster_is_opaque_at_its_resolution_and_says_nothing_else() -> None:
    image = Image.open(io.BytesIO(raster(roc_figure([made("a", 0.5)], "p"))))
    assert image.mode == "RGB"
    assert image.width == int(85 / 25.4 * 300)
    assert set(image.info) == {"dpi"}
