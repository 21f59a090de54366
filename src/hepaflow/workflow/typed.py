"""What every typed part of a configuration or record shares: it does not change, knows its keys, and holds finite numbers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from hepaflow.errors import UsageError

T = TypeVar("T")


class Part(BaseModel):
    """A table of TOML or JSON. Refused by pydantic: a key that is not known, infinity and NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def checked_toml(kind: TypeAdapter[T], path: Path, *, code: str, advice: str) -> T:
    """A TOML file as ``kind``. Refused, as ``code``-UNREADABLE and ``code``-INVALID: no such file, not TOML, an unknown key, a value that is none of its kind."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{code}-UNREADABLE", "the file is not a readable TOML file", "Check the path and the syntax") from error
    try:
        return kind.validate_python(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{code}-INVALID", "the file holds a key that is not known", advice) from error
        where = str(first["loc"][-1]) if first["loc"] else "the file"
        raise UsageError(f"{code}-INVALID", f"{where}: {first['msg']}", advice) from error
