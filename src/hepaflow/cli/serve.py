"""``hepaflow serve``: the reading room."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli.analyze import Language
from hepaflow.cli.printing import out

#: Names the data folder where --data does not.
VARIABLE = "HEPAFLOW_DATA"
#: Names the database where --database does not: an address with a password does not belong into arguments.
DATABASE = "HEPAFLOW_DATABASE"

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of studies and database; HEPAFLOW_DATA otherwise, else ~/hepaflow."),
]
Database = Annotated[
    str | None,
    typer.Option(
        "--database", metavar="URL", help="PostgreSQL, as postgresql+psycopg://USER@HOST/NAME; HEPAFLOW_DATABASE otherwise."
    ),
]


def serve(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY", help="Folder, .zip or 4D NIfTI to bring in, unless it is there, and to open."),
    ] = None,
    data: Data = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 8717,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="ADDRESS", help="Address to listen on; beyond loopback it needs accounts and a certificate."
        ),
    ] = "127.0.0.1",
    name: Annotated[
        list[str] | None, typer.Option("--name", metavar="HOST", help="Host name under which browsers reach it; can be repeated.")
    ] = None,
    database: Database = None,
    reader: Annotated[str | None, typer.Option("--reader", metavar="NAME", help="Your name beside what you draw and sign.")] = None,
    language: Annotated[Language, typer.Option("--language", help="Language of the page at first.")] = Language.EN,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
    certificate: Annotated[Path | None, typer.Option("--certificate", metavar="FILE", help="TLS certificate chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Its private key, PEM.")] = None,
    archives: Annotated[
        Path | None, typer.Option("--archives", metavar="FILE", help="TOML file with [pacs.NAME]; HEPAFLOW_PACS otherwise.")
    ] = None,
    analyses: Annotated[int, typer.Option("--analyses", min=1, max=16, help="Analyses at once.")] = 1,
    import_from: Annotated[
        list[Path] | None,
        typer.Option(
            "--import-from", metavar="DIR", help="Folder of this machine that accounts may bring studies in from; can be repeated."
        ),
    ] = None,
) -> int:
    """Open the reading room: a local server and its page in the browser. Ends on Ctrl-C.

    The first line on stdout is the address to open; it works once. With STUDY, that study opens.

    Example: hepaflow serve STUDY
    """
    from hepaflow.web.reader_name import reader_name
    from hepaflow.web.server import Settings, serve
    from hepaflow.workflow import pacs_config

    listed = archives if archives is not None else _path(os.environ.get(pacs_config.VARIABLE))
    if listed is not None:
        pacs_config.load(listed)  # refused now rather than in the page
    settings = Settings(
        data=data_folder(data),
        host=host,
        port=port,
        names=tuple(name or ()),
        database=database_url(database),
        reader=reader_name(reader) if reader else _user(),
        language=language.value,
        certificate=certificate,
        key=key,
        archives=None if listed is None else listed.absolute(),
        analyses=analyses,
        study=study,
        folders=tuple(import_from or ()),
    )

    def ready(address: str) -> None:
        out(address)
        sys.stdout.flush()
        if browser:
            # a browser may take seconds to start, and the server must answer it by then
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with contextlib.suppress(KeyboardInterrupt):  # how a server ends
        serve(settings, ready=ready)
    return 0


def data_folder(given: Path | None) -> Path:
    """Where studies and database lie."""
    return given or _path(os.environ.get(VARIABLE)) or Path.home() / "hepaflow"


def database_url(given: str | None) -> str | None:
    """The database, where it is not the file in the data folder."""
    return given or os.environ.get(DATABASE) or None


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in some containers
        return "reader"
