"""A program that records fault after fault from four threads, and prints each id once it is on disk."""

from __future__ import annotations

import os
import sys
import threading
from itertools import count
from pathlib import Path

from foureyes.config.settings import Errors
from foureyes.errors.recorder import FaultRecorder


def _storm(recorder: FaultRecorder, name: str) -> None:
    for number in count():
        done = threading.Event()
        event_id = recorder.record(RuntimeError(f"{name} {_word(number)} failed"), "storm", done=done)
        if done.wait(10):
            os.write(sys.stdout.fileno(), f"{event_id}\n".encode())  # one call: whole lines from all threads


def _word(number: int) -> str:
    """A number in letters: what is told apart by digits alone is one group."""
    return "".join(chr(ord("g") + int(digit)) for digit in str(number))


def main() -> None:
    recorder = FaultRecorder(Path(sys.argv[1]), Errors(), dropped=lambda _where, _reason: None)
    recorder.start()
    for name in ("north", "east", "south", "west"):
        threading.Thread(target=_storm, args=(recorder, name), name=name).start()


if __name__ == "__main__":
    main()
