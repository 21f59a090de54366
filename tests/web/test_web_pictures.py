from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from shown_study import AFFINE, SHAPE, TIMES_S, acquired, corrected, maps, save, write

from hepaflow.errors import HepaflowError, UsageError
from hepaflow.web import pictures
from hepaflow.web.places import StudyPlace
from hepaflow.web.planes import PLANES, Plane
from hepaflow.web.refusals import NotThere


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> StudyPlace:
    return StudyPlace(write(tmp_path_factory.mktemp("shown") / "study"))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> StudyPlace:
    return StudyPlace(write(tmp_path_factory.mktemp("fresh") / "study", analysed=False))


def hu(octets: pictures.Octets, plane: str) -> np.ndarray:
    told = Plane.of(acquired().grid, plane)
    return np.frombuffer(octets.data, "<i2").reshape(told.shape[1:])


def test_what_is_told_before_and_after_an_analysis(place: StudyPlace, fresh: StudyPlace) -> None:
    before, after = pictures.images_told(fresh), pictures.images_told(place)
    assert (before["sets"], after["sets"]) == (["acquired"], ["acquired", "corrected"])
    assert (before["reference"], after["reference"]) == (None, 4)
    assert (before["baseline_passes"], after["baseline_passes"]) == (None, 2)
    assert (before["excluded"], after["excluded"]) == ([], [3])
    assert after["times_s"] == list(TIMES_S)
    assert after["grid"] == {"shape": list(SHAPE), "spacing_mm": pytest.approx([3.0, 0.8, 0.7]), "affine": AFFINE.tolist()}
    assert {key: plane["count"] for key, plane in after["planes"].items()} == {"axial": 8, "coronal": 24, "sagittal": 26}
    assert set(after["keys"]) == set(after["sets"])
    assert after["windows"][0] == {"key": "perfusion", "level": 110.0, "width": 260.0}


@pytest.mark.parametrize("plane", PLANES)
def test_a_pass_is_shown_as_it_was_measured(place: StudyPlace, plane: str) -> None:
    """Every pixel of every picture is the voxel that the plane's matrix names."""
    source, told = acquired().voxels, pictures.images_told(place)["planes"][plane]
    to_voxel = np.array(told["to_voxel"])
    for index in range(told["count"]):
        picture = hu(pictures.pass_cut(place, "acquired", plane, number="2", index=str(index)), plane)
        rows, columns = np.indices(picture.shape)
        at = np.stack([np.full(picture.shape, index), rows, columns, np.ones_like(rows)], -1) @ to_voxel.T
        k, j, i = np.moveaxis(at[..., :3].astype(int), -1, 0)
        assert np.array_equal(picture, source[2][k, j, i])


def test_what_was_not_measured_is_told_apart(place: StudyPlace) -> None:
    assert (hu(pictures.pass_cut(place, "corrected", "axial", number="1", index="0"), "axial") == -32768).all()
    rounded = np.rint(corrected(acquired()).voxels[2, 4])[:, ::-1]
    assert np.array_equal(hu(pictures.pass_cut(place, "corrected", "axial", number="2", index="4"), "axial"), rounded)


def test_the_mean_leaves_excluded_passes_out(place: StudyPlace) -> None:
    picture = hu(pictures.pass_cut(place, "corrected", "axial", number="mean", index="5"), "axial")[:, ::-1]
    kept = corrected(acquired()).voxels[[0, 1, 2, 4, 5], 5].astype(float)
    assert picture[6, 7] == -32768
    expected = np.rint(kept.mean(0))
    measured = np.isfinite(expected)
    assert np.abs(picture - expected)[measured].max() <= 1  # halves may round either way in float32
    assert (picture == expected)[measured].mean() > 0.95


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("name", ["bf", "bf_sd", "data_share"])
def test_a_map_is_cut_like_the_images(place: StudyPlace, plane: str, name: str) -> None:
    found = maps().maps[name.removesuffix("_sd")]
    values = found.sd if name.endswith("_sd") else found.values
    view = Plane.of(acquired().grid, plane)
    for index in range(view.shape[0]):
        octets = pictures.map_cut(place, name, plane, index=str(index))
        picture = np.frombuffer(octets.data, "<f4").reshape(view.shape[1:])
        assert np.array_equal(picture, view.cut(values, index), equal_nan=True)


def test_the_list_of_maps(place: StudyPlace, fresh: StudyPlace) -> None:
    told = pictures.maps_told(place)
    assert told["model"] == "aath"
    assert told["maps"][0] == {"key": "bf", "sd": True, "range": [0, 150], "palette": "lipari"}
    assert [(one["key"], one["sd"]) for one in told["maps"]] == [("bf", True), ("mtt", True), ("data_share", False)]
    with pytest.raises(NotThere, match="MAPS-NONE"):
        pictures.maps_told(fresh)


