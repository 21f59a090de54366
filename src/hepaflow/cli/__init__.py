"""The command line: one file a verb. Results go to stdout; messages and progress to stderr."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

import typer

from hepaflow import __version__
from hepaflow.cli import account, pacs
from hepaflow.cli.analyze import analyze
from hepaflow.cli.board import board
from hepaflow.cli.deidentify import deidentify
from hepaflow.cli.demo import demo
from hepaflow.cli.fit import fit
from hepaflow.cli.inspect import inspect
from hepaflow.cli.link import link
from hepaflow.cli.margin import margin
from hepaflow.cli.phantom import phantom
from hepaflow.cli.receive import receive
from hepaflow.cli.respond import respond
from hepaflow.cli.selfcheck import selfcheck
from hepaflow.cli.serve import serve
from hepaflow.cli.study import study
from hepaflow.errors import HepaflowError, place_of
from hepaflow.workflow.threads import cap_threads

INTERNAL = 1
UNWRITABLE = 5
INTERRUPTED = 130

Verb = Callable[..., int]

app = typer.Typer(
    name="hepaflow",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"hepaflow {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and end."),
) -> None:
    """Dynamic contrast CT of the liver to blood-flow maps, lesion response and a report. Research use only; not a medical device."""


def _ending(verb: Verb) -> Callable[..., None]:
    """The verb, its result turned into an exit code, its failure into one line on stderr without a value of the patient."""

    @functools.wraps(verb)
    def run(*args: object, **options: object) -> None:
        raise typer.Exit(_run(lambda: verb(*args, **options)))

    return run


for _verb in (demo, phantom, inspect, deidentify, analyze, fit, respond, link, board, margin, study, selfcheck, receive, serve):
    app.command()(_ending(_verb))
for _group in (pacs, account):
    for _of_group in _group.VERBS:
        _group.app.command()(_ending(_of_group))
    app.add_typer(_group.app)


def main() -> None:
    """The command ``hepaflow``: runs one verb and ends with an exit code of the contract."""
    cap_threads()
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="hepaflow")


def _run(verb: Callable[[], int]) -> int:
    try:
        code = verb()
        sys.stdout.flush()
    except HepaflowError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # whoever read our results has gone; nothing more can be told to them
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNWRITABLE
    except KeyboardInterrupt:
        return _fail("INTERRUPTED: stopped on request. Run the same command again to go on; finished steps are kept.", INTERRUPTED)
    except MemoryError:
        return _fail("OUT-OF-MEMORY: the work does not fit in memory. Close other programs or use a larger machine.", UNWRITABLE)
    except Exception as error:
        if os.environ.get("HEPAFLOW_DEBUG"):
            raise
        # the message of an unforeseen error may hold a header's value: only its kind and place are printed
        return _fail(f"INTERNAL-ERROR: {type(error).__name__} in {place_of(error)}. Please report this line.", INTERNAL)
    return code


def _fail(line: str, code: int) -> int:
    sys.stderr.write(" ".join(line.split()) + "\n")
    return code


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
