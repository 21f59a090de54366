"""The words, ranges and colours of the report, for the page: one list of each, in English and French."""

from __future__ import annotations

from typing import Any

import numpy as np

from hepaflow.curves.protocol import LONG_STUDY
from hepaflow.domain.lesions import SHELLS
from hepaflow.domain.quality import FLAGS
from hepaflow.kinetics.catalogue import DEFAULT_MODEL, MODELS
from hepaflow.kinetics.display import display_range
from hepaflow.report import palettes
from hepaflow.report.tables import abbreviation
from hepaflow.report.view import WINDOW_HU
from hepaflow.report.words import DECIMALS, Words
from hepaflow.response.catalogue import SIZE_CRITERIA
from hepaflow.response.criterion import CRITERIA
from hepaflow.units import QUANTITIES

#: Grey windows in HU by key: lowest and highest shown value, and their names. The first is that of the report.
_WINDOWS: tuple[tuple[str, tuple[float, float], str, str], ...] = (
    ("perfusion", WINDOW_HU, "Perfusion", "Perfusion"),
    ("liver", (0.0, 180.0), "Liver", "Foie"),
    ("abdomen", (-150.0, 250.0), "Abdomen", "Abdomen"),
    ("vessels", (-100.0, 500.0), "Vessels", "Vaisseaux"),
    ("lung", (-1350.0, 150.0), "Lung", "Poumon"),
    ("bone", (-450.0, 1050.0), "Bone", "Os"),
)
_REGIONS = ("aorta", "portal_vein", "spleen", "liver", "healthy")


def windows() -> list[dict[str, Any]]:
    """The grey windows, the usual one first: key, level and width in HU."""
    return [{"key": key, "level": (low + high) / 2, "width": high - low} for key, (low, high), _, _ in _WINDOWS]


def told_of(key: str, words: Words, *, model: str = DEFAULT_MODEL) -> dict[str, Any]:
    """How a quantity of a model is called and shown: name, symbol, unit, decimals, range and palette; the same in every study."""
    return {
        "name": words.quantity(key),
        "symbol": abbreviation(key),
        "unit": words.unit(key),
        "decimals": DECIMALS.get(key, 1),
        "range": list(display_range(key, model)),
        "palette": palettes.palette_of(key),
        "long_study": key in LONG_STUDY,
    }


def words_in(language: str) -> dict[str, Any]:
    """Everything the page says with the report's words, in ``en`` or ``fr``. Refused: another language."""
    words = Words(language)
    rated = {
        one.key: {"name": one.name.in_(language), "rule": one.rule.in_(language), "limits": one.limits.in_(language)}
        for one in CRITERIA
    }
    sized = {
        one.key: {
            "name": one.name.in_(language),
            "rule": one.rule.in_(language),
            "limits": one.source.limits.in_(language),
        }
        for one in SIZE_CRITERIA
    }
    return {
        "language": language,
        "flags": {code: {"text": words.flag(code), "severity": flag.severity} for code, flag in FLAGS.items()},
        "quantities": {key: told_of(key, words) for key in QUANTITIES},
        "ratio": {"range": list(palettes.RATIO_LIMITS), "palette": palettes.RATIO, "scale": "logarithmic"},
        "models": {model.key: {"name": words.model(model.key), "brief": words.brief_model(model.key)} for model in MODELS},
        "criteria": rated | sized,
        "parts": {part: words(f"shell_{part}") for part in SHELLS},
        "regions": {name: words.region(name) for name in _REGIONS},
        "categories": {name: words.category(name) for name in ("major", "minor")},
        "windows": {key: words.choose(en, fr) for key, _, en, fr in _WINDOWS},
        "sides": {"right": words("side_right"), "left": words("side_left")},
    }


def palettes_as_bytes() -> dict[str, list[list[int]]]:
    """Every palette of the report as 256 colours [red, green, blue] from 0 to 255, low end first: those that the report prints."""
    return {name: (255 * palettes.table(name)).astype(np.uint8).tolist() for name in palettes.NAMES}
