"""Figures of fits and of agreement: drawn, whole, the same on repeat, with what they promise in them."""

from __future__ import annotations

import dataclasses
import io
import re

import numpy as np
import pytest
from PIL import Image
from report_case import without_passes

from hepaflow.curves.inputs import dense_inputs
from hepaflow.domain.case import CaseResult
from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import Estimate, Measurement
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.compare import compare
from hepaflow.kinetics.fit_csv import fit_column
from hepaflow.report import html, pdf
from hepaflow.report.content import Bullets, Figure, Table
from hepaflow.report.document import compose
from hepaflow.report.figures import canvas, rendered, styled, vector
from hepaflow.report.figures_fit import Shown, fit_figure
from hepaflow.report.figures_models import agreement_figures, interval
from hepaflow.report.models_style import style_of
from hepaflow.report.text_compare import COMPARE
from hepaflow.report.words import NBSP, Words
from hepaflow.workflow.fit_plots import file_names

EN = Words("en")
TIMES = np.concatenate([np.arange(0, 30, 2.0), np.arange(48, 160, 20.0)])


def bolus(at: float, width: float) -> np.ndarray:
    x = np.maximum(TIMES - at, 0) / width
    return x**2 * np.exp(2 * (1 - x))


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    arterial, portal = 300 * bolus(5, 5) + 60 * bolus(10, 40), 160 * bolus(10, 14) + 60 * bolus(15, 45)
    return dense_inputs(TimeCurve("a", TIMES, arterial), TimeCurve("p", TIMES, portal), baseline_passes=2)


@pytest.fixture(scope="module")
def curve() -> TimeCurve:
    noise = np.random.default_rng(2).normal(0, 0.5, TIMES.size)
    values = 55 + 50 * bolus(9, 18) + 20 * bolus(10, 60) + noise
    values[6] = np.nan
    return TimeCurve("a liver", TIMES, values)


@pytest.fixture(scope="module")
def compared(curve: TimeCurve, inputs: Inputs) -> Comparison:
    return compare(curve.name, {m.key: fit_column(curve, inputs, model=m, density_g_ml=1.05) for m in MODELS})


