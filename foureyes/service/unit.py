"""The text of a systemd unit: the shipped one with this installation's own command."""

from __future__ import annotations

import os
import string
from collections.abc import Sequence
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_FOLDERS = (_PACKAGE / "units", _PACKAGE.parent.parent / "systemd")
"""In an installed package, and in a checkout."""

MARK = "# Written by `foureyes service install`; changes belong into a drop-in: systemctl edit foureyes.service"
_START = "ExecStart="
_PLAIN = frozenset(string.ascii_letters + string.digits + "@%+=:,./_-")


def shipped_unit(name: str) -> str:
    """The unit as it is committed, in which `foureyes` is looked for on systemd's PATH."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
    return (folder / name).read_text(encoding="utf-8")


def unit_for(shipped: str, command: Sequence[str]) -> str:
    """The shipped unit that starts `command`."""
    lines = [_START + command_line(command) if line.startswith(_START) else line for line in shipped.splitlines()]
    return "\n".join([MARK, *lines, ""])


def command_line(command: Sequence[str]) -> str:
    """An argument list as systemd reads it back word for word, whatever is in it (systemd.service(5))."""
    program, *arguments = command
    return " ".join([_quoted(program), *(_quoted(argument).replace("$", "$$") for argument in arguments)])


def _quoted(word: str) -> str:
    if word and _PLAIN.issuperset(word):
        return word.replace("%", "%%")
    return '"' + "".join(map(_escaped, word)) + '"'


def _escaped(character: str) -> str:
    if character in {"\\", '"'}:
        return f"\\{character}"
    if character == "%":
        return "%%"
    return character if character.isprintable() else "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
