"""The token of one daemon: made at the first start, kept in the state folder for its owner alone."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from foureyes.exceptions import UsageError
from foureyes.whole_file import write_whole

_FILE = "web-token"
_SHAPE = re.compile(r"[\w.~+/=-]{20,500}", re.ASCII)
_BYTES = 32


def token_file(folder: Path) -> Path:
    """Where the token of a state folder lies."""
    return folder / _FILE


def kept_token(folder: Path) -> tuple[str, bool]:
    """The token of a state folder, and whether it was made just now. Raises UsageError where it is damaged.

    A file that others may read is closed to them.
    """
    file = token_file(folder)
    if file.exists():
        file.chmod(0o600)
        return read_token(folder), False
    token = secrets.token_urlsafe(_BYTES)
    write_whole(file, f"{token}\n".encode(), mode=0o600)
    return token, True


def read_token(folder: Path) -> str:
    """The token of a state folder. Raises UsageError where it cannot be read, or is none."""
    file = token_file(folder)
    try:
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the token in {file} cannot be read ({error}); a daemon makes it at its start"
        ) from error
    if _SHAPE.fullmatch(token) is None:
        raise UsageError(f"{file} holds no token of 20 or more characters; delete it: the next start makes one")
    return token
