from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hepaflow.cohort import repeatability
from hepaflow.cohort.icc import icc
from hepaflow.errors import InputRefused
from hepaflow.response.real_change import Repeatability
from hepaflow.workflow.calibration import load_repeatability

FIRST, SECOND = np.array([100.0, 80.0, 60.0, 120.0]), np.array([110.0, 76.0, 60.0, 126.0])


def test_by_hand() -> None:
    """Differences -10, 4, 0, -6: sum of squares 152, within variance 152 / 8 = 19."""
    found = repeatability.test_retest(FIRST, SECOND)
    assert (found.n, found.clusters, found.left_out, found.df) == (4, 4, 0, 4.0)
    assert found.within_sd == pytest.approx(math.sqrt(19))
    assert found.coefficient == pytest.approx(1.96 * math.sqrt(38))
    wanted = (math.sqrt(4 * 19 / stats.chi2.ppf(0.975, 4)), math.sqrt(4 * 19 / stats.chi2.ppf(0.025, 4)))
    assert found.within_sd_ci95 == pytest.approx(wanted)
    assert found.coefficient_ci95 == pytest.approx([1.96 * math.sqrt(2) * limit for limit in wanted])
    assert found.wcv == pytest.approx(math.sqrt((50 / 105**2 + 8 / 78**2 + 0 + 18 / 123**2) / 4))
    logs = [math.log(100 / 110), math.log(80 / 76), 0, math.log(120 / 126)]
    assert found.wcv_log == pytest.approx(math.exp(math.sqrt(sum(log**2 for log in logs) / 8)) - 1)
    assert found.icc == icc(np.column_stack([FIRST, SECOND])).one


def test_lesions_of_one_patient_are_fewer_degrees_of_freedom() -> None:
    """Differences 3 5 / -5 -3: means 4 and -4, within 4 / 2 = 2, among 64, between 31; r = 31/33, df = 4 / (1 + r^2)."""
    alike = repeatability.test_retest([13.0, 15, 5, 7], [10.0] * 4, cluster=["p", "p", "q", "q"])
    assert (alike.clusters, alike.icc) == (2, None)
    assert alike.df == pytest.approx(4 / (1 + (31 / 33) ** 2))
    assert "Satterthwaite" in alike.test
    apart = repeatability.test_retest([13.0, 15, 5, 7], [10.0] * 4, cluster=["p", "q", "q", "p"])
    assert apart.df == 4.0
    assert apart.within_sd == alike.within_sd
    assert apart.within_sd_ci95[1] < alike.within_sd_ci95[1]


def test_readings_that_are_not_above_zero_have_no_cv_but_an_sd() -> None:
    found = repeatability.test_retest([0.0, 1.0, np.nan], [1.0, 2.0, 3.0])
    assert (found.wcv, found.wcv_log, found.left_out, found.n) == (None, None, 1, 2)
    assert found.within_sd == pytest.approx(math.sqrt(0.5))
    with pytest.raises(InputRefused, match="RETEST-NO-WCV"):
        found.toml("bf", "here")


def test_unchanged_readings_are_perfectly_repeatable() -> None:
    found = repeatability.test_retest([5.0, 5.0], [5.0, 5.0])
    assert (found.within_sd, found.wcv, found.within_sd_ci95, found.icc) == (0.0, 0.0, (0.0, 0.0), None)
    assert repeatability.test_retest([5.0] * 4, [5.0] * 4, cluster=[1, 1, 2, 2]).df == 4.0
    with pytest.raises(InputRefused, match="RETEST-NO-WCV"):
        found.toml("bf", "here")


def test_the_site_file_is_read_by_respond(tmp_path: Path) -> None:
    found = repeatability.test_retest(FIRST, SECOND)
    file = tmp_path / "site.toml"
    source = 'Repeats "A", 2\\3 of March\tété'
    file.write_text(found.toml("bf", source) + found.toml("bv", "here"), encoding="utf-8")
    assert found.wcv is not None
    read = load_repeatability(file)
    assert read == {"bf": Repeatability(found.wcv, source), "bv": Repeatability(found.wcv, "here")}


def test_one_patient_is_refused() -> None:
    with pytest.raises(InputRefused, match="RETEST-ONE-PATIENT"):
        repeatability.test_retest([1.0, 2.0], [1.0, 2.0], cluster=["a", "a"])
    with pytest.raises(InputRefused, match="PAIRS-TOO-FEW"):
        repeatability.test_retest([1.0], [1.0])


values = st.lists(st.tuples(st.floats(1, 100), st.floats(1, 100), st.integers(0, 4)), min_size=3, max_size=20).filter(
    lambda rows: len({patient for *_, patient in rows}) > 1
)


@given(values, st.sampled_from([0.25, 8.0]))
def test_order_and_unit(rows: list[tuple[float, float, int]], scale: float) -> None:
    one, other, patient = (np.array(column) for column in zip(*rows, strict=True))
    found = repeatability.test_retest(one, other, cluster=patient)
    turned = repeatability.test_retest(other * scale, one * scale, cluster=patient)
    assert turned.within_sd == pytest.approx(scale * found.within_sd)
    assert (turned.wcv, turned.wcv_log, turned.df) == pytest.approx((found.wcv, found.wcv_log, found.df))
    assert 1.0 <= found.df <= found.n
    assert found.within_sd_ci95[0] <= found.within_sd <= found.within_sd_ci95[1]
