"""Where everything lies: the abdomen as smooth shapes in millimetres, the same for every image size.

Coordinates are LPS mm (x to the patient's left, y to the back, z to the head) in the breathing state of the reference pass. What moves is
painted into the cavity (inside of the ribs) on a raster that reaches past its wall; what stands still (wall, ribs, spine) is in
:mod:`hepaflow.phantom.wall`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.phantom.raster import BLEND, ELLIPSOID, TUBE

FloatArray = npt.NDArray[np.float64]

#: First and last edge of the image in x, y, z (mm); 160 mm of coverage.
BOX_MM = ((-188.0, 196.0), (-196.0, 188.0), (-80.0, 80.0))
#: Inside of the ribs, a cylinder along z with the outline |x/a|^3 + |y/b|^3 = 1: centre x, y, semi-axes a, b.
CAVITY = (0.0, -8.0, 138.0, 88.0)
#: Spine and the muscles beside it, cut out of the cavity: centre x, y, semi-axes of an ellipse.
SPINE_BLOCK = (0.0, 72.0, 32.0, 36.0)
#: Parameters of the displacement modes: centre (x, y) of the still region round spine and aorta, its radius, width of the transition; share of
#: motion left at the lowest height, that height, span above it; where the lagging front begins (y), its span; the cavity; antero-posterior share.
MOTION = np.array([0.0, 64.0, 40.0, 60.0, 0.6, -100.0, 130.0, 20.0, 90.0, *CAVITY, 0.25])
ROUND_MM = 22.0

#: Tissues that move, with HU before contrast (80 kV); the place in this table is the tissue's number. Lesions follow.
TISSUES: dict[str, float] = {
    "fat": -105.0,
    "lung": -845.0,
    "liver": 60.0,
    "aorta": 44.0,
    "artery": 44.0,
    "portal_trunk": 44.0,
    "portal_branch": 44.0,
    "hepatic_vein": 44.0,
    "ivc": 44.0,
    "spleen": 52.0,
    "kidney_cortex": 36.0,
    "kidney_medulla": 32.0,
    "gut_wall": 42.0,
    "gut_content": 18.0,
    "gas": -920.0,
    "bile": 6.0,
    "pancreas": 44.0,
    "heart": 46.0,
    "muscle": 58.0,
}
NUMBER = {name: number for number, name in enumerate(TISSUES)}

Kind = Literal["solid", "necrotic", "dome", "small"]


@dataclass(frozen=True, slots=True)
class LesionShape:
    """One lesion as drawn: ``centre_mm``, longest axial ``diameter_mm``, the two other radii relative to it, turn about z, share of the core."""

    name: str
    kind: Kind
    centre_mm: tuple[float, float, float]
    diameter_mm: float
    flattening: tuple[float, float]
    turn_rad: float
    core: float = 0.0


#: Where lesions lie: kind, centre, longest axial diameter in mm.
_SLOTS: tuple[tuple[Kind, tuple[float, float, float], float], ...] = (
    ("necrotic", (-98.0, 6.0, 36.0), 45.0),
    ("solid", (-60.0, -52.0, -10.0), 38.0),
    ("solid", (-97.0, -40.0, -34.0), 30.0),
    ("solid", (-72.0, 44.0, 4.0), 28.0),
    ("solid", (46.0, -56.0, 14.0), 24.0),
    ("dome", (-50.0, -2.0, 72.0), 22.0),
    ("solid", (-28.0, -46.0, 34.0), 17.0),
    ("small", (-44.0, 14.0, -16.0), 9.0),
)
#: The reference region for healthy liver: centre and radius in mm of a ball kept free of lesions and large vessels.
HEALTHY_BALL = ((-106.0, 18.0, -22.0), 17.0)


def lesion_shapes(generator: np.random.Generator) -> tuple[LesionShape, ...]:
    """Draw the lesions: places within 3 mm and sizes within 4 % of the plan (the small one stays between 8 and 10 mm, all between 8 and 45)."""
    shapes = []
    for number, (kind, centre, diameter) in enumerate(_SLOTS, start=1):
        shift = generator.uniform(-3.0, 3.0, 3) * (1.0 if kind != "dome" else 0.4)
        shapes.append(
            LesionShape(
                name=f"lesion-{number}",
                kind=kind,
                centre_mm=(centre[0] + shift[0], centre[1] + shift[1], centre[2] + shift[2]),
                diameter_mm=round(float(min(diameter * generator.uniform(0.96, 1.04), 45.0)), 2),
                flattening=(float(generator.uniform(0.86, 0.98)), float(generator.uniform(0.86, 1.0))),
                turn_rad=float(generator.uniform(0.0, math.pi)),
                core=float(generator.uniform(0.60, 0.66)) if kind == "necrotic" else 0.0,
            )
        )
    return tuple(shapes)


def _ellipsoid(
    tissue: int, centre: tuple[float, float, float], radii: tuple[float, ...], *, turn_rad: float = 0.0, kind: int = ELLIPSOID
) -> list[float]:
    """A row of the shape table: radii x, y, z (and z below the centre if it differs), turned about z."""
    below = radii[3] if len(radii) > 3 else radii[2]
    return [kind, tissue, *centre, *radii[:3], below, math.cos(turn_rad), math.sin(turn_rad)]


def _tubes(tissue: int, *points: tuple[float, float, float, float]) -> list[list[float]]:
    """A chain of round tubes through points (x, y, z, radius)."""
    return [[TUBE, tissue, *first, *last, 0.0] for first, last in pairwise(points)]


def liver_parts() -> FloatArray:
    """The liver as ellipsoids joined (+1) or carved out (-1) one after the other: (n, 10), the geometry of an ellipsoid and the sign."""
    parts = (
        (+1, (-58.0, -4.0, -8.0), (92.0, 80.0, 95.0, 82.0), 0.0),  # right lobe with the dome
        (-1, (34.0, 24.0, -52.0), (62.0, 62.0, 66.0), 0.0),  # visceral surface: room for stomach, pancreas, gut
        (-1, (26.0, 52.0, 16.0), (42.0, 44.0, 120.0), 0.0),  # spine, aorta, vena cava
        (+1, (24.0, -52.0, 16.0), (72.0, 32.0, 38.0, 44.0), -0.06),  # left lobe
        (-1, (-28.0, -60.0, -74.0), (26.0, 34.0, 40.0), 0.0),  # gallbladder fossa
    )
    rows = [[*_ellipsoid(0, centre, radii, turn_rad=turn)[2:], float(sign)] for sign, centre, radii, turn in parts]
    return np.array(rows)


def _vessels() -> list[list[float]]:
    branch, vein, artery = NUMBER["portal_branch"], NUMBER["hepatic_vein"], NUMBER["artery"]
    portal = [
        _tubes(branch, (13, 4, -38, 6.0), (9, 0, -80, 5.0), (10, -4, -130, 5.0)),  # superior mesenteric vein
        _tubes(branch, (13, 4, -38, 5.0), (45, 14, -26, 4.5), (84, 26, -4, 4.0)),  # splenic vein
        _tubes(branch, (-29, -9, 3, 6.0), (-56, -8, 12, 5.4), (-66, -6, 14, 4.8)),  # right
        _tubes(branch, (-66, -6, 14, 4.0), (-82, -26, 22, 3.4), (-100, -42, 30, 2.4), (-112, -48, 38, 1.6)),
        _tubes(branch, (-82, -26, 22, 2.6), (-90, -48, 6, 2.0), (-98, -62, -4, 1.4)),
        _tubes(branch, (-66, -6, 14, 3.8), (-84, 26, 10, 3.0), (-104, 48, 8, 2.0), (-116, 54, 14, 1.4)),
        _tubes(branch, (-66, -6, 14, 3.4), (-78, 2, -22, 2.6), (-84, -2, -52, 1.8), (-94, 4, -66, 1.4)),
        _tubes(branch, (-29, -9, 3, 5.0), (-14, -30, 14, 4.4), (0, -48, 20, 3.8)),  # left
        _tubes(branch, (0, -48, 20, 3.2), (26, -52, 28, 2.4), (58, -58, 32, 1.5)),
        _tubes(branch, (0, -48, 20, 3.0), (18, -62, 2, 2.2), (38, -70, -8, 1.4)),
        _tubes(branch, (-14, -30, 14, 2.6), (-34, -52, 10, 1.8), (-44, -64, 18, 1.3)),
        _tubes(NUMBER["portal_trunk"], (13, 4, -38, 7.4), (-8, -3, -16, 7.2), (-29, -9, 3, 6.6)),
    ]
    veins = [
        _tubes(vein, (-26, 24, 50, 5.5), (-58, 26, 46, 4.6), (-90, 24, 26, 3.4), (-112, 20, 4, 2.0), (-116, 14, -26, 1.4)),
        _tubes(vein, (-26, 24, 50, 5.5), (-42, -6, 46, 4.4), (-56, -34, 24, 3.2), (-66, -52, 2, 2.2), (-72, -62, -22, 1.4)),
        _tubes(vein, (-26, 24, 50, 5.0), (-6, -16, 44, 4.0), (16, -40, 34, 2.8), (44, -48, 24, 1.8)),
        _tubes(vein, (-58, 26, 46, 2.6), (-76, 48, 36, 1.8), (-90, 58, 22, 1.3)),
        _tubes(NUMBER["ivc"], (-24, 30, -130, 11.0), (-24, 28, 0, 11.5), (-27, 24, 60, 12.0), (-22, 4, 130, 13.0)),
    ]
    arteries = [
        _tubes(NUMBER["aorta"], (16, 26, -130, 9.5), (14, 26, 0, 10.5), (10, 28, 130, 11.5)),
        _tubes(artery, (14, 18, -12, 4.0), (15, 4, -14, 3.6), (-4, 0, -8, 2.8), (-26, -18, 4, 2.2), (-60, -14, 16, 1.5)),
        _tubes(artery, (15, 4, -14, 3.4), (48, 8, -16, 3.0), (84, 22, 4, 2.4)),
        _tubes(artery, (14, 18, -42, 3.6), (12, -4, -58, 3.4), (12, -10, -130, 3.0)),
        _tubes(artery, (14, 28, -64, 2.8), (50, 44, -62, 2.6)),
        _tubes(artery, (14, 28, -68, 2.8), (-52, 46, -72, 2.6)),
    ]
    return [row for group in (*veins, *portal, *arteries) for row in group]


def _other_organs() -> list[list[float]]:
    wall, content, gas = NUMBER["gut_wall"], NUMBER["gut_content"], NUMBER["gas"]
    rows = [_ellipsoid(NUMBER["heart"], (26, -42, 104), (56, 40, 42), turn_rad=0.3)]
    # lung above the diaphragm: everything over two flat domes, later overpainted by the organs under it
    rows = [_ellipsoid(NUMBER["lung"], (0, -8, 200), (400, 300, 170, 170)), *rows]
    rows += [_ellipsoid(NUMBER["lung"], (side * 92, 46, 96), (52, 46, 116), turn_rad=side * 0.3) for side in (-1, 1)]
    rows += [_ellipsoid(NUMBER["fat"], (70, -6, 4), (62, 62, 62))]  # left dome
    rows += [
        _ellipsoid(wall, (64, -20, 14), (38, 30, 46), turn_rad=0.35),
        _ellipsoid(content, (64, -18, 13), (34, 26, 42), turn_rad=0.35),
        _ellipsoid(gas, (62, -36, 18), (20, 7, 26), turn_rad=0.35),
        _ellipsoid(NUMBER["spleen"], (102, 34, 8), (24, 42, 48), turn_rad=-0.35),
        *_tubes(NUMBER["pancreas"], (-6, -10, -52, 12), (18, -12, -40, 11), (50, 6, -30, 10), (80, 24, -14, 8)),
    ]
    for side, height in ((-1, -80.0), (1, -52.0)):
        centre = (side * 70.0, 50.0, height)
        rows += [
            _ellipsoid(NUMBER["fat"], centre, (36, 34, 58)),
            _ellipsoid(NUMBER["kidney_cortex"], centre, (27, 26, 50), turn_rad=side * 0.5),
        ]
        rows += [_ellipsoid(NUMBER["kidney_medulla"], (centre[0] - side * 3, 49.0, height), (18, 16, 40), turn_rad=side * 0.5)]
        rows += [_ellipsoid(NUMBER["fat"], (centre[0] - side * 12, 45.0, height), (13, 9, 26), turn_rad=side * 0.5)]
    loops = (
        (
            (-88, -70, -90, 15),
            (-40, -80, -76, 15),
            (20, -82, -66, 15),
            (80, -66, -52, 15),
            (112, -30, -50, 14),
            (112, 20, -70, 14),
            (110, 30, -130, 14),
        ),
        (
            (30, -52, -80, 12),
            (64, -44, -76, 12),
            (92, -30, -84, 12),
            (70, -14, -94, 12),
            (38, -24, -98, 12),
            (10, -46, -104, 12),
            (40, -56, -120, 12),
        ),
        ((-30, -40, -86, 12), (-38, -10, -80, 12), (-34, 4, -100, 12), (-10, -24, -112, 12), (20, -30, -130, 12)),
        ((-106, -30, -100, 18), (-104, 0, -116, 19), (-100, 10, -140, 19)),
    )
    for loop in loops:
        rows += _tubes(wall, *loop)
        rows += _tubes(content, *((x, y, z, r - 2.6) for x, y, z, r in loop))
    rows += _tubes(gas, (-30, -86, -74, 6), (24, -88, -64, 7), (76, -73, -51, 6))
    return rows


def shape_table(lesions: tuple[LesionShape, ...]) -> FloatArray:
    """Everything that moves, in painting order: rows (n, 11) of kind, tissue, geometry. Lesion n has tissue ``len(TISSUES) + n``, its core comes last."""
    rows = _other_organs()
    rows.append([BLEND, NUMBER["liver"], *([0.0] * 9)])
    rows.append(_ellipsoid(NUMBER["bile"], (-28, -64, -68), (14, 18, 26), turn_rad=0.3))
    rows += _vessels()
    core = len(TISSUES) + len(lesions)
    for number, lesion in enumerate(lesions):
        long = lesion.diameter_mm / 2.0
        radii = (long, long * lesion.flattening[0], long * lesion.flattening[1])
        rows.append(_ellipsoid(len(TISSUES) + number, lesion.centre_mm, radii, turn_rad=lesion.turn_rad))
        if lesion.core > 0.0:
            inner = tuple(lesion.core * radius for radius in radii)
            rows.append(_ellipsoid(core, lesion.centre_mm, inner, turn_rad=lesion.turn_rad))
    return np.array(rows)


def cavity_level(x: FloatArray, y: FloatArray) -> FloatArray:
    """Signed distance in mm, roughly, to the border of the moving region: negative inside (broadcasts over x, y)."""
    cx, cy, a, b = CAVITY
    level = (np.abs((x - cx) / a) ** 3 + np.abs((y - cy) / b) ** 3) ** (1.0 / 3.0)
    outer = (level - 1.0) * 0.5 * (a + b) * 0.85
    sx, sy, sa, sb = SPINE_BLOCK
    block = (1.0 - np.sqrt(((x - sx) / sa) ** 2 + ((y - sy) / sb) ** 2)) * 0.5 * (sa + sb)
    return np.asarray(np.maximum(outer, block))
