"""``hepaflow pacs``: find, fetch and send studies of an archive."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing

NOT_ALL = 4

app = typer.Typer(name="pacs", no_args_is_help=True, help="Find, fetch and send studies of an archive (DIMSE or DICOMweb).")

Name = Annotated[str, typer.Argument(metavar="NAME", help="An archive of the configuration: [pacs.NAME].")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file; HEPAFLOW_PACS names it otherwise.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def find(
    name: Name,
    patient_id: Annotated[str | None, typer.Option("--patient-id", metavar="ID", help="Patient ID; * and ? are wildcards.")] = None,
    patient: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Patient name; * and ? are wildcards.")] = None,
    date: Annotated[str | None, typer.Option("--date", metavar="DATE", help="YYYYMMDD, or a range YYYYMMDD-YYYYMMDD.")] = None,
    accession: Annotated[str | None, typer.Option("--accession", metavar="NUMBER", help="Accession number.")] = None,
    modality: Annotated[str | None, typer.Option("--modality", metavar="CODE", help="A modality in the study, such as CT.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """List the studies of an archive that match. This prints names and identifiers of patients.

    Example: hepaflow pacs find archive --name "Phantom*" --modality CT
    """
    from hepaflow.dicom.network import archive
    from hepaflow.dicom.network.studies import StudyQuery
    from hepaflow.workflow import pacs_config

    rows = archive.find(pacs_config.load(config).peer(name), StudyQuery(patient_id, patient, date, accession, modality))
    if as_json:
        printing.out_json({"schema": 1, "studies": [asdict(row) for row in rows]})
    elif rows:
        head = ["study", "patient ID", "name", "date", "accession", "kinds", "images", "description"]
        printing.table(
            head,
            [
                [
                    row.study_uid,
                    row.patient_id,
                    row.patient_name,
                    row.date,
                    row.accession,
                    " ".join(row.modalities),
                    "-" if row.instances is None else str(row.instances),
                    row.description,
                ]
                for row in rows
            ],
        )
    else:
        printing.out("no study matches")
    return 0


def fetch(
    name: Name,
    study: Annotated[str, typer.Argument(metavar="STUDY", help="StudyInstanceUID, as pacs find prints it.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files; new, or of the same fetch.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Fetch a study, verified against what the archive lists. Run again, it fetches what is missing.

    Example: hepaflow pacs fetch archive 1.2.840.1 --out study
    """
    from hepaflow.workflow import pacs, pacs_config

    with printing.progress() as watch:
        done = pacs.fetch(pacs_config.load(config).peer(name), study, out, progress=watch)
    if as_json:
        printing.out_json({"schema": 1, "folder": str(out), **asdict(done)})
    else:
        printing.out(f"{done.listed} instances: {done.fetched} fetched, {done.present} were there")
    return 0


def send(
    name: Name,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of DICOM files, or a case folder: its results.")],
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Send DICOM files to an archive, those it does not hold yet, and verify that it holds them.

    Example: hepaflow pacs send archive case
    """
    from hepaflow.workflow import pacs, pacs_config

    with printing.progress() as watch:
        done = pacs.send(pacs_config.load(config).peer(name), folder, progress=watch)
    if as_json:
        printing.out_json({"schema": 1, **asdict(done)})
    else:
        said = {"commitment": "storage committed", "query": "listed by the archive", "no": "not verified"}[done.verified]
        printing.out(f"{done.sent} sent ({said}), {done.already} already there")
        for code, count in sorted(done.refused.items()):
            printing.out(f"{count} refused: {code}")
        if done.missing:
            printing.out(f"{done.missing} taken and not listed afterwards")
    return NOT_ALL if done.refused or done.missing else 0


def echo(name: Name, config: Config = None) -> int:
    """Ask whether an archive answers and lets this machine in.

    Example: hepaflow pacs echo archive
    """
    from hepaflow.dicom.network import archive
    from hepaflow.workflow import pacs_config

    archive.echo(pacs_config.load(config).peer(name))
    printing.out("the archive answers")
    return 0


VERBS = (find, fetch, send, echo)
