"""A daemon over a screen that the bench draws; what it logs and publishes is followed from outside."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from parts.program import wait_until
from parts.watched import DrawnScreen, drawn

from benches import prometheus
from benches.lines import Lines
from benches.readings import Reading, moment
from benches.watching import COMMAND, Watching
from foureyes.frames.demo import Scene
from foureyes.frames.demo.painter import paint
from foureyes.picture import Pixels, encode_png

FPS = 3.0
WITHIN_S = 60.0
FORGIVING: Mapping[str, Any] = {"check_s": 1, "restarts": {"stable_s": 1}}
"""A server's settings by which each failure may count as its first one,"""
FORGIVEN_S = 2.2
"""when it has been ready for so long before: a second, and one until the next check."""


@dataclass(frozen=True)
class Mark:
    """A moment, and how far the log and the readings had got."""

    at_s: float
    log: int
    readings: int

    def ms_to(self, text: str) -> float:
        """Milliseconds from here to an ISO time."""
        return round(1000 * (moment(text) - self.at_s), 1)


class Screen(DrawnScreen):
    """A screen whose next picture is encoded beforehand, so that it is there the moment it is wanted."""

    def __init__(self, pictures: Iterator[Pixels]) -> None:
        super().__init__()
        self._pictures = pictures
        self._encode()
        self.turn()

    def turn(self) -> None:
        """Show the next picture."""
        self._encoded = self._next
        self._encode()

    def _encode(self) -> None:
        self._next = encode_png(next(self._pictures))


def amounts() -> Iterator[Pixels]:
    """The demo's scene at 1280x720, every amount another one in each picture."""
    first, n = Scene(1, FPS).moment(0), 0
    while True:
        yield paint(
            replace(
                first,
                jackpots=tuple(cents + 101 * n for cents in first.jackpots or ()),
                balance=(first.balance or 0) + 101 * n,
            )
        )
        n += 1


def numbered() -> Iterator[Pixels]:
    """Small pictures that are cheap to take in, none like the one before."""
    n = 0
    while True:
        yield drawn(f"picture {n}")
        n += 1


class Followed:
    """`foureyes run` with servers, models and tasks, ended with the block.

    with Followed(shipped()) as daemon:
        since = daemon.mark()
        daemon.screen.turn()
        daemon.reading("vision_ocr", since)
    """

    def __init__(
        self,
        config: Mapping[str, Any],
        pictures: Iterator[Pixels],
        *,
        fps: float = FPS,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self.screen = Screen(pictures)
        self._config = {**config, "sources": [self.screen.source(fps=fps)]}
        self._command = command

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="foureyes-bench-")))
            stack.enter_context(self.screen)
            config = folder / "foureyes.json"
            config.write_text(json.dumps(self._config), encoding="utf-8")
            daemon = Watching(["--config", str(config)], {"XDG_STATE_HOME": str(folder)}, self._command)
            self.daemon = stack.enter_context(daemon)
            self._log = Lines(daemon.state / "logs" / "foureyes.log")
            self._readings = Lines(daemon.readings_file)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def mark(self) -> Mark:
        """Now."""
        log, readings = len(self._log.all()), len(self._readings.all())
        return Mark(time.time(), log, readings)

    def events(self, name: str, since: Mark | None = None, **wanted: Any) -> list[dict[str, Any]]:
        """The lines of the log with this event and these values."""
        wanted["event"] = name
        return [each for each in self._log.all()[since.log if since else 0 :] if wanted.items() <= each.items()]

    def event(self, name: str, since: Mark, **wanted: Any) -> dict[str, Any]:
        """The first such line of the log, once it is there."""
        self._wait(lambda: self.events(name, since, **wanted), f"the event {name} with {wanted}")
        return self.events(name, since, **wanted)[0]

    def reading(self, task: str, since: Mark, **wanted: Any) -> Reading:
        """The first reading for which a model saw a picture that was taken after a mark, once it is there."""

        def found() -> list[Reading]:
            return [
                each
                for each in self._readings.all()[since.readings :]
                if each["task"] == task
                and each["origin"] == "inferred"
                and moment(each["read_at"]) >= since.at_s
                and wanted.items() <= each.items()
            ]

        self._wait(found, f"a reading of {task} with {wanted}")
        return found()[0]

    def ready(self, server: str) -> int:
        """The pid of a server, once its last change was to ready."""

        def last() -> dict[str, Any]:
            return (self.events("server.state", server=server) or [{}])[-1]

        self._wait(lambda: last().get("state") == "ready", f"server {server} to be ready")
        return int(last()["server_pid"])

    def requests(self, state: str) -> float:
        """How many requests are `inside` its servers, or `waiting` for them."""
        found = prometheus.samples(self.daemon.metrics() or "", "server_requests")
        return sum(value for labels, value in found if labels["state"] == state)

    def _wait(self, condition: Any, what: str) -> None:
        try:
            wait_until(lambda: bool(self.daemon.alive() and condition()), WITHIN_S, what)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{self.daemon.program.tail(30)}") from error
