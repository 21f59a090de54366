"""A second anatomy, written apart from hepaflow.phantom, so that the finders are not fitted to one body."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries

TIMES_S = np.r_[np.arange(0, 30, 2.0), np.arange(48, 149, 20.0)]


@dataclass(frozen=True)
class Abdomen:
    series: DynamicSeries
    truth: dict[str, np.ndarray]


def _gamma(t, arrival, to_peak, alpha=3.0):
    x = np.maximum(t - arrival, 0) / to_peak
    return x**alpha * np.exp(alpha * (1 - x))


def curves(times=TIMES_S, *, delay=0.0):
    """Enhancement in HU of each tissue; the aorta peaks at about 12 s, the portal vein at about 28 s."""
    t = np.asarray(times) - delay
    aorta = 350 * _gamma(t, 4, 8) + 70 * _gamma(t, 12, 30, 1.0)
    portal = 150 * _gamma(t, 12, 17) + 40 * _gamma(t, 25, 60, 1.0)
    liver = 12 * _gamma(t, 7, 12) + 48 * _gamma(t, 14, 38, 1.5)
    return {
        "aorta": aorta,
        "portal_vein": portal,
        "ivc": 60 * _gamma(t, 8, 16) + 60 * _gamma(t, 25, 45, 1.0),
        "hepatic_vein": 90 * _gamma(t, 22, 35, 1.5),
        "liver": liver,
        "spleen": 130 * _gamma(t, 6, 13, 1.5),
        "kidney": 190 * _gamma(t, 6, 14, 0.9),
        "muscle": 12 * _gamma(t, 8, 50, 1.0),
        "bone": 10 * _gamma(t, 8, 30, 1.0),
        "lesion": 0.45 * liver,
        "none": 0 * t,
    }


def _tube(xyz, points, radius):
    """Voxels within ``radius`` of a polyline in mm."""
    inside = np.zeros(xyz.shape[:-1], bool)
    for a, b in itertools.pairwise(np.array(points, np.float32)):
        u = np.clip(((xyz - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
        inside |= np.linalg.norm(xyz - a - u[..., None] * (b - a), axis=-1) <= radius
    return inside


def _ellipsoid(xyz, centre, axes):
    return (((xyz - np.array(centre, np.float32)) / np.array(axes, np.float32)) ** 2).sum(-1) <= 1


def paint(xyz):
    """Structures by name at points ``xyz`` (..., 3) in LPS mm; painted from z = 25 to 135."""
    part = {}
    part["body"] = _ellipsoid(xyz * np.float32([1, 1, 0]), (0, 0, 0), (170, 120, 1))
    part["inner"] = _ellipsoid(xyz * np.float32([1, 1, 0]), (0, -5, 0), (148, 98, 1))
    part["spine"] = _tube(xyz, [(0, 68, -50), (0, 68, 210)], 20)
    part["stomach"] = _ellipsoid(xyz, (60, -45, 95), (38, 38, 45))
    liver = _ellipsoid(xyz, (-68, -8, 75), (70, 82, 85)) | _ellipsoid(xyz, (-15, -52, 95), (60, 36, 45))
    part["liver"] = liver & part["inner"] & ~_tube(xyz, [(0, 68, -50), (0, 68, 210)], 32)
    part["spleen"] = _ellipsoid(xyz, (108, 45, 105), (26, 42, 48))
    part["kidney"] = _ellipsoid(xyz, (72, 62, 20), (24, 26, 50)) | _ellipsoid(xyz, (-72, 70, 5), (24, 22, 45))
    part["aorta"] = _tube(xyz, [(14, 38, -50), (10, 36, 210)], 11)
    part["ivc"] = _tube(xyz, [(-24, 38, -50), (-24, 34, 60), (-20, 10, 170)], 12)
    part["portal_vein"] = _tube(xyz, [(-8, 0, 30), (-30, -2, 62), (-50, -5, 72)], 7.5) | _tube(
        xyz, [(-50, -5, 72), (-85, 5, 78), (-105, 0, 85)], 5
    )
    part["hepatic_vein"] = _tube(xyz, [(-21, 14, 145), (-60, 0, 120), (-95, -20, 95)], 4.5)
    part["lesion-1"] = _ellipsoid(xyz, (-95, -35, 60), (17, 17, 17))
    part["lesion-2"] = _ellipsoid(xyz, (-80, 40, 100), (10, 10, 10))
    return part


#: Painted in this order; structure -> (unenhanced HU, curve).
ORDER = {
    "body": (-95, "none"),
    "inner": (52, "muscle"),
    "stomach": (10, "none"),
    "liver": (56, "liver"),
    "spleen": (48, "spleen"),
    "kidney": (34, "kidney"),
    "hepatic_vein": (44, "hepatic_vein"),
    "portal_vein": (44, "portal_vein"),
    "ivc": (44, "ivc"),
    "aorta": (44, "aorta"),
    "spine": (260, "bone"),
    "lesion-1": (46, "lesion"),
    "lesion-2": (46, "lesion"),
}


def make(
    *,
    shape=(22, 116, 128),
    spacing=(5.0, 3.0, 3.0),
    noise_hu=12.0,
    seed=0,
    times=TIMES_S,
    leave_out=(),
    delay=0.0,
    contrast=1.0,
    hu=(),
):
    grid = Grid.from_spacing(shape, spacing, origin_mm=(-192 + spacing[2] / 2, -174 + spacing[1] / 2, 25 + spacing[0] / 2))
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), -1)
    part = paint(grid.to_mm(index).astype(np.float32))
    base, which = np.full(shape, -1000.0, np.float32), np.zeros(shape, np.int8)
    names = ["none", *ORDER]
    for number, (name, (plain, _)) in enumerate(ORDER.items(), 1):
        if name not in leave_out:
            base[part[name]], which[part[name]] = dict(hu).get(name, plain), number
    enhancement = {name: contrast * curve for name, curve in curves(times, delay=delay).items()}
    rng = np.random.default_rng(seed)
    voxels = np.empty((len(times), *shape), np.int16)
    blur = [1.5 / s for s in spacing]
    for i in range(len(times)):
        rise = np.array([0.0, *(enhancement[c][i] for _, c in ORDER.values())], np.float32)
        noise = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), 0.6)
        noise *= noise_hu / noise.std()
        voxels[i] = np.rint(ndimage.gaussian_filter(base + rise[which], blur) + noise)
    truth = {name: which == number for number, name in enumerate(names) if number}
    truth["organ"] = truth["liver"] | truth["lesion-1"] | truth["lesion-2"] | truth["hepatic_vein"]
    return Abdomen(DynamicSeries(voxels, grid, np.asarray(times, float), Acquisition("synthetic")), truth)


@pytest.fixture(scope="session")
def abdomen():
    return make()


@pytest.fixture(scope="session")
def make_abdomen():
    return make
