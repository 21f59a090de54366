"""The range in which a quantity is shown: fixed, and its own where a model means another thing by the same key."""

from __future__ import annotations

from hepaflow.kinetics.compare import meaning
from hepaflow.units import QUANTITIES

#: A volume or transit of vessels and interstitium together is some three times that of the vessels.
_OF_MEANING: dict[tuple[str, str], tuple[float, float]] = {
    ("bv", "vessels-and-interstitium"): (0, 80),
    ("bv", "seen-by-the-end"): (0, 80),
    ("total_mtt", "seen-by-the-end"): (0, 90),
    ("mtt", "vessels-and-interstitium"): (0, 60),
}


def display_range(key: str, model: str) -> tuple[float, float]:
    """Lowest and highest shown value of ``key``, in its unit; the same in every study of that ``model``.

    >>> display_range("bv", "aath"), display_range("bv", "one-compartment"), display_range("bf", "one-compartment")
    ((0, 40), (0, 80), (0, 150))
    """
    return _OF_MEANING.get((key, meaning(key, model)), QUANTITIES[key].display)
