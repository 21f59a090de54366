"""Numbers that the explanations quote are those of the code."""

from __future__ import annotations

import math

import doc_pages as pages
import pytest

from hepaflow.curves import circulation, enhancement, inputs, reconstruct, suspect
from hepaflow.kinetics import (
    compare,
    dictionary,
    fit_maps,
    map_chunk,
    map_posterior,
    map_prior,
    map_search,
    posterior,
    problem,
    search,
)
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import ResidueModel
from hepaflow.lesions import measure, ratios
from hepaflow.motion import correct, lattice, rigid
from hepaflow.regions import healthy, shells, vessels
from hepaflow.report.compared import meaning_text
from hepaflow.report.words import Words
from hepaflow.response.criterion import NANCY_2019
from hepaflow.units import DEFAULT_DENSITY_G_ML
from hepaflow.web import seeds

WORDS = {6: "six", 10: "ten"}
SHARES = {0.5: "half"}
MULTIPLES = {2.0: "twice"}
QUOTED = {
    "drawing.md": (
        f"in {WORDS[seeds.SPANS]} spans of time, on voxels of about {seeds.WORKING_MM} mm within {seeds.REACH_MM:.0f} mm of the click",
    ),
    "kinetics.md": (
        f"{DEFAULT_DENSITY_G_ML} g/mL unless configured",
        f"their own scatter explains ({100 * enhancement.SAME_LEVEL:.0f} %)",
        f"a grid of {inputs.STEP_S} s",
        "by {:.0f}, {:.0f}, {:.0f} or {:.0f} % of itself".format(*(100 * size for size in circulation.DEPARTURES)),
        f"Each of the {WORDS[len(circulation._ARTERIAL)]} unknowns",
        f"more than {100 * reconstruct.TRUSTED_REMAINDER:.0f} % of the peak (RMS)",
        f"more than {reconstruct.OVERSHOOT} times above the highest sample ({reconstruct.OVERSHOOT_CLIPPED:g} times where samples were clipped)",
        f"with {SHARES[reconstruct.DOUBT]} of its difference from the model as one sigma",
        f"at least {100 * suspect.CLIPPED_SHARE:.0f} % of the vessel's voxels",
        f"more than {MULTIPLES[suspect.GAP]} the usual one",
        f"{search.DICTIONARY_ROWS} sets of residue unknowns",
        f"{posterior.DRAWS} draws by adaptive importance sampling",
        f"worth {posterior.ENOUGH:.0f} independent draws",
        f"| total flow | {problem.FLOW_CENTRE:.0f} mL/min/100 mL |",
        f"with a spread of {measure.DELAY_SPREAD_S} s",
        f"more than {100 * ratios.TOLERATED_ZERO:.0f} % of the draws",
        f"its spread is {map_prior.SHAPE_SPREAD} times",
        f"{100 * map_prior.FLOW_SPREAD:.0f} % of that tissue's total flow",
        f"delays lie within {map_prior.DELAY_SPREAD_S} s",
        f"{math.prod(map_posterior.COARSE[1])} combinations (one unknown) or {math.prod(map_posterior.COARSE[3])} (more) for each tissue",
        f"below {100 * map_posterior.LOW_NOISE:.0f} % of the enhancement",
        f"{math.prod(map_search.SIZE[1])} combinations (one unknown) or {math.prod(map_search.SIZE[3])} (more) are searched",
        f"later than {map_chunk.LATE_S:.0f} s",
        f"fewer than {fit_maps.FEWEST_SAMPLES} samples",
    ),
    "comparing-models.md": (
        f"a second model lies within {compare.SUPPORTED:.0f} of the best",
        f"weight {compare.CLEAR_WEIGHT} and more",
        f"more than {compare.DEVIATIONS} SDs of their difference",
    ),
    "motion.md": (
        f"values outside {lattice.WINDOW_HU[0]:.0f} to {lattice.WINDOW_HU[1]:.0f} HU",
        f"up to {rigid.REACH_MM[0]:.0f} mm along the body",
        f"fades to zero within {correct.FADE_MM:.0f} mm",
    ),
    "regions.md": (
        f"the outer {shells.RIM_MM:.0f} mm of it",
        f"within {shells.SURROUND_MM:.0f} mm outside the mask",
        f"below {shells.LEAST_SHELL_ML} mL is left out",
        f"below {100 * shells.DEAD_SHARE:.0f} % of healthy liver",
        f"about {healthy.WANTED_ML:.0f} mL together, at least {healthy.MARGINS_MM[0][0]:.0f} mm from lesions and {healthy.MARGINS_MM[0][1]:.0f} mm",
        f"under {healthy.ENOUGH_ML:.0f} mL it is flagged",
        f"at least {vessels.LIKE_PORTAL} times as high as the liver",
        f"Below {NANCY_2019.smallest_mm:.0f} mm the lesion is flagged",
    ),
}


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in QUOTED.items() for text in texts])
def test_number_is_that_of_the_code(page, text):
    written = (pages.ROOT / "docs" / "explain" / page).read_text(encoding="utf-8")
    assert text in " ".join(written.split()), f"docs/explain/{page} does not say: {text}"


