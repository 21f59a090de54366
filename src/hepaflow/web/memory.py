"""What the server's memory does with arrays that are no longer needed."""

from __future__ import annotations

import ctypes
import sys

#: A freed block of this size or more is the system's again at once: masks of the whole grid, volumes and passes, not what requests are made of.
LARGE_BYTES = 2**23
_M_MMAP_THRESHOLD = -3


def give_back_large() -> None:
    """Has the C library take every large array from the system by itself, and give it back when it is freed.

    glibc does so only until the first is freed: from then on it keeps blocks of that size (up to 32 MB) in heaps of each thread, where
    those freed stay, and a server of many threads grows by what each of them ever held. Told the size once, it leaves it as it is.
    Other C libraries have no such heaps, and no such setting: nothing is done.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
