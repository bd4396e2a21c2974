"""From the start to ready, each model's load, and how long each takes to answer, beside the document's targets."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parts.program import free_port

from benches.lines import Lines
from benches.readings import percentile
from benches.results import verdict
from benches.shipped import shipped
from benches.watching import Watching

READY_S, LOAD_S, ANSWER_MS = 30.0, 10.0, 300.0
REAL = ("FOUREYES_TEST_LLAMA_SERVER", "FOUREYES_TEST_GGUF", "FOUREYES_TEST_MMPROJ")
SEEN = {
    "type": "object",
    "properties": {"seen": {"enum": ["yes", "no", None]}},
    "required": ["seen"],
    "additionalProperties": False,
}

Config = Mapping[str, Any]


def of_the_engine(seconds: float) -> dict[str, Any]:
    """The shipped configuration on the demo."""
    return _measured(shipped(), seconds)


def of_a_real_llama_server(seconds: float) -> dict[str, Any] | None:
    """A tiny random model that the environment names: how the way to it works, and nothing of what it reads."""
    if not all(name in os.environ for name in REAL):
        return None
    binary, model, projector = (os.environ[name] for name in REAL)
    command = [binary, "-m", model, "--mmproj", projector, "--host", "127.0.0.1", "--port", "{port}", "-c", "4096"]
    url = f"http://127.0.0.1:{free_port()}"
    config = {
        "servers": [{"id": "llama", "kind": "llama-server", "url": url, "command": command}],
        "models": {"tiny": {"server": "llama", "model_id": Path(model).name, "device": "cpu"}},
        "tasks": {"seen": {"models": ["tiny"], "schema": SEEN, "prompt": "Is yes seen?"}},
    }
    return {"note": "a tiny model with random weights: its words mean nothing", **_measured(config, seconds)}


def _measured(config: Config, seconds: float) -> dict[str, Any]:
    """Start the daemon with a configuration, and have it read the demo for a while."""
    with tempfile.TemporaryDirectory(prefix="foureyes-models-") as folder:
        file = Path(folder) / "foureyes.json"
        file.write_text(json.dumps(config), encoding="utf-8")
        with Watching(["--source", "demo", "--config", str(file)]) as daemon:
            ready_s = daemon.wait_ready()
            time.sleep(seconds)  # it reads meanwhile
            log = Lines(daemon.state / "logs" / "foureyes.log").all()
    return {
        "ready_s": verdict(held=ready_s < READY_S, promised=f"under {READY_S:g}", measured=round(ready_s, 2)),
        "loads_s": {line["model"]: _load(line) for line in log if line["event"] == "model.loaded"},
        "answers_ms": {name: _answers(name, model, log) for name, model in config["models"].items()},
    }


def _load(line: Mapping[str, Any]) -> dict[str, Any]:
    return verdict(
        held=line["duration_ms"] < 1000 * LOAD_S,
        promised=f"under {LOAD_S:g}",
        measured={"load": line["duration_ms"] / 1000, "first_answer": round(line["probe_ms"] / 1000, 3)},
    )


def _answers(name: str, model: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One model's latencies, failed requests left aside and counted."""
    done = [line for line in log if line["event"] == "request.done" and line["model"] == name]
    took_ms = [line["duration_ms"] for line in done if line["outcome"] == "ok"]
    p50, p95, p99 = (percentile(took_ms, share) for share in (0.5, 0.95, 0.99))
    targets_ms = {"document": ANSWER_MS, "latency_target_ms": model.get("latency_target_ms")}
    return {
        "device": model.get("device"),
        "answers": len(took_ms),
        "failed": len(done) - len(took_ms),
        **{
            target: verdict(
                held=p95 is not None and p95 <= bound_ms,
                promised=f"p95 at most {bound_ms:g}",
                measured={"p50": p50, "p95": p95, "p99": p99},
            )
            for target, bound_ms in targets_ms.items()
            if bound_ms is not None
        },
    }
