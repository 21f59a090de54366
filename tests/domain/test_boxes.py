from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hepaflow.domain.boxes import box_of, wider

MASKS = hnp.arrays(
    np.bool_, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6), elements=st.sampled_from([False, False, False, True])
)


@given(MASKS)
def test_the_box_holds_everything_and_is_the_smallest(mask: np.ndarray) -> None:
    box = box_of(mask)
    inside = mask[box]
    assert inside.sum() == mask.sum()
    for axis in range(3):
        if mask.any():
            assert np.take(inside, 0, axis).any()
            assert np.take(inside, -1, axis).any()
        else:
            assert inside.shape[axis] == 0


@given(MASKS, st.floats(0, 9), st.tuples(*[st.floats(0.3, 4)] * 3))
def test_a_wider_box_reaches_as_far_as_asked(mask: np.ndarray, margin_mm: float, spacing_mm: tuple[float, float, float]) -> None:
    """Every voxel whose centre lies within the margin of one of the mask's, along each axis, is in it."""
    if not mask.any():
        return
    near = wider(box_of(mask), margin_mm, spacing_mm=spacing_mm, shape=mask.shape)
    for axis, span in enumerate(near):
        at = np.flatnonzero(mask.any(tuple(a for a in range(3) if a != axis)))
        for index in range(mask.shape[axis]):
            if (np.abs(at - index) * spacing_mm[axis]).min() <= margin_mm:
                assert span.start <= index < span.stop
        assert 0 <= span.start < span.stop <= mask.shape[axis]
