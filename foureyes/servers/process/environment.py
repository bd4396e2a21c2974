"""The environment of the programs that we start."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Ours without what is set for FourEyes alone: its secrets are nobody else's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FOUREYES_")}
