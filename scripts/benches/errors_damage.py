"""Folders of damaged pictures: each look at one is a fault of its own, since each names its file."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from foureyes.picture import encode_png

FPS = 30.0
"""The most that a source may have."""
_GOOD = encode_png(np.zeros((32, 32, 3), np.uint8))
DAMAGE = {"empty": b"", "text": b"not a picture", "half": _GOOD[:40], "cut": _GOOD[:-4]}


def damaged(folder: Path, number: int) -> Path:
    """A folder with so many damaged pictures, of four kinds of damage in turn."""
    folder.mkdir(parents=True)
    for index, kind in zip(range(number), itertools.cycle(DAMAGE)):
        (folder / f"{index}.png").write_bytes(DAMAGE[kind])
    return folder


def distinct(folder: Path, number: int) -> Path:
    """A folder with so many damaged pictures whose faults are told apart: by a word of letters in the name."""
    folder.mkdir(parents=True)
    for word in itertools.islice(_words(), number):
        (folder / f"picture {word}.png").write_bytes(DAMAGE["text"])
    return folder


def _words() -> Iterator[str]:
    for letters in itertools.product("ghijklmnop", repeat=4):  # no word of these is a number or an address
        yield "".join(letters)


def source(name: str, folder: Path, fps: float = FPS) -> Mapping[str, Any]:
    """The configuration of a source that no task looks at."""
    return {"id": name, "kind": "images", "path": str(folder), "fps": fps, "tasks": []}


def config(*sources: Mapping[str, Any], engine_url: str) -> dict[str, Any]:
    """A demo at 3 FPS with one task, beside these sources; its model answers at once."""
    schema = {"type": "object", "properties": {"balance": {"type": ["string", "null"], "format": "money"}}}
    return {
        "sources": [{"id": "main", "kind": "demo", "fps": 3}, *sources],
        "servers": [{"id": "engine", "kind": "engine", "url": engine_url}],
        "models": {"ocr": {"server": "engine", "model_id": "ocr"}},
        "tasks": {"read": {"models": ["ocr"], "schema": schema, "prompt": "Read it."}},
        "log": {"level": "error", "file_level": "info"},
    }
