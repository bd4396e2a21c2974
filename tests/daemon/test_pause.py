"""What pauses is the looking: no new picture and no new reading, said everywhere; over a restart, for a time."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon, foureyes
from parts.hand_clock import HandClock
from parts.reloading import ConfigFile
from parts.watched import Watched, drawn, metric, task, watching

from foureyes.daemon.pause import Pauses
from foureyes.exceptions import UsageError
from foureyes.telemetry.audit import Audit
from foureyes.telemetry.log import also_told

SOURCES = ({"id": "main"}, {"id": "second"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pause")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Watched]:
    with watching(folder, {"calm": task()}, SOURCES) as watched:
        yield watched


@pytest.fixture
def watched(running: Watched) -> Watched:
    running.daemon.post("/api/resume", {})
    running.daemon.wait(lambda: running.daemon.get("/health")["status"] == "ok", "every part is well")
    return running


def states(watched: Watched, kind: str) -> dict[str, str]:
    """The words of the components of a kind."""
    parts = watched.daemon.get("/health")["components"].items()
    return {name.partition(":")[2]: part["state"] for name, part in parts if name.startswith(f"{kind}:")}


def command(watched: Watched, *arguments: str) -> str:
    done = foureyes(*arguments, "--state-dir", str(watched.daemon.state_dir), USER="ada", LOGNAME="ada")
    assert done.returncode == 0, done.stderr
    return done.stdout


def captured(watched: Watched) -> list[str]:
    """When the pictures of all readings so far were taken."""
    return [reading["captured_at"] for reading in watched.daemon.readings()]


def test_no_picture_is_taken_while_paused_and_everything_says_so(watched: Watched) -> None:
    """Health, tasks, status and metrics say paused, and by whom; readings grow old, and no new one comes."""
    assert "paused until" in command(watched, "pause", "--for", "1h")
    since = max(captured(watched))
    watched.daemon.wait(lambda: bool(watched.events("source.paused")), "the source rests")
    frames = {name: watched.daemon.frames(name) for name in ("main", "second")}
    ages = [reading["age_now_ms"] for reading in watched.daemon.get("/api/readings")]
    watched.screen.show(drawn("during the pause"))
    ticks = watched.metric("foureyes_missed_ticks_total")
    watched.daemon.wait(lambda: older(watched, ages, by_ms=1500), "the readings grow old")
    assert frames == {name: watched.daemon.frames(name) for name in frames}
    assert [at for at in captured(watched) if at > since] == []
    health = httpx.get(f"{watched.daemon.url}/health", **DIRECT)
    assert (health.status_code, health.json()["status"]) == (200, "paused")
    assert "paused by command ada" in health.json()["summary"]["sentence"]
    assert states(watched, "source") == dict.fromkeys(("main", "second"), "paused")
    assert set(states(watched, "task").values()) == {"paused"}
    assert watched.metric("foureyes_component_state", component="source:main", state="paused") == 1
    assert watched.metric("foureyes_missed_ticks_total") == ticks
    assert "paused" in command(watched, "status")
    assert "every source is looked at" in command(watched, "resume")
    watched.daemon.wait(lambda: max(captured(watched)) > since, "it is looked at again")


def older(watched: Watched, ages: list[float], *, by_ms: float) -> bool:
    now = [reading["age_now_ms"] for reading in watched.daemon.get("/api/readings")]
    return all(later >= earlier + by_ms for earlier, later in zip(ages, now, strict=True))


def test_one_source_pauses_and_the_other_goes_on(watched: Watched) -> None:
    """The whole is well then, and its sentence names the source that is paused."""
    watched.daemon.post("/api/pause", {"source": "second"})
    frames = watched.daemon.frames("main")
    watched.daemon.wait(lambda: watched.daemon.frames("main") > frames + 3, "the other source goes on")
    assert states(watched, "source") == {"main": "ok", "second": "paused"}
    health = watched.daemon.get("/health")
    assert health["status"] == "ok"
    assert health["summary"]["sentence"].startswith("source second is paused")
    assert watched.daemon.post("/api/resume", {"source": "second"}).json() == {"sources": {}}
    watched.daemon.wait(lambda: states(watched, "source")["second"] == "ok", "it is looked at again")


def test_a_pause_ends_by_itself(watched: Watched) -> None:
    """After its time the source is looked at again, and nobody calls it blind for the time in between."""
    since = len(watched.daemon.log_events())
    answer = watched.daemon.post("/api/pause", {"source": "main", "for_s": 1.5}).json()
    assert answer["sources"]["main"]["until"] is not None
    frames = watched.daemon.frames("main")
    watched.daemon.wait(lambda: watched.daemon.frames("main") > frames + 2, "it is looked at again")
    assert watched.daemon.get("/api/pause") == {"sources": {}}
    later = [line["event"] for line in watched.daemon.log_events()[since:]]
    assert [name for name in later if name.startswith("source.")] == ["source.paused", "source.resumed"]


def test_a_pause_is_a_live_event(watched: Watched) -> None:
    """Whoever follows the events hears of it at once, with who did it."""
    with httpx.stream("GET", f"{watched.daemon.url}/events", timeout=20, trust_env=False) as stream:
        lines = stream.iter_lines()
        next(lines)
        watched.daemon.post("/api/pause", {"source": "main"})
        assert next(line for line in lines if line == "event: pause")
        told = json.loads(next(lines).removeprefix("data: "))
    assert (told["what"], told["who"], list(told["sources"])) == ("pause", "api 127.0.0.1", ["main"])


@pytest.mark.parametrize(
    "wish",
    [
        {"source": "nobody"},
        {"source": "../main"},
        {"source": 7},
        {"for_s": 0},
        {"for_s": True},
        {"for_s": -1},
        {"for_s": 1e300},
        {"for_s": "NaN"},
        {"other": 1},
        [],
    ],
)
def test_a_wish_that_cannot_be_met_changes_nothing(watched: Watched, wish: Any) -> None:
    """It is a 400 with a sentence, and everything is looked at."""
    refused = watched.daemon.post("/api/pause", wish)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"]
    assert watched.daemon.get("/api/pause") == {"sources": {}}


def test_a_pause_outlives_a_restart_and_a_reload(watched: Watched, folder: Path) -> None:
    """The next daemon of the state folder is paused from its first moment, has the same token, and prints none."""
    watched.daemon.post("/api/pause", {"source": "second", "for_s": 3600})
    proof = watched.daemon.proof
    file = ConfigFile(watched.daemon, folder)
    file.reload(file.changed("tasks", "calm", max_age_s=20))
    watched.daemon.wait(lambda: watched.daemon.audited()[-1]["what"] == "reload", "the reload is in the audit")
    assert watched.daemon.audited()[-1]["who"] == "signal SIGHUP"
    assert states(watched, "source")["second"] == "paused"
    watched.daemon.stop(signal.SIGTERM)
    console = (folder / "console.log").stat().st_size
    with RunningDaemon(folder, "--config", str(folder / "config.yaml")) as again:
        again.wait_ready()
        assert again.component("source:second")["state"] == "paused"
        assert again.frames("second") == 0
        assert metric(again.url, "foureyes_component_state", component="source:second", state="paused") == 1
        assert again.proof == proof
        assert "token" not in (folder / "console.log").read_bytes()[console:].decode()
        assert again.post("/api/resume", {"source": "second"}).json() == {"sources": {}}
        again.wait(lambda: again.frames("second") > 0, "the second source is looked at")


@dataclass
class Wall:
    """The time of day, which somebody may set."""

    at: datetime = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def pauses(folder: Path, clock: HandClock, wall: Wall) -> Pauses:
    return Pauses(folder, lambda: ["main"], lambda _kind, _data: None, Audit(folder), now=clock, utcnow=wall)


async def test_a_clock_that_is_set_neither_ends_nor_stretches_a_pause(tmp_path: Path) -> None:
    """Its time passes on the monotonic clock; a restart counts what is left by the time of day."""
    clock, wall = HandClock(), Wall()
    running = pauses(tmp_path, clock, wall)
    await running.pause("main", 600, "page")
    wall.at += timedelta(days=400)
    clock.move(599)
    assert running.why("main") is not None
    wall.at -= timedelta(days=800)
    clock.move(2)
    assert (running.why("main"), running.document()) == (None, {})


async def test_a_pause_of_days_says_which_day_it_ends(tmp_path: Path) -> None:
    """Its end is told with its date, in the words that the page, /health and the terminal show."""
    running = pauses(tmp_path, HandClock(), Wall())
    found = await running.pause("main", 3 * 86_400, "page")
    day = found["main"]["until"][:10]
    assert f"until {day} " in str(running.why("main"))


@pytest.mark.parametrize(("passed_s", "paused"), [(599, ["main"]), (601, [])])
async def test_a_pause_whose_time_passed_meanwhile_is_over(
    tmp_path: Path, passed_s: int, paused: list[str]
) -> None:
    """A daemon that was away for longer than the pause looks at once."""
    wall = Wall()
    await pauses(tmp_path, HandClock(), wall).pause("main", 600, "page")
    wall.at += timedelta(seconds=passed_s)
    assert [*pauses(tmp_path, HandClock(7.0), wall).document()] == paused


@pytest.mark.parametrize("text", ["", "[]", "{", '{"main": {}}', '{"main": {"who": "x", "since": 1}}'])
async def test_what_cannot_be_read_pauses_nothing(tmp_path: Path, text: str) -> None:
    """A damaged file is said, and every source is looked at: what nobody can read must not blind us."""
    (tmp_path / "paused.json").write_text(text, encoding="utf-8")
    said = list[str]()
    with also_told(said.append):
        assert pauses(tmp_path, HandClock(), Wall()).document() == {}
    assert "every source is looked at" in said[0]


async def test_a_pause_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    """Where a restart would forget it, nothing changes and the reason is told."""
    (tmp_path / ".paused.json.new").mkdir()
    running = pauses(tmp_path, HandClock(), Wall())
    with pytest.raises(UsageError, match="nothing was changed"):
        await running.pause(None, None, "page")
    assert running.document() == {}