def ink(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def share(image: np.ndarray, color: str) -> float:
    wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
    return float((np.abs(image - wanted).max(axis=2) <= 8).mean())


def test_a_fit_shows_every_model_that_draws_a_curve(compared: Comparison, curve: TimeCurve, inputs: Inputs) -> None:
    with styled():
        image = ink(rendered(fit_figure(compared, Shown(curve, inputs), words=EN))[0])
    assert image.shape[1] == pytest.approx(180 / 25.4 * 150, abs=1)
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all()  # nothing is cut off
    for fit in compared.ranked:
        assert share(image, style_of(fit.model).color) > 1e-3, fit.model


def test_figures_are_the_same_on_repeat_as_picture_and_as_drawing(compared: Comparison, curve: TimeCurve, inputs: Inputs) -> None:
    def drawn() -> list[bytes]:
        with styled():
            figures = [fit_figure(compared, Shown(curve, inputs), words=EN), *agreement_figures([compared], ["a liver"], words=EN)]
            return [data for figure in figures for data in (vector(figure), rendered(figure)[0])]

    assert drawn() == drawn()


def test_the_drawing_holds_no_date_and_no_maker() -> None:
    with styled():
        text = vector(canvas(20.0)).decode()
    assert "<dc:date>" not in text
    assert re.search(r"https?://matplotlib", text) is None


def test_the_unit_of_the_file_scales_the_axis_and_nothing_else(compared: Comparison, curve: TimeCurve, inputs: Inputs) -> None:
    with styled():
        one, other = (fit_figure(compared, Shown(curve, inputs, unit), words=EN) for unit in (1.0, 4.0))
        lines = [[line.get_ydata() for line in figure.axes[0].get_lines()] for figure in (one, other)]
    for a, b in zip(*lines, strict=True):
        np.testing.assert_allclose(np.asarray(b, float), 4.0 * np.asarray(a, float), rtol=1e-12)  # one product


def test_agreement_has_a_panel_a_shared_quantity_and_keeps_to_a_page(compared: Comparison) -> None:
    with styled():
        (sheet,) = agreement_figures([compared], ["a liver"], words=EN)
        titles = [axes.get_title(loc="left") for axes in sheet.axes]
        many = agreement_figures([compared] * 60, [f"lesion {n} with a long name of its own" for n in range(60)], words=EN)
    assert len(titles) == len({(a.key, a.models) for a in compared.agreement})
    assert titles[0] == "Blood flow BF"
    assert len(many) > 1
    for figure in many:
        assert figure.get_size_inches()[1] * 25.4 <= 232.0  # what the text block of the PDF's page holds, caption and all
    nothing = Comparison("x", (), (), {})
    assert agreement_figures([nothing], ["x"], words=EN) == []


@pytest.mark.parametrize("rows", [1, 6, 12])
def test_what_a_quantity_means_does_not_lie_over_its_name(compared: Comparison, rows: int) -> None:
    with styled():
        for sheet in agreement_figures([compared] * rows, ["a liver"] * rows, words=EN):
            rendered(sheet)
            said = [(axes.title if axes.title.get_text() else axes._left_title, text) for axes in sheet.axes for text in axes.texts]
            for name, meaning in said:
                assert meaning.get_window_extent().y1 <= name.get_window_extent().y0


def test_an_interval_follows_the_draws_and_without_them_the_sd(compared: Comparison) -> None:
    found = next(fit.found for fit in compared.ranked)
    assert found is not None
    low, high = interval(found, "bf") or (np.nan, np.nan)
    inside = (found.samples["bf"] >= low) & (found.samples["bf"] <= high)
    assert inside.mean() == pytest.approx(0.95, abs=0.002)  # 2000 draws
    described = next(fit.found for fit in compared.fits if fit.model == "descriptive")
    assert described is not None
    assert interval(described, "ttp") is None or described.parameters["ttp"].sd > 0


def test_styles_tell_models_apart_in_colour_and_in_form() -> None:
    styles = [style_of(model.key) for model in MODELS]
    assert len({s.color for s in styles}) == len({s.marker for s in styles}) == len(MODELS)


def test_file_names_are_safe_and_distinct() -> None:
    names = file_names(["../etc/passwd", "ETC passwd", "etc passwd", "", "é" * 300])
    assert len({name.lower() for name in names.values()}) == 5
    assert all("/" not in name and len(name) < 80 for name in names.values())


def test_every_sentence_has_the_same_places_in_both_languages() -> None:
    for key, (en, fr) in COMPARE.items():
        assert sorted(re.findall(r"{(\w+)}", en)) == sorted(re.findall(r"{(\w+)}", fr)), key


def compared_case(case: CaseResult) -> CaseResult:
    """The made-up case with two models on three curves; the other one sees 20 % less flow and follows the curves worse."""

    def both(name: str, found: Measurement, *, worse: float) -> Comparison:
        flow = found.parameters["bf"].value
        other = dataclasses.replace(
            found,
            parameters={"bf": Estimate(0.8 * flow, 1.0), "bv": Estimate(0.5 * flow, 1.0)},
            samples={"bf": 0.8 * found.samples["bf"]},
            aic=found.aic + worse,
        )
        return compare(name, {"aath": found, "one-compartment": other})

    lesion = case.lesions[0]
    compared = (
        both("healthy", case.healthy, worse=30.0),
        both("lesion-1", lesion.regions["whole"], worse=0.5),
        both("lesion-1-rim", lesion.regions["rim"], worse=-40.0),
    )
    return dataclasses.replace(case, comparison=compared)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_report_compares_models_where_the_case_did(case: CaseResult, language: str) -> None:
    words = Words(language)
    assert words.brief_model("aath") == "AATH"
    case = without_passes(case)
    assert "models" not in {section.key for section in compose(case, language=language).sections}
    document = compose(compared_case(case), language=language)
    keys = [section.key for section in document.sections]
    assert keys.index("models") == keys.index("lesions") + 1
    section = document.sections[keys.index("models")]
    (bullets, own) = (block for block in section.blocks if isinstance(block, Bullets))
    assert [lead for lead, _ in bullets.items] == [
        f"{words.region('healthy')}: ",
        f"{words.region('lesion-1')}: ",
        f"{words('place_shell', lesion=words.region('lesion-1'), shell=words('shell_rim'))}: ",
    ]
    assert words("compare_differ", share=f"25{NBSP if language == 'fr' else ''}%") in bullets.items[0][1]
    assert "AATH" in bullets.items[1][1]
    assert [lead for lead, _ in own.items] == [f"{words.quantity('bv')}: "]
    (figure,) = (block for block in section.blocks if isinstance(block, Figure))
    assert figure.caption == words("agreement_caption")
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert [row.cells[0].text for row in table.rows if not row.group] == [
        words.brief_model(model) for model in ("aath", "one-compartment", "aath", "one-compartment", "one-compartment", "aath")
    ]
    ratios = [row.cells[3].text for row in table.rows if not row.group]
    assert ratios[:2] == ["", ""]
    # both models see the lesion at the same share of healthy liver
    assert ratios[2].split(NBSP)[0].split(" ")[0] == ratios[3].split(NBSP)[0].split(" ")[0] == words.number(0.4, 2)
    said = [row.cells[4].text for row in table.rows if not row.group]
    # the lesion at 0.4 is rated, healthy liver and rim are not
    major = f"{words('short_major')}\n{words.probability(1.0)}"
    assert said == ["", "", major, major, "", ""]
    assert html.render(document)
    assert pdf.render(document).startswith(b"%PDF")
