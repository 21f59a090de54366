"""Which patient is drawn: perfusion of healthy liver and of every lesion, and what each tissue shows over time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hepaflow.phantom.liver import NUMBER, TISSUES, LesionShape
from hepaflow.phantom.perfusion import Perfusion, outflow_curve, tissue_curve
from hepaflow.phantom.protocol import InputCurves, convolve, gamma_transit

FloatArray = npt.NDArray[np.float64]

#: Blood flow over healthy liver at and above which a lesion counts as a minor response in the phantom's own labels (the 2019 rule).
CUT_OFF = 0.68
#: The planned lesions: name of the part they play, blood-flow ratio to healthy liver (of the vascular part) and arterial fraction.
_PLAN: tuple[tuple[str, float, float], ...] = (
    ("necrotic core, perfused rim", 1.15, 0.60),
    ("major response", 0.40, 0.45),
    ("minor response", 1.10, 0.55),
    ("just above the cut-off", 0.72, 0.35),
    ("just below the cut-off", 0.64, 0.70),
    ("dome, leaves the coverage", 1.20, 0.80),
    ("major response, 16 mm", 0.45, 0.25),
    ("under 15 mm", 0.50, 0.40),
)
#: The same lesions before chemotherapy: diameter over that after it, blood-flow ratio.
_BEFORE: tuple[tuple[float, float], ...] = (
    (1.10, 1.30),
    (1.20, 1.25),
    (0.90, 1.10),
    (1.10, 1.10),
    (1.15, 1.15),
    (0.80, 1.20),
    (1.25, 1.20),
    (1.20, 1.00),
)
_CORE_RATIO = 0.08
_LESION_HU, _CORE_HU = 42.0, 22.0


@dataclass(frozen=True, slots=True)
class Design:
    """Perfusion of the drawn patient: ``healthy``, one entry a lesion, the necrotic ``core``, and the part each lesion plays."""

    healthy: Perfusion
    lesions: tuple[Perfusion, ...]
    core: Perfusion
    roles: tuple[str, ...]

    def kinetic(self) -> dict[int, Perfusion]:
        """Perfusion by tissue number, for every tissue whose truth is mapped."""
        first = len(TISSUES)
        table = {NUMBER["liver"]: self.healthy}
        table.update({first + n: lesion for n, lesion in enumerate(self.lesions)})
        table[first + len(self.lesions)] = self.core
        return table


def draw_design(generator: np.random.Generator) -> Design:
    """Draw the perfusion of one patient; every lesion keeps its category (ratio within 4 %, near the cut-off within 1 %)."""
    uniform = generator.uniform
    healthy = Perfusion(
        bf=uniform(94.0, 116.0),
        haf=uniform(0.16, 0.24),
        mtt_s=uniform(9.0, 12.0),
        extraction=uniform(0.38, 0.48),
        ve=uniform(0.26, 0.32),
        arterial_delay_s=uniform(1.0, 2.0),
        portal_delay_s=uniform(0.6, 1.6),
    )
    lesions = []
    for role, ratio, haf in _PLAN:
        spread = 0.01 if "cut-off" in role else 0.04
        lesions.append(
            Perfusion(
                bf=healthy.bf * ratio * uniform(1.0 - spread, 1.0 + spread),
                haf=haf * uniform(0.94, 1.06),
                mtt_s=uniform(5.0, 10.0),
                extraction=uniform(0.30, 0.50),
                ve=uniform(0.24, 0.36),
                arterial_delay_s=healthy.arterial_delay_s + uniform(-0.5, 0.8),
                portal_delay_s=healthy.portal_delay_s + uniform(-0.3, 0.9),
            )
        )
    core = replace(lesions[0], bf=healthy.bf * _CORE_RATIO, haf=0.5, mtt_s=6.0, extraction=0.25, ve=0.2)
    return Design(healthy, tuple(lesions), core, tuple(role for role, _, _ in _PLAN))


def before_therapy(shapes: tuple[LesionShape, ...], design: Design) -> tuple[tuple[LesionShape, ...], Design]:
    """The same patient before chemotherapy: each lesion's size and flow as they were, necrosis only beginning."""
    sizes = tuple(
        replace(shape, diameter_mm=round(shape.diameter_mm * factor, 2), core=0.6 * shape.core)
        for shape, (factor, _) in zip(shapes, _BEFORE, strict=True)
    )
    lesions = tuple(
        replace(lesion, bf=design.healthy.bf * ratio) for lesion, (_, ratio) in zip(design.lesions, _BEFORE, strict=True)
    )
    return sizes, replace(design, lesions=lesions, roles=tuple(f"before: {role}" for role in design.roles))


