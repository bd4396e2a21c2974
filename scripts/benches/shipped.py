"""The configuration that FourEyes ships, as a document that a bench may change."""

from __future__ import annotations

import json
from typing import Any

import yaml

from benches.results import REPOSITORY


def shipped() -> dict[str, Any]:
    """config/foureyes.yaml with the models written out."""
    folder = REPOSITORY / "config"
    document: dict[str, Any] = yaml.safe_load((folder / "foureyes.yaml").read_text("utf-8"))
    return {**document, "models": json.loads((folder / "models.json").read_text("utf-8"))}
