"""A llama-server that misbehaves as a process: its other flags and its HTTP are those of `llama_server.py`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from parts.fakes import http_fake, llama_server
from parts.fakes.behaviour import Behaviours
from parts.fakes.crash import crash
from parts.fakes.journal import Journal

_MEGABYTE = 1024 * 1024


def parser() -> argparse.ArgumentParser:
    flags = llama_server.parser()
    flags.add_argument("--say", default="", help="on stderr, first of all")
    flags.add_argument("--ignore-term", action="store_true")
    flags.add_argument("--fork", action="store_true", help="its own child ignores SIGTERM and holds the pipes")
    flags.add_argument("--exit-at-once", type=int, metavar="CODE")
    flags.add_argument("--print-gigabyte", dest="print_mb", action="store_const", const=1024, default=0)
    flags.add_argument("--print-mb", type=int, help="so much on stdout before it serves")
    flags.add_argument("--one-line", action="store_true", help="what it prints has no line ends")
    flags.add_argument("--bind-other-port", action="store_true")
    flags.add_argument("--crash-after-s", type=float)
    flags.add_argument("--crash-on-chat", action="store_true")
    return flags


def fork(folder: Path) -> None:
    """Leave a process behind; its pid is in the folder's `grandchild.pid`."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(3600)
    (folder / "grandchild.pid").write_text(str(pid))


def print_much(megabytes: int, end: str) -> None:
    """Fill whatever reads its output."""
    block = ("x" * 1023 + end) * (_MEGABYTE // 1024)
    for _ in range(megabytes):
        sys.stdout.write(block)
    sys.stdout.flush()


def misbehave(options: argparse.Namespace) -> None:
    """What it does before it serves."""
    print(options.say, file=sys.stderr, end="\n" if options.say else "", flush=True)  # noqa: T201 - it is told to
    if options.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.fork:
        fork(options.folder)
    print_much(options.print_mb, "x" if options.one_line else "\n")
    if options.exit_at_once is not None:
        sys.exit(options.exit_at_once)


def crash_later(seconds: float) -> None:
    timer = threading.Timer(seconds, crash)
    timer.daemon = True
    timer.start()


def main() -> None:
    options, behaviours = parser().parse_args(), Behaviours()
    journal = Journal(options.folder)
    misbehave(options)
    if options.bind_other_port:
        options.port = 0
    if options.crash_on_chat:
        options.control.append({"model": "*", "fail": "crash"})
    kind = llama_server.made(options, behaviours, journal)
    program = http_fake.opened(kind, behaviours, journal, options)
    if options.crash_after_s is not None:
        crash_later(options.crash_after_s)
    http_fake.serve(program)


if __name__ == "__main__":
    main()
