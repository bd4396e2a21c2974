"""Whether the demo's reels move: a task that the real engine answers without weights, so that it is there soon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_REELS = {
    "enum": ["spinning", "stopped", None],
    "x-motion": {"moving": "spinning", "still": "stopped"},
    "x-motion-region": [0.2, 0.3, 0.6, 0.45],
}
_SCHEMA = {"type": "object", "properties": {"reels": _REELS}, "required": ["reels"], "additionalProperties": False}


def motion_config(folder: Path, *before: str, **engine: Any) -> Sequence[str]:
    """The arguments for a daemon with an engine and this task alone, which asks the models `before` first."""
    ids = (*before, "animation")
    models = {f"model{number}": {"server": "engine", "model_id": model_id} for number, model_id in enumerate(ids)}
    document = {
        "sources": [{"kind": "demo"}],
        "servers": [{"id": "engine", "kind": "engine", **engine}],
        "models": models,
        "tasks": {"motion": {"models": list(models), "schema": _SCHEMA}},
    }
    config = folder / "config.yaml"
    config.write_text(json.dumps(document), encoding="utf-8")
    return "--config", str(config)
