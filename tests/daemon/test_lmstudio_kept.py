"""LM Studio kept alive, from outside: attached, steered by lms, evicted, crashed, refused and recycled."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.fakes.steering import FakeLms, FakeServer
from parts.program import free_port, wait_until
from parts.serving import Serving, is_alive, server, serving
from parts.watched import FakeEngine, task

ONE, TWO = "maker/one", "maker/two"
MODELS = {"one": {"server": "lmstudio", "model_id": ONE}, "two": {"server": "lmstudio", "model_id": TWO}}
ENGINE_MODEL = {"ocr": {"server": "engine", "model_id": "ocr"}}


TOKEN = "sk-lm-right"  # noqa: S105 - the tests look for it where it must not be


def pinned(running: Serving) -> None:
    """Until both models are loaded and a picture was read."""
    running.daemon.wait_ready()
    running.wait_server("lmstudio", "ok")
    running.show()
    running.wait_reading("read", origin="inferred", model="one")


@dataclass(frozen=True)
class Kept:
    """An LM Studio that wants a token, and the daemon that keeps two models of it loaded."""

    fake: FakeServer
    running: Serving


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    tasks = {"read": task(models=["one"]), "other": task(models=["two"])}
    flags = ("--no-jit", "--token", TOKEN, "--loaded", TWO, ONE, TWO)
    with FakeServer.lmstudio(folder / "lm", *flags) as fake:
        config = server("lmstudio", fake.url, probe_s=1)
        with serving(folder, [config], MODELS, tasks, LM_API_TOKEN=TOKEN) as running:
            pinned(running)
            yield Kept(fake, running)
        assert fake.running  # attached: it was there before us, and stays
        assert not fake.unlisted()


def test_r3_all_models_are_loaded_once_and_stay_so(kept: Kept) -> None:
    """R3: every model of every task is loaded explicitly, one at a time; what is loaded is not loaded again."""
    assert sorted(kept.fake.loaded()) == [ONE, TWO]
    loads = kept.fake.requests("/api/v1/models/load")
    assert [each["body"]["model"] for each in loads] == [ONE]
    assert kept.running.server("lmstudio")["models"] == [ONE, TWO]
    said = [each["message"] for each in kept.running.events("model.loaded")]
    assert [("1 of 2" in line or "2 of 2" in line) for line in said] == [True, True]


def test_a_token_is_sent_and_never_written_down(kept: Kept) -> None:
    """An LM Studio that refuses whoever has no token is served; the token is in no log and on no console."""
    assert kept.running.server("lmstudio")["state"] == "ok"
    assert TOKEN not in (kept.running.daemon.state_dir / "logs" / "foureyes.log").read_text("utf-8")
    assert TOKEN not in kept.running.daemon.log.read_text("utf-8")


def test_a_model_that_crashes_is_loaded_again_and_the_server_is_left_alone(kept: Kept) -> None:
    """The first head: a crash of one model costs a reload, told as healed after its probe; no restart."""
    running = kept.running
    healings, healed = (len(running.events(name)) for name in ("server.healing", "server.healed"))
    kept.fake.control(model=ONE, fail="crash", times=1)
    seen = len(running.readings("read"))
    running.show()
    running.daemon.wait(lambda: len(running.events("server.healed")) > healed, "it is healed")
    healing = running.events("server.healing")[healings]
    assert healing["ailment"] == "model"
    assert "crashed" in healing["message"]
    running.wait_reading("read", seen, origin="inferred", model="one")
    state = running.wait_server("lmstudio", "ok")
    assert state["restarts"] == 0
    assert running.states("lmstudio") == ["starting", "loading", "ready"]


def test_a_model_that_was_evicted_is_noticed_and_loaded_again(kept: Kept) -> None:
    """Somebody else's request evicts a model: the listing or the next request says so, and it is loaded again."""
    running = kept.running
    healings, healed = (len(running.events(name)) for name in ("server.healing", "server.healed"))
    kept.fake.control(model=ONE, loaded=False)
    running.daemon.wait(lambda: len(running.events("server.healed")) > healed, "it is healed")
    healing = running.events("server.healing")[healings]
    assert healing["ailment"] == "model"
    assert ONE in healing["message"]
    assert ONE in kept.fake.loaded()


