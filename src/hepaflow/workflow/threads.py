"""How many threads numerical libraries take: said in the environment, before any of them is loaded."""

from __future__ import annotations

import os


def cap_threads() -> None:
    """As many threads as this process may use; linear algebra on one (its matrices are small, and threads would spin).

    What the environment says already stays. The command line, the reading room and its jobs call it alike: numbers must not depend on who asked.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for name in ("NUMBA_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, str(cores))
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