def level_for_texture(design: Design, healthy_texture: float, lesion_texture: tuple[float, ...]) -> Design:
    """The same patient with each lesion's flow corrected for the mean texture it happens to meet, so that the ratios of region means
    stay as planned.
    """
    lesions = tuple(
        replace(lesion, bf=lesion.bf * healthy_texture / local)
        for lesion, local in zip(design.lesions, lesion_texture, strict=True)
    )
    return replace(design, lesions=lesions)


def tissue_names(lesions: tuple[LesionShape, ...]) -> tuple[str, ...]:
    """Name of every tissue number."""
    necrotic = next(lesion.name for lesion in lesions if lesion.core > 0.0)
    return (*TISSUES, *(lesion.name for lesion in lesions), f"{necrotic}-core")


def base_hu(lesions: tuple[LesionShape, ...]) -> FloatArray:
    """HU before contrast by tissue number."""
    return np.array([*TISSUES.values(), *([_LESION_HU] * len(lesions)), _CORE_HU])


def enhancement(inputs: InputCurves, design: Design) -> FloatArray:
    """Enhancement (tissues, m) in HU by tissue number on the inputs' grid."""
    clock = inputs.clock_s
    late = convolve(inputs.arterial, gamma_transit(clock, 3.0, 3.0, delay_s=3.0))  # systemic veins
    renal = convolve(inputs.arterial, gamma_transit(clock, 2.0, 2.0, delay_s=2.0))
    right_heart = convolve(inputs.arterial, gamma_transit(clock, 2.0, 2.5))

    def fed(bf: float, mtt_s: float, extraction: float, ve: float, delay_s: float) -> FloatArray:
        return tissue_curve(inputs, Perfusion(bf, 1.0, mtt_s, extraction, ve, delay_s))

    veins = outflow_curve(inputs, design.healthy)
    own: dict[str, FloatArray] = {
        "liver": tissue_curve(inputs, design.healthy),
        "lung": 0.05 * right_heart,
        "aorta": inputs.arterial,
        "artery": np.interp(clock - 0.4, clock, inputs.arterial, left=0.0),
        "portal_trunk": inputs.portal,
        "portal_branch": np.interp(clock - 0.3, clock, inputs.portal, left=0.0),
        "hepatic_vein": veins,
        "ivc": 0.4 * veins + 0.35 * renal + 0.25 * late,
        "spleen": fed(150.0, 8.0, 0.35, 0.25, 1.2),
        "kidney_cortex": fed(260.0, 6.0, 0.40, 0.35, 1.0),
        "kidney_medulla": fed(110.0, 10.0, 0.45, 0.60, 5.0),
        "gut_wall": fed(55.0, 7.0, 0.40, 0.25, 2.0),
        "pancreas": fed(95.0, 7.0, 0.35, 0.25, 1.2),
        "heart": 0.7 * right_heart,
        "muscle": fed(7.0, 8.0, 0.40, 0.15, 3.0),
    }
    nothing = np.zeros_like(clock)
    rows = [own.get(name, nothing) for name in TISSUES]
    rows += [tissue_curve(inputs, lesion) for lesion in design.lesions]
    return np.stack([*rows, tissue_curve(inputs, design.core)])
