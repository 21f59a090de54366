"""All passes together: what one pass should show is foretold from the others, and all fields are a few shapes that the passes share.

Two turns alternate. The passes, as they lie now, foretell each pass without its help (a sum of the few images that explain all of them over
time): contrast is then in both images that are compared. Against these the shapes and their amplitudes are found by least squares over all
passes at once. What breathing alone does not explain follows last: a small free remainder of each pass.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from hepaflow.motion import local_fit, modes, rigid
from hepaflow.motion.deformable import SWEEPS, Evidence, Field, Fixed, Mask, brought, compared_with, evidence, picture, stiffness_of
from hepaflow.motion.lattice import Scene, Volume
from hepaflow.motion.spline import Splines

FloatArray = npt.NDArray[np.float64]
#: Parts of the work by name: made now, or taken from an earlier run that was stopped.
Keep = Callable[[str, Callable[[], tuple[npt.NDArray[Any], ...]]], tuple[npt.NDArray[Any], ...]]

#: Fewer passes than this foretell nothing.
FEWEST = 6
#: Turns of foretelling and fitting at most, and least-squares steps in each.
ROUNDS, STEPS = 6, 2
#: Turns end when they move the passes by less than this, root mean square over nodes and passes.
_SETTLED_MM = 0.08
#: Smoothing of the images in mm, of the windows in nodes.
IMAGE_MM, WINDOW_NODES = 3.0, 0.7
#: Images that explain all passes: no more than this, and no more than one for five passes.
_MOST_IMAGES, _PASSES_AN_IMAGE = 4, 5
#: How hard it is to bend a shape of 1 mm, and a remainder to differ between neighbours and from 0.
_BENDING, _REMAINDER, _TETHER = 20.0, 2.0, 0.5
#: Windows (nodes) that tell what motion remains, the information (1 / mm2) under which they tell nothing, and the share of it that they see.
_WIDE_NODES, _FAINT, _SEEN = 2.0, 0.005, 0.5
#: Tissue whose contrast tells how a pass is made of the images: no lung, no bone.
_TISSUE_HU = (-150.0, 300.0)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The passes that are moved together, the reference first, and their pictures (k, j, i)."""

    scene: Scene
    active: Mask
    cavity: Mask
    pictures: list[Volume]
    workers: int

    @classmethod
    def of(cls, scene: Scene, cavity: Mask, active: Mask, reference: int, passes: tuple[int, ...], *, workers: int) -> Group:
        """The reference and ``passes`` with their pictures."""
        with ThreadPoolExecutor(workers) as pool:
            pictures = list(pool.map(lambda index: picture(scene, index, cavity, IMAGE_MM), (reference, *passes)))
        return cls(scene, active, cavity, pictures, workers)


def fields_together(
    group: Group, fields: npt.NDArray[np.float32], *, progress: Callable[[int], None], keep: Keep
) -> npt.NDArray[np.float32]:
    """The fields (passes, nodes, 3) in mm along the working axes, from ``fields`` found one by one of all passes but the reference; ``progress`` hears of every turn, ``keep`` files it.

    What is foretold lies where the passes lie on average. So the reference gets a field like all others, which is then taken off every field.
    """
    fields = np.concatenate([np.zeros_like(fields[:1]), fields])
    shapes = _Shapes.of(fields[:, group.active])
    bend = Splines.over(group.scene.nodes.shape, group.scene.nodes.spacing_mm)
    knots: FloatArray | None = None
    shared = shapes.fields(group.active)
    for turn in range(ROUNDS):
        amplitudes, parts, knots = keep(f"turn-{turn}", partial(_turn, group, shapes, bend, knots))
        shapes = _Shapes(amplitudes, parts)
        before, shared = shared, shapes.fields(group.active)
        progress(turn + 1)
        if np.sqrt(((shared - before)[:, group.active] ** 2).sum(-1).mean()) < _SETTLED_MM:
            break
    return _with_remainders(group, foretell(group, shared), shared)[1:]


