from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hepaflow.phantom import PhantomSpec, build
from hepaflow.workflow.protocol_check import check_study


@pytest.fixture(scope="module")
def phantom():
    return build(PhantomSpec(size="small", seed=6))


def test_a_breathing_study_is_judged_without_regions(phantom):
    verdicts = {rule.key: rule.verdict for rule in check_study(phantom.series)}
    assert "unknown" not in verdicts.values()
    assert verdicts["baseline"] == verdicts["arterial-peak"] == verdicts["tube-voltage"] == "pass"
    assert verdicts["length"] == "warn"


def test_a_study_without_contrast_is_unknown_not_refused(phantom):
    still = np.repeat(phantom.series.voxels[:1], phantom.series.passes, axis=0)
    verdicts = {rule.key: rule.verdict for rule in check_study(dataclasses.replace(phantom.series, voxels=still))}
    assert verdicts["baseline"] == verdicts["arterial-peak"] == verdicts["portal-peak"] == "unknown"
