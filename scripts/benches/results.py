"""Where figures are kept: one JSON file a bench, with the machine and the time beside them."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from foureyes import __version__

REPOSITORY = Path(__file__).resolve().parent.parent.parent
RESULTS = REPOSITORY / "scripts" / "results"


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Print the figures, what became of each promise, and write all to scripts/results/NAME.json."""
    document = {"bench": name, "made": _made(), **figures}
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    for line in _verdicts(name, figures):
        print(line)


def _verdicts(name: str, figures: Mapping[str, Any]) -> Iterator[str]:
    """One line for each promise, however deep it stands."""
    if figures.keys() >= {"held", "promised", "measured"}:
        became = "held" if figures["held"] else "not met"
        yield f"{became:8}{name}: promised {figures['promised']}; measured {json.dumps(figures['measured'])[:150]}"
        return
    for key, value in figures.items():
        if isinstance(value, Mapping):
            yield from _verdicts(f"{name}.{key}", value)


def _made() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "foureyes": __version__,
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
    }


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a bench was asked to do."""
    return {name: value for name, value in vars(arguments).items() if name != "run"}


def verdict(*, held: bool, promised: str, measured: Any) -> dict[str, Any]:
    """One promise beside what was measured."""
    return {"promised": promised, "measured": measured, "held": held}
