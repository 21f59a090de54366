"""Survival against R survival on random data with ties, clusters and competing events."""

from __future__ import annotations

import csv
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hepaflow.cohort.survival import cox, cumulative_incidence, kaplan_meier, log_rank

pytestmark = pytest.mark.external
AGREES = 1e-8

SCRIPT = """
suppressMessages(library(survival))
here <- commandArgs(TRUE)[1]
d <- read.csv(file.path(here, "data.csv"))
put <- function(x, name) write.csv(format(as.data.frame(x), digits = 17), file.path(here, name), row.names = FALSE)
km <- survfit(Surv(time, code > 0) ~ 1, d, conf.type = "log-log")
put(data.frame(time = km$time, risk = km$n.risk, event = km$n.event, surv = km$surv, lower = km$lower, upper = km$upper), "km.csv")
q <- quantile(km, .5)
put(data.frame(median = as.numeric(q$quantile), lower = as.numeric(q$lower), upper = as.numeric(q$upper)), "median.csv")
for (cause in c("any", "one")) {
  s <- survdiff(Surv(time, if (cause == "any") code > 0 else code == 1) ~ group, d)
  put(data.frame(obs = s$obs, exp = s$exp, chi2 = s$chisq), paste0("rank_", cause, ".csv"))
}
plain <- coxph(Surv(time, code > 0) ~ a + b, d, ties = "efron", control = coxph.control(eps = 1e-14))
robust <- coxph(Surv(time, code > 0) ~ a + b, d, ties = "efron", cluster = patient, control = coxph.control(eps = 1e-14))
put(data.frame(coef = coef(plain), se = sqrt(diag(vcov(plain))), robust = sqrt(diag(vcov(robust))), loglik = plain$loglik[2]), "cox.csv")
put(cox.zph(plain)$table, "zph.csv")
state <- function(f) data.frame(time = f$time, p = f$pstate[, 2], se = f$std.err[, 2], lower = f$lower[, 2], upper = f$upper[, 2])
d$state <- factor(d$code, 0:2)
put(state(survfit(Surv(time, state) ~ 1, d, conf.type = "log-log")), "cif.csv")
# survfit of several states leaves the cluster argument out of its errors: its influence by unit is added up here
d$row <- seq_len(nrow(d))
pull <- survfit(Surv(time, state) ~ 1, d, id = row, influence = 1)$influence.pstate[, -1, 2]
put(data.frame(se = sqrt(colSums(rowsum(pull, d$patient)^2))), "cif_cluster.csv")
one <- survfit(Surv(time, code > 0) ~ 1, d, cluster = patient)
put(data.frame(se = one$std.err), "km_cluster.csv")
"""


def columns(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([math.nan if row[name].strip() in ("NA", "NaN", "Inf") else float(row[name]) for row in rows])
        for name in rows[0]
    }


def drawn(seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    n = 40 + 10 * seed
    a, b, patient = draw.normal(size=n), draw.integers(0, 2, n), draw.integers(0, n // 2, n)
    frailty = draw.gamma(2.0, 0.5, n)[patient]
    time = np.ceil(draw.exponential(8.0, n) * np.exp(-0.5 * a) / frailty)
    return {"time": time, "code": draw.integers(0, 3, n), "a": a, "b": b, "patient": patient, "group": draw.integers(0, 3, n)}


@pytest.fixture(scope="module", params=range(4))
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, np.ndarray], Path]:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")
    here = tmp_path_factory.mktemp("r")
    data = drawn(request.param)
    with (here / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(data)
        writer.writerows([repr(float(value)) for value in row] for row in zip(*data.values(), strict=True))
    (here / "script.R").write_text(SCRIPT, encoding="utf-8")
    if subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True, check=False).returncode:
        pytest.skip("the R package survival is not installed")
    subprocess.run(["Rscript", str(here / "script.R"), str(here)], check=True, capture_output=True)
    return data, here


