"""Perfusion before and after chemoembolization, lipiodol left out; and arterialization in words."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from hepaflow.domain.geometry import Grid
from hepaflow.errors import InputRefused, UsageError
from hepaflow.therapy import diffuse
from hepaflow.therapy.embolized import Rest, compare, without_lipiodol

GRID = Grid.from_spacing((6, 20, 20), (5.0, 2.0, 2.0))  # 0.02 mL a voxel
LESION = np.zeros(GRID.shape, bool)
LESION[1:5, 4:16, 4:16] = True


def image(part: slice) -> np.ndarray:
    values = np.full(GRID.shape, 50.0, np.float32)
    values[:, 4:16, part] = 300.0
    return values


def test_lipiodol_and_its_neighbors_are_left_out() -> None:
    found = without_lipiodol(image(slice(4, 10)), LESION)
    bright = np.zeros_like(LESION)
    bright[:, 4:16, 4:10] = True
    assert not found.mask[binary_dilation(bright)].any()
    assert found.mask.sum() == 4 * 12 * 5  # columns 11 to 15
    assert found.left_out == pytest.approx(7 / 12)
    assert without_lipiodol(image(slice(0, 0)), LESION).left_out == 0.0
    edge = np.full(GRID.shape, 120.0, np.float32)
    assert without_lipiodol(edge, LESION).left_out == 0.0  # above the threshold, not on it
    unknown = image(slice(0, 0))
    unknown[1] = np.nan
    assert without_lipiodol(unknown, LESION).left_out == pytest.approx(0.25)


def test_what_is_left_is_compared_with_what_was_there() -> None:
    before, after = np.full(GRID.shape, 60.0, np.float32), np.full(GRID.shape, 24.0, np.float32)
    after[:, :, 4:10] = 500.0  # through lipiodol
    rest = without_lipiodol(image(slice(4, 10)), LESION)
    found = compare({"bf": (before, LESION), "haf": (before, LESION)}, {"bf": (after, rest)}, grid_after=GRID)
    assert found.category == "compared"
    (reason,) = found.reasons
    assert reason.rule == "embolized/bf"
    assert reason.numbers == {"before": 60.0, "after": 24.0, "change": pytest.approx(-0.6), "left_out_share": pytest.approx(7 / 12)}
    assert reason.text.en == "BF -60 % outside lipiodol (58 % of the lesion left out)."
    assert reason.text.fr == "BF -60 % hors lipiodol (58 % de la lésion exclus)."


@pytest.mark.parametrize(
    ("kept", "left_out", "category"),
    [(25, 0.9, "compared"), (24, 0.9, "not_evaluable"), (25, 0.901, "not_evaluable")],
)
def test_too_little_left_says_nothing(kept: int, left_out: float, category: str) -> None:
    mask = np.zeros(GRID.shape, bool)
    mask.ravel()[:kept] = True  # 25 voxels are 0.5 mL
    values = np.ones(GRID.shape, np.float32)
    found = compare({"bf": (values, LESION)}, {"bf": (values, Rest(mask, left_out))}, grid_after=GRID)
    assert found.category == category
    if category == "not_evaluable":
        assert "too little is left" in found.reasons[0].text.en


def test_a_lesion_without_flow_before_has_no_change() -> None:
    nothing, values = np.zeros(GRID.shape, np.float32), np.ones(GRID.shape, np.float32)
    for first in (nothing, nothing * np.nan):
        found = compare({"bf": (first, LESION)}, {"bf": (values, Rest(LESION, 0.0))}, grid_after=GRID)
        assert found.category == "not_evaluable"


def test_what_cannot_be_compared_is_refused() -> None:
    values = image(slice(0, 0))
    with pytest.raises(InputRefused, match="MASK-SHAPE"):
        without_lipiodol(values[1:], LESION)
    with pytest.raises(InputRefused, match="MASK-EMPTY"):
        without_lipiodol(values, np.zeros_like(LESION))
    with pytest.raises(InputRefused, match="LIPIODOL-THRESHOLD"):
        without_lipiodol(values, LESION, threshold_hu=0.0)
    with pytest.raises(InputRefused, match="EMBOLIZED-NOTHING"):
        compare({"bf": (values, LESION)}, {"haf": (values, Rest(LESION, 0.0))}, grid_after=GRID)


def test_arterialization_is_described_never_graded() -> None:
    found = diffuse.describe({"haf": 0.41, "bf": 67.0, "mtt": 51.0, "bv": 20.0}, model="one-compartment")
    assert [reason.rule for reason in found.reasons] == [
        "arterialization/haf-above",
        "arterialization/bf-below",
        "arterialization/mtt-above",
        "arterialization/description",
    ]
    assert "Van Beers" in str(found.reasons[0].numbers["source"])
    words = " ".join(text for reason in found.reasons[:-1] for text in (reason.text.en, reason.text.fr)).lower()
    assert not re.search(r"grade|stage|stade|f[0-4]|child|cirrh|fibros", words)
    assert found.reasons[-1].text.en.endswith("it does not stage fibrosis or cirrhosis.")


@pytest.mark.parametrize(("value", "side"), [(0.009, "below"), (0.01, "within"), (0.33, "within"), (0.331, "above")])
def test_ends_of_a_range_are_within(value: float, side: str) -> None:
    assert diffuse.describe({"haf": value}, model="aath").reasons[0].rule == f"arterialization/haf-{side}"


def test_a_transit_time_of_another_model_is_not_described() -> None:
    assert diffuse.describe({"mtt": 51.0}, model="aath").category == "not_evaluable"
    assert diffuse.describe({"haf": float("nan")}, model="aath").category == "not_evaluable"
    own = {"mtt": diffuse.Usual(5.0, 9.0, "own")}
    assert diffuse.describe({"mtt": 9.1}, model="aath", usual=own).reasons[0].rule == "arterialization/mtt-above"
    with pytest.raises(UsageError, match="USUAL-RANGE"):
        diffuse.Usual(2.0, 2.0, "x")
    with pytest.raises(UsageError, match="QUANTITY-UNKNOWN"):
        diffuse.describe({"flow": 1.0}, model="aath")
