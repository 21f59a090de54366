"""Search of the whole dictionary: the best row of every band of portal delays, for every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from hepaflow.kinetics.dictionary import Sources, parameters, tabulate
from hepaflow.kinetics.map_chunk import Voxels
from hepaflow.kinetics.model import ResidueModel
from hepaflow.kinetics.problem import scale_bounds
from hepaflow.kinetics.project import Projected
from hepaflow.kinetics.response_table import DIMS
from hepaflow.kinetics.scan import BAND, LANES, best_portal, search_block

FloatArray = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

#: Shapes, arterial and portal delays searched, by the number of unknowns of the shape: 5400 and 15 360 combinations.
SIZE = {1: (24, 15, 3 * BAND), 2: (192, 8, 2 * BAND), 3: (192, 8, 2 * BAND)}
#: Atoms of the two inputs that are more alike than this are not told apart.
ALIKE = 0.9999


@dataclass(frozen=True, slots=True, eq=False)
class SearchTables:
    """Everything that does not depend on the voxel: ``basis`` (r, n); atoms of unit length in it (S A, r) and (S P, r), their inner products.

    ``shapes`` (S, p), ``arterial`` (A,) and ``portal`` (P,) delays are on the search scale; P = 0 with one input.
    """

    basis: Voxels
    unit_a: Voxels
    unit_p: Voxels
    cosine: Voxels
    gain: Voxels
    shapes: FloatArray
    arterial: FloatArray
    portal: FloatArray

    @classmethod
    def of(cls, model: ResidueModel, sources: Sources, times_s: FloatArray) -> SearchTables:
        """Over all that the bounds of shape and delays allow, at ``times_s`` (n,)."""
        lower, upper = scale_bounds(parameters(model, sources.count))
        p = len(model.shape)
        count, *delays = SIZE[p]
        u = lower[:p] + _even(count, p) * (upper[:p] - lower[:p])
        late = [
            np.linspace(float(lower[p + i]), float(upper[p + i]), delays[i]) if i < sources.count else np.empty(0) for i in (0, 1)
        ]
        dictionary = tabulate(model, sources, times_s, shapes=own_units(model, u), delays_s=(late[0], late[1]))
        projected = Projected.of(dictionary, most=DIMS)
        aa, pp, ap = projected.inner()
        cosine = np.clip(ap / np.sqrt(aa[:, :, None] * pp[:, None, :]), -ALIKE, ALIKE)
        unit_a, unit_p = projected.arterial / np.sqrt(aa)[..., None], projected.portal / np.sqrt(pp)[..., None]
        dims = projected.basis.shape[1]
        return cls(
            _compact(projected.basis.T),
            _compact(unit_a.reshape(-1, dims)),
            _compact(unit_p.reshape(-1, dims)),
            _compact(cosine),
            _compact(1.0 / (1.0 - cosine**2)),
            u,
            late[0],
            late[1],
        )

    def seeds(self, projected: Voxels) -> FloatArray:
        """Best shape and delays of every band (bands, v, n) on the search scale, for voxels (r, v) in the basis."""
        s, a, p = self.shapes.shape[0], self.arterial.size, self.portal.size
        bands, voxels = max(p // BAND, 1), projected.shape[1]
        found = np.empty((bands, voxels, self.shapes.shape[1] + (2 if p else 1)))
        dots_a, dots_p = np.empty((s * a, LANES), np.float32), np.empty((s * p, LANES), np.float32)
        block = np.zeros((projected.shape[0], LANES), np.float32)
        for start in range(0, voxels, LANES):
            n = min(LANES, voxels - start)
            block[:, :n] = projected[:, start : start + n]
            np.matmul(self.unit_a, block, out=dots_a)
            np.matmul(self.unit_p, block, out=dots_p)
            shape, arterial, portal = self._best(dots_a.reshape(s, a, LANES), dots_p.reshape(s, p, LANES), bands)
            columns = [self.shapes[shape], self.arterial[arterial][..., None]]
            if p:
                columns.append(self.portal[portal][..., None])
            found[:, start : start + n] = np.concatenate(columns, -1)[:, :n]
        return found

    def _best(self, dots_a: Voxels, dots_p: Voxels, bands: int) -> tuple[Index, Index, Index]:
        """Shape, arterial and portal delay (bands, LANES) of the best row of every band of one block.

        Where one input alone explains more than any row with both, the first band starts from that.
        """
        a, p = dots_a.shape[1], dots_p.shape[1]
        best, place = np.zeros((bands, LANES), np.float32), np.zeros((bands, LANES), np.float32)
        late = np.full((bands, LANES), p // 2)
        if p:
            search_block(dots_a, dots_p, self.cosine, self.gain, best, place)
            best_portal(dots_a, dots_p, self.cosine, self.gain, place, late)
        shape, arterial = np.divmod(place.astype(np.int64), a)
        top = best.max(0)
        for dots, delay, count in ((dots_a, arterial, a), (dots_p, late, p)):
            if not count:
                continue
            flat = dots.reshape(-1, LANES)
            alone = np.maximum(flat.max(0), 0.0) ** 2
            better = np.flatnonzero(alone > top)
            shape[0, better], delay[0, better] = np.divmod(flat[:, better].argmax(0), count)
            top = np.maximum(top, alone)
        return shape, arterial, late


def own_units(model: ResidueModel, u: FloatArray) -> FloatArray:
    """Shapes (s, p) on the search scale in their own units."""
    return np.stack([q.from_scale(u[:, j]) for j, q in enumerate(model.shape)], -1)


def _compact(x: FloatArray) -> Voxels:
    return np.ascontiguousarray(x, np.float32)


def _even(count: int, dimensions: int) -> FloatArray:
    """Points spread evenly over the unit cube (count, dimensions)."""
    if dimensions == 1:
        return (np.arange(count)[:, None] + 0.5) / count
    power = int(np.ceil(np.log2(count)))
    return np.asarray(qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(20190128)).random_base2(power)[:count])
