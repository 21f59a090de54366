"""``hepaflow fit``: kinetics of curves measured anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hepaflow.cli import printing

NOT_ESTIMATED = 4


def fit(
    curves: Annotated[
        Path, typer.Argument(metavar="CURVES.csv", help="Columns time_s, arterial, perhaps portal, and one a tissue curve.")
    ],
    model: Annotated[str, typer.Option("--model", metavar="KEY", help="Kinetic model.")] = "aath",
    density: Annotated[
        float | None, typer.Option("--density", metavar="G_ML", help="Tissue density in g/mL; 1.05 (liver) unless given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Fit a kinetic model to curves in HU, or in any unit linear in concentration; uneven times are welcome.

    Without a portal column the tissue has a single, arterial input.

    Example: hepaflow fit curves.csv --model aath --json
    """
    from hepaflow.units import DEFAULT_DENSITY_G_ML
    from hepaflow.workflow import fit_file

    found = fit_file.fit_file(curves, model=model, density_g_ml=DEFAULT_DENSITY_G_ML if density is None else density)
    if as_json:
        printing.out_json(found)
    else:
        for curve in found["curves"]:
            if not curve["parameters"]:
                printing.out(f"{curve['curve']}: not fitted; flags: " + " ".join(curve["flags"]))
                continue
            delays = ", ".join(f"{name} {printing.number(value)} s" for name, value in curve["delays_s"].items())
            printing.out(f"{curve['curve']}  ({curve['model']}; delays {delays}; R2 {printing.number(curve['r2'], digits=3)})")
            rows = [
                [key, printing.number(p["value"]), printing.number(p["sd"]), p["unit"]] for key, p in curve["parameters"].items()
            ]
            printing.table(["parameter", "value", "sd", "unit"], rows)
            if curve["flags"]:
                printing.out("flags: " + " ".join(curve["flags"]))
        if found["flags"]:
            printing.out("flags: " + " ".join(found["flags"]))
    return NOT_ESTIMATED if any(not curve["parameters"] for curve in found["curves"]) else 0
