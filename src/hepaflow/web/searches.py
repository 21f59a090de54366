"""What proposals look at, kept at hand: the search volume of a study's series, and the liver that it shows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from hepaflow.domain.series import DynamicSeries
from hepaflow.regions.find import LESION, Finder
from hepaflow.regions.search import SearchVolume, search_volume
from hepaflow.web.region_state import Bits, RegionState
from hepaflow.web.shelf import Held

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]

#: Series whose search volume is in memory (about 0.1 GB each at full size).
MOST = 2


class Searches:
    """Search volumes and proposed livers by the content key of a series. Safe under threads: what two ask for is made once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[str, str], Any] = OrderedDict()
        self._making: dict[tuple[str, str], threading.Lock] = {}
        self._searching = threading.Lock()
        self._begun = ""

    def volume(self, held: Held[DynamicSeries]) -> SearchVolume:
        """The search volume of a series; one series after another, since each takes several cores and a few times its own memory."""

        def make() -> SearchVolume:
            with self._searching:
                return search_volume(held.value)

        return self._once((held.key, "volume"), make)

    def begin(self, held: Held[DynamicSeries]) -> None:
        """Starts on the search volume, for whoever asks for it soon; returns at once."""
        with self._lock:
            begun, self._begun = self._begun, held.key
            if begun == held.key or (held.key, "volume") in self._held:
                return
        threading.Thread(target=self.volume, args=(held,), daemon=True, name="search-volume").start()

    def liver(self, held: Held[DynamicSeries], drawn: Mapping[str, RegionState]) -> Mask:
        """The liver as it is drawn, else as it is proposed (with whatever is drawn in it). Refused: ``LIVER-NOT-FOUND``, ``AORTA-NOT-FOUND``."""
        if "liver" in drawn:
            found = drawn["liver"].mask
        else:
            bits = self._once((held.key, "liver"), lambda: Bits.of(self.finder(held, {}).liver().mask))
            found = bits.mask
        for name, state in drawn.items():
            if name.startswith(LESION) or name == "healthy":
                found |= state.mask
        return found

    def finder(self, held: Held[DynamicSeries], drawn: Mapping[str, RegionState]) -> Finder:
        """A search for regions beside those that are drawn, in the study's search volume."""

        def remember(part: str, of: tuple[str, ...], make: Callable[[], T]) -> T:
            return cast(T, self.volume(held)) if part == "volume" else make()

        return Finder(held.value, {name: state.mask for name, state in drawn.items()}, remember=remember)

    def _once(self, key: tuple[str, str], make: Callable[[], T]) -> T:
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._held:
                    self._held.move_to_end(key)
                    return cast(T, self._held[key])
            value = make()
            with self._lock:
                self._held[key] = value
                while len(self._held) > 2 * MOST:
                    gone, _ = self._held.popitem(last=False)
                    self._making.pop(gone, None)
            return value


#: The server's searches.
SEARCHES = Searches()
