"""``hepaflow board``: the tumor-board sheet of a patient."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing


class Language(StrEnum):
    """Language of the sheet."""

    EN = "en"
    FR = "fr"


def board(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="The patient's record, TOML or JSON.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for board.html, board.pdf and board.json.")],
    language: Annotated[Language, typer.Option("--language", help="Language of the sheet.")] = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="Print the sheet as one JSON object and nothing else.")] = False,
) -> int:
    """Put everything that is known of a patient on one page: lesions with images, sizes, every criterion, perfusion with its probability, specimen,
    stage and therapies, and where they disagree.

    The record names a pseudonym, the table of visits (as respond reads it, with the column case for analysed cases), and what else there
    is: primary, chemotherapy, background, nodules, therapies, board, checklist, ablation, remnant. Nothing is decided.

    Example: hepaflow board patient.toml --out sheet --language fr
    """
    from hepaflow.report import sheet
    from hepaflow.store import atomic
    from hepaflow.workflow import board as work

    found = work.gather(record)
    with atomic.reporting("the folder for the sheet"):
        out.mkdir(parents=True, exist_ok=True)
    paths = sheet.write(found, out, language=language.value)
    atomic.write_bytes(out / "board.json", work.as_text(found).encode())
    if as_json:
        printing.out_json(work.plain(found))
        return 0
    for one in found.disagreements:
        printing.out(f"{one.what.fr} → {one.why.fr}." if language is Language.FR else f"{one.what.en} → {one.why.en}.")
    for path in paths:
        printing.out(str(path))
    return 0
