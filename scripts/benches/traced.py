"""The command `foureyes` as it is, with a hand on its memory: python -P traced.py FILE run ...

At SIGUSR1 it writes to FILE how many bytes Python's own allocations hold, garbage left aside: only the process
itself knows.
"""

from __future__ import annotations

import gc
import runpy
import signal
import sys
import tracemalloc
from pathlib import Path


def main() -> None:
    """Trace from the first import on."""
    file = Path(sys.argv.pop(1))
    unfinished = file.with_suffix(".unfinished")

    def write(_number: int, _frame: object) -> None:
        gc.collect()
        unfinished.write_text(str(tracemalloc.get_traced_memory()[0]))
        unfinished.replace(file)

    tracemalloc.start(1)
    signal.signal(signal.SIGUSR1, write)
    runpy.run_module("foureyes", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
