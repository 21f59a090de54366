"""Sentences and numbers in the report's language."""

from __future__ import annotations

import math
import re

from hepaflow.cohort.describe import half_up
from hepaflow.domain.quality import FLAGS
from hepaflow.errors import UsageError
from hepaflow.report.text import TEXT
from hepaflow.report.text_baseline import BASELINE
from hepaflow.report.text_compare import COMPARE
from hepaflow.report.text_methods import METHODS
from hepaflow.report.text_models import MODEL_TEXT
from hepaflow.report.text_motion import MOTION
from hepaflow.report.text_sheet import SHEET
from hepaflow.report.text_signature import SIGNATURE
from hepaflow.report.text_study import STUDY
from hepaflow.units import QUANTITIES

LANGUAGES = ("en", "fr")
#: Decimals shown per quantity; flows and volumes to a tenth, fractions to a hundredth.
DECIMALS = {"haf": 2, "extraction": 2, "msi": 2, "auc": 0}
NBSP = "\u00a0"
_BEFORE_PUNCTUATION = re.compile(r" ([:;?!%»])")
_BEFORE_UNIT = re.compile(r"(\d) (s|mm|cm|mL|g/mL|HU|UH|kV|mAs|mGy|%)(?!\w)")
_DECIMAL_POINT = re.compile(r"(\d)\.(\d)")
_AFTER_QUOTE = re.compile(r"« ")
_SENTENCES = {**TEXT, **STUDY, **MOTION, **METHODS, **MODEL_TEXT, **COMPARE, **SHEET, **SIGNATURE}


