"""``hepaflow fit``: kinetics of curves measured anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from hepaflow.cli import printing

NOT_ESTIMATED = 4


def fit(
    curves: Annotated[
        Path, typer.Argument(metavar="CURVES.csv", help="Columns time_s, arterial, perhaps portal, and one a tissue curve.")
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="KEY|all", help="Kinetic model, or all of them compared on every curve.")
    ] = "aath",
    density: Annotated[
        float | None, typer.Option("--density", metavar="G_ML", help="Tissue density in g/mL; 1.05 (liver) unless given.")
    ] = None,
    haematocrit: Annotated[
        float | None,
        typer.Option("--haematocrit", metavar="X", help="Inputs are divided by 1 - X, flows are then of plasma; off unless given."),
    ] = None,
    plots: Annotated[
        Path | None, typer.Option("--plots", metavar="DIR", help="Write figures of every fit (SVG and PNG) into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> int:
    """Fit a kinetic model to curves in HU, or in any unit linear in concentration; uneven times are welcome.

    Without a portal column the tissue has a single, arterial input. With --model all every model that the input allows is fitted and
    ranked by AIC, and a sentence a curve says whether they agree.

    Example: hepaflow fit curves.csv --model all --plots figures
    """
    from hepaflow.units import DEFAULT_DENSITY_G_ML
    from hepaflow.workflow import fit_file

    if plots is not None:
        from hepaflow.workflow import fit_plots

        fit_plots.check_folder(plots)
    with printing.progress() as watch:
        done = fit_file.fit_file(
            curves,
            model=model,
            density_g_ml=DEFAULT_DENSITY_G_ML if density is None else density,
            haematocrit=haematocrit,
            progress=watch,
        )
        if plots is not None:
            fit_plots.write_plots(done, plots, progress=watch)
    found = fit_file.as_object(done)
    if as_json:
        printing.out_json(found)
    else:
        show(found)
        if plots is not None:
            printing.out(f"figures: {plots}")
    return NOT_ESTIMATED if done.unestimated else 0


def show(found: dict[str, Any]) -> None:
    """The result as tables; the ranking and its sentence first where models were compared."""
    for comparison in found.get("comparison", ()):
        printing.out(f"{comparison['curve']}")
        rows = [
            [r["model"], printing.number(r["aic"], digits=1), printing.number(r["aic_weight"]), printing.number(r["aicc_weight"])]
            for r in comparison["ranking"]
        ]
        if rows:
            printing.table(["model", "AIC", "weight", "AICc weight"], rows)
        printing.out(comparison["sentence"])
        printing.out()
    for curve in found["curves"]:
        if not curve["parameters"]:
            reason = f" ({curve['unranked']})" if curve.get("unranked") else ""
            printing.out(f"{curve['curve']}: {curve['model']} not fitted{reason}; flags: " + " ".join(curve["flags"]))
            continue
        delays = ", ".join(f"{name} {printing.number(value)} s" for name, value in curve["delays_s"].items())
        delays = f"delays {delays}; " if delays else ""
        printing.out(f"{curve['curve']}  ({curve['model']}; {delays}R2 {printing.number(curve['r2'], digits=3)})")
        rows = [[key, printing.number(p["value"]), printing.number(p["sd"]), p["unit"]] for key, p in curve["parameters"].items()]
        printing.table(["parameter", "value", "sd", "unit"], rows)
        if curve["flags"]:
            printing.out("flags: " + " ".join(curve["flags"]))
    if found["flags"]:
        printing.out()
        printing.out("inputs: " + " ".join(found["flags"]))
