"""Start one of the fakes from anywhere: `python tests/parts/fakes KIND ...`, KIND being a module's name."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    # run as a folder, Python looks for modules in it; they are found as `parts.fakes` instead, as in the tests
    sys.path[0] = str(Path(__file__).parents[2])
    importlib.import_module(f"parts.fakes.{sys.argv.pop(1)}").main()
