"""A hundred kills in a row under one daemon: what is left behind of processes, descriptors and memory.

The servers killed are fakes of llama-server that FourEyes starts by its own `command`, each with a child that
ignores SIGTERM and holds its pipes: a hundred starts of the real engine would take ten minutes.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from parts.fakes.steering import command
from parts.program import free_port
from parts.watched import task

from benches.followed import Followed, numbered
from benches.results import verdict
from benches.usage import tree

SERVERS = ("first", "second", "third", "fourth")
WARM, EVERY, SETTLED_S = 20, 40, 3.0
FLAT_MB = 5.0
"""As much as a thousand requests may leave: the allocator's own, Python's share of it does not grow at all."""
PROCESSES = 2 * len(SERVERS)
"""Each server and its own child."""
WIDE = {"degraded_after": 100, "most": 1000, "cap_s": 1, "stable_s": 1}


def in_a_row(kills: int) -> dict[str, Any]:
    """Kill the four in turn, each once it is ready, while pictures go on changing."""
    with tempfile.TemporaryDirectory(prefix="foureyes-kills-") as name:
        folder = Path(name)
        with Followed(_config(folder), numbered()) as daemon:
            samples = [_sample(daemon, folder, 0)]
            for number in range(1, kills + 1):
                _kill(daemon, SERVERS[number % len(SERVERS)])
                if number % EVERY == WARM or number == kills:
                    samples.append(_sample(daemon, folder, number))
            healed = len(daemon.events("server.healed"))
        left = len(_started(folder))
    return _judged(samples, left, kills, healed)


def _judged(samples: list[dict[str, Any]], left: int, kills: int, healed: int) -> dict[str, Any]:
    settled, last = samples[1], samples[-1]
    processes = [sample["processes"] for sample in samples]
    grown_mb = round(last["rss_mb"] - settled["rss_mb"], 2)
    return {
        "healed": verdict(held=healed == kills, promised=f"{kills}, one for each kill", measured=healed),
        "orphans": verdict(
            held=all(count == PROCESSES for count in processes) and left == 0,
            promised=f"none: {PROCESSES} processes between the kills, none when the daemon has ended",
            measured={"processes": processes, "after_the_end": left},
        ),
        "descriptors": verdict(
            held=last["descriptors"] - settled["descriptors"] <= len(SERVERS),
            promised=f"no more than after {settled['kills']} kills, the one idle connection of each server aside",
            measured=[sample["descriptors"] for sample in samples],
        ),
        "memory": verdict(
            held=grown_mb < FLAT_MB,
            promised=f"flat: under {FLAT_MB:g} MB more than after {settled['kills']} kills",
            measured={"grown_mb": grown_mb, "rss_mb": [sample["rss_mb"] for sample in samples]},
        ),
        "samples": samples,
    }


def _config(folder: Path) -> dict[str, Any]:
    return {
        "servers": [_server(name, folder / name) for name in SERVERS],
        "models": {name: {"server": name, "model_id": name} for name in SERVERS},
        "tasks": {f"read_{name}": task(models=[name]) for name in SERVERS},
    }


def _server(name: str, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    flags = ("--port", "{port}", "--folder", str(folder), "--alias", name, "--fork")
    url = f"http://127.0.0.1:{free_port()}"
    own = {"id": name, "kind": "llama-server", "url": url, "command": command("child", *flags)}
    return {**own, "check_s": 1, "restarts": WIDE}


def _kill(daemon: Followed, server: str) -> None:
    pid = daemon.ready(server)
    daemon.screen.turn()
    since = daemon.mark()
    os.kill(pid, signal.SIGKILL)
    daemon.event("server.state", since, server=server, state="failed")


def _sample(daemon: Followed, folder: Path, kills: int) -> dict[str, Any]:
    """What the daemon holds once every server is ready."""
    for server in SERVERS:
        daemon.ready(server)
    time.sleep(SETTLED_S)  # the last pipes are closed, the last answers are in
    process = tree(daemon.daemon.program.process.pid)[0]
    return {
        "kills": kills,
        "processes": len(_started(folder)),
        "descriptors": process.num_fds(),
        "threads": process.num_threads(),
        "rss_mb": round(process.memory_info().rss / 1e6, 2),
    }


def _started(folder: Path) -> list[psutil.Process]:
    """Every process of this machine whose command names the folder, whoever its parent is by now."""
    return [
        process
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(str(folder) in word for word in process.info["cmdline"] or ())
    ]