def test_models_that_lm_studio_cannot_serve_are_named_with_their_substitute(tmp_path: Path) -> None:
    """The document's ids are reported by name, reason and substitute; the engine reads in their place."""
    with FakeServer.lmstudio(tmp_path / "lm", ONE) as fake, FakeEngine(tmp_path / "engine", ["ocr"]) as engine:
        models = {"trocr": {"server": "lmstudio", "model_id": "microsoft/trocr-base-handwritten"}}
        servers = [server("lmstudio", fake.url), server("engine", engine.url)]
        with serving(tmp_path, servers, models) as running:
            running.daemon.wait_ready()
            running.wait_server("lmstudio", "degraded")
            (missing,) = running.server("lmstudio")["missing"]
            assert "microsoft/trocr-base-handwritten" in missing
            assert "no chat model" in missing
            assert "'ocr'" in missing
            running.show()
            reading = running.wait_reading("read", origin="inferred")
            assert (reading["model"], reading["server"], reading["fallback"]) == ("engine:ocr", "engine", True)


def test_tasks_that_combine_go_as_one_request(tmp_path: Path) -> None:
    """Two tasks of one picture and model are one request, and two readings that each pass their own schema."""
    tasks = {name: task(models=["one"], combine=True) for name in ("first", "second")}
    with FakeServer.lmstudio(tmp_path / "lm", ONE, TWO) as fake:  # noqa: SIM117 - too long for one line
        with serving(tmp_path, [server("lmstudio", fake.url)], MODELS, tasks) as running:
            running.daemon.wait_ready()
            fake.control(model=ONE, values={"number": 7})
            before = len(fake.chats(ONE))

            def combined() -> bool:
                running.show()
                formats = [each["body"]["response_format"] for each in fake.chats(ONE)[before:]]
                asked = [set(wanted["json_schema"]["schema"]["properties"]) for wanted in formats]
                return {"first", "second"} in asked

            running.daemon.wait(combined, "a request for both tasks", 60)
            for name in tasks:
                running.wait_reading(name, origin="inferred", values={"amount": None, "number": 7})
            answered = running.events("request.done", outcome="ok")
            counted = [each for each in answered if "prompt_tokens" in each]
            formats = [each["body"]["response_format"]["json_schema"]["schema"] for each in fake.chats(ONE)]
            asked = [each for each in formats if set(each["properties"]) != {"seen"}]  # that is the probe
            assert 0 < len(counted) <= len(asked) < len(answered)  # tokens are spent once


def test_recycled_models_leave_no_gap(tmp_path: Path) -> None:
    """After so many images the models are loaded anew; meanwhile the next candidate answers."""
    with FakeServer.lmstudio(tmp_path / "lm", ONE) as fake, FakeEngine(tmp_path / "engine", ["ocr"]) as engine:
        leaky = server("lmstudio", fake.url, recycling={"after_images": 3})
        models = {"one": MODELS["one"], **ENGINE_MODEL}
        with serving(tmp_path, [leaky, server("engine", engine.url)], models) as running:
            pinned(running)
            seen = len(running.readings("read"))

            def recycled() -> bool:
                running.show()
                return bool(running.events("server.recycled"))

            running.daemon.wait(recycled, "it is recycled", 60)
            running.wait_reading("read", len(running.readings("read")), model="one", origin="inferred")
            assert len(fake.events("unloaded")) >= 1
            assert all(each["model"] for each in running.readings("read")[seen:])
            assert running.server("lmstudio")["restarts"] == 0


