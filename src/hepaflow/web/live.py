"""Numbers while a reader draws: the line of work of ``hepaflow analyze`` on one study, from its regions on, part by part.

Everything is computed by the functions of the command line from the same full-precision data. What regions rest on is known by the
versions of those they look at, curves and fits by the voxels themselves: an edit computes anew what it touches and nothing else.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from hepaflow.curves.enhancement import region_curve
from hepaflow.curves.shifts import ShiftsMm
from hepaflow.domain.comparison import Comparison
from hepaflow.domain.curves import Inputs, TimeCurve
from hepaflow.domain.lesions import SHELLS, LesionResult, Measurement, Region, Regions
from hepaflow.domain.series import DynamicSeries
from hepaflow.errors import InputRefused
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.lesions.by_model import part_name
from hepaflow.lesions.compare_models import compare_models
from hepaflow.lesions.measure import measure_curve, prior_of_lesions, result_of
from hepaflow.regions.find import ALL_LESIONS, LESION, Finder
from hepaflow.regions.search import SearchVolume
from hepaflow.regions.shells import window_of
from hepaflow.web.live_values import (
    FEEDING,
    Drawn,
    Key,
    Measured,
    Numbers,
    Outlined,
    every_lesion,
    everything,
    fed,
    own,
    require_lesion,
    version,
)
from hepaflow.web.pictures import ball_around, motion_method, working_series, working_set
from hepaflow.web.places import StudyPlace
from hepaflow.web.refusals import NotThere
from hepaflow.web.region_state import Bits
from hepaflow.web.searches import SEARCHES
from hepaflow.workflow.feeding import feed
from hepaflow.workflow.plan import InputsPlan, Plan, Shift
from hepaflow.workflow.rating import rate

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]
#: Parts of a lesion that its response is read on.
READ = ("whole", "vascular")
#: Fits, curves and outlines kept of a study: of a few dozen lesions by a few models.
MOST_KEPT = 400
#: Studies whose search volume and proposals are in memory (about 0.2 GB each at full size).
MOST_STUDIES = 3
#: No more studies are computed at once than are kept: what waits takes no memory.
TURNS = threading.BoundedSemaphore(MOST_STUDIES)


class Live:
    """One study at hand. Safe under threads: what is asked at once is answered one after the other."""

    def __init__(
        self, series: DynamicSeries, name: str, *, moving: bool | None = None, volume: Callable[[], SearchVolume] | None = None
    ) -> None:
        self.series, self.name, self._volume = series, name, volume
        self._moving = name == "acquired" if moving is None else moving
        self._lock = threading.Lock()
        self._parts: dict[str, tuple[Key, Any]] = {}
        self._kept: OrderedDict[Key, Any] = OrderedDict()

    def numbers(
        self,
        drawn: Mapping[str, Drawn],
        *,
        model: str | None = None,
        lesions: Sequence[str] | None = None,
        parts: Sequence[str] | None = None,
        patience_s: float = math.inf,
    ) -> Numbers:
        """Inputs, healthy liver and the asked ``parts`` (READ unless given) of the asked ``lesions`` (all unless given), rated by the plan's criterion.

        Lesions are measured in the order asked. Once ``patience_s`` have passed, none is begun after the first.
        Means over maps are not there: maps are made by an analysis. A part that cannot be fitted is left out and its lesion flagged.
        Refused: LESION-UNKNOWN, PART-UNKNOWN, a model that is none, and what :func:`find` and :func:`make_inputs` refuse.
        """
        begun, plan = time.perf_counter(), _plan(model)
        parts = READ if parts is None else parts
        names = [name for name in drawn if name.startswith(LESION)]
        wanted = list(dict.fromkeys(names if lesions is None else lesions))
        for name in wanted:
            require_lesion(drawn, name)
        if set(parts) - set(SHELLS):
            raise NotThere("PART-UNKNOWN", "there is no such part of a lesion", f"Ask for {', '.join(SHELLS)}")
        with self._at_work():
            regions = self._regions(drawn)
            inputs, healthy = self._reference(drawn, regions, plan)
            measured: dict[str, dict[str, Measured]] = {}
            for name in wanted:
                if measured and time.perf_counter() - begun > patience_s:
                    break
                measured[name] = self._lesion(drawn, name, parts, inputs, healthy.found, plan)
            results = tuple(self._result(drawn, name, found, parts, healthy.found) for name, found in measured.items())
        rated_healthy, rated = rate((healthy.found, results), model=plan.model, **plan.response.model_dump())
        moving = ("motion-not-corrected",) if self._moving else ()
        flags = tuple(dict.fromkeys((*self.series.flags, *moving, *regions.flags, *inputs.flags, *rated_healthy.flags)))
        took = time.perf_counter() - begun
        return Numbers(self.name, plan.model, inputs, Measured(healthy.curve, rated_healthy), rated, measured, flags, took)

    def outlined(self, drawn: Mapping[str, Drawn], lesion: str) -> Outlined:
        """A lesion's parts, packed. Refused: ``LESION-UNKNOWN``."""
        require_lesion(drawn, lesion)
        with self._at_work():
            return self._outlined(drawn, lesion)

    def arterial(self, drawn: Mapping[str, Drawn]) -> tuple[Inputs, Mask]:
        """What parts the arterial phase from the rest, and the healthy liver (slices, rows, columns) to compare with."""
        with self._at_work():
            regions = self._regions(drawn)
            return self._reference(drawn, regions, _plan(None))[0], regions.healthy.mask

    def compare(
        self, drawn: Mapping[str, Drawn], *, lesion: str | None, part: str
    ) -> tuple[tuple[Comparison, ...], tuple[LesionResult, ...]]:
        """Every residue model on the healthy liver, and on a lesion's part; and that lesion as the default model has it rated."""
        plan = Plan()
        found = self.numbers(drawn, model=plan.model, lesions=[lesion] if lesion else [], parts=tuple(dict.fromkeys((*READ, part))))
        with self._at_work():
            parts = {}
            if lesion is not None:
                packed = self._outlined(drawn, lesion).parts.get(part)
                if packed is None:
                    raise NotThere("PART-UNKNOWN", "the lesion has no such part", "Ask for another part")
                mask = packed.mask
                parts[part_name(lesion, part)] = Region(f"{lesion}/{part}", mask, "given")
            healthy = self._regions(drawn).healthy
            compared = compare_models(self.series, found.inputs, healthy, parts, density_g_ml=plan.density_g_ml)
        return compared, found.lesions

    def at_voxel(
        self, drawn: Mapping[str, Drawn], at: tuple[int, int, int], *, radius_mm: float = 0.0, model: str | None = None
    ) -> tuple[Measured, str]:
        """The fit of the curve of the voxels within ``radius_mm`` of one, and the model of it, with the delays that the study's lesions share. Refused: ``VOXEL-OUTSIDE``, a radius out of range, a curve that cannot be fitted."""
        if not all(0 <= index < size for index, size in zip(at, self.series.grid.shape, strict=True)):
            raise InputRefused("VOXEL-OUTSIDE", "the voxel lies outside the study", "Give slice, row and column inside it")
        plan = _plan(model)
        mask = np.zeros(self.series.grid.shape, bool)
        box, ball = ball_around(self.series, at, radius_mm)
        mask[box] = ball
        with self._at_work():  # asked at every move of the cursor: only the first unpacks regions
            key = ("reference", plan.model, everything(drawn))
            inputs, healthy = self._keep(key, lambda: self._reference(drawn, self._regions(drawn), plan))
        return self._measured(
            region_curve(self.series, mask, name="voxel"), int(ball.sum()), inputs, plan, healthy.found
        ), plan.model

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """One answer at a time. Regions lie on the whole grid (17 MB each at full size) for as long as it takes, and no longer."""
        with self._lock, TURNS:
            try:
                yield
            finally:
                self._parts.pop("finder", None)

    def _finder(self, drawn: Mapping[str, Drawn]) -> Finder:
        """The search for regions beside those drawn, which is given back what it found before for the same ones."""

        def remember(part: str, of: tuple[str, ...], make: Callable[[], T]) -> T:
            if part == "volume" and self._volume is not None:
                return cast(T, self._volume())  # kept where proposals look for it too
            return self._last(
                part, tuple(every_lesion(drawn) if name == ALL_LESIONS else version(drawn, name) for name in of), make
            )

        def search() -> Finder:
            proposed = [name for name, one in drawn.items() if one.origin == "proposed"]
            return Finder(self.series, {name: one.mask for name, one in drawn.items()}, proposed=proposed, remember=remember)

        return self._last("finder", everything(drawn), search)

    def _regions(self, drawn: Mapping[str, Drawn]) -> Regions:
        """Every region, without the lesions."""
        return self._finder(drawn).regions(only=())

    def _reference(self, drawn: Mapping[str, Drawn], regions: Regions, plan: Plan) -> tuple[Inputs, Measured]:
        """The inputs and the healthy liver."""
        moved = tuple(
            Shift.model_validate({"region": name, "pass": row.at_pass, "mm": row.mm})
            for name in FEEDING
            if name in drawn
            for row in drawn[name].shifts
        )
        hand = InputsPlan(shifts=moved).model_dump(mode="json")
        feeding, whose = fed(drawn), own(drawn, "healthy")

        def known(region: Region, name: str, shift: ShiftsMm | None) -> TimeCurve:
            key = ("input", name, own(drawn, region.name))
            return self._keep(key, lambda: region_curve(self.series, region.mask, name=name, shifts=shift))

        whole = {"baseline_passes": plan.baseline_passes, "haematocrit": plan.haematocrit} | hand
        inputs = self._keep(("inputs", feeding), lambda: feed(self.series, regions, curve_of=known, **whole))
        curve = self._keep(("curve", whose), lambda: region_curve(self.series, regions.healthy.mask, name=regions.healthy.name))
        voxels = self._keep(("voxels", whose), lambda: regions.healthy.voxels)
        return inputs, self._keep(("fit", plan.model, feeding, whose), lambda: self._measured(curve, voxels, inputs, plan, None))

    def _lesion(
        self, drawn: Mapping[str, Drawn], name: str, parts: Sequence[str], inputs: Inputs, healthy: Measurement, plan: Plan
    ) -> dict[str, Measured]:
        """The parts of a lesion that can be fitted."""
        packed, measured = self._outlined(drawn, name).parts, {}
        for part in parts:
            if part not in packed:
                continue
            # whatever moved its border, the same voxels have the same curve, and by the same references the same fit
            voxels = packed[part]
            try:
                curve = replace(self._keep(("curve", voxels), partial(self._curve, voxels)), name=f"{name}/{part}")
                key = ("fit", plan.model, fed(drawn), own(drawn, "healthy"), name, voxels)
                known = self._keep(key, partial(self._measured, curve, voxels.count, inputs, plan, healthy))
                measured[part] = Measured(curve, replace(known.found, region=curve.name))
            except InputRefused:
                continue
        return measured

    def _curve(self, part: Bits) -> TimeCurve:
        return region_curve(self.series, part.mask, name="part")

    def _result(
        self, drawn: Mapping[str, Drawn], name: str, measured: Mapping[str, Measured], parts: Sequence[str], healthy: Measurement
    ) -> LesionResult:
        outlined = self._outlined(drawn, name)
        unfitted = any(part in outlined.parts and part not in measured for part in parts)
        return result_of(outlined.lesion, {part: one.found for part, one in measured.items()}, healthy, unfitted=unfitted)

    def _outlined(self, drawn: Mapping[str, Drawn], name: str) -> Outlined:
        def make() -> Outlined:
            lesion = self._finder(drawn).lesion(name)
            within = window_of(drawn[name].mask, self.series.grid.spacing_mm)
            parts = {part: Bits.of(region.mask, within=within) for part, region in lesion.shells.items()}
            return Outlined(replace(lesion, shells={}), parts)

        return self._keep(("outlined", name, everything(drawn)), make)

    def _measured(self, curve: TimeCurve, voxels: int, inputs: Inputs, plan: Plan, healthy: Measurement | None) -> Measured:
        model = model_of(plan.model)
        prior = None if healthy is None else prior_of_lesions(healthy, model)
        found = measure_curve(curve, inputs, model=model, density_g_ml=plan.density_g_ml, voxels=voxels, prior=prior)
        return Measured(curve, found)

    def _last(self, part: str, key: Key, make: Callable[[], T]) -> T:
        """One value a part: the last, while its key stays."""
        known = self._parts.get(part)
        if known is None or known[0] != key:
            known = self._parts[part] = (key, make())
        return cast(T, known[1])

    def _keep(self, key: Key, make: Callable[[], T]) -> T:
        if key in self._kept:
            self._kept.move_to_end(key)
            return cast(T, self._kept[key])
        value = self._kept[key] = make()
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return value


def _plan(model: str | None) -> Plan:
    """What ``analyze`` does unless told otherwise. Refused: a model that is none."""
    return Plan() if model is None else Plan(model=model_of(model).key)


class Lives:
    """The studies at hand, each as its series stands now; the least recently used are let go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._studies: OrderedDict[Path, tuple[str, Live]] = OrderedDict()

    def of(self, place: StudyPlace) -> Live:
        """The study in a place, on its corrected series where an analysis has made one. Refused: a study without images."""
        held, name = working_series(place), working_set(place)
        with self._lock:
            known = self._studies.get(place.folder)
            if known is None or known[0] != held.key:
                moving = name == "acquired" or motion_method(place) == "none"
                live = Live(held.value, name, moving=moving, volume=partial(SEARCHES.volume, held))
                known = self._studies[place.folder] = (held.key, live)
            self._studies.move_to_end(place.folder)
            while len(self._studies) > MOST_STUDIES:
                self._studies.popitem(last=False)
            return known[1]


#: The server's studies at hand.
LIVES = Lives()