class Words:
    """The report's voice: ``words("key", name=value)`` is a sentence, the methods format numbers the way the language does.

    At a patient's ``first_visit`` a ratio is below or above the cut-off, and no response.
    """

    __slots__ = ("first_visit", "language")

    def __init__(self, language: str, *, first_visit: bool = False) -> None:
        if language not in LANGUAGES:
            raise UsageError("LANGUAGE-UNKNOWN", f"no report language {language!r}", "Use en or fr")
        self.language, self.first_visit = language, first_visit

    def __call__(self, key: str, **values: str) -> str:
        """The sentence of ``key`` with ``values`` filled in."""
        texts = BASELINE[key] if self.first_visit and key in BASELINE else _SENTENCES[key]
        return self.typeset(self.choose(*texts).format(**values))

    def has(self, key: str) -> bool:
        """True when there is such a sentence."""
        return key in _SENTENCES

    def choose(self, en: str, fr: str) -> str:
        """The one of two texts that is in the report's language."""
        return fr if self.language == "fr" else en

    def typeset(self, text: str) -> str:
        """Numbers stay with their units; French spaces before double punctuation are not to break."""
        text = _BEFORE_UNIT.sub(rf"\1{NBSP}\2", text)
        if self.language == "fr":
            return _AFTER_QUOTE.sub(f"«{NBSP}", _BEFORE_PUNCTUATION.sub(NBSP + r"\1", text))
        return text

    def number(self, value: float | None, decimals: int = 1) -> str:
        """``value`` rounded half up, as pages do, with a decimal comma in French; "not available" when there is none.

        >>> Words("fr").number(1.5, 2), Words("en").number(22.5, 0)
        ('1,50', '23')
        """
        if value is None or not math.isfinite(value):
            return self("na")
        text = half_up(value, decimals=decimals)
        if not text.strip("-0."):
            text = text.lstrip("-")
        text = text.replace("-", "\u2212")
        return text.replace(".", ",") if self.language == "fr" else text

    def signed(self, value: float, decimals: int = 1) -> str:
        """Like :meth:`number` with its sign and a true minus."""
        text = self.number(value, decimals)
        return text if not math.isfinite(value) or value < 0 or not text.strip("0.,") else f"+{text}"

    def plus_minus(self, value: float, sd: float, decimals: int = 1) -> str:
        """``value ± sd``; without the second part when the SD is unknown."""
        if not math.isfinite(value) or not math.isfinite(sd):
            return self.number(value, decimals)
        return f"{self.number(value, decimals)}{NBSP}±{NBSP}{self.number(sd, decimals)}"

    def interval(self, bounds: tuple[float, float] | None, decimals: int = 2) -> str:
        """``low to high``."""
        if bounds is None or not all(math.isfinite(bound) for bound in bounds):
            return self("na")
        return self("interval", low=self.number(bounds[0], decimals), high=self.number(bounds[1], decimals))

    def probability(self, value: float | None, decimals: int = 1) -> str:
        r"""A probability in per cent; estimated from draws it is never shown as certain.

        >>> Words("en").probability(1.0)
        '>\xa099.9%'
        """
        return self.percent(None if value is None else min(max(value, 1e-9), 1 - 1e-9), decimals)

    def percent(self, fraction: float | None, decimals: int = 1) -> str:
        """A fraction in per cent; probabilities that round to 0 or 100 are given as bounds."""
        if fraction is None or not math.isfinite(fraction):
            return self("na")
        step = 10.0**-decimals
        sign, shown = "", 100.0 * fraction
        if 0.0 < shown < step:
            sign, shown = f"<{NBSP}", step
        elif 100.0 - step < shown < 100.0:
            sign, shown = f">{NBSP}", 100.0 - step
        space = NBSP if self.language == "fr" else ""
        return f"{sign}{self.number(shown, decimals)}{space}%"

    def flag(self, code: str, *, capital: bool = True) -> str:
        """The plain sentence of a flag code; a code missing from the table is shown as it is."""
        flag = FLAGS.get(code)
        if flag is None:
            return code
        text = self.typeset(self.choose(flag.en, flag.fr))
        return text[:1].upper() + text[1:] if capital else text

    def flag_sentence(self, code: str) -> str:
        """The flag as a sentence with its full stop (or its own question mark)."""
        text = self.flag(code)
        return text if text.endswith(("?", "!", ".")) else f"{text}."

    def figures_in(self, text: str) -> str:
        """Text made elsewhere in plain notation (``1.5 s``) with the language's decimal sign."""
        text = _DECIMAL_POINT.sub(r"\1,\2", text) if self.language == "fr" else text
        return self.typeset(text)

    def severity(self, code: str) -> str:
        """``info``, ``caution`` or ``serious``; a code missing from the table counts as caution."""
        flag = FLAGS.get(code)
        return "caution" if flag is None else flag.severity

    def quantity(self, key: str) -> str:
        """Short name of a quantity."""
        short = f"short_{key}"
        if self.has(short):
            return self(short)
        quantity = QUANTITIES[key]
        return self.choose(quantity.name_en, quantity.name_fr)

    def unit(self, key: str) -> str:
        """Unit as printed; nothing for pure numbers."""
        unit = QUANTITIES[key].unit
        hounsfield = {"HU": "unit_hu", "HU/s": "unit_hu_s", "HU s": "unit_hu_seconds"}
        return "" if unit == "1" else self(hounsfield[unit]) if unit in hounsfield else unit

    def model(self, key: str) -> str:
        """Name of a kinetic model; a key without one is shown as it is."""
        return self(f"name_{key}") if self.has(f"name_{key}") else key

    def brief_model(self, key: str) -> str:
        """The same in a word or two, for tables and lists."""
        return self(f"brief_{key}") if self.has(f"brief_{key}") else self.model(key)

    def region(self, name: str) -> str:
        """Name of a region: known anatomy in the language, lesions by number, anything else as it is."""
        if self.has(f"region_{name}"):
            return self(f"region_{name}")
        if re.fullmatch(r"lesion-\d+", name):
            return self("lesion_n", number=name.removeprefix("lesion-"))
        return name

    def interpolation(self, text: str) -> str:
        """How the inputs were interpolated, translated where there is a translation."""
        key = f"interpolation:{text}"
        return self(key) if self.has(key) else text

    def category(self, category: str | None) -> str:
        """A response category in plain words."""
        if category is None:
            return self("category_none")
        return self(f"category_{category}") if self.has(f"category_{category}") else category