def _turn(group: Group, shapes: _Shapes, bend: Splines, knots: FloatArray | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Amplitudes, shapes and knots after one turn."""
    foretold = foretell(group, shapes.fields(group.active))
    for _ in range(STEPS):
        shapes, knots = _step(group, foretold, shapes, bend, knots)
    assert knots is not None
    return shapes.amplitudes, shapes.shapes, knots


def foretell(group: Group, fields: npt.NDArray[np.float32]) -> list[Fixed]:
    """What each pass should show where the reference is, from all other passes under ``fields`` (passes, nodes, 3), the reference first."""
    with ThreadPoolExecutor(group.workers) as pool:
        aligned = np.stack(list(pool.map(lambda n: brought(group.scene, group.pictures[n], fields[n]), range(len(fields)))))
    inside = aligned[:, group.cavity]
    known = np.isfinite(inside)
    mean = np.where(known, inside, np.float32(0)).sum(0) / np.maximum(known.sum(0), 1)
    change = np.where(known, inside - mean, np.float32(0))
    low, high = _TISSUE_HU
    tissue = change[:, known.all(0) & (mean > low) & (mean < high)].astype(np.float64)
    products = local_fit.products(tissue)  # no BLAS: its sums depend on the number of threads
    images = min(_MOST_IMAGES, len(aligned) // _PASSES_AN_IMAGE)

    def one(place: int) -> Fixed:
        weights = _weights(products, place, images).astype(np.float32)
        volume = np.full(group.cavity.shape, np.nan, np.float32)
        volume[group.cavity] = mean + np.einsum("p,pn->n", weights, change)
        return compared_with(volume, group.scene.grid.spacing_mm)

    with ThreadPoolExecutor(group.workers) as pool:
        return list(pool.map(one, range(len(aligned))))


def remaining_mm(group: Group, compared: list[Fixed], fields: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """How far (nodes k, j, i) in mm the tissue still seems to move between passes under ``fields`` (the reference first), root mean square over the others.

    Every wide window is asked alone which further shift it would like; what it sees is about half of what is there, on phantoms with
    known motion, and counts for that. NaN at nodes that carry no field.
    """

    def one(n: int) -> FloatArray:
        found = evidence(compared[n], group.pictures[n], fields[n], group.scene, window_nodes=_WIDE_NODES)
        hessian = rigid.full(found.hessian[group.active]) + _FAINT * np.eye(3)
        step = np.linalg.solve(hessian, -found.gradient[group.active][..., None])[..., 0]
        return np.asarray((step**2).sum(axis=-1))

    with ThreadPoolExecutor(group.workers) as pool:
        squares = list(pool.map(one, range(1, len(fields))))
    out = np.full(group.active.shape, np.nan, np.float32)
    out[group.active] = np.sqrt(np.mean(squares, axis=0)) / _SEEN
    return out


def _weights(products: FloatArray, place: int, images: int) -> FloatArray:
    """What pass ``place`` should be, as weights (passes,) on every pass's change from the mean of all, added to that mean.

    ``products`` (passes, passes) are those of the changes. The ``images`` that best explain the changes of the others from the mean of the others
    are fitted to this pass. Its own weight takes it out of the mean of all, so that nothing of it is in the result.
    """
    others = np.delete(np.arange(len(products)), place)
    share = 1.0 / len(others)
    beside, own = products[others, place], products[place, place]
    between = products[np.ix_(others, others)] + share * (beside[:, None] + beside[None, :]) + share**2 * own
    values, vectors = np.linalg.eigh(between)
    kept = [n for n in np.argsort(values)[::-1][:images] if values[n] > 1e-9 * values.max()]
    fitted = np.einsum("pn,p->n", vectors[:, kept], (1.0 + share) * (beside + share * own)) / values[kept]
    weights = np.zeros(len(products))
    weights[others] = np.einsum("pn,n->p", vectors[:, kept], fitted)
    weights[place] = share * (weights.sum() - 1.0)
    return weights


@dataclass(frozen=True, slots=True, eq=False)
class _Shapes:
    """``amplitudes`` (passes, r) in mm and the shapes (nodes, r, 3), each of size 1 on the whole, at the nodes that carry the field."""

    amplitudes: FloatArray
    shapes: FloatArray

    @classmethod
    def of(cls, fields: npt.NDArray[np.float32]) -> _Shapes:
        """Of fields (passes, nodes, 3): one to three shapes, as many as stand above noise."""
        amplitudes, shapes = modes.split(fields)
        return cls(amplitudes, np.ascontiguousarray(np.moveaxis(shapes, 0, 1))).scaled()[0]

    def scaled(self) -> tuple[_Shapes, FloatArray]:
        """The same fields with shapes of size 1, and what the sizes (r,) were."""
        size = np.sqrt((self.shapes**2).sum(axis=2).mean(axis=0))
        size = np.where(size > 0.0, size, 1.0)
        return _Shapes(self.amplitudes * size, self.shapes / size[:, None]), size

    def fields(self, active: Mask) -> npt.NDArray[np.float32]:
        """All fields (passes, nodes k, j, i, 3), 0 at the other nodes."""
        out = np.zeros((len(self.amplitudes), *active.shape, 3), np.float32)
        out[:, active] = np.einsum("pr,nrc->pnc", self.amplitudes, self.shapes)
        return out


def _step(group: Group, foretold: list[Fixed], old: _Shapes, bend: Splines, knots: FloatArray | None) -> tuple[_Shapes, FloatArray]:
    """One least-squares step: the amplitudes of every pass under the shapes, then the shapes under these amplitudes."""
    active, count = group.active, old.shapes.shape[1]
    now = old.fields(active)

    def look(n: int) -> Evidence:
        return evidence(foretold[n], group.pictures[n], now[n], group.scene, window_nodes=WINDOW_NODES)

    with ThreadPoolExecutor(group.workers) as pool:
        found = [(e.hessian[active], e.gradient[active]) for e in pool.map(look, range(len(now)))]
    amplitudes = old.amplitudes.copy()
    size = 3 * count
    matrices, right = np.zeros((len(old.shapes), size, size)), np.zeros((len(old.shapes), size))
    own, slope = np.empty((count, count)), np.empty(count)
    for n, (hessian, gradient) in enumerate(found):
        local_fit.toward_amplitudes(hessian, gradient, old.shapes, own, slope)
        amplitudes[n] -= np.linalg.solve(own + 1e-9 * (1.0 + np.trace(own)) * np.eye(count), slope)
        local_fit.toward_shapes(hessian, gradient, now[n][active], amplitudes[n], matrices, right)
    everywhere, pulls = np.zeros((*active.shape, size, size)), np.zeros((*active.shape, size))
    everywhere[active], pulls[active] = matrices, right
    stiffness = np.repeat(_BENDING * (amplitudes**2).sum(axis=0), 3)
    knots = bend.solve(everywhere, pulls, stiffness, np.zeros((*bend.knots, size)) if knots is None else knots)
    shapes = bend.field(knots)[active].reshape(-1, count, 3)
    new, grown = _Shapes(amplitudes - amplitudes[0], shapes).scaled()
    return new, knots / np.repeat(grown, 3)


def _with_remainders(group: Group, foretold: list[Fixed], shared: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The fields: the shared ones and what the image of each pass still asks for, tied to 0."""
    stiffness, tether = stiffness_of(group.scene, _REMAINDER), np.array([_TETHER, 0.0, 0.0, _TETHER, 0.0, _TETHER])

    def one(n: int) -> Field:
        rest = np.zeros_like(shared[n])
        for _ in range(STEPS):
            found = evidence(foretold[n], group.pictures[n], shared[n] + rest, group.scene, window_nodes=WINDOW_NODES)
            pull = found.gradient + _TETHER * rest
            rest = local_fit.smooth_step(found.hessian + tether, pull, group.active, rest, stiffness, SWEEPS).astype(np.float32)
        return np.asarray(rest)

    with ThreadPoolExecutor(group.workers) as pool:
        rests = np.stack(list(pool.map(one, range(len(shared)))))
    whole: npt.NDArray[np.float32] = (shared + rests - rests[0]).astype(np.float32)
    return whole
