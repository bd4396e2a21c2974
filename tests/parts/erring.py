"""A program that meets a fault in the FourEyes that is on Python's path, and records it as a daemon would.

Its arguments: STATE_DIR MODULE FUNCTION ARGUMENT TIMES
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from foureyes.config.settings import Errors
from foureyes.errors.fault import BEGAN_AT
from foureyes.errors.plain import stamp
from foureyes.errors.recorder import FaultRecorder

TESTS = Path(__file__).parents[1]


def met(copy: Path, state_dir: Path, function: str, argument: str, times: int = 3) -> None:
    """Have the package in `copy` meet the fault in `module:function`, so many times, into a state folder."""
    module, _, name = function.partition(":")
    command = [sys.executable, "-m", "parts.erring", str(state_dir), module, name, argument, str(times)]
    path = {"PYTHONPATH": os.pathsep.join([str(copy), str(TESTS)]), "PYTHONSAFEPATH": "1"}
    subprocess.run(command, env=os.environ | path, check=True, timeout=60)


def main() -> None:
    state_dir, module, name, argument, times = sys.argv[1:]
    always = {BEGAN_AT: stamp(datetime.now(UTC))}
    recorder = FaultRecorder(Path(state_dir), Errors(), dropped=lambda _where, _reason: None, always=always)
    recorder.start()
    for _ in range(int(times)):
        try:
            getattr(importlib.import_module(module), name)(argument)
        except Exception as error:  # noqa: BLE001 - whatever the seeded bug raises
            recorder.record_now(error, "task:spins", within_s=10)
    recorder.close()


if __name__ == "__main__":
    main()
