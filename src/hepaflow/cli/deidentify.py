"""``hepaflow deidentify``: a study without its patient."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing

SOME_REFUSED = 4


def deidentify(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="Folder of DICOM files (of one patient or many), or a .zip of one.")
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the de-identified files.")],
    key: Annotated[
        Path,
        typer.Option("--key", metavar="KEYFILE", help="Secret that pseudonyms come from; made where there is none. Keep it apart."),
    ],
    keep_burned_in: Annotated[
        bool, typer.Option("--keep-burned-in", help="Also pass on pictures that may show text. Look at every one of them yourself.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Take the patient out of DICOM files: DICOM PS3.15 basic profile, intervals between dates kept, one pseudonym a patient.

    The same files and key give the same bytes, so a later study of the patient gets the same pseudonym and the same shift of dates. Run
    again after an interruption, it goes on. Exit code 4 when a file was refused.

    Example: hepaflow deidentify study/dicom shared --key keys/project.json
    """
    from hepaflow.workflow import deidentify as work

    with printing.progress() as watch:
        done = work.run(study, out, key, keep_burned_in=keep_burned_in, progress=watch)
    if as_json:
        printing.out_json(done.as_object())
    else:
        printing.out(
            f"{done.written} written, {done.unchanged} there already, {done.copies} copies, {done.not_dicom} not DICOM, of {done.files} files"
        )
        printing.out(f"patients: {len(done.patients)}")
        for why, count in sorted(done.left_out.items()):
            printing.out(f"left out: {count} {why}")
        if done.emptied:
            printing.out(
                f"values emptied (dates that are none, text and codes that no list knows, the patient's numbers): {done.emptied}"
            )
    for code, count in sorted(done.refused.items()):
        printing.note(f"refused: {count} {code}")
    return SOME_REFUSED if done.refused else 0
