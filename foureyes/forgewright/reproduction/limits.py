"""What one run of a reproduction may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one process."""

    timeout_s: float = 30.0
    memory_mb: int = 4000