def test_prior_table_is_that_of_the_code():
    written = (pages.ROOT / "docs" / "explain" / "kinetics.md").read_text(encoding="utf-8")
    rows = {cells[1]: cells[2:] for line in written.splitlines() if len(cells := [c.strip() for c in line.split("|")]) == 7}
    names = {"mtt": "`mtt`", "rate": "rate k", "extraction": "extraction"}
    for model in (m for m in MODELS if isinstance(m, ResidueModel)):
        for parameter in model.shape:
            centre, spread, bounds, scale = rows[f"{names[parameter.key]} (`{model.key}`)"][:4]
            assert float(centre.split()[0]) == parameter.centre
            assert float(spread.split()[0]) == parameter.spread
            assert [float(x) for x in bounds.split() if x[0].isdigit()] == list(parameter.bounds)
            assert scale == parameter.scale
        for expected in model.expected:
            centre, spread = rows[f"interstitial volume `{expected.key}` (`{model.key}`), besides that of k"][:2]
            assert (float(centre.split()[0]), float(spread)) == (expected.centre, expected.spread)
    for name, delay in (("arterial delay", dictionary.ARTERIAL_DELAY), ("portal delay", dictionary.PORTAL_DELAY)):
        assert [float(rows[name][i].split()[0]) for i in (0, 1)] == [delay.centre, delay.spread]
        assert [float(x) for x in rows[name][2].split() if x[-1].isdigit()] == list(delay.bounds)


@pytest.mark.parametrize("model", [m for m in MODELS if isinstance(m, ResidueModel)], ids=lambda m: m.key)
def test_page_of_a_model_has_the_priors_of_the_code(model):
    written = (pages.ROOT / "docs" / "models" / f"{model.key}.md").read_text(encoding="utf-8")
    for q in model.shape:
        row = f"| `{q.key}` | {q.unit} | {q.bounds[0]:g} to {q.bounds[1]:g} | {q.centre:g} | {q.spread} | {q.scale} |"
        assert row in written, row
    for e in model.expected:
        assert f"log-normal prior on `{e.key}`, {e.centre:g} mL/100 mL with a spread of {e.spread}" in written
    for key in model.quantities:
        assert f"`{key}`" in written, key
    assert "## Error on the phantom" in written


def test_table_of_meanings_is_that_of_the_code():
    written = (pages.ROOT / "docs" / "explain" / "comparing-models.md").read_text(encoding="utf-8")
    rows = [[c.strip() for c in line.split("|")[1:4]] for line in written.splitlines() if line.count("|") == 4 and "`" in line]
    said = {(key, model): text for keys, models, text in rows for key in keys.split(", ") for model in models.split(", ")}
    words = Words("en")
    known = {
        (f"`{key}`", f"`{model}`"): meaning_text(code, words)
        for key, models in compare.MEANINGS.items()
        for model, code in models.items()
    }
    assert said == known
