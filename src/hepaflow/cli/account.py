"""``hepaflow account``: who may come into a reading room that is reached beyond loopback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hepaflow.cli import printing
from hepaflow.cli.serve import Data, Database, data_folder, database_url
from hepaflow.errors import UsageError

if TYPE_CHECKING:
    from hepaflow.web.tables import Tables

app = typer.Typer(name="account", no_args_is_help=True, help="Accounts of a reading room that is reached beyond loopback.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account; it stands beside what its reader draws and signs.")]
BY_TERMINAL = "(terminal)"


def add(
    name: Name,
    role: Annotated[
        str, typer.Option("--role", help="viewer: looks; reader: also draws and signs; admin: also keeps accounts.")
    ] = "reader",
    data: Data = None,
    database: Database = None,
) -> int:
    """Make an account, or give one another role and password. The password is asked for, or read from stdin; it is no argument.

    Example: hepaflow account add a.martin --role reader
    """
    from hepaflow.web import accounts

    with _tables(data, database) as tables:
        accounts.add(tables, name, role=role, password=_password(), who=BY_TERMINAL)
    return 0


def remove(name: Name, data: Data = None, database: Database = None) -> int:
    """Take an account away; what it drew and signed stays.

    Example: hepaflow account remove a.martin
    """
    from hepaflow.web import accounts

    with _tables(data, database) as tables:
        accounts.remove(tables, name, who=BY_TERMINAL)
    return 0


def list_(
    data: Data = None,
    database: Database = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """List accounts and their roles.

    Example: hepaflow account list
    """
    from hepaflow.web import accounts

    with _tables(data, database) as tables:
        found = accounts.every(tables)
    if as_json:
        printing.out_json({"schema": 1, "accounts": found})
    elif found:
        printing.table(["account", "role", "set"], [[one["name"], one["role"], one["added"][:10]] for one in found])
    else:
        printing.out("no account")
    return 0


list_.__name__ = "list"
VERBS = (add, list_, remove)


@contextmanager
def _tables(data: Path | None, database: str | None) -> Iterator[Tables]:
    from hepaflow.web.places import DataFolder
    from hepaflow.web.tables import Tables

    folder = DataFolder(data_folder(data))
    try:
        tables = Tables(folder.folder, database_url(database))
        try:
            yield tables
        finally:
            tables.close()
    finally:
        folder.release()


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    import getpass

    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise UsageError("ACCOUNT-PASSWORD", "the two passwords differ", "Type the same twice")
    return first
