"""How a study was analysed last: what the page shows of it, and what the next analysis does unless told otherwise."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hepaflow.errors import HepaflowError
from hepaflow.workflow.columns import read_text

#: Choices of an analysis that the page offers.
CHOICES = ("model", "motion", "compare")


def choices(analysed: Mapping[str, Any] | None, case: Path) -> dict[str, Any] | None:
    """``model``, ``motion`` and ``compare`` of the last analysis; None where there is none. What its row does not tell stands in case.json."""
    if analysed is None:
        return None
    if all(key in analysed for key in CHOICES):
        return {key: analysed[key] for key in CHOICES}
    plan: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError, HepaflowError, AttributeError):  # unreadable: as if nothing had been chosen
        plan = json.loads(read_text(case / "case.json") or "").get("plan", {})
    motion = plan.get("motion")
    return {
        "model": analysed.get("model", plan.get("model")),
        "motion": motion.get("method") if isinstance(motion, dict) else None,
        "compare": plan.get("compare"),
    }
