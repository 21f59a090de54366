"""``hepaflow receive``: a node that analyses what it is sent."""

from __future__ import annotations

import datetime
import json
import logging
import sys
import threading
import warnings
from pathlib import Path
from typing import Annotated, Any, cast

import typer

_WRITING = threading.Lock()


def receive(
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="TOML file; HEPAFLOW_PACS names it otherwise.")
    ] = None,
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Folder for what comes and what is made of it.")] = Path(
        "hepaflow-data"
    ),
) -> int:
    """Receive studies by DICOM, analyse each when it is complete, and send the results on. Ends on SIGTERM or Ctrl-C.

    The log on stderr is one JSON object a line; it identifies no patient.

    Example: hepaflow receive --config pacs.toml --data incoming
    """
    from hepaflow.workflow import pacs_config
    from hepaflow.workflow import receive as node

    settings = pacs_config.load(config)
    warnings.showwarning = cast(Any, _warned)
    logging.getLogger().addHandler(logging.NullHandler())  # or libraries' warnings would stand between the lines of the log
    try:
        node.receive(settings, data, log)
    except KeyboardInterrupt:
        log("stopped")
    return 0


def _warned(_: Warning | str, category: type[Warning], filename: str, *_more: object) -> None:
    """A warning as a line of the log, without its text, which may hold a value."""
    log("warning", kind=category.__name__, module=Path(filename).stem)


def log(event: str, **facts: object) -> None:
    """One line on stderr: time (UTC), event, and what is known of it."""
    line = {"time": datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"), "event": event}
    line |= {key: value for key, value in facts.items() if value is not None}  # type: ignore[misc]
    with _WRITING:
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()
