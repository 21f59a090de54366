"""Every finding appears where it should and not elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lesions_for_tests import Columns, columns, study

from hepaflow.errors import InputRefused
from hepaflow.workflow import cohort_refusals
from hepaflow.workflow.cohort_refusals import FRENCH, refused_fr

SOURCES = Path(cohort_refusals.__file__).parents[1]
SIZE = len(columns()["patient"])
BF = '[columns.bf_ratio]\ndirection = "lower"\n'


def put(name: str, cell: Callable[[int], str]) -> Columns:
    return {**columns(), name: [cell(k) for k in range(SIZE)]}


def separated() -> Columns:
    return {**columns(), "bf_ratio": ["0.1" if cell == "major" else "1" for cell in columns()["response"]]}


#: In order of x: minor, major, minor, major; two cuts have a Youden index of one half.
FOUR = {**{name: cells[:4] for name, cells in columns().items()}, "response": ["minor", "major"] * 2, "x": ["1", "2", "3", "4"]}
#: code -> table and configuration that raise it
FINDINGS: dict[str, tuple[Columns, str]] = {
    "clustered": (columns(), BF),
    "no-direction": (put("x_ratio", lambda k: "1.0"), BF),
    "nothing-tested": (columns(), 'positive = "minor"\n'),
    "never-positive": (columns(), 'tests.a = { column = "size_class", positive = ["XX"] }\n'),
    "patients-unknown": (columns(), f"independent = true\n{BF}"),
    "flow-differs": (columns(), f"flow = {{ eligible = 9, included = 9, lesions = 9 }}\n{BF}"),
    "recist-of-a-lesion": (columns(), BF + 'label = "RECIST response"\n'),
    "not-judged": (put("bf_ratio", lambda k: ""), BF),
    "missing-values": (put("bf_ratio", lambda k: str(k) if k else ""), BF),
    "direction-contradicted": (columns(), BF.replace("lower", "higher")),
    "few-patients": ({name: cells[:8] for name, cells in columns().items()}, BF),
    "separated": (separated(), BF),
    "cut-flattered": (columns(), '[columns.noise]\ndirection = "higher"\n'),
    "several-cuts": (FOUR, '[columns.x]\ndirection = "higher"\n'),
    "impossible-value": (put("haf_lesion", lambda k: "1.2" if k == 3 else "0.2"), BF),
    "out-of-range": (columns(), BF + "range = [0.5, 9.0]\n"),
    "mixed-model": (put("model", lambda k: "aath" if k else "patlak"), BF),
    "made-with-unknown": (put("model", lambda k: "aath" if k else ""), BF),
    "small-lesion": (put("diameter_mm", lambda k: "14.9" if k else "15"), BF),
    "flow-parts": ({**put("bf_lesion", lambda k: "100"), "habf_lesion": ["20"] * SIZE, "hpbf_lesion": ["70"] * SIZE}, BF),
    "volume-is-not-flow-times-time": (
        {**put("bf_lesion", lambda k: "60"), "bv_lesion": ["20"] * SIZE, "mtt_lesion": ["10"] * SIZE},
        BF,
    ),
    "not-combined": ({name: cells[:8] for name, cells in columns().items()}, 'combine = ["bf_ratio"]\n' + BF),
    "few-events": (columns(), BF + '[[survival]]\ntime = "days"\nevent = "event"\ncovariates = ["age"]\n'),
    "draws-of-one-class": ({**columns(), "response": ["major", *["minor"] * (SIZE - 1)]}, BF),
}


def numbers(text: str) -> list[str]:
    return sorted(re.findall(r"[0-9]+(?:\.[0-9]+)?", text.replace(" ;", ",")))


def raised(*modules: str) -> set[str]:
    """Codes of refusals in rooms whose refusals become findings."""
    texts = [path.read_text(encoding="utf-8") for module in modules for path in SOURCES.glob(module)]
    return {code for text in texts for code in re.findall(r'InputRefused\(\s*"([A-Z-]+)"', text)}


def test_what_could_not_be_estimated_has_french_words() -> None:
    made_of = (
        "bland_altman",
        "censored",
        "combine",
        "competing",
        "cox",
        "endpoints",
        "icc",
        "kappa",
        "pairs",
        "repeatability",
        "survival",
    )
    codes = raised(*(f"cohort/{name}.py" for name in made_of), "workflow/cohort_more.py")
    assert codes == set(FRENCH)


def test_a_refusal_in_french_keeps_its_row() -> None:
    assert refused_fr(InputRefused("STUDY-DAY", "row 7, column 'a' is no day", "Write it")).startswith("ligne 7 : une cellule")
    assert refused_fr(InputRefused("NONE-SUCH", "something else", "Look")) == "something else. Look"


@pytest.mark.parametrize("code", FINDINGS)
def test_a_finding_is_made(code: str, tmp_path: Path) -> None:
    table, content = FINDINGS[code]
    found, _ = study(tmp_path, table, f"bootstraps = 60\n{content}")
    assert code in [one.code for one in found.findings]
    for one in found.findings:
        assert set(one.rows) <= set(range(2, SIZE + 2))
        assert one.text.endswith(".")
        # the French sentence is another one that ends as one, with the same numbers
        assert one.text_fr.endswith(".")
        assert one.text_fr != one.text
        assert numbers(one.text_fr.replace(",", ".")) == numbers(one.text)


def test_a_clean_study_has_none(tmp_path: Path) -> None:
    """One lesion a patient, enough of both classes, a signal, one model."""
    big = columns(60)
    kept = [k for k, name in enumerate(big["lesion"]) if name == "lesion-1"]
    table = {name: [cells[k] for k in kept] for name, cells in big.items()}
    found, _ = study(tmp_path, {**table, "model": ["aath"] * len(kept)}, f"bootstraps = 60\n{BF}")
    assert [one.code for one in found.findings if one.code != "cut-flattered"] == []


def test_impossible_values_are_left_out_of_every_number(tmp_path: Path) -> None:
    table = put("bf_ratio", lambda k: "-1" if k in (0, 4) else columns()["bf_ratio"][k])
    found, _ = study(tmp_path, table, f"bootstraps = 0\n{BF}")
    told = next(one for one in found.findings if one.code == "impossible-value")
    assert (told.severity, told.column, told.rows) == ("serious", "bf_ratio", (2, 6))
    assert found.parameters[0].found.missing == 2
    gaps = put("bf_ratio", lambda k: "" if k in (0, 4) else columns()["bf_ratio"][k])
    assert found.parameters[0].found.area == study(tmp_path, gaps, f"bootstraps = 0\n{BF}")[0].parameters[0].found.area
