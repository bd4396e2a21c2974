"""Screens that no FourEyes code drew: programs from Debian and a page in Chromium, read by `foureyes analyze`."""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import cv2
import mss
import numpy as np
from parts.obs_studio import ObsStudio
from parts.program import Program, find, wait_until
from parts.xvfb import Xvfb

from benches.results import REPOSITORY, RESULTS, keep
from benches.watching import COMMAND

SCREENS = Path(__file__).resolve().parent / "screens"
DRAWN_WITHIN_S = 30.0
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Screen:
    """One picture to read: who draws it, which tasks read it, and what stands on it.

    `draw` writes the picture and returns what is right, known without reading the picture.
    """

    name: str
    drawn_by: str
    config: Path
    draw: Callable[[Path], Values]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--only", choices=[screen.name for screen in ALL], help="one screen alone")


def run(arguments: argparse.Namespace) -> None:
    """Draw each screen, read it, and put both beside each other."""
    found = [_read(screen) for screen in ALL if arguments.only in {None, screen.name}]
    counts = {kind: sum(one["fields"][kind] for one in found) for kind in ("right", "null", "wrong")}
    keep("screens", {"fields": counts, "screens": found})


def _read(screen: Screen) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="foureyes-screens-") as folder:
        picture = Path(folder) / f"{screen.name}.png"
        expected = screen.draw(picture)
        pixels = cv2.imread(str(picture))
        # Kept for the reader of the results, who wants to see what was read.
        (RESULTS / f"screen-{screen.name}.png").write_bytes(picture.read_bytes())
        readings = _analyzed(picture, screen.config)
    values = {field: value for reading in readings for field, value in reading["values"].items()}
    verdicts = {field: _verdict(values.get(field), right) for field, right in expected.items()}
    return {
        "screen": screen.name,
        "drawn_by": screen.drawn_by,
        "size": None if pixels is None else [pixels.shape[1], pixels.shape[0]],
        "expected": dict(expected),
        "read": values,
        "withheld": {field: why for reading in readings for field, why in reading["withheld"].items()},
        "verdicts": verdicts,
        "fields": {kind: list(verdicts.values()).count(kind) for kind in ("right", "null", "wrong")},
        "latency_ms": {reading["task"]: reading["latency_ms"] for reading in readings},
    }


def _analyzed(picture: Path, config: Path) -> list[dict[str, Any]]:
    command = [*COMMAND, "analyze", str(picture), "--config", str(config), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"foureyes analyze ended with {done.returncode}:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def _verdict(value: Any, right: Any) -> str:
    """A null is not wrong: it is said to be unknown. `right` may hold several values that are all right."""
    accepted = right if isinstance(right, tuple) else (right,)
    if any(_same(value, one) for one in accepted):
        return "right"
    return "null" if value is None else "wrong"


def _same(value: Any, right: Any) -> bool:
    """Numbers by value; texts but for spaces and case, which an OCR cannot always tell."""
    if value is None or right is None or isinstance(right, bool):
        return value is right
    try:
        return Decimal(str(value)) == Decimal(str(right))
    except InvalidOperation:
        return _plain(value) == _plain(right)


def _plain(value: Any) -> str:
    return "".join(str(value).split()).casefold()


@contextmanager
def _on_screen(arguments: Sequence[str], size: tuple[int, int], picture: Path) -> Iterator[None]:
    """Run an X program on a screen of its own and keep what it drew."""
    with Xvfb(*size) as screen, tempfile.TemporaryDirectory() as folder:
        program = Program(arguments, Path(folder) / "log", screen.env())
        try:
            yield
            _keep_settled(screen.display, picture)
        finally:
            program.end()


def _keep_settled(display: str, picture: Path) -> None:
    """Write the screen once something is drawn and two looks in a row show the same."""
    before: list[np.ndarray[Any, Any]] = []

    with mss.MSS(display=display) as camera:

        def settled() -> bool:
            pixels = np.asarray(camera.grab(camera.monitors[0]))[:, :, :3]
            same = bool(before) and np.array_equal(before[-1], pixels) and len(np.unique(pixels)) > 1
            before[:] = [*before[-4:], pixels]
            return same and all(np.array_equal(pixels, one) for one in before) and len(before) == 5

        wait_until(settled, DRAWN_WITHIN_S, "the program to have drawn its window")
    cv2.imwrite(str(picture), before[-1])


def _terminal(picture: Path) -> Values:
    text = subprocess.run(["lscpu"], capture_output=True, text=True, check=True, env={"LC_ALL": "C"}).stdout
    pairs = (line.partition(":") for line in text.splitlines())
    machine = {name.strip(): value.strip() for name, _, value in pairs}
    font = ["-fa", "DejaVu Sans Mono", "-fs", "12", "-geometry", "100x34+0+0"]
    shown = "LC_ALL=C lscpu | head -n 20; exec sleep 600"
    with _on_screen([find("xterm", "xterm"), *font, "-e", "sh", "-c", shown], (1000, 640), picture):
        pass
    return {
        "architecture": machine["Architecture"],
        "cpus": int(machine["CPU(s)"]),
        "vendor": machine["Vendor ID"],
        "model_name": machine["Model name"],
        "threads_per_core": int(machine["Thread(s) per core"]),
    }


def _clock(picture: Path) -> Values:
    before = datetime.now(UTC)
    options = ["-digital", "-face", "DejaVu Sans-24", "-strftime", "%H:%M", "-update", "1"]
    with _on_screen(["env", "TZ=UTC", find("xclock", "x11-apps"), *options], (640, 360), picture):
        pass
    return {"time": tuple({f"{at:%H:%M}" for at in (before, datetime.now(UTC))})}


def _dialog(picture: Path) -> Values:
    text = "Error: no space left on device /dev/sda1"
    options = ["-geometry", "+320+260", "-buttons", "OK,Cancel", "-fn", "10x20", text]
    with _on_screen([find("xmessage", "x11-utils"), *options], (1024, 640), picture):
        pass
    return {"error_text": text, "dialog": True, "disconnected": False, "black": False}


def _studio(picture: Path) -> Values:
    with ObsStudio(1280, 800) as obs:
        _keep_settled(obs._screen.display, picture)  # noqa: SLF001 - the screen of OBS is asked for only here
    return {"duration": "300 ms", "live": "00:00:00", "rec": "00:00:00"}


def _page(picture: Path) -> Values:
    browser, page = find("chromium", "chromium"), (SCREENS / "page.html").as_uri()
    with tempfile.TemporaryDirectory() as profile:
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={profile}",
            "--hide-scrollbars",
        ]
        command = [browser, *options, "--window-size=1280,720", f"--screenshot={picture}", page]
        subprocess.run(command, capture_output=True, check=True, timeout=120)
    return {
        "cpu_load": 37.5,
        "temperature": 61,
        "requests": 1482,
        "queue": 17,
        "uptime": "12 d 4 h",
        "status": "running",
        "error_text": None,
        "dialog": False,
        "disconnected": False,
    }


ALL = (
    Screen("terminal", "lscpu in xterm", SCREENS / "terminal.yaml", _terminal),
    Screen("clock", "xclock", SCREENS / "clock.yaml", _clock),
    Screen("dialog", "xmessage", SCREENS / "dialog.yaml", _dialog),
    Screen("studio", "OBS Studio (Qt)", SCREENS / "studio.yaml", _studio),
    Screen("page", "Chromium", REPOSITORY / "config" / "dashboard.yaml", _page),
)
