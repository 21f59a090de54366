"""Building the phantom: anatomy, perfusion, breathing and noise made into a dynamic series with its truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from hepaflow.domain.geometry import Grid
from hepaflow.domain.series import Acquisition, DynamicSeries
from hepaflow.errors import UsageError
from hepaflow.phantom import breathing, design, liver, noise, protocol, raster, truth, wall
from hepaflow.phantom.canvas import MATRIX, Canvas, Size, displacement_on, draw_texture, make_canvas

FloatArray = npt.NDArray[np.float64]
FloatImage = npt.NDArray[np.float32]


VisitOf = Literal["after", "before"]


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """What to draw: ``size``, noise SD in HU of one voxel (None: the size's default, one physical dose), largest cranio-caudal travel
    between two passes in mm (0 to 30), ``seed`` of the patient, ``visit`` after chemotherapy or before it. Refused: another size or visit, values outside their range.
    """

    size: Size = "small"
    noise_hu: float | None = None
    breathing_mm: float = 12.0
    seed: int = 0
    visit: VisitOf = "after"

    def __post_init__(self) -> None:
        if self.visit not in ("after", "before"):
            raise UsageError("PHANTOM-VISIT", f"phantom visit {self.visit!r} is not known", "Use after or before")
        if self.size not in MATRIX:
            raise UsageError("PHANTOM-SIZE", f"phantom size {self.size!r} is not known", "Use small or full")
        if self.noise_hu is not None and not 0.0 <= self.noise_hu <= 100.0:
            raise UsageError("PHANTOM-NOISE", "the phantom's noise must lie between 0 and 100 HU", "Give another --noise-hu")
        if not 0.0 <= self.breathing_mm <= 30.0:
            raise UsageError("PHANTOM-BREATHING", "the phantom breathes between 0 and 30 mm", "Give another --breathing-mm")
        if self.seed < 0:
            raise UsageError("PHANTOM-SEED", "the seed is negative", "Give a seed of 0 or more")

    @property
    def noise_sd_hu(self) -> float:
        """The noise SD in use."""
        return noise.NOISE_HU[self.size] if self.noise_hu is None else self.noise_hu


@dataclass(frozen=True, slots=True, eq=False)
class PhantomCurves:
    """Noise-free truth in time: ``times_s`` (m,) from the first pass, ``arterial`` and ``portal`` (m,) in HU, ``tissues`` (m,) each by name."""

    times_s: FloatArray
    arterial: FloatArray
    portal: FloatArray
    tissues: dict[str, FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """A liver study with known truth.

    ``series`` holds all passes (int16 HU); ``reference`` is the pass in whose breathing state ``labels`` (k, j, i), ``truth_maps`` and
    ``tissue`` (the dominant tissue's number, named in ``tissue_names``) are drawn. ``amplitudes`` (passes, 2) in mm drive :meth:`displacement`.
    """

    spec: PhantomSpec
    series: DynamicSeries
    reference: int
    labels: npt.NDArray[np.int16]
    names: dict[int, str]
    masks: dict[str, npt.NDArray[np.bool_]]
    truth_maps: dict[str, FloatImage]
    truth_regions: dict[str, dict[str, float]]
    lesions: tuple[truth.LesionTruth, ...]
    curves: PhantomCurves
    amplitudes: FloatArray
    design: design.Design = field(repr=False)

    @property
    def grid(self) -> Grid:
        """The image grid."""
        return self.series.grid

    def displacement(self, index: int) -> FloatImage:
        """Where in pass ``index`` the point of the reference lies, minus the point: (k, j, i, 3) mm LPS, zero on what stands still."""
        return displacement_on(self.grid, self.amplitudes[index] - self.amplitudes[self.reference])


def _still_images(canvas: Canvas) -> tuple[FloatImage, FloatImage]:
    """HU of what stands still (k, j, i) and its enhancing share (j, i), weighted with the share outside the cavity."""
    (fk, fj, fi), (nk, nj, ni) = canvas.factors, canvas.grid.shape
    xs, ys, zs = (
        low + canvas.pitch_mm[axis] * (np.arange(n * f) + 0.5)
        for axis, ((low, _), n, f) in enumerate(zip(liver.BOX_MM, (ni, nj, nk), (fi, fj, fk), strict=True))
    )
    outside = np.ones((ys.size, xs.size), dtype=np.float32)
    rows, columns = canvas.window
    outside[rows.start * fj : rows.stop * fj, columns.start * fi : columns.stop * fi] -= canvas.inside
    fine, share = wall.wall_slices(xs[None, :], ys[:, None], zs, float(canvas.pitch_mm[0]), outside)
    still = fine.reshape(nk, fk, nj, fj, ni, fi).mean((1, 3, 5), dtype=np.float32)
    return still, (share * outside).reshape(nj, fj, ni, fi).mean((1, 3))


def _render(
    spec: PhantomSpec,
    canvas: Canvas,
    curves: FloatArray,
    base: FloatArray,
    amplitudes: FloatArray,
    seeds: list[np.random.SeedSequence],
) -> npt.NDArray[np.int16]:
    """All passes as int16 HU; ``curves`` (tissues, passes), ``amplitudes`` (passes, 2) relative to the reference."""
    still, muscle = _still_images(canvas)
    textured = np.zeros(base.size, dtype=np.float32)
    textured[[liver.NUMBER["liver"], *range(len(liver.TISSUES), base.size)]] = 1.0
    voxels = np.empty((amplitudes.shape[0], *canvas.grid.shape), dtype=np.int16)

    def one(index: int) -> None:
        values = np.empty(canvas.top.shape, dtype=np.float32)
        now = curves[:, index].astype(np.float32)
        raster.material_values(
            canvas.top, canvas.below, canvas.cover, canvas.texture, base.astype(np.float32), now, textured, values
        )
        image = still + muscle * now[liver.NUMBER["muscle"]]
        moving = np.zeros_like(image[:, *canvas.window])
        a1, a2 = (float(a) for a in amplitudes[index])
        raster.take_image(
            values, canvas.inside, canvas.origin_mm, canvas.pitch_mm, canvas.factors, canvas.margin, a1, a2, liver.MOTION, moving
        )
        image[:, *canvas.window] += moving
        if spec.noise_sd_hu > 0.0:
            generator = np.random.default_rng(seeds[index])
            image += noise.correlated_noise(generator, canvas.grid, sd_hu=spec.noise_sd_hu, fwhm_mm=noise.NOISE_FWHM_MM[spec.size])
        voxels[index] = np.clip(np.rint(image), -1024, 3071)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(amplitudes.shape[0])))
    return voxels


def build(spec: PhantomSpec | None = None) -> Phantom:
    """The phantom of a specification; the same specification gives the same bytes.

    >>> phantom = build(PhantomSpec(size="small", seed=1))
    >>> phantom.series.voxels.shape
    (21, 32, 128, 128)
    """
    spec = spec or PhantomSpec()
    where, what, flow, lungs, grain, speckle = np.random.SeedSequence(spec.seed).spawn(6)
    times = np.array(protocol.PASS_TIMES_S)
    lesions, drawn_as = liver.lesion_shapes(np.random.default_rng(where)), design.draw_design(np.random.default_rng(what))
    if spec.visit == "before":  # the same patient on another day: heart, breath and noise are not those of the other visit
        lesions, drawn_as = design.before_therapy(lesions, drawn_as)
        flow, lungs, speckle = np.random.SeedSequence([spec.seed, 1]).spawn(3)
    texture = draw_texture(np.random.default_rng(grain))
    canvas = make_canvas(spec.size, lesions, texture)
    patient = truth.level(drawn_as, lesions, texture)
    inputs = protocol.input_curves(np.random.default_rng(flow))
    dense = design.enhancement(inputs, patient)
    sampled = np.stack([np.interp(times, inputs.times_s, curve) for curve in dense])
    amplitude = breathing.amplitudes(np.random.default_rng(lungs), times, spec.breathing_mm)
    reference = breathing.reference_pass(amplitude, range(8, 15))
    voxels = _render(spec, canvas, sampled, design.base_hu(lesions), amplitude - amplitude[reference], speckle.spawn(times.size))
    series = DynamicSeries(voxels, canvas.grid, times, _acquisition())
    drawn = truth.draw(canvas, lesions, patient)
    names = design.tissue_names(lesions)
    curves = PhantomCurves(inputs.times_s, inputs.arterial, inputs.portal, dict(zip(names, dense, strict=True)))
    return Phantom(
        spec,
        series,
        reference,
        drawn.labels,
        drawn.names,
        drawn.masks,
        drawn.maps,
        drawn.regions,
        drawn.lesions,
        curves,
        amplitude,
        patient,
    )


def _acquisition() -> Acquisition:
    passes = len(protocol.PASS_TIMES_S)
    return Acquisition(
        time_source="phantom",
        manufacturer="hepaflow",
        model_name="liver perfusion phantom",
        kvp=(protocol.KVP,) * passes,
        kernel=("PHANTOM",) * passes,
        tube_current_ma=(protocol.TUBE_CURRENT_MA,) * passes,
        exposure_mas=(protocol.TUBE_CURRENT_MA * protocol.ROTATION_S,) * passes,
        ctdi_vol_mgy=(protocol.CTDI_VOL_MGY,) * passes,
        series_of_pass=protocol.SERIES_OF_PASS,
        injection_to_first_s=protocol.INJECTION_TO_FIRST_S,
        contrast_volume_ml=protocol.CONTRAST_ML,
        contrast_flow_ml_s=protocol.CONTRAST_ML_S,
        contrast_agent="Iobitridol 350",
        rotation_s=protocol.ROTATION_S,
        body_part="LIVER",
    )
