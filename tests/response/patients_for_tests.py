"""Patients as short as a test can say them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from hepaflow.domain.exact import exact
from hepaflow.domain.response import Assessment, Text
from hepaflow.domain.visits import Finding, Visit, Visits

SIZES = ("diameter_mm", "perpendicular_mm", "short_axis_mm", "viable_mm", "viable_perpendicular_mm", "hu")
START = date(2024, 1, 1)


def seen(lesion: str, size: Any = None, role: Any = "target", **more: Any) -> Finding:
    """A lesion with ``size`` in mm (a node: short axis), or in a state; ``None`` and no other number: not evaluated."""
    numbers = {name: exact(more.pop(name)) for name in SIZES if more.get(name) is not None}
    if isinstance(size, str) and not size.replace(".", "").isdigit():
        return Finding(lesion, role, size, **numbers, **more)  # type: ignore[arg-type]
    if size is not None:
        numbers["short_axis_mm" if more.get("nodal") else "diameter_mm"] = exact(size)
    state = more.pop("state", "measured" if size is not None or numbers or more else "not_evaluated")
    return Finding(lesion, role, state, **numbers, **more)


def patient(*visits: tuple[Finding, ...] | list[Finding], days: tuple[int, ...] | None = None) -> Visits:
    """Visits named v0, v1, ...; ``days`` after the start, or undated."""
    return Visits(
        tuple(
            Visit(f"v{n}", None if days is None else START + timedelta(days=days[n]), tuple(found))
            for n, found in enumerate(visits)
        )
    )


def says(found: Assessment) -> tuple[str, str]:
    """The category and the key of the rule that decided it."""
    return found.category, found.reasons[0].rule


def tells(text: Text, en: str, fr: str) -> bool:
    """Whether a text is sentences in both languages, and holds some words."""
    whole = all(re.fullmatch(r"(?:[A-ZÀ-Ý][a-zà-ÿ' ]|FDG-).*[a-z0-9à-ÿ)%T]\.", one) for one in (text.en, text.fr))
    return whole and en in text.en and fr in text.fr


def numbers(found: Assessment) -> Mapping[str, Any]:
    """The numbers of the deciding rule."""
    return found.reasons[0].numbers
