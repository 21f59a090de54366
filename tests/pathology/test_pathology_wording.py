"""What this room says to people: both languages, French punctuation, flags that the table knows."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from hepaflow import pathology
from hepaflow.domain.quality import FLAGS
from hepaflow.domain.response import Text

ROOM = Path(pathology.__path__[0])
MODULES = [importlib.import_module(f"hepaflow.pathology.{found.name}") for found in pkgutil.iter_modules(pathology.__path__)]


def texts(value: object) -> Iterator[Text]:
    """Every sentence in a value."""
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from texts(one)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from texts(getattr(value, field.name))


def written() -> list[tuple[str, str]]:
    """English and French of every ``Text(...)`` in the source, values left out."""
    found = []
    for path in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text":
                found.append((plain(node.args[0]), plain(node.args[1])))
    return found


def plain(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "#" for part in node.values)
    assert isinstance(node, ast.Constant), ast.unparse(node)
    return str(node.value)


def test_sentences_are_found() -> None:
    assert len(written()) > 100
    assert len([text for module in MODULES for text in texts(vars(module))]) > 80


@pytest.mark.parametrize("pair", sorted(set(written())), ids=lambda pair: pair[0][:40])
def test_french_is_punctuated_as_french(pair: tuple[str, str]) -> None:
    english, french = pair
    assert english.strip()
    assert french.strip()
    assert "'" not in english
    assert "'" not in french
    assert not re.search(r"[^\u00a0][:;!?»%]", french), french
    assert not re.search(r"«[^\u00a0]", french), french
    assert english.endswith(".") == french.endswith(".")
    assert english.count("#") == french.count("#")


#: What may be written in capitals without being spelled out.
ABBREVIATIONS = {
    "TRG",
    "MjHR",
    "PHR",
    "NHR",
    "TDM",
    "CT",
    "RCP",
    "RECIST",
    "OMS",
    "WHO",
    "EGFR",
    "ALPPS",
    "HAF",
    "HPBF",
    "TNM",
}


@pytest.mark.parametrize("pair", sorted(set(written())), ids=lambda pair: pair[0][:40])
def test_capitals_are_known_abbreviations(pair: tuple[str, str]) -> None:
    for sentence in pair:
        assert set(re.findall(r"[^\W\d_]*[A-Z]{2,}\w*", sentence)) <= ABBREVIATIONS, sentence


def test_values_of_this_room_do_not_change() -> None:
    own = [
        cls
        for module in MODULES
        for cls in vars(module).values()
        if isinstance(cls, type) and dataclasses.is_dataclass(cls) and cls.__module__ == module.__name__
    ]
    assert len(own) == 12
    for cls in own:
        assert cls.__dataclass_params__.frozen, cls
        assert "__slots__" in vars(cls), cls


def test_criteria_keep_their_names() -> None:
    named = {
        "regression": ("TRG", "rubbia-brandt-trg", "GROUP", "rubbia-brandt-group", "BLAZER", "blazer", "MODIFIED", "modified-trg"),
        "interface": ("INTERFACE", "tumor-normal-interface"),
        "aggregate": (
            "WORST_GRADE",
            "trg-of-patient",
            "MEAN_RESIDUAL",
            "blazer-of-patient",
            "DISCORDANCE",
            "pathology-discordance",
        ),
        "specimen": ("BACKGROUND", "background-liver"),
        "tnm": ("NODES", "ajcc8-n-from-counts"),
        "staging": ("STAGE", "ajcc8-stage"),
        "primary": ("TIMING", "metastasis-timing"),
        "chemotherapy": ("EXPOSURE", "targeted-exposure"),
        "dates": ("INTERVAL", "scan-to-surgery", "PORTAL", "portal-intervention"),
        "operability": ("CHECKLIST", "resectability-checklist", "CHANGE", "resectability-change"),
    }
    for module, pairs in named.items():
        found = vars(importlib.import_module(f"hepaflow.pathology.{module}"))
        assert {name: found[name] for name in pairs[::2]} == dict(zip(pairs[::2], pairs[1::2], strict=True))


def test_what_is_stored_keeps_its_words() -> None:
    words = {
        "Site": "anal_canal colon rectum unknown",
        "Histology": "adenocarcinoma squamous_cell unknown",
        "Differentiation": "good average poor unknown",
        "Necrosis": "infarct_like dirty",
        "Residual": "R0 R1 R2 RX unknown",
        "Finding": "present absent unknown",
        "Steatosis": "none below_10 10_to_50 above_50 unknown",
        "Regimen": "5FU CAPECITABINE FOLFOX FOLFIRI FOLFIRINOX IRINOX unknown",
        "PortalIntervention": "two_stage_hepatectomy portal_vein_embolisation alpps",
        "Group": "resectable potentially_resectable definitively_unresectable",
        "Answer": "yes no unknown",
        "Drug": "fluorouracil capecitabine oxaliplatin irinotecan bevacizumab aflibercept ramucirumab regorafenib cetuximab panitumumab",
    }
    enums = {name: kind for module in MODULES for name, kind in vars(module).items()}
    assert {name: [one.value for one in enums[name]] for name in words} == {name: text.split() for name, text in words.items()}


def test_every_flag_that_is_raised_is_in_the_table() -> None:
    named = {
        node.value
        for path in ROOM.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    table = list(FLAGS)
    own = table[table.index("residual-near-cut-off") : table.index("group-not-steady") + 1]
    assert len(own) == 25
    assert set(own) <= named
