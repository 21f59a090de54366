"""Search volumes of several studies at once: one is made at a time, each once, and no more are kept than memory is for."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from hepaflow.domain.series import DynamicSeries
from hepaflow.web import searches
from hepaflow.web.searches import MOST, Searches
from hepaflow.web.shelf import Held


def series(key: str) -> Held[DynamicSeries]:
    return Held(cast(DynamicSeries, key), key)


def test_studies_opened_at_once_are_searched_one_after_another_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    inside, most = 0, 0

    def search_volume(key: str) -> Any:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.02)
        made.append(key)
        inside -= 1
        return f"volume of {key}"

    monkeypatch.setattr(searches, "search_volume", search_volume)
    here = Searches()
    found: list[Any] = []
    threads = [threading.Thread(target=lambda key=key: found.append(here.volume(series(key)))) for key in "abcabc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert sorted(made) == ["a", "b", "c"]
    assert sorted(found) == sorted(f"volume of {key}" for key in "abcabc")


def test_volumes_of_studies_looked_at_before_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(searches, "search_volume", made.append)
    here = Searches()
    keys = [str(number) for number in range(2 * MOST + 1)]
    for key in keys:
        here.volume(series(key))
    here.volume(series(keys[-1]))
    assert made == keys
    here.volume(series(keys[0]))
    assert made == [*keys, keys[0]]