def test_a_curve_at_a_voxel(place: StudyPlace, fresh: StudyPlace) -> None:
    told = pictures.point_curve(place, "4,7,9", which=None, radius_mm=0.0)
    values = corrected(acquired()).voxels[:, 4, 7, 9].astype(float)
    assert (told["set"], told["voxels"], told["times_s"]) == ("corrected", 1, list(TIMES_S))
    assert told["hu"] == [None if n == 3 else values[n] for n in range(6)]
    assert told["baseline_hu"] == pytest.approx(values[:2].mean())
    before = pictures.point_curve(fresh, "4,7,9", which=None, radius_mm=0.0)
    assert before["hu"] == acquired().voxels[:, 4, 7, 9].tolist()
    assert before["baseline_hu"] is None


@pytest.mark.parametrize("at", [(4, 7, 9), (0, 0, 25), (7, 23, 0)])
def test_a_curve_of_a_ball(place: StudyPlace, at: tuple[int, int, int]) -> None:
    """The ball is one of millimetres, cut at the border of the volume."""
    series = acquired()
    indices = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"), axis=-1)
    ball = np.linalg.norm(series.grid.to_mm(indices) - series.grid.to_mm(at), axis=-1) <= 3.5
    told = pictures.point_curve(place, ",".join(map(str, at)), which="acquired", radius_mm=3.5)
    assert told["voxels"] == ball.sum()
    assert told["hu"] == pytest.approx(series.voxels[:, ball].mean(1))


def test_a_voxel_says_all_that_is_known_of_it(place: StudyPlace, fresh: StudyPlace) -> None:
    given = maps()
    told = pictures.voxel_told(place, "4,7,9", which=None, number="2")
    assert told["hu"] == corrected(acquired()).voxels[2, 4, 7, 9]
    assert told["maps"]["bf"] == {"value": given.maps["bf"].values[4, 7, 9], "sd": given.maps["bf"].sd[4, 7, 9]}
    assert told["maps"]["data_share"]["sd"] is None
    assert told["reasons"] == []
    assert told["mm"] == pytest.approx((AFFINE @ [4, 7, 9, 1])[:3])
    empty = pictures.voxel_told(place, "3,8,9", which=None, number="mean")
    assert empty["maps"]["mtt"] == {"value": None, "sd": None}
    assert empty["reasons"] == ["voxel-no-enhancement", "voxel-not-finite"]
    assert pictures.voxel_told(place, "5,6,7", which="corrected", number="mean")["hu"] is None
    assert pictures.voxel_told(fresh, "5,6,7", which=None, number="mean")["maps"] == {}


def test_a_finished_analysis_shows_at_once(tmp_path: Path) -> None:
    place = StudyPlace(write(tmp_path / "study", analysed=False))
    assert pictures.working_set(place) == "acquired"
    first = pictures.working_series(place)
    save(corrected(acquired()), place.corrected)
    assert pictures.working_set(place) == "corrected"
    assert pictures.working_series(place).key != first.key
    save(maps(1), place.case / "steps" / "maps")
    before = pictures.map_cut(place, "bf", "axial", index="3")
    shutil.rmtree(place.case / "steps" / "maps")
    save(maps(2), place.case / "steps" / "maps")
    after = pictures.map_cut(place, "bf", "axial", index="3")
    assert before.key != after.key
    assert before.data != after.data


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda p: pictures.pass_cut(p, "raw", "axial", number="0", index="0"), "SET-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "..", "axial", number="0", index="0"), "SET-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "oblique", number="0", index="0"), "PLANE-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="6", index="0"), "PASS-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="-1", index="0"), "PASS-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="mean.", index="0"), "PASS-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="0", index="8"), "SLICE-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="0", index="٣"), "SLICE-UNKNOWN"),
        (lambda p: pictures.pass_cut(p, "acquired", "axial", number="0", index="9" * 5000), "SLICE-UNKNOWN"),
        (lambda p: pictures.map_cut(p, "data_share_sd", "axial", index="0"), "MAP-UNKNOWN"),
        (lambda p: pictures.map_cut(p, "bf_sd_sd", "axial", index="0"), "MAP-UNKNOWN"),
        (lambda p: pictures.map_cut(p, "../flags", "axial", index="0"), "MAP-UNKNOWN"),
        (lambda p: pictures.map_cut(p, "bf", "axial", index="8"), "SLICE-UNKNOWN"),
        (lambda p: pictures.point_curve(p, "1,2", which=None, radius_mm=0.0), "POINT-INVALID"),
        (lambda p: pictures.point_curve(p, "1,2,-3", which=None, radius_mm=0.0), "POINT-INVALID"),
        (lambda p: pictures.point_curve(p, "1,2,26", which=None, radius_mm=0.0), "POINT-OUTSIDE"),
        (lambda p: pictures.point_curve(p, "1,2,3", which=None, radius_mm=float("nan")), "RADIUS-INVALID"),
        (lambda p: pictures.point_curve(p, "1,2,3", which=None, radius_mm=31.0), "RADIUS-INVALID"),
        (lambda p: pictures.voxel_told(p, "1,2,3", which=None, number="6"), "PASS-UNKNOWN"),
    ],
)
def test_what_is_not_there_is_refused(place: StudyPlace, ask: object, code: str) -> None:
    with pytest.raises(HepaflowError) as refused:
        ask(place)  # type: ignore[operator]
    assert refused.value.code == code
    assert isinstance(refused.value, NotThere | UsageError)
