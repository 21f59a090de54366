"""What is to be done with a study, in full: every choice typed, checked before work starts, and written in case.json."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from hepaflow.errors import UsageError
from hepaflow.kinetics.catalogue import DEFAULT_MODEL
from hepaflow.kinetics.catalogue import model as model_of
from hepaflow.kinetics.model import DirectModel
from hepaflow.response.criterion import criterion as criterion_of
from hepaflow.units import DEFAULT_DENSITY_G_ML
from hepaflow.workflow.typed import Part

#: No organ moves further between passes.
Millimetres = Annotated[float, Field(ge=-100.0, le=100.0)]


class PassShift(Part):
    """What was moved by hand in one pass: where the tissue lies in it, minus where it lies in the reference, ``mm`` in LPS; ``pass`` counts from 0."""

    model_config = ConfigDict(serialize_by_alias=True)

    at_pass: int = Field(alias="pass", ge=0)
    mm: tuple[Millimetres, Millimetres, Millimetres]


class MotionPlan(Part):
    """How passes are brought together; ``engine`` of the deformable method; ``reference`` is a 0-based pass (otherwise that of the
    regions, otherwise chosen). ``shifts`` are those of the method ``manual``; passes in ``exclude`` are used for nothing, whatever the method.
    """

    method: Literal["deformable", "rigid", "manual", "none"] = "deformable"
    engine: Literal["local", "elastix"] = "local"
    reference: int | None = Field(default=None, ge=0)
    shifts: tuple[PassShift, ...] = ()
    exclude: tuple[Annotated[int, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _by_hand(self) -> MotionPlan:
        if self.shifts and self.method != "manual":
            raise ValueError('shifts of passes go with method = "manual" alone')
        if len({shift.at_pass for shift in self.shifts}) < len(self.shifts):
            raise ValueError("a pass is shifted twice")
        return self


class DenoisePlan(Part):
    """Whether the data of the maps are denoised: ``radius_mm`` is as far as a neighbour counts, ``strength`` how many SDs of the noise
    its profile may differ.
    """

    method: Literal["none", "tips"] = "none"
    radius_mm: float = Field(default=6.0, gt=0.0, le=15.0)
    strength: float = Field(default=3.0, gt=0.0, le=10.0)


class Shift(PassShift):
    """A region moved by hand in one pass, applied to the nearest voxel."""

    region: Literal["aorta", "portal_vein", "spleen"]


class InputsPlan(Part):
    """``supply`` ``arterial`` leaves the portal vein out, for tissue without one; ``shifts`` are what a reader sets right by hand."""

    supply: Literal["dual", "arterial"] = "dual"
    shifts: tuple[Shift, ...] = ()

    @field_validator("shifts")
    @classmethod
    def _once(cls, value: tuple[Shift, ...]) -> tuple[Shift, ...]:
        if len({(s.region, s.at_pass) for s in value}) < len(value):
            raise ValueError("a region is moved twice in one pass")
        return value

    def by_region(self) -> dict[str, dict[int, tuple[float, float, float]]]:
        """Shift in mm by region and pass."""
        found: dict[str, dict[int, tuple[float, float, float]]] = {}
        for shift in self.shifts:
            found.setdefault(shift.region, {})[shift.at_pass] = shift.mm
        return found


class ResponsePlan(Part):
    """Which criterion rates the lesions; ``threshold`` replaces the criterion's own."""

    criterion: str = "nancy2019-bf-ratio"
    threshold: float | None = Field(default=None, gt=0)

    @field_validator("criterion")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return criterion_of(value).key
        except UsageError as error:
            raise ValueError(error.advice) from error


class Plan(Part):
    """One analysis. ``haematocrit`` None means whole-blood flow: nothing is divided by 1 - haematocrit.

    ``estimation`` is how the maps of a model with a search are made; the other models are read directly.
    ``compare`` fits every residue model to the curves that the report reads, beside ``model``.
    """

    model: str = DEFAULT_MODEL
    estimation: Literal["posterior", "exact"] = "posterior"
    density_g_ml: float = Field(default=DEFAULT_DENSITY_G_ML, gt=0.5, lt=2.0)
    haematocrit: float | None = Field(default=None, gt=0.0, lt=0.8)
    baseline_passes: int | None = Field(default=None, ge=1)
    language: Literal["en", "fr"] = "en"
    save_displacements: bool = False
    save_corrected: bool = False
    compare: bool = False
    motion: MotionPlan = MotionPlan()
    denoise: DenoisePlan = DenoisePlan()
    inputs: InputsPlan = InputsPlan()
    response: ResponsePlan = ResponsePlan()

    @model_validator(mode="after")
    def _has_that_way(self) -> Plan:
        if self.estimation == "exact" and isinstance(model_of(self.model), DirectModel):
            raise ValueError(f"{self.model} is read directly and has no exact fit: leave estimation out")
        return self

    @model_validator(mode="after")
    def _shown(self) -> Plan:
        if self.denoise.method != "none" and "bf" not in model_of(self.model).quantities:
            raise ValueError("the effect of denoising is shown on blood flow: choose a model that gives it, or no denoising")
        return self

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            return model_of(value).key
        except UsageError as error:
            raise ValueError(error.advice) from error


def load(config: Path | None, **options: Any) -> Plan:
    """The plan of a TOML file with the command line's ``options`` over it (None = not given; ``motion__method`` reaches inside).

    Refused: a file that is not there or not TOML, an unknown key, a value outside its range; the message names the key.
    """
    tree: dict[str, Any] = {}
    if config is not None:
        try:
            tree = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(
                "CONFIG-UNREADABLE", "the configuration is not a readable TOML file", "Check the path and the syntax"
            ) from error
    for name, value in options.items():
        if value is None:
            continue
        *path, last = name.split("__")
        place = tree
        for part in path:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise UsageError("CONFIG-INVALID", f"{part} is not a table", f"Write [{part}] in the configuration")
            place = inner
        place[last] = value
    try:
        return Plan.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        code = "CONFIG-UNKNOWN-KEY" if first["type"] == "extra_forbidden" else "CONFIG-INVALID"
        said = first["msg"].removeprefix("Value error, ")  # of no key where the choices do not go together
        raise UsageError(code, f"{key}: {said}" if key else said, "See hepaflow analyze --help for the options") from error
