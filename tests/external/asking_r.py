"""Asking R for numbers."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pytest


def ask_r(script: str, *, package: str | None = None) -> list[float]:
    """Numbers that a script of R returns as one vector; skips where R or the ``package`` is missing."""
    if shutil.which("Rscript") is None:
        pytest.skip("no Rscript on this machine")
    if package is not None:
        there = f"quit(status = !requireNamespace('{package}', quietly = TRUE))"
        if subprocess.run(["Rscript", "--vanilla", "-e", there], capture_output=True, check=False).returncode:
            pytest.skip(f"the R package {package} is not installed")
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", f"cat(sprintf('%.17g', {{{script}}}))"], capture_output=True, text=True, check=True
    )
    return [float(number) for number in done.stdout.split()]


def row(values: np.ndarray) -> str:
    """An array as a vector of R."""
    return f"c({','.join(json.dumps(value) for value in values.tolist())})"
