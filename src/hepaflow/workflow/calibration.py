"""A site's own perfusion rule from a TOML file: ``quantity``, ``threshold``, ``major`` (below or above), ``smallest_mm``, ``source``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hepaflow.errors import UsageError
from hepaflow.response.criterion import Criterion, calibrated


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    quantity: str
    threshold: Annotated[float, Field(gt=0)]
    major: Literal["below", "above"] = "below"
    smallest_mm: Annotated[float, Field(ge=0)] = 15.0
    source: Annotated[str, Field(min_length=1, max_length=200)]


def load(path: Path) -> Criterion:
    """The rule in a TOML file. Refused: no such file, not TOML, an unknown key, a value that is none of its kind; the message names the key."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(
            "CALIBRATION-UNREADABLE", "the rule is not a readable TOML file", "Check the path and the syntax"
        ) from error
    try:
        rule = _Rule.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        unknown = first["type"] == "extra_forbidden"
        said = "holds a key that is not known" if unknown else f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise UsageError(
            "CALIBRATION-INVALID", f"the rule {said}" if unknown else said, "Give quantity, threshold, major, smallest_mm, source"
        ) from error
    return calibrated(rule.quantity, rule.threshold, major=rule.major, smallest_mm=rule.smallest_mm, source=rule.source)
