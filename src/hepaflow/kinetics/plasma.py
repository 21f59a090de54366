"""Inputs as concentration in plasma, where a haematocrit was given."""

from __future__ import annotations

from dataclasses import replace

from hepaflow.domain.curves import Inputs


def plasma(inputs: Inputs, haematocrit: float) -> Inputs:
    """Inputs as plasma concentration: whole-blood enhancement over (1 - haematocrit), so that flows become plasma flows."""
    share = 1.0 - haematocrit
    return replace(
        inputs,
        dense_arterial=inputs.dense_arterial / share,
        dense_portal=None if inputs.dense_portal is None else inputs.dense_portal / share,
        modes=inputs.modes / share,
    )
