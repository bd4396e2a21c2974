"""The memory that a process keeps: glibc's allocator told to give big blocks back at once."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h
_ARENAS = 2


def keep_small(big_bytes: int) -> None:
    """Have blocks from this size on returned to the system when freed; call it before threads are started.

    Left alone, glibc raises its threshold to the size of the first picture that is freed, and keeps an arena for
    each thread. What is returned comes back page by page, each at the price of a fault: blocks that are wanted
    again at once are better kept.
    """
    mallopt = _glibc("mallopt")
    if mallopt is None:
        return
    for parameter, value in (
        (_M_ARENA_MAX, _ARENAS),
        (_M_MMAP_THRESHOLD, big_bytes),
        (_M_TRIM_THRESHOLD, 2 * big_bytes),
    ):
        mallopt(parameter, value)


def give_back() -> None:
    """Collect what nobody holds any more, and return free memory to the system. Slow: call it in a thread."""
    gc.collect()
    if (trim := _glibc("malloc_trim")) is not None:
        trim(0)


def _glibc(name: str) -> Any:
    """One function of glibc; None on another system or with another C library."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
