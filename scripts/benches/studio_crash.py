"""The fake LM Studio, brought up by lms with four models, killed: how long until all four answer again."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parts.fakes.steering import FakeLms
from parts.program import free_port
from parts.watched import task

from benches.followed import FORGIVEN_S, FORGIVING, Followed, numbered
from benches.results import verdict

MODELS = {name: f"maker/{name}" for name in ("one", "two", "three", "four")}
LOAD_S, START_S = 1.0, 1.0
WHOLE_S, OURS_S = 60.0, 2.0


def crashed(runs: int) -> dict[str, Any]:
    """Kill its daemon once all four models are loaded and read."""
    with tempfile.TemporaryDirectory(prefix="foureyes-studio-") as name:
        folder = Path(name)
        commands_s = _commands_s(folder / "by-hand")
        with _studio(folder / "home") as lms, Followed(_config(lms), numbered()) as daemon:
            found = [_crash(lms, daemon, commands_s) for _ in range(runs)]
    return {
        "operational_s": verdict(
            held=all(run["whole_s"] < WHOLE_S for run in found),
            promised=f"under {WHOLE_S:g}, each of four tasks having read by its own model",
            measured=[run["whole_s"] for run in found],
        ),
        "ours_s": verdict(
            held=all(run["ours_s"] < OURS_S for run in found),
            promised=f"under {OURS_S:g}: the whole without the four loads of {LOAD_S:g} s and the time of lms",
            measured=[run["ours_s"] for run in found],
        ),
        "by_hand_s": commands_s,
        "runs": found,
    }


def _studio(folder: Path) -> FakeLms:
    return FakeLms(folder, *MODELS.values(), flags=["--load-s", str(LOAD_S)], start_s=START_S)


def _commands_s(folder: Path) -> dict[str, float]:
    """What the commands that bring it up take when a person types them."""
    took_s = {}
    with _studio(folder) as lms:
        for command in ("daemon status", "daemon up", "server start"):
            port = ["--port", str(free_port())] if command == "server start" else ["--json"]
            began_s = time.monotonic()
            lms.run(*command.split(), *port)
            took_s[command] = round(time.monotonic() - began_s, 3)
    return took_s


def _config(lms: FakeLms) -> dict[str, Any]:
    """Four tasks, each read by a model of its own."""
    url = f"http://127.0.0.1:{free_port()}"
    server = {"id": "studio", "kind": "lmstudio", "url": url, "own": "daemon", "lms": str(lms.path), **FORGIVING}
    return {
        "servers": [server],
        "models": {name: {"server": "studio", "model_id": model} for name, model in MODELS.items()},
        "tasks": {f"read_{name}": task(models=[name]) for name in MODELS},
    }


def _crash(lms: FakeLms, daemon: Followed, commands_s: Mapping[str, float]) -> dict[str, Any]:
    daemon.ready("studio")
    since = daemon.mark()
    daemon.screen.turn()
    for name in MODELS:
        daemon.reading(f"read_{name}", since)
    time.sleep(FORGIVEN_S)  # a pace: what is measured is a first crash
    pid, before, since = lms.daemon_pid(), len(lms.invocations()), daemon.mark()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    daemon.screen.turn()
    read = [daemon.reading(f"read_{name}", since, model=name, fallback=False) for name in MODELS]
    whole_s = max(since.ms_to(reading["published_at"]) for reading in read) / 1000
    ran = [each["command"] for each in lms.invocations()[before:]]
    theirs_s = len(MODELS) * LOAD_S + sum(commands_s.get(command, 0.0) for command in ran)
    states = daemon.events("server.state", since, server="studio")
    return {
        "whole_s": round(whole_s, 2),
        "ours_s": round(whole_s - theirs_s, 2),
        "commands": ran,
        "states_ms": [(line["state"], since.ms_to(line["ts"])) for line in states],
    }
