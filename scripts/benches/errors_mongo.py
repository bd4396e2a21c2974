"""A thousand distinct faults while MongoDB is away for a minute: what it has when it is back, and how soon."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from parts.mongo_server import MongoServer
from parts.program import wait_until
from parts.watched import FakeEngine
from pymongo import MongoClient

from benches import prometheus
from benches.errors_damage import FPS, config, distinct, source
from benches.results import verdict
from benches.watching import Watching
from foureyes.errors import queries
from foureyes.errors.spool import Spool, spool_file

FAULTS, AWAY_S, WITHIN_S = 1000, 60.0, 10.0
KIND = "SourceUnreadableError"
DATABASE = "foureyes_bench"
_LONGEST_S = 120.0
_POLL_S = 0.1
_SOCKET_MS = 30_000


def away() -> dict[str, Any]:
    """A daemon that has written to MongoDB loses it, meets a thousand faults, and has it again."""
    with tempfile.TemporaryDirectory(prefix="foureyes-mongo-") as name:
        folder = Path(name)
        (folder / "mongo").mkdir()
        with MongoServer(folder / "mongo") as mongo, FakeEngine(folder / "engine", ["ocr"]) as engine:
            pictures = folder / "pictures"
            file = folder / "foureyes.json"
            waiting = {**source("bad", pictures, FPS)}
            file.write_text(json.dumps(config(waiting, engine_url=engine.url)), encoding="utf-8")
            distinct(pictures, FAULTS)
            variables = {"FOUREYES_MONGO__URI": mongo.uri, "FOUREYES_MONGO__DATABASE": DATABASE}
            mongo.stop()
            with Watching(["--config", str(file)], variables) as daemon:
                return _measured(daemon, mongo)


def _measured(daemon: Watching, mongo: MongoServer) -> dict[str, Any]:
    daemon.wait_ready()
    began_s = time.monotonic()
    wait_until(lambda: _faults(daemon) >= FAULTS, _LONGEST_S, f"{FAULTS} faults")
    time.sleep(max(0.0, AWAY_S - (time.monotonic() - began_s)))
    away_s = time.monotonic() - began_s
    mongo.start()
    back_s = time.monotonic()
    wait_until(lambda: _is_through(daemon), _LONGEST_S, "MongoDB to have every fault")
    took_s = time.monotonic() - back_s
    time.sleep(3)  # whatever would be doubled has the time to be
    with MongoClient[dict[str, Any]](mongo.uri, socketTimeoutMS=_SOCKET_MS) as client:
        events, groups = (client[DATABASE][name] for name in ("ERR0R", "ERR0R_groups"))
        found = [each["message"] for each in events.find({"type": KIND}, {"message": 1})]
        counts = [sum(at["count"] for at in each["machines"].values()) for each in groups.find({"type": KIND})]
    with Spool(spool_file(daemon.state)) as spool:
        left, refused = queries.outstanding(spool)
    return {
        "all_there_s": verdict(
            held=took_s < WITHIN_S,
            promised=f"under {WITHIN_S:g} after MongoDB answers again, which was away for {AWAY_S:g} s",
            measured={"s": round(took_s, 2), "away_s": round(away_s, 1)},
        ),
        "each_once": verdict(
            held=len(found) == len(set(found)) == FAULTS == len(counts) == sum(counts),
            promised=f"{FAULTS} distinct faults, each once",
            measured={
                "events": len(found),
                "distinct": len(set(found)),
                "groups": len(counts),
                "counted": sum(counts),
                "left_in_the_spool": left,
                "refused": refused,
            },
        ),
    }


def _faults(daemon: Watching) -> float:
    daemon.alive()
    time.sleep(_POLL_S)
    found = prometheus.samples(daemon.metrics() or "", "foureyes_faults_total")
    return sum(value for labels, value in found if labels["component"] == "source:bad")


def _is_through(daemon: Watching) -> bool:
    """Whether MongoDB has all that the daemon has: to count there meanwhile would hold up its writing."""
    time.sleep(_POLL_S)
    status = daemon.status()
    return status is not None and status["components"]["mongo"]["state"] == "ok"
