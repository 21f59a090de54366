"""Numbers for one area under the curve against pROC, which plans with the same variance."""

from __future__ import annotations

import math
import shutil
import subprocess

import pytest

from hepaflow.cohort.power import size_for_auc

pytestmark = pytest.mark.external


@pytest.mark.parametrize("auc", [0.6, 0.73, 0.95])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_one_area(auc: float, share: float) -> None:
    if shutil.which("Rscript") is None:
        pytest.skip("Rscript is not installed")
    if subprocess.run(["Rscript", "-e", "library(pROC)"], capture_output=True, check=False).returncode:
        pytest.skip("the R package pROC is not installed")
    call = f"cat(pROC::power.roc.test(auc = {auc}, power = 0.9, kappa = {(1 - share) / share})$ncases)"
    cases = float(subprocess.run(["Rscript", "-e", call], capture_output=True, check=True, text=True).stdout.split()[-1])
    assert size_for_auc(auc, share=share, power=0.9).counted == math.ceil(cases)
