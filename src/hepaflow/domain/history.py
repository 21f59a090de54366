"""What was done: steps with parameters and digests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One finished step: name, parameters, digest of inputs and of output, software version, seconds, peak memory."""

    name: str
    parameters: dict[str, Any]
    input_digest: str
    output_digest: str
    version: str
    seconds: float
    peak_mb: float
    reused: bool = False
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the protocol check: verdict, what was measured, what was expected, why it matters."""

    key: str
    verdict: str  # "pass" | "warn" | "fail" | "unknown"
    measured: str
    expected: str
    why_en: str
    why_fr: str
