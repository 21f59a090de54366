from __future__ import annotations

import numpy as np
import pytest

from hepaflow.domain.lesions import SHELLS
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import UsageError
from hepaflow.kinetics.catalogue import MODELS
from hepaflow.report.figures import colormap
from hepaflow.report.words import LANGUAGES
from hepaflow.response.catalogue import KEYS
from hepaflow.units import QUANTITIES
from hepaflow.web import facts


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_has_a_name(language: str) -> None:
    said = facts.words_in(language)
    assert set(said["flags"]) == set(FLAGS)
    assert set(said["quantities"]) == set(QUANTITIES)
    assert set(said["models"]) == {model.key for model in MODELS}
    assert set(said["criteria"]) == set(KEYS)
    assert set(said["parts"]) == set(SHELLS)
    assert {window["key"] for window in facts.windows()} == set(said["windows"])
    texts = [entry["text"] for entry in said["flags"].values()] + [entry["name"] for entry in said["quantities"].values()]
    texts += [*said["parts"].values(), *said["regions"].values(), *said["categories"].values()]
    assert all(text and text.strip() == text for text in texts)


def test_the_languages_differ() -> None:
    english, french = (facts.words_in(language) for language in LANGUAGES)
    assert english["parts"]["core"] == "core"
    assert french["parts"]["core"] == "centre"
    assert english["flags"]["voxel-no-enhancement"]["text"] != french["flags"]["voxel-no-enhancement"]["text"]
    with pytest.raises(UsageError, match="LANGUAGE-UNKNOWN"):
        facts.words_in("de")


def test_palettes_are_those_of_the_report() -> None:
    tables = facts.palettes_as_bytes()
    said = facts.words_in("en")
    assert {said["ratio"]["palette"], *(quantity["palette"] for quantity in said["quantities"].values())} <= set(tables)
    for name, colors in tables.items():
        assert np.array(colors).shape == (256, 3)
        assert 0 <= np.min(colors) <= np.max(colors) <= 255
        if name != "gray":
            assert np.array_equal(colors, colormap(name)(np.arange(256), bytes=True)[:, :3])


@pytest.mark.parametrize("name", ["lipari", "batlow", "imola", "gray"])
def test_a_palette_reads_in_order_of_lightness(name: str) -> None:
    """Grey print and every kind of colour-blindness keep the order of values."""
    red, green, blue = np.array(facts.palettes_as_bytes()[name]).T / 255.0
    linear = [np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (red, green, blue)]
    lightness = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    assert (np.diff(lightness[::8]) > 0).all()
