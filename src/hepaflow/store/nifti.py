"""Arrays on a grid as NIfTI: (i, j, k) order, RAS+ affine, the same bytes every time."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid

#: NIfTI intent code of a vector field.
VECTOR = 1007


def ras_affine(grid: Grid) -> npt.NDArray[np.float64]:
    """Affine from NIfTI indices (i, j, k) to RAS mm of a grid whose own affine takes (k, j, i) to LPS mm."""
    reverse = np.zeros((4, 4))
    reverse[0, 2] = reverse[1, 1] = reverse[2, 0] = reverse[3, 3] = 1.0
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ grid.affine @ reverse


def write(path: Path, values: npt.NDArray[Any], grid: Grid, *, description: str) -> None:
    """``values`` (slices, rows, columns) or, for a vector field, (slices, rows, columns, 3), as a gzipped NIfTI-1 file."""
    import nibabel

    maker: Any = nibabel.Nifti1Image
    data = np.ascontiguousarray(values.transpose(2, 1, 0) if values.ndim == 3 else values.transpose(2, 1, 0, 3)[:, :, :, None, :])
    image = maker(data, None, dtype=data.dtype)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(ras_affine(grid), code=1)
    image.set_qform(ras_affine(grid), code=1)
    image.header["descrip"] = description[:79].encode("ascii", "replace")
    if values.ndim == 4:
        image.header.set_intent(VECTOR, name="displacement")
    # no name and no time in the header, so that equal maps are equal files; the fastest level: most of a map is NaN
    packer = zlib.compressobj(level=1, wbits=31)
    path.write_bytes(packer.compress(image.to_bytes()) + packer.flush())
