"""What a study found: every part typed, ready to be written as JSON or drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hepaflow.cohort.bland_altman import LimitsOfAgreement
from hepaflow.cohort.calibration import Calibration, DecisionCurve
from hepaflow.cohort.categories import CategoryTest
from hepaflow.cohort.combine import Combined
from hepaflow.cohort.competing import CumulativeIncidence
from hepaflow.cohort.cox import Cox
from hepaflow.cohort.describe import Described, Levels
from hepaflow.cohort.discriminate import Discrimination, Operating, Pair
from hepaflow.cohort.flow import Flow
from hepaflow.cohort.icc import IntraclassCorrelation
from hepaflow.cohort.kappa import ClusteredAgreement
from hepaflow.cohort.means import TTest
from hepaflow.cohort.paired import PairedRate, PairedRates
from hepaflow.cohort.ranks import ClusteredRankTest, RankTest
from hepaflow.cohort.repeatability import TestRetest
from hepaflow.cohort.sample import Bools, Floats, Ints
from hepaflow.cohort.size import Sizes
from hepaflow.cohort.survival import KaplanMeier, LogRank
from hepaflow.cohort.table import Finding, LesionTable


@dataclass(frozen=True, slots=True)
class Names:
    """What the study calls things: ``positive`` and ``negative`` class, the columns of outcome and patient."""

    title: str
    positive: str
    negative: str
    outcome: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Column:
    """One described column: of all, and of the positive and the negative; ``test`` compares those two where there is one."""

    label: str
    unit: str
    of_all: Described | Levels
    groups: tuple[Described, Described] | tuple[Levels, Levels] | None = None
    test: RankTest | CategoryTest | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """A parameter judged, with the test of the two groups by lesions (``test``), by patients (``clustered``), and its p adjusted over all parameters."""

    found: Discrimination
    test: RankTest | TTest | None
    clustered: ClusteredRankTest | None
    p_adjusted: float | None

    @property
    def area(self) -> float:
        """The area under the curve; NaN where there is none."""
        return math.nan if self.found.area is None else self.found.area.auc


@dataclass(frozen=True, slots=True)
class AreaPair:
    """Two areas compared; ``p_adjusted`` over all pairs, from the p by patients."""

    pair: Pair
    p_adjusted: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A yes-or-no test of lesions; ``origin`` is ``category``, ``fixed`` (a cut-off set beforehand) or ``left-out`` (each patient judged by the cut of the others)."""

    label: str
    origin: str
    where: Bools
    called: Bools
    found: Operating


@dataclass(frozen=True, slots=True)
class RulePair:
    """Two rules for the same positive class compared on the lesions that both judge."""

    first: str
    second: str
    n: int
    rates: Mapping[PairedRate, PairedRates]


@dataclass(frozen=True, slots=True, eq=False)
class Probability:
    """A column of probabilities of the positive class, of the lesions that have one."""

    label: str
    n: int
    values: Floats
    positive: Bools
    calibration: Calibration
    decision: DecisionCurve


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Several parameters in one rule, and how true its held-out probabilities are."""

    found: Combined
    positive: Bools
    calibration: Calibration
    decision: DecisionCurve


@dataclass(frozen=True, slots=True, eq=False)
class SizeResult:
    """Sizes and the t-tests of their difference (mm)."""

    found: Sizes
    student: TTest | None
    welch: TTest | None
    categories: CategoryTest | None


@dataclass(frozen=True, slots=True)
class Classes:
    """Ratios decreased, stable (within ``tolerance`` of 1) and increased, of the positive and of the negative lesions."""

    label: str
    tolerance: float
    positive: tuple[int, int, int]
    negative: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Readers:
    """Two columns of one quantity."""

    label: str
    unit: str
    kind: str
    first: Floats
    second: Floats
    cluster: Ints
    limits: LimitsOfAgreement | None
    icc: IntraclassCorrelation | None
    repeats: TestRetest | None
    kappa: ClusteredAgreement | None


@dataclass(frozen=True, slots=True, eq=False)
class SurvivalResult:
    """An endpoint (``definition``: empty where the table gives time and event itself): survival of groups, their log-rank test, the Cox model, cumulative incidence where there is a competing event."""

    label: str
    unit: str
    definition: str
    groups: tuple[tuple[str, KaplanMeier], ...]
    log_rank: LogRank | None
    cox: Cox | None
    incidence: tuple[tuple[str, CumulativeIncidence], ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Need:
    """What a next study needs for one aim."""

    aim: str
    lesions: int
    patients: int
    source: str


@dataclass(frozen=True, slots=True)
class Clusters:
    """Lesions a patient -> patients; patients with only positive, both, only negative lesions; the design effect at an ICC of 0.5."""

    sizes: Mapping[int, int]
    positive: int
    mixed: int
    negative: int
    design_effect: float


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """Everything of one study. ``table`` holds the lesions with an outcome, ``truth`` marks the positive ones; ``independent``: every lesion stands as a patient of its own."""

    names: Names
    synthetic: bool
    independent: bool
    table: LesionTable
    truth: Bools
    clusters: Clusters
    findings: tuple[Finding, ...]
    flow: Flow | None
    of_patients: tuple[Column, ...]
    of_lesions: tuple[Column, ...]
    classes: tuple[Classes, ...]
    parameters: tuple[Parameter, ...]
    pairs: tuple[AreaPair, ...]
    rules: tuple[Rule, ...]
    rule_pairs: tuple[RulePair, ...]
    probabilities: tuple[Probability, ...]
    together: Together | None
    sizes: SizeResult | None
    readers: tuple[Readers, ...]
    survival: tuple[SurvivalResult, ...]
    needs: tuple[Need, ...]
    seed: int
    bootstraps: int
    multiplicity: str
    prevalence: float | None

    @property
    def n(self) -> int:
        """Lesions with an outcome."""
        return self.table.n

    @property
    def ranked(self) -> list[Parameter]:
        """Parameters that have an area, the largest first."""
        return sorted((one for one in self.parameters if one.found.area is not None), key=lambda one: -one.area)

    @property
    def held_by(self) -> str:
        """How many lesions there are, of how many patients, in words."""
        if self.independent:
            return f"{self.n} lesions (which of them share a patient is not known)"
        return f"{self.n} lesions of {self.table.patient_count} patients"