class Steered:
    """LM Studio under lms, as a server of the configuration."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.lms = FakeLms(folder / "home", ONE, TWO, **config)
        self.config = server(
            "lmstudio", f"http://127.0.0.1:{free_port()}", own="daemon", lms=str(self.lms.path), check_s=1
        )


@dataclass(frozen=True)
class Brought:
    """An LM Studio that the daemon brought up by lms."""

    lms: FakeLms
    config: dict[str, Any]
    running: Serving
    home: Path

    def pid(self) -> int:
        pid = self.lms.daemon_pid()
        assert pid is not None
        return pid

    def healed(self, number: int) -> None:
        """Have the daemon of LM Studio get a signal that it does not survive, until another one is healed."""
        before, pid = len(self.running.events("server.healed")), self.pid()
        os.kill(pid, number)
        self.running.daemon.wait(lambda: len(self.running.events("server.healed")) > before, "it is healed", 90)
        self.running.wait_server("lmstudio", "ok")
        assert not is_alive(pid)
        assert self.pid() != pid


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brought]:
    """Brought up by an `lms` that says it had failed, and taken down when the daemon ends."""
    folder = tmp_path_factory.mktemp("brought")
    steered = Steered(folder, start_reports_failure=True)
    config = {**steered.config, "start_timeout_s": 5}
    with steered.lms as lms, serving(folder, [config], MODELS) as running:
        pinned(running)
        yield Brought(lms, config, running, folder)


def test_r26_two_daemons_do_not_fight_over_one_lm_studio(brought: Brought, tmp_path: Path) -> None:
    """R26: the first steers it; the second uses it, starts and stops nothing, and leaves it there when it ends."""
    done = len(brought.lms.invocations())
    home = {"XDG_STATE_HOME": str(brought.home)}
    with serving(tmp_path, [brought.config], MODELS, **home) as second:
        pinned(second)
        second.wait_event("lms.shared")
        assert second.daemon.stop(signal.SIGTERM) == 0
    assert len(brought.lms.invocations()) == done
    assert brought.running.server("lmstudio")["state"] == "ok"


def test_a_killed_daemon_of_lm_studio_is_brought_back_with_its_models(brought: Brought) -> None:
    """SIGKILL of the daemon: brought up again by lms, its models loaded and proved before it is healed."""
    brought.healed(signal.SIGKILL)
    seen = len(brought.running.readings("read"))
    brought.running.show()
    brought.running.wait_reading("read", seen, origin="inferred", model="one")


def test_a_stopped_daemon_of_lm_studio_is_known_and_replaced(brought: Brought) -> None:
    """SIGSTOP of the daemon: nothing answers; it is healed by more than asking it nicely."""
    brought.healed(signal.SIGSTOP)


def test_lm_studio_that_was_brought_up_by_lms_is_taken_down_again(brought: Brought) -> None:
    """lms started it and its server; both are stopped with us, and no poll started anything."""
    pid = brought.pid()
    assert brought.running.server("lmstudio")["pid"] == pid
    assert brought.running.daemon.stop(signal.SIGTERM) == 0  # the last test that needs it
    wait_until(lambda: not is_alive(pid), 60, "the daemon of LM Studio to be gone")
    assert not brought.lms.side_effects()


def test_what_is_no_lm_studio_or_none_to_be_had_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Four servers that fail, each with its own reason; nothing is restarted, and what becomes well is used.

    R1, R2: a program that answers every route with 200 and an error is no LM Studio. 401 is said once with the
    variable to set, and asked again now and then. No `lms` is told with how to get it;
    one that never ends is ended.
    """
    hangs = Steered(tmp_path, hangs=["daemon up"])
    with (
        FakeServer.lmstudio(tmp_path / "nonsense", ONE, TWO) as nonsense,
        FakeServer.lmstudio(tmp_path / "token", "--token", TOKEN, ONE) as refusing,
        hangs.lms,
    ):
        nonsense.control(path="*", fail="error_string_200")
        nowhere = server("lmstudio", f"http://127.0.0.1:{free_port()}", own="daemon", lms=str(tmp_path / "lms"))
        servers = [
            server("lmstudio", nonsense.url),
            server("lmstudio", refusing.url, id="refusing"),
            {**nowhere, "id": "nowhere"},
            {**hangs.config, "id": "hangs", "start_timeout_s": 1},
        ]
        others = {each["id"]: {"server": each["id"], "model_id": ONE} for each in servers[1:]}
        with serving(tmp_path, servers, {**MODELS, **others}) as running:
            why = {
                each["id"]: running.wait_event("server.state", state="failed", server=each["id"])["message"]
                for each in servers
            }
            assert "LM_API_TOKEN" in why["refusing"]
            assert "https://lmstudio.ai" in why["nowhere"]
            assert "did not end within 1 s" in why["hangs"]
            running.wait_event("daemon.blind")
            assert not running.daemon.get("/ready")["ready"]
            assert not nonsense.requests("/api/v1/models/load")
            wait_until(lambda: len(refusing.requests()) >= 6, 60, "it is asked again")
            assert running.states("refusing").count("failed") == 1
            assert running.server("refusing")["restarts"] == 0
            nonsense.control(path="*", fail=None)
            running.wait_server("lmstudio", "ok")


def test_r24_a_foreign_lm_studio_is_never_stopped(tmp_path: Path) -> None:
    """R24: a daemon that ran before us, its server open, is used and left as it was."""
    steered = Steered(tmp_path)
    with steered.lms as lms:
        port = steered.config["url"].rpartition(":")[2]
        assert lms.run("daemon", "up", "--json").returncode == 0
        assert lms.run("server", "start", "--port", port).returncode == 0
        pid = lms.daemon_pid()
        with serving(tmp_path, [steered.config], MODELS) as running:
            pinned(running)
            assert running.daemon.stop(signal.SIGTERM) == 0
        assert lms.daemon_pid() == pid
        assert not lms.invocations("server stop")
        assert not lms.invocations("daemon down")
