from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hepaflow.domain.curves import TimeCurve
from hepaflow.domain.geometry import Grid
from hepaflow.domain.lesions import Estimate, Lesion, LesionResult, Measurement, Ratio, Region, ResponseCall
from hepaflow.domain.maps import MapSet, ParameterMap
from hepaflow.errors import InputRefused
from hepaflow.store import codec

scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | st.text()
arrays = hnp.arrays(
    st.sampled_from([np.bool_, np.uint8, np.int16, np.int64, np.float32, np.float64]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
)
domain = st.builds(Estimate, st.floats(), st.floats()) | st.builds(
    Ratio, st.none() | st.floats(), st.none(), st.none() | st.tuples(st.floats(), st.floats())
)
values = st.recursive(
    scalars | arrays | domain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)
    return bool(a == b)


def through(value: Any, folder: Path) -> Any:
    digest = codec.save(value, folder)
    assert digest == codec.digest(folder)
    return codec.load(folder)


@given(values)
@settings(max_examples=150, deadline=None)
def test_what_goes_in_comes_out(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert same(through(value, Path(folder)), value)


@given(
    st.sampled_from([np.bool_, np.uint8, np.int16, np.float32, np.float64]),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.001, 0.2, 0.6, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_large_arrays_come_out_whatever_their_filling(dtype: type, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    value = rng.normal(0, 50, (9, 31, 33)).astype(dtype)
    empty = np.nan if np.dtype(dtype).kind == "f" else 0
    value[rng.random(value.shape) >= share] = empty
    with tempfile.TemporaryDirectory() as folder:
        assert same(through(value, Path(folder)), value)


def test_masks_and_sparse_maps_take_little_room(tmp_path: Path) -> None:
    mask = np.zeros((40, 100, 100), bool)
    mask[10:12, 40:60, 40:60] = True
    sparse = np.where(mask, np.float32(1.5), np.float32(np.nan))
    loaded = through((mask, sparse), tmp_path)
    assert same(loaded, (mask, sparse))
    # 800 bits of the box, 400,000 bits of the map's mask, 800 floats
    assert (tmp_path / "arrays.bin").stat().st_size < 60_000


def test_negative_zero_and_odd_nans_survive(tmp_path: Path) -> None:
    value = np.zeros(5000, np.float32)
    value[7] = -0.0
    odd = np.full(5000, np.nan)
    odd.view(np.uint64)[3] ^= 1
    assert same(through([value, odd], tmp_path), [value, odd])


def test_arrays_of_any_layout_are_stored_by_value(tmp_path: Path) -> None:
    value = np.arange(24.0).reshape(2, 3, 4)
    views = [value.T, value[:, ::-1], np.asfortranarray(value), value.astype(">f8")]
    for loaded, view in zip(through(views, tmp_path), views, strict=True):
        assert loaded.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(loaded, view)


def test_a_loaded_array_can_be_changed_without_changing_the_file(tmp_path: Path) -> None:
    loaded = through(np.arange(10.0), tmp_path)
    loaded[:] = -1
    np.testing.assert_array_equal(codec.load(tmp_path), np.arange(10.0))


def test_domain_values_come_back_as_themselves(tmp_path: Path) -> None:
    grid = Grid.from_spacing((4, 5, 6), (2.5, 0.7, 0.8), origin_mm=(-3, 4, 5), frame_of_reference_uid="1.2.3")
    shell = Region("lesion-1/whole", np.ones((4, 5, 6), bool), "given")
    lesion = Lesion("lesion-1", {"whole": shell}, 1.25, 15.5, ((0.0, 1.0, 2.0), (3.0, 4.0, 5.0)), ("lesion-truncated",))
    found = Measurement(
        "w", 9, {"bf": Estimate(1.0, 0.5)}, {"bf": np.arange(3.0)}, np.ones(4), np.ones(4), {"arterial": 1.0}, 0.9, -3.0, 0.1
    )
    result = LesionResult(
        lesion, {"whole": found}, {"bf": Ratio(None, None, None)}, (ResponseCall("c", 0.68, None, None, "whole"),)
    )
    maps = MapSet(
        "aath", grid, {"bf": ParameterMap("bf", np.full((4, 5, 6), np.nan, np.float32))}, np.zeros((4, 5, 6), np.uint8), 4.0, 1.05
    )
    value = (maps, result, TimeCurve("aorta", np.arange(3.0), np.ones(3)))
    loaded = through(value, tmp_path)
    assert loaded[0].grid.frame_of_reference_uid == ""
    assert loaded[0].grid.same_as(grid, tolerance_mm=0.0)
    assert same(loaded[1:], value[1:])
    assert b"1.2.3" not in (tmp_path / "value.json").read_bytes()


@pytest.mark.parametrize("value", [{1.5: 2}, object(), np.array(["a"]), {True: 1}, {1, 2}, b"bytes"])
def test_anything_else_is_a_programming_error(value: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        codec.save(value, tmp_path)


def test_an_unknown_form_is_refused(tmp_path: Path) -> None:
    codec.save(1, tmp_path)
    (tmp_path / "value.json").write_text('{"call": "os.system"}')
    with pytest.raises(InputRefused, match=r"^STORE-DAMAGED"):
        codec.load(tmp_path)
