"""The printed figures of a paper beside what its own data give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hepaflow.cohort.nancy2019.check import Check, Verdict
from hepaflow.report.content import Cell, Notice, Paragraph, Row, Section, Table, Tone

_TONES: dict[Verdict, Tone] = {
    "reproduced": "pass",
    "attainable": "pass",
    "rounding": "warn",
    "questioned": "warn",
    "contradicted": "fail",
    "not checkable": "unknown",
}
_MEANS = (
    ("reproduced: ", "the same figure comes out of the printed data."),
    ("attainable: ", "some data agree with it; the raw data are not public."),
    ("rounding: ", "right, but cut or rounded another way than half up."),
    ("questioned: ", "a choice of method that the printed figures rest on."),
    ("contradicted: ", "nothing else that is printed allows it."),
    ("not checkable: ", "not printed, or it needs data that are not public."),
)


def table(checks: Sequence[Check]) -> Table:
    """Every check, in the order in which the paper prints them."""
    rows = [
        Row(
            (
                Cell(one.where),
                Cell(one.what),
                Cell(one.printed),
                Cell(one.recomputed),
                Cell(one.verdict, _TONES[one.verdict]),
                Cell(one.why),
            )
        )
        for one in checks
    ]
    head = ("where", "figure", "printed", "recomputed", "verdict", "why")
    return Table(
        "Printed figures against what the printed data give.",
        head,
        tuple(rows),
        "llccll",
        (1.0, 1.8, 1.2, 1.6, 0.9, 3.2),
        small=True,
    )


def section(checks: Sequence[Check]) -> Section:
    """The reproduction as the first section of a report."""
    counts = Counter(one.verdict for one in checks)
    said = ", ".join(f"{counts[name]} {name}" for name in _TONES if counts[name])
    wrong = tuple(f"{one.where}, {one.what}: {one.why}" for one in checks if one.verdict == "contradicted")
    return Section(
        "reproduction",
        "The thesis, recomputed",
        (
            Paragraph(
                f"Of {len(checks)} figures {said}. Everything is computed from what the thesis prints: Tables 1 to 7 and the text of its results. No datum was adjusted to meet a figure. "
                "Its raw data are not public; a synthetic cohort of its shape, marked so everywhere, stands in the folder synthetic and exercises the methods.",
            ),
            Paragraph(" ".join(f"{lead}{text}" for lead, text in _MEANS), style="note"),
            Notice("serious", "What the thesis contradicts", wrong),
            table(checks),
        ),
    )
