"""What a search for regions may be given back instead of computing it again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")


class Remember(Protocol):
    """Gives back what ``make`` made, or made before under the same ``part`` while none of the regions ``of`` those names changed."""

    def __call__(self, part: str, of: tuple[str, ...], make: Callable[[], T]) -> T:
        """The value."""


def forgetful(part: str, of: tuple[str, ...], make: Callable[[], T]) -> T:
    """Makes it anew every time."""
    return make()
