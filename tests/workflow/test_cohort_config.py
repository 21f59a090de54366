"""The configuration: every key is read, every trap refused with the key's name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import EVERYTHING, config_file

from hepaflow.errors import UsageError
from hepaflow.workflow.cohort_config import (
    AboutPart,
    ColumnPart,
    DatesPart,
    FlowPart,
    NextPart,
    ReadersPart,
    SizePart,
    StudyConfig,
    SurvivalPart,
    load,
)
from hepaflow.workflow.cohort_config import (
    TestPart as CategoryTest,
)

ALL_KEYS = """
title = "A title"
positive = "yes"
negative = ["no", "never"]
outcome = "histology"
cluster = "who"
lesion = "which"
independent = true
outcomes = "outcomes.csv"
missing = ["-99"]
probability = ["p"]
combine = ["bf", "bv"]
describe_patients = ["age"]
describe_lesions = ["bf"]
test = "welch"
multiplicity = "bonferroni"
prevalence = 0.2
bootstraps = 10
seed = 7
synthetic = true
[columns.bf]
direction = "lower"
label = "BF"
unit = "ml/min/100 g"
kind = "number"
range = [0.0, 5.0]
missing = ["x"]
threshold = 0.68
tolerance = 0.1
[columns.sex]
values = ["F", "M"]
[tests.size]
column = "size"
positive = ["PR"]
label = "Size"
[flow]
eligible = 41
included = 32
lesions = 61
excluded = [{ reason = "no CT", count = 9 }]
lesions_excluded = [{ reason = "small", count = 4 }]
[size]
before = "b"
after = "a"
change_percent = "c"
[[readers]]
first = "x"
second = "y"
kind = "categories"
categories = ["1", "2"]
log = true
label = "Two"
[[survival]]
time = "t"
event = "e"
label = "OS"
unit = "lesion"
groups = "g"
covariates = ["k"]
[[survival]]
endpoint = "local-progression"
unit = "lesion"
[survival.dates]
start = "s"
last_seen = "l"
death = "d"
progression = "p"
liver_progression = "q"
recurrence = "r"
last_scan = "z"
local = "o"
[next_study]
auc = 0.9
comparator_auc = 0.8
correlation = 0.4
sensitivity = 0.9
specificity = 0.8
half_width = 0.05
prevalence = 0.4
icc = 0.3
power = 0.9
alpha = 0.01
[about]
reference_standard = "histology"
index_test = "CT"
setting = "one centre"
registration = "none"
funding = "none"
"""


def test_every_key_of_every_part_is_read(tmp_path: Path) -> None:
    found = load(config_file(tmp_path / "study.toml", ALL_KEYS))
    parts: list[Any] = [found, found.columns["bf"], found.tests["size"], found.flow, found.size, found.readers[0], found.next_study]
    parts += [found.survival[0], found.survival[1].dates, found.about]
    kinds = (StudyConfig, ColumnPart, CategoryTest, FlowPart, SizePart, ReadersPart, NextPart, SurvivalPart, DatesPart, AboutPart)
    for kind, part in zip(kinds, parts, strict=True):
        assert isinstance(part, kind)
        rest = {"values"} if kind is ColumnPart else {"endpoint", "dates"} if kind is SurvivalPart else set()
        assert part.model_fields_set == set(kind.model_fields) - rest
    assert found.columns["sex"].values == ("F", "M")
    assert found.survival[1].endpoint == "local-progression"
    assert found.flow is not None
    assert found.flow.flow().analysed == 57
    assert found.outcomes == tmp_path / "outcomes.csv"


def test_nothing_asked_is_a_study_too(tmp_path: Path) -> None:
    assert load(config_file(tmp_path / "study.toml", "")) == StudyConfig()


TRAPS = {
    "zzz = 1": "zzz: ",
    "positive = 1": "positive: ",
    'negative = ["major"]': "holds the positive outcome",
    'title = ""': "title: ",
    'title = "a\\u001b[31m"': "title: ",
    "prevalence = 0": "prevalence: ",
    "prevalence = 1.0": "prevalence: ",
    "prevalence = nan": "prevalence: ",
    "bootstraps = -1": "bootstraps: ",
    "bootstraps = 100001": "bootstraps: ",
    "bootstraps = 1.5": "bootstraps: ",
    "seed = -1": "seed: ",
    'test = "t"': "test: ",
    'multiplicity = "none"': "multiplicity: ",
    'columns.x.direction = "sideways"': "columns.x.direction",
    "columns.x.range = [5, 1]": "range: the first number must be below the second",
    "columns.x.range = [1, 1]": "range: the first number must be below the second",
    "columns.x.range = [nan, 1]": "columns.x.range.0",
    "columns.x.threshold = 1": "threshold: needs a direction",
    'columns.x = { direction = "lower", threshold = nan }': "columns.x.threshold",
    'columns.x = { direction = "lower", threshold = inf }': "columns.x.threshold",
    "columns.x.tolerance = 0.0": "columns.x.tolerance",
    'columns.x = { kind = "category", range = [0, 1] }': "a category has no direction, range or tolerance",
    'columns.x = { values = ["a"], direction = "lower" }': "a category has no direction, range or tolerance",
    'columns.x = { values = ["a"], kind = "number" }': "values: are those of a category",
    "tests.a = { column = 'x', positive = [] }": "tests.a.positive",
    "tests.a.positive = ['x']": "tests.a.column",
    'size.before = "x"': "give before and after, or change_percent",
    "size = {}": "give before and after, or change_percent",
    "readers = [{ first = 'x' }]": "readers.0.second",
    "readers = [{ first = 'x', second = 'y', kind = 'categories', categories = ['a', 'a'] }]": "categories: one is named twice",
    "survival = [{ time = 'x' }]": "give time and event, or endpoint and dates",
    "survival = [{ endpoint = 'os' }]": "give time and event, or endpoint and dates",
    "survival = [{ time = 'x', event = 'y', endpoint = 'os' }]": "give time and event, or endpoint and dates",
    "survival = [{ endpoint = 'local-progression', dates = { start = 's', last_seen = 'l' } }]": "local-progression needs unit lesion",
    "next_study.auc = 0.5": "next_study.auc",
    "next_study.alpha = 1e-300": "next_study.alpha",
    "flow = { eligible = -1, included = 1, lesions = 1 }": "flow.eligible",
    "title = ": "not a readable TOML file",
    "a = " + "[" * 5000: "not a readable TOML file",
}


@pytest.mark.parametrize("content", TRAPS, ids=[key[:40] for key in TRAPS])
def test_a_trap_is_refused_by_the_name_of_its_key(content: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="STUDY-CONFIG") as refused:
        load(config_file(tmp_path / "study.toml", content))
    assert TRAPS[content] in str(refused.value)


def test_a_file_that_is_not_there_a_folder_and_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none.toml", tmp_path, tmp_path / "bytes.toml", Path("/dev/zero")):
        with pytest.raises(UsageError, match="STUDY-CONFIG"):
            load(path)


def test_the_configuration_of_the_tests_is_sound(tmp_path: Path) -> None:
    assert load(config_file(tmp_path / "study.toml", EVERYTHING)).columns["bf_ratio"].threshold == 0.68
