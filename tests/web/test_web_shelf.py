from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from shown_study import SHAPE, acquired, maps, save

from hepaflow.store import codec
from hepaflow.web.shelf import BoxedMap, Shelf, content_key


def test_a_series_is_mapped_not_read(tmp_path: Path) -> None:
    save(acquired(), tmp_path / "acquired")
    shelf = Shelf()
    held = shelf.series(tmp_path / "acquired")
    base = held.value.voxels
    while base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    assert np.array_equal(held.value.voxels, acquired().voxels)
    assert shelf.series(tmp_path / "acquired") is held
    assert shelf.held_bytes == 0


def test_what_was_written_anew_is_loaded_anew(tmp_path: Path) -> None:
    save(maps(1), tmp_path / "maps")
    save(maps(2), tmp_path / "other")
    shelf = Shelf()
    first = shelf.parameter_map(tmp_path / "maps", "maps", "bf", "values")
    before = first.value.inside.copy()
    shutil.move(tmp_path / "maps", tmp_path / "old")
    shutil.move(tmp_path / "other", tmp_path / "maps")
    second = shelf.parameter_map(tmp_path / "maps", "maps", "bf", "values")
    assert second.key != first.key
    assert not np.array_equal(second.value.inside, before, equal_nan=True)
    assert np.array_equal(first.value.inside, before, equal_nan=True)


def test_the_key_tells_a_content_from_another(tmp_path: Path) -> None:
    save(maps(1), tmp_path / "maps")
    key = content_key(tmp_path / "maps")
    assert content_key(tmp_path / "maps") == key
    os.utime(tmp_path / "maps" / "arrays.bin", ns=(1, 1))
    assert content_key(tmp_path / "maps") != key


def test_nothing_saved_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Shelf().series(tmp_path)


def test_memory_is_bounded_and_the_least_used_goes_first(tmp_path: Path) -> None:
    save(maps(), tmp_path / "maps")
    way = [("maps", key, "values") for key in ("bf", "mtt", "data_share")]
    one = Shelf().parameter_map(tmp_path / "maps", *way[0]).value.inside.nbytes
    shelf = Shelf(most_bytes=2 * one)
    first, second = (shelf.parameter_map(tmp_path / "maps", *path) for path in way[:2])
    assert shelf.parameter_map(tmp_path / "maps", *way[0]) is first
    shelf.parameter_map(tmp_path / "maps", *way[2])
    assert shelf.held_bytes == 2 * one
    assert shelf.parameter_map(tmp_path / "maps", *way[0]) is first
    assert shelf.parameter_map(tmp_path / "maps", *way[1]) is not second


def test_threads_that_ask_for_the_same_get_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(maps(), tmp_path / "maps")
    made, together = [], threading.Barrier(6)
    of = BoxedMap.of

    def counted(values: np.ndarray) -> BoxedMap:
        made.append(1)
        return of(values)

    monkeypatch.setattr(BoxedMap, "of", counted)
    shelf = Shelf()

    def ask(_: int) -> object:
        together.wait(60)
        return shelf.parameter_map(tmp_path / "maps", "maps", "bf", "sd")

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(ask, range(6)))
    assert len(made) == 1
    assert all(one is found[0] for one in found)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_boxed_map_is_the_map(axis: int) -> None:
    given = maps()
    for values in (given.maps["bf"].values, given.flags, np.full(SHAPE, np.nan, np.float32)):
        boxed = BoxedMap.of(values)
        assert boxed.inside.size < values.size
        for index in range(SHAPE[axis]):
            section = boxed.across(axis, index)
            assert section.dtype == values.dtype
            assert np.array_equal(section, np.take(values, index, axis=axis), equal_nan=values.dtype.kind == "f")


def test_one_part_of_a_saved_value(tmp_path: Path) -> None:
    given = maps()
    save(given, tmp_path / "maps")
    stored = codec.Stored(tmp_path / "maps")
    assert stored.part("model") == "aath"
    assert stored.names("maps") == ("bf", "mtt", "data_share")
    assert stored.names("maps", "data_share") == ("key", "values")
    assert np.array_equal(stored.part("maps", "mtt", "sd"), given.maps["mtt"].sd, equal_nan=True)
    with pytest.raises(KeyError):
        stored.part("maps", "ps", "values")
    for at in np.ndindex(*SHAPE):
        assert stored.element("flags", at=at) == given.flags[at]
        for kind in ("values", "sd"):
            expected = getattr(given.maps["bf"], kind)[at]
            assert np.array_equal(stored.element("maps", "bf", kind, at=at), float(expected), equal_nan=True)
