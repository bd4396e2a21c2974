"""A program that gets a case as a coding agent would, notes how it was called, and misbehaves as it is told."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

LINE = "x" * 1023 + "\n"


def mender(journal: Path, *flags: str) -> list[str]:
    """The argument list of the mender, as a configuration would have it."""
    return [sys.executable, str(Path(__file__)), "--journal", str(journal), *flags]


def lives(pid: int) -> bool:
    """Whether a process that the mender noted is still there."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--patch", action="store_true", help="leave a fix.patch beside the case")
    parser.add_argument("--leave", type=Path, help="leave this as fix.patch beside the case")
    parser.add_argument("--exit", type=int, default=0)
    parser.add_argument("--chatter-kb", type=int, default=0)
    parser.add_argument("--linger", action="store_true", help="leave a child behind that holds the output open")
    parser.add_argument("--hang", action="store_true")
    parser.add_argument("case", type=Path)
    options = parser.parse_args()
    children = []
    if options.linger or options.hang:
        children = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"]).pid]
    note = {
        "case": str(options.case),
        "task": json.loads(options.case.read_text("utf-8")),
        "cwd": str(Path.cwd()),
        "variables": sorted(os.environ),
        "pids": [os.getpid(), *children],
    }
    with options.journal.open("a", encoding="utf-8") as journal:
        journal.write(json.dumps(note) + "\n")
    sys.stdout.write(LINE * options.chatter_kb + "api_key=sk-0123456789abcdef last words\n")
    sys.stdout.flush()
    if options.patch:
        options.case.with_name("fix.patch").write_text("--- a\n+++ b\n", "utf-8")
    if options.leave:
        shutil.copyfile(options.leave, options.case.with_name("fix.patch"))
    if options.hang:
        time.sleep(120)
    sys.exit(options.exit)


if __name__ == "__main__":
    main()
