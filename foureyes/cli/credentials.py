"""Whose command it is, and how it proves to a running daemon that it may change something."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from foureyes.exceptions import UsageError
from foureyes.web.caller import COMMAND_HEADER
from foureyes.web.token import read_token


def user() -> str:
    """Who runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may have no names for its users
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


def who() -> str:
    """The same as in the audit file."""
    return f"command {user()}"


def headers(state_dir: Path) -> dict[str, str]:
    """The headers of a request to the daemon of a state folder; without a token it may look."""
    try:
        return {"Authorization": f"Bearer {read_token(state_dir)}", COMMAND_HEADER: _plain(user())}
    except UsageError:
        return {}


def _plain(text: str) -> str:
    """What a header can hold."""
    return text.encode("ascii", "ignore").decode() or "somebody"
