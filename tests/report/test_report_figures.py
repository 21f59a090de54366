"""Figures: each is drawn, opaque, the same on repeat; maps keep their scale, orientation and transparency."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hepaflow.curves.picture import picture_passes
from hepaflow.domain.case import CaseResult
from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.maps import ParameterMap
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.fit_curve import fit_curve
from hepaflow.report import figures_curves, figures_maps, figures_motion, figures_ratio, figures_regions
from hepaflow.report.content import Figure
from hepaflow.report.document import summary_figure
from hepaflow.report.figures import ARTERIAL, MUTED, TISSUE, canvas, colormap, styled
from hepaflow.report.panels import Scale, outline
from hepaflow.report.view import AxialView, Crop, grey_slice, largest_slice
from hepaflow.report.words import Words

EN = Words("en")


def pixels(figure: Figure) -> np.ndarray:
    image = Image.open(io.BytesIO(figure.png))
    assert image.mode == "RGB"
    assert image.size == figure.pixels
    return np.asarray(image)


def every_figure(case: CaseResult) -> dict[str, Figure]:
    view = AxialView.of(case.regions.grid)
    with styled():
        return {
            "time": figures_curves.time_axis(case, words=EN),
            "inputs": figures_curves.inputs_figure(case, words=EN),
            "curves": figures_curves.region_curves(case, words=EN)[0],
            "motion": figures_motion.motion_curves(case, words=EN),
            "column": figures_motion.time_position(case, view=view, place=figures_motion.busiest_place(case, view), words=EN),
            "regions": figures_regions.regions_check(case, view=view, words=EN)[0],
            "maps": figures_maps.lesion_maps(case, case.lesions[0], view=view, words=EN),
            "liver": figures_maps.liver_maps(case, view=view, words=EN),
            "forest": figures_ratio.forest(case, words=EN, truth=None),
        }


def test_a_lesion_that_is_not_settled_is_drawn_in_grey(case: CaseResult) -> None:
    def unsure(flags: tuple[str, ...]) -> CaseResult:
        first = case.lesions[0]
        assert first.ruling is not None
        calls = tuple(dataclasses.replace(call, flags=flags) for call in first.response)
        return dataclasses.replace(case, lesions=(dataclasses.replace(first, response=calls), *case.lesions[1:]))

    def colour(shown: CaseResult) -> str:
        with styled():
            axes = canvas(40.0).add_axes((0.1, 0.1, 0.8, 0.8))
            figures_ratio.draw_forest(axes, shown, words=EN, truth=None)
        (marker,) = [line for line in axes.lines if line.get_marker() in {"o", "s", "D"} and list(line.get_ydata()) == [0]]
        return str(marker.get_color())

    assert colour(unsure(("response-uncertain",))) == MUTED
    assert colour(unsure(())) in {TISSUE, ARTERIAL}


@pytest.fixture(scope="module")
def drawn(case: CaseResult) -> dict[str, Figure]:
    return every_figure(case)


def test_every_figure_is_drawn_and_captioned(drawn: dict[str, Figure]) -> None:
    for name, figure in drawn.items():
        image = pixels(figure)
        assert image.std() > 10, name  # a blank page has none
        assert figure.caption, name
        assert figure.alternative, name
        # nothing is cut off: a picture's own edge is white paper or the black of an image panel, never ink of text
        assert (np.abs(image[0].astype(int) - 255).max(axis=1) < 40).mean() > 0.9, name


def test_figures_are_the_same_on_repeat_and_whatever_the_user_style(case: CaseResult, drawn: dict[str, Figure]) -> None:
    import matplotlib as mpl

    with mpl.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 20}):
        again = every_figure(case)
        assert mpl.rcParams["font.size"] == 20
    assert {name: figure.png for name, figure in again.items()} == {name: figure.png for name, figure in drawn.items()}


def flat_case(case: CaseResult, bf: float) -> CaseResult:
    """The case with one blood flow everywhere in the liver."""
    values = np.where(case.regions.liver.mask, np.float32(bf), np.nan).astype(np.float32)
    maps = {"bf": ParameterMap("bf", values)}
    return dataclasses.replace(case, maps=dataclasses.replace(case.maps, maps=maps))


def share(image: np.ndarray, color: tuple[float, ...]) -> float:
    wanted = np.round(np.array(color[:3]) * 255)
    return float((np.abs(image.astype(int) - wanted).max(axis=2) <= 2).mean())


@pytest.mark.parametrize("bf", [40.0, 75.0, 400.0])
def test_a_value_has_its_fixed_colour(case: CaseResult, bf: float) -> None:
    view = AxialView.of(case.regions.grid)
    with styled():
        image = pixels(figures_maps.lesion_maps(flat_case(case, bf), case.lesions[0], view=view, words=EN))
    color = colormap("lipari")(min(bf / 150.0, 1.0))  # BF is shown from 0 to 150 mL/min/100 g in every study
    other = colormap("lipari")(0.2)
    assert share(image, color) > 0.05
    assert share(image, other) < 0.005


def test_uncomputed_voxels_let_the_ct_show(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    empty = flat_case(case, np.nan)
    with styled():
        image = pixels(figures_maps.lesion_maps(empty, case.lesions[0], view=view, words=EN))
    ends = share(image, colormap("lipari")(0.0)) + share(image, colormap("lipari")(1.0))
    assert ends < 0.005  # only the ends of the colour bars
    grey = (np.ptp(image.astype(int), axis=2) == 0) & (image[..., 0] > 40) & (image[..., 0] < 220)
    assert grey.mean() > 0.05


def test_scales_never_use_jet_and_clip() -> None:
    assert {figures_maps.scale_of(key, EN, model="aath").name for key in ("bf", "bv", "mtt", "haf")} == {
        "lipari",
        "batlow",
        "imola",
    }
    ratio = figures_maps.RATIO_SCALE.position(np.array([0.01, 0.25, 1.0, 4.0, 9.0, np.nan, -1.0], np.float32))
    np.testing.assert_allclose(ratio[:5], [0, 0, 0.5, 1, 1], atol=1e-6)  # float32 logarithms
    assert np.isnan(ratio[5])
    assert ratio[6] == 0
    assert Scale("lipari", (0, 10), "", (0, 10)).position(np.array([5.0], np.float32))[0] == 0.5


def axes_grid(order: tuple[int, int, int], signs: tuple[int, int, int]) -> Grid:
    """A grid whose array axis ``n`` runs along patient axis ``order[n]`` (0 x, 1 y, 2 z) with a sign; spacing 4, 3, 2."""
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (patient, sign, step) in enumerate(zip(order, signs, (4.0, 3.0, 2.0), strict=True)):
        affine[patient, axis] = sign * step
    return Grid((5, 6, 7), affine)


@pytest.mark.parametrize("order", [(2, 1, 0), (0, 1, 2), (1, 2, 0)])
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (1, -1, 1)])
def test_pictures_face_the_radiologist_whatever_the_array_order(order: tuple[int, int, int], signs: tuple[int, int, int]) -> None:
    grid = axes_grid(order, signs)
    view = AxialView.of(grid)
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    where = grid.to_mm(index)  # (k, j, i, xyz): turned, z must rise over slices, y over rows, x over columns
    for patient, axis in ((2, 0), (1, 1), (0, 2)):
        turned = view.turn(where[..., patient])
        step = np.diff(turned, axis=axis)
        assert (step > 0).all()
        np.testing.assert_allclose(step, view.spacing_mm[axis])


def test_slice_number_is_that_of_the_study() -> None:
    upside = AxialView.of(axes_grid((2, 1, 0), (-1, 1, 1)))
    mask = np.zeros((5, 6, 7), bool)
    mask[1, 2:4, 2:4] = True
    index = largest_slice(upside, mask)
    assert index == 3
    assert upside.number(index, 5) == 2  # second slice of the array, counted from one


def test_grey_picture_averages_portal_passes_and_skips_gaps(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    passes = picture_passes(case)
    assert len(passes) == 5
    assert not set(passes) & set(case.aligned.excluded)
    index = 8
    expected = case.aligned.voxels[list(passes), index].mean(axis=0)
    np.testing.assert_allclose(grey_slice(case, view, index, passes=passes), expected, atol=1e-3)  # float32 sums of HU
    assert np.isnan(grey_slice(case, view, 0, passes=passes)).all()  # outside coverage in every pass


def test_crop_keeps_the_whole_mask_and_its_aspect() -> None:
    mask = np.zeros((40, 50), bool)
    mask[2:9, 5:40] = True
    crop = Crop.around(mask, (2.0, 1.0), margin_mm=4.0, aspect=1.5)
    assert crop.rows[0] <= 2 - 2
    assert crop.rows[1] >= 9 + 2
    assert crop.columns[0] <= 5 - 4
    assert crop.columns[1] >= 40 + 4
    left, right, bottom, top = crop.extent
    assert (right - left) / (bottom - top) == pytest.approx(1.5, rel=0.1)  # whole pixels
    rows, columns = crop.inside(mask.shape)
    assert mask[rows, columns].sum() == mask.sum()


def test_outline_surrounds_the_mask_in_mm() -> None:
    mask = np.zeros((20, 20), bool)
    mask[5:10, 4:12] = True
    crop = Crop((0, 20), (0, 20), (3.0, 2.0))
    (line,) = outline(mask, crop)
    assert line[:, 0].min() == pytest.approx(4 * 2.0)
    assert line[:, 0].max() == pytest.approx(12 * 2.0)
    assert line[:, 1].min() == pytest.approx(5 * 3.0)
    assert line[:, 1].max() == pytest.approx(10 * 3.0)
    assert outline(~np.ones_like(mask), crop) == []


def test_column_picture_shows_breathing_before_and_not_after(case: CaseResult) -> None:
    view = AxialView.of(case.regions.grid)
    place = figures_motion.column_of_liver(case, view)
    before = figures_motion.column_over_passes(case.series, view, place)
    after = figures_motion.column_over_passes(case.aligned, view, place)
    assert before.shape == (16, 21)
    # the dome: first voxel from the head above 30 HU; it moves by slices as acquired and stays after correction
    domes = [(np.nan_to_num(picture, nan=-1000.0) > 30).argmax(axis=0) for picture in (before, after)]
    assert np.ptp(domes[0]) >= 2
    assert np.ptp(domes[1]) == 0
    assert np.isnan(after[-1]).all()  # the foot end: a slice without coverage


def test_curves_with_excluded_passes_left_out_find_their_times(case: CaseResult) -> None:
    times = figures_curves.curve_times(case, 20)
    assert times is not None
    assert times.size == 20
    assert case.aligned.times_s[12] not in times
    assert figures_curves.curve_times(case, 7) is None


def test_summary_picture_is_written_and_repeatable(case: CaseResult, truth: dict[str, dict[str, float]], tmp_path: Path) -> None:
    first = summary_figure(case, tmp_path / "a.png", truth=truth).read_bytes()
    second = summary_figure(case, tmp_path / "b.png", truth=truth).read_bytes()
    assert first == second
    image = np.asarray(Image.open(io.BytesIO(first)))
    assert image.shape[1] > 1.5 * image.shape[0] > 600
    assert image.std() > 10


@pytest.mark.parametrize(
    ("model", "key", "healthy", "lesion"),
    [
        # the phantom's healthy liver and lesion-2, a major response, from their mean curves; s and mL/100 g
        ("aath", "mtt", 9.2, 6.7),
        ("aath", "total_mtt", 26.8, 31.8),
        ("aath", "bv", 16.7, 6.8),
        ("one-compartment", "mtt", 31.9, 51.2),
        ("one-compartment", "bv", 47.6, 28.8),
        ("deconvolution", "total_mtt", 44.4, 78.1),
        ("deconvolution", "bv", 47.2, 28.8),
    ],
)
def test_usual_values_lie_inside_the_scale_and_apart(model: str, key: str, healthy: float, lesion: float) -> None:
    scale = figures_maps.scale_of(key, EN, model=model)
    places = scale.position(np.array([healthy, lesion], np.float32))
    assert (places > 0.1).all()  # off both ends
    assert (places < 0.9).all()
    assert abs(places[0] - places[1]) > 0.08  # a twelfth of the scale is seen


def test_a_fitted_line_is_drawn_between_passes_and_goes_through_the_fit_at_them(case: CaseResult) -> None:
    model = model_of("aath")
    inputs = case.inputs
    found = fit_curve(
        TimeCurve("healthy", case.aligned.times_s, 55.0 + case.healthy.curve_hu), inputs, model=model, density_g_ml=1.05, seed=1
    )
    with styled():
        (figure,) = figures_curves.region_curves(dataclasses.replace(case, healthy=found, lesions=()), words=EN)
    assert figure.png
    at, line = figures_curves._fitted_line(dataclasses.replace(case, healthy=found), found, case.aligned.times_s)
    assert np.diff(at).max() <= 0.5 + 1e-9  # passes lie up to 20 s apart
    inside = np.isin(at, case.aligned.times_s)
    assert inside.sum() == case.aligned.times_s.size
    # the same formula on the same inputs
    np.testing.assert_allclose(line[inside], found.fit_hu, atol=1e-6 * float(np.abs(found.fit_hu).max()))
