"""The page has words for every step of an analysis that says its name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from hepaflow.workflow import one, outputs

PAGE = Path(__file__).parents[2] / "frontend" / "src"


def steps() -> list[str]:
    line = re.findall(r'case\.(?:derive|step|long_step)\(\s*"([\w-]+)"', inspect.getsource(one.follow))
    return line + re.findall(r'begin\("([\w-]+)"', inspect.getsource(outputs))


@pytest.mark.parametrize("step", steps())
def test_a_step_has_words(step: str) -> None:
    table = (PAGE / "list" / "job.tsx").read_text(encoding="utf-8").split("const STEPS = {")[1].split("}")[0]
    found = re.search(rf'^\s*"?{step}"?: "(step\.\w+)",$', table, re.MULTILINE)
    assert found is not None, step
    for language in ("en", "fr"):
        assert f'"{found[1]}": ' in (PAGE / "i18n" / f"{language}.ts").read_text(encoding="utf-8")


def test_the_steps_are_those_of_the_line() -> None:
    assert {"motion", "regions", "maps", "lesions", "results", "report", "dicom"} <= set(steps())
