"""Steps that say when they begin: who waits reads what is being done, not what was done last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from hepaflow.domain.history import Step
from hepaflow.store.case import Handle, Params, Steps

T = TypeVar("T")
Progress = Callable[[str, int, int], None] | None


def telling(name: str, fn: Callable[..., T], progress: Progress) -> Callable[..., T]:
    """``fn`` that first says its name; of how many parts, it does not know (0 of 0)."""

    def told(*values: Any, **params: Any) -> T:
        if progress is not None:
            progress(name, 0, 0)
        return fn(*values, **params)

    return told


class Telling:
    """The steps of ``case``: each says its name once its inputs are there and its own work begins; one that is reused says nothing."""

    def __init__(self, case: Steps, progress: Progress) -> None:
        self._case, self._progress = case, progress

    @property
    def history(self) -> tuple[Step, ...]:
        """What was done so far."""
        return self._case.history

    def given(self, value: T, *, digest: str) -> Handle[T]:
        """A value from outside under its own digest."""
        return self._case.given(value, digest=digest)

    def derive(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is recomputed when needed."""
        return self._case.derive(name, telling(name, fn, self._progress), *inputs, params=params)

    def step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is kept."""
        return self._case.step(name, telling(name, fn, self._progress), *inputs, params=params)

    def long_step(self, name: str, fn: Callable[..., T], *inputs: Handle[Any], params: Params | None = None) -> Handle[T]:
        """A value that is kept, and so are its parts while it is made."""
        return self._case.long_step(name, telling(name, fn, self._progress), *inputs, params=params)
