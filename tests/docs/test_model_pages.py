"""The pages of the models that are read directly say what the code does."""

from __future__ import annotations

import doc_pages as pages
import pytest

from hepaflow.kinetics import deconvolution, fit_direct, max_slope, patlak, posterior
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.kinetics.model import DirectModel

DIRECT = [model for model in MODELS if isinstance(model, DirectModel)]
QUOTED = {
    "models/patlak.md": (
        f"until {patlak.WINDOW_S:.0f} s after arrival",
        f"up to {patlak.RISE_S:.0f} s after arrival",
        f"a step of {patlak.FINE_S} s from {patlak.DELAY_BOUNDS_S[0]:.0f} to {patlak.DELAY_BOUNDS_S[1]:.0f} s",
        f"prior of {patlak.DELAY_CENTRE_S} (SD {patlak.DELAY_SPREAD_S:.0f}) s",
        "With fewer than two samples more than unknowns" if patlak.SPARE == 2 else "SPARE",
    ),
    "models/max-slope.md": (f"through {max_slope.FEWEST_IN_LINE} samples in a row, or as many as lie in {max_slope.LINE_S:.0f} s",),
    "models/deconvolution.md": (
        f"from {deconvolution.FIRST_LAG_S:.0f} s on",
        f"not more than {deconvolution.NODE_STEP_S:.0f} s",
        f"each interval {deconvolution.GROWTH} times the last",
        f"counting {deconvolution.GCV_WEIGHT} times",
    ),
    "explain/kinetics.md": (f"{posterior.DRAWS} times the curve", "in ten groups" if fit_direct.GROUPS == 10 else "GROUPS"),
}


def page(name: str) -> str:
    return (pages.ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in QUOTED.items() for text in texts])
def test_number_is_that_of_the_code(name, text):
    assert text in page(name)


@pytest.mark.parametrize("model", DIRECT, ids=lambda m: m.key)
def test_every_model_has_its_page(model):
    text = page(f"models/{model.key}.md")
    assert f"`--model {model.key}`" in text
    assert all(f"`{key}`" in text for key in model.quantities)
    assert all(f"## {title}" in text for title in ("Formula", "When not to use it", "What it cannot give", "Error", "Source"))
