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
from hepaflow.kinetics.scan import BAND, LANES, best_rows, search_alone, search_block

FloatArray = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int32]

#: Shapes, arterial and portal delays searched, by the number of unknowns of the shape: 5400 and 15 360 combinations.
SIZE = {1: (24, 15, 3 * BAND), 2: (192, 8, 2 * BAND), 3: (192, 8, 2 * BAND)}
#: Atoms of the two inputs that are more alike than this are not told apart.
ALIKE = 0.9999
#: Dimensions in which atoms and voxels are compared: of no atom is more than 0.0011 % of its energy outside.
SEARCH_DIMS = 12


@dataclass(frozen=True, slots=True, eq=False)
class SearchTables:
    """Everything that does not depend on the voxel: ``basis`` (r, n); atoms of unit length in its first dimensions (S A, q) and (S P, q), their inner products
    ``cosine`` (S, A, P), and what :func:`search_block` makes of these.

    ``shapes`` (S, p), ``arterial`` (A,) and ``portal`` (P,) delays are on the search scale; P = 0 with one input.
    """

    basis: Voxels
    unit_a: Voxels
    unit_p: Voxels
    cosine: Voxels
    slant: Voxels
    stretch: Voxels
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
        q = min(projected.basis.shape[1], SEARCH_DIMS)
        stretch = 1.0 / np.sqrt(1.0 - cosine**2)
        return cls(
            _compact(projected.basis.T),
            _compact(unit_a[..., :q].reshape(-1, q)),
            _compact(unit_p[..., :q].reshape(-1, q)),
            _compact(cosine),
            _compact(cosine * stretch),
            _compact(stretch),
            u,
            late[0],
            late[1],
        )

    def seeds(self, projected: Voxels) -> tuple[FloatArray, Voxels]:
        """Best shape and delays of every band (bands, v, n) on the search scale, for voxels (r, v) in the basis, and the energy that they
        explain (bands, v).
        """
        s, a, p = self.shapes.shape[0], self.arterial.size, self.portal.size
        voxels = projected.shape[1]
        bands = max(p // BAND, 1)
        rows, energy = np.empty((bands, 3, voxels), np.int32), np.empty((bands, voxels), np.float32)
        dots_a, dots_p = np.empty((s * a, LANES), np.float32), np.empty((s * p, LANES), np.float32)
        block = np.zeros((self.unit_a.shape[1], LANES), np.float32)
        for start in range(0, voxels, LANES):
            n = min(LANES, voxels - start)
            block[:, :n] = projected[: len(block), start : start + n]
            np.matmul(self.unit_a, block, out=dots_a)
            np.matmul(self.unit_p, block, out=dots_p)
            found, best = self._best(dots_a.reshape(s, a, LANES), dots_p.reshape(s, p, LANES))
            rows[..., start : start + n], energy[:, start : start + n] = found[..., :n], best[:, :n]
        q = self.shapes.shape[1]
        unknown = np.empty((bands, voxels, q + (2 if p else 1)))
        unknown[..., :q] = self.shapes.take(rows[:, 0], axis=0)
        for i, delays in enumerate((self.arterial, self.portal)[: 2 if p else 1]):
            unknown[..., q + i] = delays.take(rows[:, 1 + i])
        return unknown, energy

    def _best(self, dots_a: Voxels, dots_p: Voxels) -> tuple[Rows, Voxels]:
        """Shape, arterial and portal delay (bands, 3, LANES) of the best row of every band of one block, and the energy explained (bands, LANES).

        Where one input alone explains more than any row with both, the first band starts from that.
        """
        a, p = dots_a.shape[1], dots_p.shape[1]
        bands = max(p // BAND, 1)
        rows, best = np.zeros((bands, 3, LANES), np.int32), np.zeros((bands, LANES), np.float32)
        alone, alone_place = np.zeros(LANES, np.float32), np.zeros((2, LANES), np.float32)
        if not p:
            half = search_alone(dots_a.reshape(-1, LANES), alone, alone_place)
            rows[0, 0], rows[0, 1] = np.divmod(alone_place[half].astype(np.int32), a)
            best[0] = alone * alone
            return rows, best
        place = np.zeros((2, bands, LANES), np.float32)
        half = search_block(dots_a, dots_p, self.cosine, self.slant, self.stretch, best, place)
        best_rows(dots_a, dots_p, self.cosine, self.slant, self.stretch, place[half], rows)
        half = search_alone(dots_p.reshape(-1, LANES), alone, alone_place)
        better = np.flatnonzero(alone * alone > best.max(0))
        rows[0, 0, better], rows[0, 2, better] = np.divmod(alone_place[half, better].astype(np.int32), p)
        best[0, better] = alone[better] ** 2
        return rows, best


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
