"""Score the reader on the development half: `PYTHONPATH=tests python -m parts.labelled --help`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from parts.labelled import in_process, labelled, more, score


def main() -> None:
    """Read screens in process and print what failed."""
    ask = argparse.ArgumentParser(description="Score the reader on labelled screens of the development half.")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--count", type=int, default=48, help="screens; 8 are one of each layout")
    ask.add_argument("--group", default="16-120 px", help='"16-120 px", "12-15 px", "200 px" or "under 12 px"')
    ask.add_argument("--keep", type=Path, help="folder for the pictures that failed")
    ask.add_argument("--further", action="store_true", help="layouts and typefaces that are in neither half")
    asked = ask.parse_args()
    drawn = more if asked.further else labelled
    result = score(drawn(asked.seed, group=asked.group, count=asked.count), in_process(), asked.keep)
    for failure in result.failures:
        sys.stdout.write(
            f"{failure.verdict:13}{failure.picture:40} {failure.field:18}{failure.shown!r:24} {failure.truth!r}"
            f" but {failure.got!r} {failure.text!r}\n"
        )
    sys.stdout.write(f"{result}; {time.process_time():.0f} s of CPU\n")


if __name__ == "__main__":
    main()
