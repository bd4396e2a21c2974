"""A real daemon over a screen that the test draws, with whatever model servers the test configures."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parts.foureyes import RunningDaemon
from parts.program import wait_until
from parts.watched import DrawnScreen, drawn, task


@dataclass
class Serving:
    """The daemon and the screen, with what tests ask of them."""

    daemon: RunningDaemon
    screen: DrawnScreen
    shown: int = 0

    def show(self) -> None:
        """Show a picture that was never there before."""
        self.shown += 1
        self.screen.show(drawn(f"picture {self.shown}"))

    def server(self, name: str) -> dict[str, Any]:
        """What /health says of a server."""
        return self.daemon.component(f"server:{name}")

    def wait_server(self, name: str, state: str, timeout_s: float = 60) -> dict[str, Any]:
        """Wait until /health says that a server is in a state."""
        self.daemon.wait((self.daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
        self.daemon.wait(lambda: self.server(name)["state"] == state, f"server {name} is {state}", timeout_s)
        return self.server(name)

    def readings(self, name: str) -> list[dict[str, Any]]:
        return [each for each in self.daemon.readings() if each["task"] == name]

    def wait_reading(self, name: str, since: int = 0, timeout_s: float = 60, **wanted: Any) -> dict[str, Any]:
        """The first reading of a task, after the `since` first ones, whose keys are as wanted."""

        def found() -> list[dict[str, Any]]:
            return [each for each in self.readings(name)[since:] if wanted.items() <= each.items()]

        self.daemon.wait(lambda: bool(found()), f"a reading of {name} with {wanted}", timeout_s)
        return found()[0]

    def events(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        """The lines of the log with this event."""
        wanted["event"] = name
        return [each for each in self.daemon.log_events() if wanted.items() <= each.items()]

    def wait_event(self, name: str, timeout_s: float = 60, **wanted: Any) -> dict[str, Any]:
        """The first line of the log with this event, once it is there."""
        self.daemon.wait(lambda: bool(self.events(name, **wanted)), f"the event {name} with {wanted}", timeout_s)
        return self.events(name, **wanted)[0]

    def states(self, name: str) -> list[str]:
        """The states that a server went through."""
        return [each["state"] for each in self.events("server.state", server=name)]


def server(kind: str, url: str | None = None, **settings: Any) -> dict[str, Any]:
    """A server of the configuration, called by its kind; it is checked often."""
    address = {} if url is None else {"url": url}
    return {"id": kind, "kind": kind, "check_s": 1, **address, **settings}


@contextlib.contextmanager
def serving(
    folder: Path,
    servers: Sequence[Mapping[str, Any]],
    models: Mapping[str, Mapping[str, Any]],
    tasks: Mapping[str, Mapping[str, Any]] | None = None,
    **environment: str,
) -> Iterator[Serving]:
    """Run a daemon whose one task `read` (or `tasks`) has these models as candidates, in this order."""
    with DrawnScreen() as screen:
        document = {
            "sources": [screen.source()],
            "servers": list(servers),
            "models": dict(models),
            "tasks": dict(tasks or {"read": task(models=list(models))}),
            "log": {"level": "debug"},
        }
        config = folder / "config.yaml"
        config.write_text(json.dumps(document), encoding="utf-8")
        state_home = {"XDG_STATE_HOME": str(folder), **environment}
        with RunningDaemon(folder, "--config", str(config), **state_home) as daemon:
            yield Serving(daemon, screen)


def wait_gone(pid: int) -> None:
    """Wait until no process has this pid, a zombie aside."""
    wait_until(lambda: not is_alive(pid), 60, f"process {pid} to be gone")


def is_alive(pid: int) -> bool:
    """Whether a process lives; one that waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
