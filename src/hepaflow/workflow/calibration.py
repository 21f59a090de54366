"""What a site found in its own patients, from TOML files: a perfusion rule (``quantity``, ``threshold``, ``major``, ``smallest_mm``, ``source``), and repeatability
(a table a quantity with ``wcv`` and ``source``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from hepaflow.errors import UsageError
from hepaflow.response.criterion import Criterion, calibrated
from hepaflow.response.real_change import Repeatability
from hepaflow.units import QUANTITIES
from hepaflow.workflow.typed import Part, checked_toml


class _Rule(Part):
    quantity: str
    threshold: Annotated[float, Field(gt=0)]
    major: Literal["below", "above"] = "below"
    smallest_mm: Annotated[float, Field(ge=0)] = 15.0
    source: Annotated[str, Field(min_length=1, max_length=200)]


class _Repeats(Part):
    wcv: Annotated[float, Field(gt=0, lt=1)]
    source: Annotated[str, Field(min_length=1, max_length=200)]


def load(path: Path) -> Criterion:
    """The rule in a TOML file. Refused: no such file, not TOML, an unknown key, a value that is none of its kind; the message names the key."""
    rule = checked_toml(TypeAdapter(_Rule), path, code="CALIBRATION", advice="Give quantity, threshold, major, smallest_mm, source")
    return calibrated(rule.quantity, rule.threshold, major=rule.major, smallest_mm=rule.smallest_mm, source=rule.source)


def load_repeatability(path: Path) -> dict[str, Repeatability]:
    """Within-subject coefficients of variation by quantity, in place of those that are built in. Refused: as :func:`load`, and a quantity that is not known."""
    found = checked_toml(
        TypeAdapter(dict[str, _Repeats]),
        path,
        code="CALIBRATION",
        advice="Give a table for each quantity with wcv (0.112) and source",
    )
    if not set(found) <= set(QUANTITIES):
        raise UsageError("CALIBRATION-QUANTITY", "a quantity of the repeatability is not known", "Use keys such as bf or haf")
    return {key: Repeatability(one.wcv, one.source) for key, one in found.items()}
