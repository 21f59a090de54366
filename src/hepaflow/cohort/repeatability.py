"""What repeated examinations of unchanged lesions differ by: within-subject SD and CV, repeatability coefficient.

Bland JM, Altman DG. Stat Methods Med Res 1999;8:135-160; within-subject CV: Bland JM. How should I calculate a within-subject coefficient of variation?
(University of York, 2006); interval of the repeatability coefficient: Raunig DL et al. Stat Methods Med Res 2015;24:27-67.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hepaflow.cohort.icc import Coefficient, icc
from hepaflow.cohort.pairs import Cluster, Pairs, paired
from hepaflow.errors import InputRefused

#: Two examinations of an unchanged lesion differ by less in 95 of 100.
COEFFICIENT_PER_SD = 1.96 * math.sqrt(2.0)
_LEVEL = 0.975
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class TestRetest:
    """Repeatability in the unit of the readings; ``wcv`` (root mean square) and ``wcv_log`` are fractions, None where a reading is not above zero.

    ``df`` are the degrees of freedom of the interval. ``icc`` is ICC(1,1); its interval and p take every lesion as independent, so it is None with several
    lesions a patient, or where all readings are the same.
    """

    test: str
    n: int
    clusters: int
    left_out: int
    df: float
    within_sd: float
    within_sd_ci95: Interval
    coefficient: float
    coefficient_ci95: Interval
    wcv: float | None
    wcv_log: float | None
    icc: Coefficient | None

    def toml(self, quantity: str, source: str) -> str:
        """The table that ``respond --repeatability`` reads, for a ``quantity`` such as ``bf``. Refused: a within-subject CV that is not between 0 and 1."""
        if self.wcv is None or not 0.0 < self.wcv < 1.0:
            raise InputRefused(
                "RETEST-NO-WCV", "the within-subject CV is not between 0 and 1", "Use readings above zero that differ"
            )
        return f"[{quantity}]\nwcv = {self.wcv!r}\nsource = {json.dumps(source)}\n"


def test_retest(first: npt.ArrayLike, second: npt.ArrayLike, *, cluster: Cluster | None = None) -> TestRetest:  # noqa: PT028 (no test of pytest)
    """Two examinations of the same unchanged lesions; ``cluster`` names the patient of each.

    The within-subject SD is the root of the mean of d^2/2, and so holds a systematic change too. Pairs that lack a reading (NaN) are left out and counted.
    Refused: fewer than two pairs, one patient.

    >>> found = test_retest([100.0, 80.0, 60.0], [110.0, 76.0, 60.0])
    >>> round(found.within_sd, 3), round(found.coefficient, 2)
    (4.397, 12.19)
    """
    pairs = paired(first, second, cluster=cluster)
    if pairs.clusters < 2:
        raise InputRefused("RETEST-ONE-PATIENT", "all lesions are of one patient", "Give lesions of several patients")
    one, other = pairs.first, pairs.second
    square = (one - other) ** 2 / 2.0
    within = math.sqrt(float(square.mean()))
    df = _freedom(square, pairs)
    ci = _interval(within, df)
    positive = min(one.min(), other.min()) > 0
    wcv = math.sqrt(float((square / ((one + other) / 2.0) ** 2).mean())) if positive else None
    wcv_log = math.expm1(math.sqrt(float((np.log(one / other) ** 2 / 2.0).mean()))) if positive else None
    readings = np.column_stack([one, other])
    test = "within-subject standard deviation of paired examinations, chi-square interval"
    if pairs.patient is not None:
        test += " with degrees of freedom from the variance of squared differences between patients (Satterthwaite), no more than lesions"
    return TestRetest(
        test=test,
        n=len(one),
        clusters=pairs.clusters,
        left_out=pairs.left_out,
        df=df,
        within_sd=within,
        within_sd_ci95=ci,
        coefficient=COEFFICIENT_PER_SD * within,
        coefficient_ci95=(COEFFICIENT_PER_SD * ci[0], COEFFICIENT_PER_SD * ci[1]),
        wcv=wcv,
        wcv_log=wcv_log,
        icc=icc(readings).one if pairs.patient is None and np.ptp(readings) > 0 else None,
    )


def _freedom(square: npt.NDArray[np.float64], pairs: Pairs) -> float:
    """Degrees of freedom: lesions, or with several a patient 2 m^2 / var(m) of the mean m, between 1 and lesions."""
    n = len(square)
    if pairs.patient is None:
        return float(n)
    mean = float(square.mean())
    patients = pairs.clusters
    pulls = np.bincount(pairs.patient, square - mean)
    variance = patients / (patients - 1) * float((pulls**2).sum()) / n**2
    return float(n) if variance == 0 else min(max(2 * mean**2 / variance, 1.0), float(n))


def _interval(within: float, df: float) -> Interval:
    from scipy import stats

    return within * math.sqrt(df / stats.chi2.ppf(_LEVEL, df)), within * math.sqrt(df / stats.chi2.ppf(1 - _LEVEL, df))
