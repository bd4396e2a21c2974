"""Screens written as pictures with a truth file beside them, for `foureyes evaluate`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from foureyes.evaluation.truth import Withheld
from parts.labelled.screens import Screen

TASK = "reading"
CONFIG = f"""
sources: [{{id: main, kind: demo}}]
servers: [{{id: engine, kind: engine}}]
models: {{read: {{server: engine, model_id: ocr}}}}
tasks:
  {TASK}:
    models: [read]
    timeout_s: 120
    schema:
      type: object
      properties: {{balance: {{type: [string, "null"], format: money}}}}
      required: [balance]
"""
"""A configuration for the truth file: its one task's schema stands beside each picture."""


def write_folder(folder: Path, screens: Iterable[Screen]) -> Path:
    """Write the pictures and `truth.jsonl`; return the truth file."""
    truth = folder / "truth.jsonl"
    with truth.open("w", encoding="utf-8") as file:
        for screen in screens:
            (folder / screen.name).write_bytes(screen.data)
            file.write(json.dumps(_entry(screen), ensure_ascii=False) + "\n")
    return truth


def _entry(screen: Screen) -> dict[str, object]:
    values = {
        name: {"withheld": truth.withheld} if isinstance(truth, Withheld) else truth
        for name, truth in screen.truth.items()
    }
    return {"picture": screen.name, "task": TASK, "schema": screen.schema, "values": values}
