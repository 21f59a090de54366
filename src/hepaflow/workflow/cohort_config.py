"""The configuration of a study: its code book and what is asked of it, as TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from hepaflow.cohort.flow import Excluded, Flow
from hepaflow.errors import UsageError
from hepaflow.workflow.columns import read_text
from hepaflow.workflow.typed import Part

#: No control characters: names and labels are printed, and a terminal obeys some of them.
_SEEN = r"^[^\x00-\x1f\x7f-\x9f]*$"
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=_SEEN)]
Label = Annotated[str, Field(min_length=1, max_length=120, pattern=_SEEN)]
Share = Annotated[float, Field(gt=0, lt=1)]
Endpoint = Literal["os", "dfs", "pfs", "liver-pfs", "ttp", "local-progression"]
#: What a cell may say when there is no value, whatever the column.
MISSING = ("", "NA", "N/A", "NaN", "nan", "na", "n/a")


class ColumnPart(Part):
    """One column of the code book. ``direction`` says which values mean positive and has the column tested; ``threshold`` is a cut-off fixed beforehand;
    ``tolerance`` has a ratio counted as decreased, stable (within it of 1) and increased.
    """

    direction: Literal["lower", "higher"] | None = None
    label: Label | None = None
    unit: Annotated[str, Field(max_length=40, pattern=_SEEN)] = ""
    kind: Literal["number", "category"] | None = None
    range: tuple[float, float] | None = None
    values: tuple[Name, ...] = ()
    missing: tuple[str, ...] = ()
    threshold: float | None = None
    tolerance: Annotated[float, Field(gt=0, lt=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError("range: the first number must be below the second")
        if self.threshold is not None and self.direction is None:
            raise ValueError("threshold: needs a direction")
        if self.values and self.kind == "number":
            raise ValueError("values: are those of a category, not of a number")
        if (self.values or self.kind == "category") and (self.direction or self.range or self.tolerance):
            raise ValueError("kind: a category has no direction, range or tolerance")
        return self


class TestPart(Part):
    """A test that is a category already: which values of ``column`` mean positive."""

    column: Name
    positive: Annotated[tuple[Name, ...], Field(min_length=1)]
    label: Label | None = None


class ExcludedPart(Part):
    """Patients left out for one reason."""

    reason: Label
    count: Annotated[int, Field(ge=0)]


class FlowPart(Part):
    """The counts of the flow chart, in patients (``lesions_excluded`` in lesions)."""

    eligible: Annotated[int, Field(ge=0)]
    excluded: tuple[ExcludedPart, ...] = ()
    included: Annotated[int, Field(ge=0)]
    lesions: Annotated[int, Field(ge=0)]
    lesions_excluded: tuple[ExcludedPart, ...] = ()

    def flow(self) -> Flow:
        """The chart, its sums checked."""
        left_out = tuple(Excluded(one.reason, one.count) for one in self.excluded)
        later = tuple(Excluded(one.reason, one.count) for one in self.lesions_excluded)
        return Flow(self.eligible, left_out, self.included, self.lesions, later)


class SizePart(Part):
    """Columns of lesion sizes in mm before and after treatment, or of the change in per cent."""

    before: Name | None = None
    after: Name | None = None
    change_percent: Name | None = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if (self.before is None) != (self.after is None) or (self.before is None and self.change_percent is None):
            raise ValueError("give before and after, or change_percent")
        return self


class ReadersPart(Part):
    """Two columns that hold the same quantity: two readers, or a test and its repeat; ``log`` judges their ratio, for differences that grow with the value."""

    first: Name
    second: Name
    kind: Literal["readers", "test-retest", "categories"] = "readers"
    categories: tuple[Name, ...] = ()
    log: bool = False
    label: Label | None = None

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.categories)) != len(self.categories):
            raise ValueError("categories: one is named twice")
        return self


class DatesPart(Part):
    """Columns of days (2024-03-01) of a patient's follow-up; ``local`` is the scan that showed local progression of the row's lesion."""

    start: Name
    last_seen: Name
    death: Name | None = None
    progression: Name | None = None
    liver_progression: Name | None = None
    recurrence: Name | None = None
    last_scan: Name | None = None
    local: Name | None = None


class SurvivalPart(Part):
    """An endpoint: either ``time`` in days and ``event`` (0 none, 1 the event, 2 a competing death), or ``endpoint`` computed from ``dates``.

    ``unit`` patient takes the first row of each patient; local progression is of lesions.
    """

    time: Name | None = None
    event: Name | None = None
    endpoint: Endpoint | None = None
    dates: DatesPart | None = None
    label: Label | None = None
    unit: Literal["patient", "lesion"] = "patient"
    groups: Name | None = None
    covariates: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        counted, dated = (self.time, self.event), (self.endpoint, self.dates)
        if (
            (None in counted) == (None in dated)
            or (None in counted and counted != (None, None))
            or (None in dated and dated != (None, None))
        ):
            raise ValueError("give time and event, or endpoint and dates")
        if self.endpoint == "local-progression" and (self.unit != "lesion" or self.dates is None or self.dates.local is None):
            raise ValueError("local-progression needs unit lesion and the column local in dates")
        return self


class NextPart(Part):
    """A study to come: what it expects and wants."""

    auc: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    comparator_auc: Annotated[float, Field(ge=0.5, lt=1)] | None = None
    correlation: Annotated[float, Field(ge=0, lt=1)] = 0.5
    sensitivity: Share | None = None
    specificity: Share | None = None
    half_width: Share = 0.1
    prevalence: Share | None = None
    icc: Annotated[float, Field(ge=0, le=1)] = 0.5
    power: Share = 0.8
    alpha: Annotated[float, Field(ge=1e-6, lt=1)] = 0.05


class AboutPart(Part):
    """What the STARD checklist asks and no table can say."""

    reference_standard: Label | None = None
    index_test: Label | None = None
    setting: Label | None = None
    registration: Label | None = None
    funding: Label | None = None


class StudyConfig(Part):
    """Everything a study is told. Names are those of the table's columns; ``independent``: nothing says which lesions share a patient, so each stands alone."""

    title: Label = "Diagnostic study of liver CT perfusion"
    positive: Name = "major"
    negative: tuple[Name, ...] = ()
    outcome: Name = "response"
    cluster: Name = "patient"
    lesion: Name = "lesion"
    independent: bool = False
    outcomes: Path | None = None
    missing: tuple[str, ...] = ()
    columns: dict[Name, ColumnPart] = Field(default_factory=dict)
    tests: dict[Name, TestPart] = Field(default_factory=dict)
    probability: tuple[Name, ...] = ()
    combine: tuple[Name, ...] = ()
    describe_patients: tuple[Name, ...] = ()
    describe_lesions: tuple[Name, ...] = ()
    flow: FlowPart | None = None
    size: SizePart | None = None
    readers: tuple[ReadersPart, ...] = ()
    survival: tuple[SurvivalPart, ...] = ()
    next_study: NextPart | None = None
    test: Literal["mann-whitney", "welch", "student"] = "mann-whitney"
    multiplicity: Literal["holm", "benjamini-hochberg", "bonferroni"] = "holm"
    prevalence: Share | None = None
    bootstraps: Annotated[int, Field(ge=0, le=100_000)] = 2000
    seed: Annotated[int, Field(ge=0)] = 1
    synthetic: bool = False
    about: AboutPart = AboutPart()

    @model_validator(mode="after")
    def _two_classes(self) -> Self:
        if self.positive in self.negative:
            raise ValueError("negative: holds the positive outcome")
        return self


def load(path: Path) -> StudyConfig:
    """The configuration in a TOML file. Refused: no such file, not TOML, an unknown key, a value that is none of its kind; the message names the key."""
    try:
        tree = tomllib.loads(read_text(path) or "")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            "STUDY-CONFIG", "the configuration is not a readable TOML file", "Check the path and the syntax"
        ) from error
    try:
        found = StudyConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UsageError("STUDY-CONFIG", f"{where}: {first['msg']}", "docs/how-to/run-a-study.md lists all keys") from error
    if found.outcomes is not None and not found.outcomes.is_absolute():
        found = found.model_copy(update={"outcomes": path.parent / found.outcomes})
    return found
