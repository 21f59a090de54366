"""What a case's numbers were made with, and whether those of several cases may be set side by side."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hepaflow.workflow.columns import read_text

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_VERSION = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What changes a value without changing the patient; None where it is not known.

    ``haematocrit`` is ``off`` or its value; ``release`` the part of the version within which numbers keep their meaning: the major
    number, with the minor one before 1.0.
    """

    model: str | None = None
    density_g_ml: str | None = None
    haematocrit: str | None = None
    release: str | None = None

    @property
    def known(self) -> bool:
        """Whether anything is."""
        return any(value is not None for value in asdict(self).values())


#: Of a ratio of which nothing but its value is given.
UNKNOWN = MadeWith()


def of_case(lesions: Mapping[str, Any], folder: Path) -> MadeWith:
    """From a case's lesions.json and, where it lies in ``folder``, its case.json; what is not there or not readable is not known."""
    case = _case_json(folder / "case.json")
    handling, software = case.get("haematocrit"), case.get("software")
    value = handling.get("value", "") if isinstance(handling, dict) else ""
    version = _VERSION.match(str(software.get("version", ""))) if isinstance(software, dict) else None
    return MadeWith(
        model_key(lesions.get("model")),
        _number(case.get("density_g_ml")),
        "off" if value is None else _number(value),
        None if version is None else version[1] if version[1] != "0" else f"0.{version[2]}",
    )


def model_key(value: object) -> str | None:
    """A model's key, or None for what is none."""
    return value if isinstance(value, str) and _KEY.fullmatch(value) else None


def differences(made: Iterable[MadeWith]) -> dict[str, list[str]]:
    """Every property that is known with more than one value, with its values in their order.

    >>> differences([MadeWith("aath", "1.05"), MadeWith("patlak", "1.05"), MadeWith()])
    {'model': ['aath', 'patlak']}
    """
    values: dict[str, list[str]] = {}
    for one in made:
        for name, value in asdict(one).items():
            if value is not None and value not in values.setdefault(name, []):
                values[name].append(value)
    return {name: found for name, found in values.items() if len(found) > 1}


def _number(value: object) -> str | None:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else None


def _case_json(path: Path) -> dict[str, Any]:
    try:
        text = read_text(path)
        if text is None:
            return {}
        tree = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}
    return tree if isinstance(tree, dict) else {}
