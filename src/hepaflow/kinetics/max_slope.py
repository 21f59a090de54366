"""Maximum slope: flow of an input is the steepest rise of the tissue during its phase over the peak of the input."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hepaflow.domain.curves import Inputs
from hepaflow.kinetics.largest import largest
from hepaflow.kinetics.model import FLOW_PER_MIN_100_ML, NO_FLOW, Direct, DirectModel, Reader, Settings, Values

FloatArray = npt.NDArray[np.float64]

#: A line goes through at least four samples and at least this time: with three at 2 s the noise of a voxel makes much of the slope, and
#: the noise-free error is the same.
FEWEST_IN_LINE, LINE_S = 4, 6.0


def arterial_phase_end_s(inputs: Inputs) -> float:
    """When the arterial phase ends, in s from the first pass: at the splenic peak, or where it is not known when the portal input overtakes the arterial one.

    The spleen has no portal supply and passes its peak when the blood that leaves it begins to fill the portal vein. Without it, the
    crossing of the two inputs says when the portal one begins to carry more contrast; the portal peak where they never cross. A
    single input has no end: the last time.
    """
    if inputs.dense_portal is None:
        return float(inputs.dense_times_s[-1])
    if inputs.spleen is not None and np.isfinite(inputs.spleen.values).any():
        return float(inputs.spleen.times_s[np.nanargmax(inputs.spleen.values)])
    first, last = int(inputs.dense_arterial.argmax()), int(inputs.dense_portal.argmax())
    over = np.flatnonzero(inputs.dense_portal[first : last + 1] > inputs.dense_arterial[first : last + 1])
    return float(inputs.dense_times_s[first + over[0] if over.size else last])


def slopes(times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centres (m,) in s and weights (m, n) in 1/s of the least-squares lines through every so many samples in a row."""
    length = min(max(FEWEST_IN_LINE, 1 + round(LINE_S / float(np.median(np.diff(times_s))))), times_s.size)
    runs = np.lib.stride_tricks.sliding_window_view(times_s, length)
    centre = runs.mean(1)
    away = runs - centre[:, None]
    weights = np.zeros((len(runs), times_s.size))
    for i, row in enumerate(away / (away**2).sum(1)[:, None]):
        weights[i, i : i + length] = row
    return centre, weights


def _settle(times_s: FloatArray, guide: Values, inputs: Inputs, noise: float) -> Settings:
    return Settings(noise=noise)


def _prepare(times_s: FloatArray, inputs: Inputs, settings: Settings) -> Reader:
    centre, weights = slopes(times_s)
    phases: tuple[slice, ...] = (slice(0, centre.size),)
    factor = np.full(centre.size, FLOW_PER_MIN_100_ML / float(inputs.dense_arterial.max()))
    if inputs.dense_portal is not None:
        turn = int(np.searchsorted(centre, arterial_phase_end_s(inputs), side="right"))
        phases = (slice(0, turn), slice(turn, centre.size))
        factor[turn:] = FLOW_PER_MIN_100_ML / float(inputs.dense_portal.max())
    rows = np.concatenate([factor[:, None] * weights, np.ones((1, times_s.size))])  # the last tells a curve that is not finite
    error = settings.noise * np.linalg.norm(rows, axis=1)

    def read(values: Values) -> Direct:
        flows, which, _ = largest(rows, phases, values)
        flows[[phase.start == phase.stop for phase in phases]] = np.nan  # no line lies in that phase: nothing is known of it
        return _quantities(flows, np.where(np.isnan(flows), flows, error.astype(flows.dtype)[which]))

    alone = inputs.dense_portal is not None and inputs.spleen is None
    return Reader(read, flags=("max-slope-no-spleen",) if alone else ())


def _quantities(flows: Values, error: Values) -> Direct:
    """Quantities with their SD from flows (inputs, v) and theirs; the two lines share few samples and count as independent."""
    total = flows.sum(0)
    spread = np.sqrt((error**2).sum(0))
    if len(flows) == 1:
        return Direct({"bf": total}, {"bf": spread})
    over = np.where(total > NO_FLOW, total, flows.dtype.type(np.nan))
    of_fraction = np.hypot(flows[1] * error[0], flows[0] * error[1]) / over**2
    return Direct(
        {"bf": total, "habf": flows[0], "hpbf": flows[1], "haf": flows[0] / over},
        {"bf": spread, "habf": error[0], "hpbf": error[1], "haf": of_fraction},
    )


MAX_SLOPE = DirectModel(
    key="max-slope",
    name="dual-input maximum slope",
    settle=_settle,
    prepare=_prepare,
    quantities=("bf", "habf", "hpbf", "haf"),
    fewest=5,
    formula=(
        "HABF = largest slope in the arterial phase / arterial peak; HPBF = largest slope after it / portal peak; BF = HABF + HPBF; "
        "the arterial phase ends at the splenic peak; slopes are those of least-squares lines through samples in a row, four or as many as lie in 6 s"
    ),
    cannot=(
        "It gives no volume, transit time or permeability, and its flow is too low wherever contrast leaves before the input has peaked, "
        "too high where noise makes the slope."
    ),
    sources=("Miles KA et al. Radiology 1993;188:405", "Blomley MJK et al. J Comput Assist Tomogr 1995;19:424"),
)
