"""The page on studies says what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from hepaflow.workflow.cohort_config import StudyConfig, load
from hepaflow.workflow.cohort_example import all_checks

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "run-a-study.md").read_text(encoding="utf-8")


def test_the_configuration_on_the_page_is_one(tmp_path: Path) -> None:
    text = re.search(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert text is not None
    path = tmp_path / "study.toml"
    path.write_text(text[1], encoding="utf-8")
    config = load(path)
    assert config.columns["bf_ratio"].threshold == 0.68
    assert config.survival[0].dates is not None


def test_every_key_of_the_configuration_is_on_the_page() -> None:
    missing = [name for name in StudyConfig.model_fields if not re.search(rf"\b{name}\b", PAGE) and name != "synthetic"]
    assert missing == []


def test_the_page_counts_the_checks_of_the_thesis() -> None:
    assert f"sets {len(all_checks())} figures" in PAGE
