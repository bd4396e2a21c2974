"""What the audit file of a state folder says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def audited(state_dir: Path) -> list[dict[str, Any]]:
    """Its lines, the oldest first."""
    file = state_dir / "audit.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def changes(state_dir: Path) -> list[str]:
    """What was changed, by whom."""
    return [f"{line['who'].split()[0]}: {line['what']}" for line in audited(state_dir)]
