"""The tables that de-identification goes by: attributes and actions of PS3.15, safe words, safe private attributes, kinds left out."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Action = Literal["X", "Z", "D", "U", "M"]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done to an attribute: ``X`` remove, ``Z`` empty, ``D`` dummy, ``U`` replace UIDs, ``M`` shift dates.

    Where the table gives a choice by type of object, this is the one that every object may have. ``clean``: words that are safe stay.
    """

    action: Action
    clean: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Objects that are left out whole, by SOP class; ``pixels`` where only pictures of text are the reason."""

    why: str
    pixels: bool
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables; ``private`` maps creator, group and element within its block to the kind of value.

    ``kept_text`` maps a keyword to what its text may be and to what is done where it is not (``Z`` or ``D``).
    """

    edition: str
    rules: dict[int, Rule]
    words: frozenset[str]
    private: dict[tuple[str, int, int], str]
    left_out: tuple[LeftOut, ...]
    screens: frozenset[str]
    methods: tuple[tuple[str, str], ...]
    kept_text: dict[str, tuple[str, Action]]
    equipment: frozenset[str]
    kernels: re.Pattern[str]
    rescale_types: frozenset[str]
    coded: frozenset[str]
    exact: frozenset[str]
    code_context: tuple[str, ...]


@cache
def tables() -> Tables:
    """The tables of this version.

    >>> tables().rules[0x00100010]
    Rule(action='Z', clean=False)
    """
    tree = tomllib.loads(_text("confidentiality.toml"))
    rows = csv.DictReader(io.StringIO(_text("confidentiality.csv")))
    return Tables(
        edition=tree["edition"],
        rules={int(row["tag"], 16): Rule(_strongest(row["action"]), row["descriptor"] == "clean") for row in rows},
        words=frozenset(tree["safe_words"].split()),
        private={(row[0], int(row[1], 16), int(row[2], 16)): row[3] for row in tree["safe_private"]},
        left_out=tuple(LeftOut(row["why"], row["pixels"], tuple(row["classes"])) for row in tree["left_out"]),
        screens=frozenset(tree["screens"]["image_type"]),
        methods=tuple((value, meaning) for value, meaning in tree["methods"]),
        kept_text={row[0]: (row[1], _strongest(row[2])) for row in tree["kept_text"]},
        equipment=frozenset(tree["equipment"].split()),
        kernels=re.compile("|".join(f"(?:{one})" for one in tree["kernels"])),
        rescale_types=frozenset(tree["rescale_types"]),
        coded=frozenset(tree["coded"].split()),
        exact=frozenset(tree["coded_exact"]),
        code_context=tuple(tree["code_context"]),
    )


def _strongest(action: str) -> Action:
    """Of ``X/Z/D`` the last: an attribute that is there with a dummy conforms wherever it may be missing or empty too."""
    last = action.rpartition("/")[2].rstrip("*")
    found: dict[str, Action] = {"X": "X", "Z": "Z", "D": "D", "U": "U", "M": "M"}
    return found[last]


def _text(name: str) -> str:
    return resources.files("hepaflow.dicom").joinpath(name).read_text(encoding="utf-8")
