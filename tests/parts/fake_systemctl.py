"""A program that stands for systemctl: it notes each call, and answers as the files beside it say.

In its folder: `calls.jsonl` is what it was asked; `state` is what `is-system-running` prints (running by default);
`fail` holds the verb that fails; `show` is what `show` prints. It changes nothing.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path


class FakeSystemctl:
    """The program in a folder of its own, and what a test tells it and asks of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.program = folder / "systemctl"
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{folder}" "$@"\n')
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def path(self) -> str:
        """A PATH on which it comes first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def answer(self, **files: str) -> None:
        """Tell it how to answer: state, fail, show."""
        for name, text in files.items():
            (self.folder / name).write_text(text)

    def calls(self) -> list[list[str]]:
        """The argument lists that it was called with, questions after the state left out."""
        file = self.folder / "calls.jsonl"
        every = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [call for call in every if "is-system-running" not in call]

    def forget(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)


def _text(folder: Path, name: str, default: str) -> str:
    file = folder / name
    return file.read_text() if file.exists() else default


def main(folder: Path, *words: str) -> int:
    """Answer one call."""
    with (folder / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    verb = next(word for word in words if not word.startswith("-"))
    if verb == _text(folder, "fail", ""):
        print(f"Job for foureyes.service failed ({verb}).\nSee the journal.", file=sys.stderr)  # noqa: T201
        return 1
    if verb == "is-system-running":
        state = _text(folder, "state", "running")
        print(state)  # noqa: T201
        return int(state != "running")
    if verb == "show":
        print(_text(folder, "show", "LoadState=not-found\nActiveState=inactive\nSubState=dead"))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
