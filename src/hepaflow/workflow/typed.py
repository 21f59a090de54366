"""What every typed part of a configuration or record shares: it does not change, knows its keys, and holds finite numbers."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """A table of TOML or JSON. Refused by pydantic: a key that is not known, infinity and NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
