"""``hepaflow inspect``: what is in a study, without computing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hepaflow.cli import printing

if TYPE_CHECKING:
    from hepaflow.domain.history import Rule


def inspect(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A folder, a .zip, or a 4D NIfTI beside NAME.json.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Say what a study holds: series, geometry, time axis, and every rule of the protocol check.

    Example: hepaflow inspect STUDY --json
    """
    from hepaflow.dicom.survey import survey
    from hepaflow.workflow.protocol_check import check_study

    with printing.progress() as progress:
        found = survey(study, progress=progress)
    rules: Sequence[Rule] = () if found.dynamic is None else check_study(found.dynamic)
    facts = found.to_json()
    facts["protocol"] = [
        {"key": r.key, "verdict": r.verdict, "measured": r.measured, "expected": r.expected, "why": r.why_en} for r in rules
    ]
    if as_json:
        printing.out_json(facts)
    else:
        _print(facts)
    if found.refusal is not None:
        raise found.refusal
    return 0


def _print(facts: dict[str, Any]) -> None:
    from hepaflow.domain.quality import known

    if facts["series"]:
        rows = [
            [
                str(s["number"]),
                "-" if s["series_number"] is None else str(s["series_number"]),
                s["what"],
                str(s["files"]),
                str(s["positions"]) if s["positions"] else "-",
                s["role"],
                s["why"],
            ]
            for s in facts["series"]
        ]
        _table("Series", ["", "number", "kind", "files", "slices", "used as", "why left aside"], rows)
    for line in facts["missing"]:
        printing.out(f"missing: {line}")
    if facts["geometry"] is None:
        return
    _table("Study", ["", ""], _study_rows(facts))
    rules = facts["protocol"]
    _table(
        "Protocol",
        ["rule", "verdict", "measured", "expected"],
        [[r["key"], r["verdict"], r["measured"], r["expected"]] for r in rules],
    )
    for rule in rules:
        if rule["verdict"] != "pass":
            printing.out(f"{rule['verdict']} {rule['key']}: {rule['why']}")
    for code in facts["flags"]:
        flag = known(code)
        printing.out(f"{flag.severity}: {flag.en} ({code})")


def _study_rows(facts: dict[str, Any]) -> list[list[str]]:
    shape, spacing, coverage = (facts["geometry"][key] for key in ("shape", "spacing_mm", "coverage_mm"))
    times, got = facts["times_s"], facts["acquisition"]
    told = f", passes told apart by {facts['passes_told_by']}" if facts["passes_told_by"] else ""
    rows = [
        ["matrix", f"{shape[2]} x {shape[1]}, {shape[0]} slices"],
        ["voxel", " x ".join(f"{v:.4g}" for v in reversed(spacing)) + " mm"],
        ["coverage", " x ".join(f"{v:.4g}" for v in reversed(coverage)) + " mm"],
        ["axes", f"slices, rows, columns rise towards {', '.join(facts['geometry']['orientation'])}"],
        ["passes", f"{len(times)} in {times[-1]:.4g} s"],
        ["times", " ".join(f"{t:.4g}" for t in times) + " s"],
        ["from", f"{facts['time_source']}{told}" + ("; slices have times of their own" if facts["slice_times"] else "")],
    ]
    rows += [["gap", f"{g['length_s']:.4g} s after {g['from_s']:.4g} s"] for g in facts["gaps"][:3]]
    scanner = " ".join(v for v in (got["manufacturer"], got["model_name"]) if v)
    contrast = [
        f"{got[key]:.4g} {unit}"
        for key, unit in (("contrast_volume_ml", "mL"), ("contrast_flow_ml_s", "mL/s"))
        if got[key] is not None
    ]
    injected = got["injection_to_first_s"]
    for name, text in (
        ("scanner", scanner),
        ("tube", _several(got["kvp"], "kV")),
        ("kernel", _several(got["kernel"], "")),
        ("contrast", ", ".join(contrast)),
        ("injection", "" if injected is None else f"{injected:.4g} s before the first pass"),
    ):
        if text:
            rows.append([name, text])
    return rows


def _several(values: Sequence[Any], unit: str) -> str:
    shown = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in dict.fromkeys(values) if v is not None]
    return f"{', '.join(shown)} {unit}".strip() if shown else ""


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=any(head), pad_edge=False)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)
