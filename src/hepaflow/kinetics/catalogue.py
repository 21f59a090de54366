"""The one explicit list of models."""

from __future__ import annotations

from hepaflow.errors import UsageError
from hepaflow.kinetics.aath import AATH
from hepaflow.kinetics.descriptive import DESCRIPTIVE
from hepaflow.kinetics.model import KineticModel
from hepaflow.kinetics.one_compartment import ONE_COMPARTMENT
from hepaflow.kinetics.two_compartment import TWO_COMPARTMENT

MODELS: tuple[KineticModel, ...] = (AATH, ONE_COMPARTMENT, TWO_COMPARTMENT, DESCRIPTIVE)


def model(key: str) -> KineticModel:
    """The model of a key; refused with the list of keys when there is none.

    >>> model("aath").key
    'aath'
    """
    for candidate in MODELS:
        if candidate.key == key:
            return candidate
    raise UsageError("MODEL-UNKNOWN", f"no kinetic model {key!r}", "Use one of: " + ", ".join(m.key for m in MODELS))
