"""Twelve ways in which a stack can lie in the patient; every axis of the case on it differs in length, spacing and content."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from case_for_tests import SHAPE

from hepaflow.dicom.write_ct import stable_uid
from hepaflow.domain.geometry import Grid


@dataclass(frozen=True)
class Geometry:
    """``row`` and ``column`` are the directions in which column and row indices rise; slices rise along their normal, or against it."""

    name: str
    patient_position: str
    row: tuple[float, float, float]
    column: tuple[float, float, float]
    spacing_mm: tuple[float, float, float] = (3.0, 0.8, 0.7)
    origin_mm: tuple[float, float, float] = (-101.25, 33.125, 250.5)
    reversed_slices: bool = False

    def grid(self) -> Grid:
        normal = np.cross(self.row, self.column) * (-1 if self.reversed_slices else 1)
        affine = np.eye(4)
        affine[:3, :3] = np.stack([normal, self.column, self.row], axis=1) * self.spacing_mm
        affine[:3, 3] = self.origin_mm
        return Grid(SHAPE, affine, stable_uid("test", "frame"))


def turned(x_deg: float, y_deg: float, z_deg: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Row and column directions of an axial image turned about x, then y, then z."""
    (a, b, c) = np.radians([x_deg, y_deg, z_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turn = about_z @ about_y @ about_x
    row, column = ((float(v[0]), float(v[1]), float(v[2])) for v in (turn[:, 0], turn[:, 1]))
    return row, column


GEOMETRIES = (
    Geometry("head first supine", "HFS", (1, 0, 0), (0, 1, 0)),
    Geometry("slices given downwards", "HFS", (1, 0, 0), (0, 1, 0), reversed_slices=True),
    Geometry("feet first supine", "FFS", (-1, 0, 0), (0, 1, 0)),
    Geometry("head first prone", "HFP", (-1, 0, 0), (0, -1, 0)),
    Geometry("feet first prone, downwards", "FFP", (1, 0, 0), (0, -1, 0), reversed_slices=True),
    Geometry("head first, on the right side", "HFDR", (0, -1, 0), (1, 0, 0)),
    Geometry("head first, on the left side", "HFDL", (0, 1, 0), (-1, 0, 0)),
    Geometry("coronal", "HFS", (1, 0, 0), (0, 0, -1)),
    Geometry("sagittal", "HFS", (0, 1, 0), (0, 0, -1)),
    Geometry("uneven in the plane", "HFS", (1, 0, 0), (0, 1, 0), (7.5, 0.451171875, 1.7)),
    Geometry("oblique", "HFS", *turned(20.0, 0.0, -35.0)),
    Geometry(
        "oblique thrice, far off, downwards",
        "FFS",
        *turned(-11.0, 48.0, 163.0),
        (1.25, 0.9765625, 0.6),
        (-1234.567, 987.654, -321.012),
        True,
    ),
)
