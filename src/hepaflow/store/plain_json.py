"""JSON that every parser reads: what is not a number is null, keys keep their order, the same value gives the same text."""

from __future__ import annotations

import json
import math
from typing import Any


def text(value: Any, *, indent: int | None = None) -> str:
    r"""``value`` as JSON with a final newline.

    >>> text({"a": float("nan"), "b": (1, 2)})
    '{"a": null, "b": [1, 2]}\n'
    """
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