def ends(ci: tuple[tuple[float, float] | None, ...]) -> np.ndarray:
    return np.array([(math.nan, math.nan) if pair is None else pair for pair in ci])


def test_kaplan_meier(both: tuple[dict[str, np.ndarray], Path]) -> None:
    data, here = both
    found, wanted = kaplan_meier(data["time"], data["code"] > 0), columns(here / "km.csv")
    np.testing.assert_array_equal(found.times, wanted["time"])
    np.testing.assert_array_equal(found.at_risk, wanted["risk"])
    np.testing.assert_array_equal(found.events, wanted["event"])
    np.testing.assert_allclose(found.survival, wanted["surv"], atol=AGREES)
    np.testing.assert_allclose(ends(found.ci95), np.column_stack([wanted["lower"], wanted["upper"]]), atol=AGREES)
    median = columns(here / "median.csv")
    mine = [math.nan if value is None else value for value in (found.median, *found.median_ci95)]
    np.testing.assert_allclose(mine, [median[name][0] for name in ("median", "lower", "upper")])


@pytest.mark.parametrize("cause", ["any", "one"])
def test_log_rank(both: tuple[dict[str, np.ndarray], Path], cause: str) -> None:
    data, here = both
    wanted = columns(here / f"rank_{cause}.csv")
    code = data["code"] > 0 if cause == "any" else data["code"]
    found = log_rank(data["time"], code, data["group"].tolist(), cause=None if cause == "any" else 1)
    np.testing.assert_array_equal(found.observed, wanted["obs"])
    np.testing.assert_allclose(found.expected, wanted["exp"], atol=AGREES)
    assert (found.chi2, found.df) == (pytest.approx(wanted["chi2"][0], abs=AGREES), 2)


def test_cox(both: tuple[dict[str, np.ndarray], Path]) -> None:
    data, here = both
    wanted, zph = columns(here / "cox.csv"), columns(here / "zph.csv")
    table, happened = np.column_stack([data["a"], data["b"]]), data["code"] > 0
    plain = cox(data["time"], happened, table, ["a", "b"])
    robust = cox(data["time"], happened, table, ["a", "b"], cluster=data["patient"])
    np.testing.assert_allclose([one.coefficient for one in plain.hazards], wanted["coef"], atol=AGREES)
    np.testing.assert_allclose([one.se for one in plain.hazards], wanted["se"], atol=AGREES)
    np.testing.assert_allclose([one.se for one in robust.hazards], wanted["robust"], atol=AGREES)
    assert plain.log_likelihood == pytest.approx(wanted["loglik"][0], abs=AGREES)
    for name in ("chisq", "p"):
        mine = [one.chi2 if name == "chisq" else one.p for one in plain.proportionality]
        np.testing.assert_allclose(mine, zph[name], atol=AGREES)


def test_cumulative_incidence(both: tuple[dict[str, np.ndarray], Path]) -> None:
    data, here = both
    wanted = columns(here / "cif.csv")
    found = cumulative_incidence(data["time"], data["code"])
    np.testing.assert_array_equal(found.times, wanted["time"])
    np.testing.assert_allclose(found.incidence, wanted["p"], atol=AGREES)
    np.testing.assert_allclose(found.se, wanted["se"], atol=AGREES)
    np.testing.assert_allclose(ends(found.ci95), np.column_stack([wanted["lower"], wanted["upper"]]), atol=AGREES)


def test_incidence_of_clustered_lesions(both: tuple[dict[str, np.ndarray], Path]) -> None:
    data, here = both
    found = cumulative_incidence(data["time"], data["code"], cluster=data["patient"])
    np.testing.assert_allclose(found.se, columns(here / "cif_cluster.csv")["se"], atol=AGREES)
    single = cumulative_incidence(data["time"], data["code"] > 0, cluster=data["patient"])
    np.testing.assert_allclose(single.se, columns(here / "km_cluster.csv")["se"], atol=AGREES)
