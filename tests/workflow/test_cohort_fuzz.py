"""Damaged tables and odd questions: a study is made or refused in one line that never says what a cell holds."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import EVERYTHING, Columns, columns, text

from hepaflow.errors import HepaflowError
from hepaflow.store import plain_json
from hepaflow.workflow.cohort_config import load
from hepaflow.workflow.cohort_results import results
from hepaflow.workflow.cohort_run import run
from hepaflow.workflow.cohort_table import read
from hepaflow.workflow.cohort_write import write

#: In every damaged cell of text: no message may hold it.
CANARY = "Jeanne"
CELLS = (
    *("", "NA", "nan", "0", "1", "-1", "0.5", "1e300", "-1e300", "1e-300", "inf", "9007199254740993", "1_000", "0x10", "٣"),
    *(
        f"{CANARY} Dupont",
        f"={CANARY}()",
        f"-1+{CANARY}",
        f"<script>{CANARY}</script>",
        f"{CANARY}\u200b",
        f"${CANARY}\\frac$",
        CANARY * 90,
    ),
    *(
        f"漢字{CANARY}😀",
        f"{CANARY}\x1b[31m",
        f'"{CANARY},{CANARY}"',
        f'"{CANARY}',
        "1,5",
        "2024-03-01",
        "major",
        "minor",
        "P1",
        "2",
    ),
)
NAMES = ("nan", "a/b", "../x", "=cmd", "漢字", "<script>", "row", "x" * 300, "", "case", "bf_ratio", "model", "haf", "a\x07b")
ASKED = (
    *("", 'negative = ["minor"]\n', "bootstraps = 0\n", 'test = "welch"\n', "independent = true\n", 'lesion = "response"\n'),
    *('positive = "minor"\n', 'missing = ["0", "1"]\n', 'describe_lesions = ["patient", "response", "noise"]\n'),
    '[columns.noise]\ndirection = "lower"\nthreshold = -1.0\nrange = [4.0, 6.0]\n',
    '[columns.bf_ratio]\nkind = "category"\n',
    '[tests.a]\ncolumn = "size_class"\npositive = ["PR", "nobody"]\n',
    '[size]\nbefore = "before_mm"\nafter = "after_mm"\n',
    '[[readers]]\nfirst = "bf_ratio"\nsecond = "second_reader"\nkind = "test-retest"\n',
    '[[readers]]\nfirst = "sex"\nsecond = "size_class"\nkind = "categories"\n',
    '[[survival]]\ntime = "days"\nevent = "event"\ngroups = "sex"\ncovariates = ["age"]\n',
    '[[survival]]\ntime = "days"\nevent = "event"\nunit = "lesion"\ngroups = "response"\n',
    'probability = ["probability_major"]\n',
)


def damaged(table: Columns, chance: random.Random) -> bytes:
    """One to three damages: cells, whole columns, names, rows, bytes."""
    table = {name: list(cells) for name, cells in table.items()}
    for _ in range(chance.choice((1, 1, 2, 3))):
        name, kind = chance.choice(list(table)), chance.randrange(10)
        if kind <= 3:
            for _ in range(chance.choice((1, 1, 5))):
                table[name][chance.randrange(len(table[name]))] = chance.choice(CELLS)
        elif kind == 4:
            table[name] = [chance.choice(CELLS)] * len(table[name])
        elif kind == 5:
            table[name] = [chance.choice(CELLS) for _ in table[name]]
        elif kind == 6 and len(table) > 3:
            del table[name]
        elif kind == 7:
            table[chance.choice(NAMES)] = [chance.choice(CELLS) for _ in table[name]]
        elif kind == 8:
            kept = chance.choice((1, 2, 3, 8))
            table = {key: cells[:kept] for key, cells in table.items()}
        else:
            table = {key: [*cells, *cells[:1]] for key, cells in table.items()}
    content = text(table, separator=chance.choice((",", ",", ";", "\t"))).encode()
    if chance.random() < 0.08:
        at = chance.randrange(len(content))
        content = (
            content[:at] + chance.choice((b"\x00", b"\xff", b'"', b"\n", b"", b"\r")) + content[at + chance.choice((0, 1, 40)) :]
        )
    return content


@pytest.mark.slow
def test_a_damaged_table_is_judged_or_refused_and_never_echoed(tmp_path: Path) -> None:
    chance, sound, judged = random.Random(20260101), columns(), 0
    refusals: list[HepaflowError] = []
    path, asked = tmp_path / "lesions.csv", tmp_path / "study.toml"
    for k in range(300):
        path.write_bytes(damaged(sound, chance))
        # keys of the whole study stand before the tables
        parts = "".join(sorted(chance.sample(ASKED, 3), key=lambda part: part.startswith("[")))
        parts = parts if "bootstraps" in parts else f"bootstraps = 25\n{parts}"
        asked.write_text(parts if k % 150 else EVERYTHING, encoding="utf-8")
        try:
            config = load(asked)
            table, found = read(path, config)
            study = run(table, config, found=found)
            told = plain_json.text(results(study))
            if k % 75 == 0:
                write(study, config, tmp_path / "out")
                told = (tmp_path / "out" / "results.json").read_text(encoding="utf-8")
        except HepaflowError as refused:
            refusals.append(refused)
            continue
        judged += 1
        json.loads(told, parse_constant=pytest.fail)
        assert list(tmp_path.rglob("*.partial")) == []
    assert judged > 60
    assert not [str(one) for one in refusals if CANARY in str(one) or not str(one).isprintable()]
    codes = {one.code for one in refusals}
    assert {"STUDY-COLUMN", "STUDY-DUPLICATE", "STUDY-UNSEEN", "STUDY-ROW", "STUDY-NO-PATIENT", "STUDY-ONE-CLASS"} <= codes
