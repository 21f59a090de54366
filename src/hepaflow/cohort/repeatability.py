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
    df = _freedom(one - other, pairs)
    ci = _interval(within, df)
    positive = min(one.min(), other.min()) > 0
    wcv = math.sqrt(float((square / ((one + other) / 2.0) ** 2).mean())) if positive else None
    wcv_log = math.expm1(math.sqrt(float((np.log(one / other) ** 2 / 2.0).mean()))) if positive else None
    readings = np.column_stack([one, other])
    test = "within-subject standard deviation of paired examinations, chi-square interval"
    if pairs.patient is not None:
        test += " with Satterthwaite degrees of freedom for lesions in patients"
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


def _freedom(difference: npt.NDArray[np.float64], pairs: Pairs) -> float:
    """Degrees of freedom of the mean of d^2: lesions n, or n / (1 + (sum m^2 / n - 1) r^2) where differences of one patient are alike by r.

    Satterthwaite's 2 mean^2 / variance, for normal differences of which those of one patient have the covariance r times the variance.
    """
    n = len(difference)
    if pairs.patient is None or not difference.any():
        return float(n)
    sizes = np.bincount(pairs.patient)
    means = np.bincount(pairs.patient, difference) / sizes
    within = float(((difference - means[pairs.patient]) ** 2).sum()) / (n - pairs.clusters)
    among = float((sizes * (means - difference.mean()) ** 2).sum()) / (pairs.clusters - 1)
    heavy = float((sizes**2).sum()) / n
    between = max((among - within) * (pairs.clusters - 1) / (n - heavy), 0.0)
    alike = between / (between + within) if between > 0 else 0.0
    return n / (1.0 + (heavy - 1.0) * alike**2)


def _interval(within: float, df: float) -> Interval:
    from scipy import stats

    return within * math.sqrt(df / stats.chi2.ppf(_LEVEL, df)), within * math.sqrt(df / stats.chi2.ppf(1 - _LEVEL, df))
