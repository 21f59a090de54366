"""Writes the reference pages that follow from the code: commands, flags, errors.

    python docs/generate.py

A test fails when a page is not what this program would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from error_codes import Raised, raised

from hepaflow.cli import app
from hepaflow.domain.quality import FLAGS, Flag

REFERENCE = Path(__file__).parent / "reference"
SOURCE = Path(__file__).parent.parent / "src" / "hepaflow"

EXIT_CODES = """
| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | an unforeseen error (`INTERNAL-ERROR`): please report its line |
| 2 | wrong usage or configuration |
| 3 | the input was refused |
| 4 | done, but a result that was asked for could not be estimated; the output says which. For `selfcheck`: a check failed |
| 5 | no space or memory, or the output cannot be written |
| 130 | interrupted; the same command goes on where it stopped |
"""


def commands_page() -> str:
    """Every command with its arguments, options and help text."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Commands",
        "Generated from the program by `docs/generate.py`. Results go to stdout, messages and progress to stderr. With `--json` stdout holds "
        "JSON and nothing else.",
    ]
    for name, command in _commands(group):
        parts.append(f"## hepaflow {name}")
        parts.append(f"```\nhepaflow {name} {_usage(command)}\n```")
        for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
            example = paragraph.removeprefix("Example: ")
            parts.append(f"Example:\n\n```\n{example}\n```" if example != paragraph else " ".join(paragraph.split()))
        rows = [f"| {_name(p)} | {_cell(p.help or '')}{_default(p)} |" for p in command.params]
        parts.append("\n".join(["| argument or option | meaning |", "| --- | --- |", *rows]))
    parts += ["## Exit codes", EXIT_CODES.strip(), "See [error codes](errors.md) for the line that a failed command prints."]
    return "\n\n".join(parts) + "\n"


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by its words; those of a group, one after another."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _usage(command: Any) -> str:
    words = [p.metavar or p.name.upper() for p in command.params if p.param_type_name == "argument"]
    for p in command.params:
        if p.param_type_name == "option":
            word = p.opts[0] if p.is_flag else f"{p.opts[0]} {_value(p)}"
            words.append(word if p.required else f"[{word}]")
    return " ".join(words)


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    return f"`{parameter.opts[0]}`" if parameter.is_flag else f"`{parameter.opts[0]} {_value(parameter)}`".replace("|", "\\|")


def _value(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    return str(parameter.metavar or parameter.name.upper())


def _default(parameter: Any) -> str:
    value = parameter.default
    if parameter.required:
        return " Required." if parameter.param_type_name == "option" else ""
    if value is None or parameter.is_flag:
        return ""
    return f" Default: `{value.value if isinstance(value, Enum) else value}`."


def flags_page() -> str:
    """The flag table: voxel bits, and the flags of regions, lesions and cases."""
    voxel = [f for f in FLAGS.values() if f.bit is not None]
    other = [f for f in FLAGS.values() if f.bit is None]
    parts = [
        "# Quality flags",
        "Generated from the flag table (`src/hepaflow/domain/quality.py`) by `docs/generate.py`.",
        "A flag travels with the result it qualifies. *Info* is worth knowing, *caution* asks for a look, *serious* questions the result. "
        "The report prints the sentence; files hold the code.",
        "## Voxels",
        "Bits of `maps/flags.nii.gz`. A voxel may carry several; a voxel whose value is NaN carries the reason.",
        "\n".join(["| bit | code | severity | meaning |", "| --- | --- | --- | --- |", *(f"| {f.bit} {_flag(f)}" for f in voxel)]),
        "## Regions, lesions, inputs and cases",
        "\n".join(["| code | severity | meaning |", "| --- | --- | --- |", *(_flag(f) for f in other)]),
    ]
    return "\n\n".join(parts) + "\n"


def _flag(flag: Flag) -> str:
    return f"| `{flag.code}` | {flag.severity} | {_cell(flag.en)} |"


def errors_page() -> str:
    """Every error code with its exit code and advice."""
    found = raised(SOURCE)
    parts = [
        "# Error codes",
        "Generated from the source by `docs/generate.py`.",
        "A command that cannot go on prints one line on stderr, `CODE: what, where. What to do.`, and ends with the exit code of the table. The line "
        "never holds a name, identifier, date or free text of the patient. Set `HEPAFLOW_DEBUG=1` to see the traceback of an `INTERNAL-ERROR`; a traceback may hold header values.",
        "`...` stands for what the program fills in: a row, a pass, a file of the case.",
        "Three more lines come from the command line itself: `INTERRUPTED` (130), `OUT-OF-MEMORY` (5) and `INTERNAL-ERROR` (1).",
        "\n".join(["| code | exit | what | what to do |", "| --- | --- | --- | --- |", *(_row(e) for e in found)]),
    ]
    return "\n\n".join(parts) + "\n"


def _row(error: Raised) -> str:
    return f"| `{error.code}` | {error.exit_code} | {_cell(error.what)} | {_cell(error.advice)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


PAGES = {"cli.md": commands_page, "flags.md": flags_page, "errors.md": errors_page}

if __name__ == "__main__":
    for page, write in PAGES.items():
        (REFERENCE / page).write_text(write(), encoding="utf-8")
