"""The made-up case, built once for all tests of the report."""

from __future__ import annotations

import pytest
from report_case import TRUE_BF, build_case, without_answer

from hepaflow.domain.case import CaseResult


@pytest.fixture(scope="session")
def case() -> CaseResult:
    return build_case()


@pytest.fixture(scope="session")
def gappy(case: CaseResult) -> CaseResult:
    return without_answer(case)


@pytest.fixture(scope="session")
def truth() -> dict[str, dict[str, float]]:
    return {name: {"bf": flow, **({} if name == "healthy" else {"ratio_bf": flow / 100.0})} for name, flow in TRUE_BF.items()}
