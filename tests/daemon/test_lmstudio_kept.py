"""LM Studio kept alive, from outside: attached, steered by lms, evicted, crashed, refused and recycled."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from parts.fakes.steering import FakeLms, FakeServer
from parts.program import free_port, wait_until
from parts.serving import Serving, is_alive, server, serving
from parts.watched import FakeEngine, task

ONE, TWO = "maker/one", "maker/two"
MODELS = {"one": {"server": "lmstudio", "model_id": ONE}, "two": {"server": "lmstudio", "model_id": TWO}}
ENGINE_MODEL = {"ocr": {"server": "engine", "model_id": "ocr"}}


def pinned(running: Serving) -> None:
    """Until both models are loaded and a picture was read."""
    running.daemon.wait_ready()
    running.wait_server("lmstudio", "ok")
    running.show()
    running.wait_reading("read", origin="inferred", model="one")


def test_r3_all_models_are_loaded_once_and_stay_so(tmp_path: Path) -> None:
    """R3: every model of every task is loaded explicitly, one at a time; what is loaded is not loaded again."""
    with FakeServer.lmstudio(tmp_path / "lm", "--loaded", TWO, ONE, TWO) as fake:
        with serving(tmp_path, [server("lmstudio", fake.url)], MODELS) as running:
            pinned(running)
            assert sorted(fake.loaded()) == [ONE, TWO]
            loads = fake.requests("/api/v1/models/load")
            assert [each["body"]["model"] for each in loads] == [ONE]
            assert running.server("lmstudio")["models"] == [ONE, TWO]
            said = [each["message"] for each in running.events("model.loaded")]
            assert [("1 of 2" in line or "2 of 2" in line) for line in said] == [True, True]
        assert fake.running  # attached: it was there before us, and stays
        assert not fake.unlisted()


def test_a_model_that_crashes_is_loaded_again_and_the_server_is_left_alone(tmp_path: Path) -> None:
    """The first head: a crash of one model costs a reload, told as healed after its probe; no restart."""
    with FakeServer.lmstudio(tmp_path / "lm", "--no-jit", ONE, TWO) as fake:
        tasks = {"read": task(models=["one"]), "other": task(models=["two"])}
        with serving(tmp_path, [server("lmstudio", fake.url)], MODELS, tasks) as running:
            running.daemon.wait_ready()
            running.show()
            running.wait_reading("read", origin="inferred")
            fake.control(model=ONE, fail="crash", times=1)
            seen = len(running.readings("read"))
            running.show()
            healing = running.wait_event("server.healing", ailment="model")
            assert "crashed" in healing["message"]
            running.wait_event("server.healed")
            running.wait_reading("read", seen, origin="inferred", model="one")
            state = running.server("lmstudio")
            assert (state["state"], state["restarts"]) == ("ok", 0)
            assert running.states("lmstudio") == ["starting", "loading", "ready"]


def test_a_model_that_was_evicted_is_noticed_and_loaded_again(tmp_path: Path) -> None:
    """Somebody else's request evicts a model: the listing or the next request says so, and it is loaded again."""
    with FakeServer.lmstudio(tmp_path / "lm", "--no-jit", ONE, TWO) as fake:
        config = server("lmstudio", fake.url, probe_s=1)
        with serving(tmp_path, [config], MODELS, {"read": task(models=["one"])}) as running:
            pinned(running)
            fake.control(model=ONE, loaded=False)
            healing = running.wait_event("server.healing", ailment="model")
            assert ONE in healing["message"]
            running.wait_event("server.healed")
            assert ONE in fake.loaded()


def test_r1_r2_unknown_routes_with_200_are_never_health(tmp_path: Path) -> None:
    """R1, R2: a program that answers every route with 200 and an error is no LM Studio, and loads nothing."""
    with FakeServer.lmstudio(tmp_path / "lm", ONE, TWO) as fake:
        fake.control(path="*", fail="error_string_200")
        with serving(tmp_path, [server("lmstudio", fake.url)], MODELS) as running:
            running.wait_event("server.state", state="failed")
            running.wait_event("daemon.blind")
            assert not running.daemon.get("/ready")["ready"]
            assert running.server("lmstudio")["state"] != "ok"
            fake.control(path="*", fail=None)
            running.wait_server("lmstudio", "ok")


def test_a_refused_token_is_a_fault_of_the_configuration_and_no_reason_to_restart(tmp_path: Path) -> None:
    """401: said once with the variable to set, asked again now and then; the server is not touched."""
    with FakeServer.lmstudio(tmp_path / "lm", "--token", "sk-lm-right", ONE, TWO) as fake:  # noqa: SIM117 - in order
        with serving(tmp_path, [server("lmstudio", fake.url)], MODELS) as running:
            failed = running.wait_event("server.state", state="failed")
            assert "LM_API_TOKEN" in failed["message"]
            wait_until(lambda: len(fake.requests()) >= 6, 60, "it is asked again")
            assert running.states("lmstudio").count("failed") == 1
            assert running.server("lmstudio")["restarts"] == 0
    secret = {"LM_API_TOKEN": "sk-lm-right"}
    with FakeServer.lmstudio(tmp_path / "lm2", "--token", "sk-lm-right", ONE, TWO) as fake:
        (tmp_path / "two").mkdir()
        with serving(tmp_path / "two", [server("lmstudio", fake.url)], MODELS, **secret) as running:
            pinned(running)
            log = (running.daemon.state_dir / "logs" / "foureyes.log").read_text("utf-8")
            assert "sk-lm-right" not in log
            assert "sk-lm-right" not in running.daemon.log.read_text("utf-8")


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

            running.daemon.wait(combined, "a request for both tasks", 30)
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

            running.daemon.wait(recycled, "it is recycled", 30)
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


def test_lm_studio_is_brought_up_by_lms_and_taken_down_again(tmp_path: Path) -> None:
    """No daemon there: lms starts it and its server; both are stopped with us, and no poll starts anything."""
    steered = Steered(tmp_path, start_reports_failure=True)
    with steered.lms as lms:
        with serving(tmp_path, [steered.config], MODELS) as running:
            pinned(running)
            pid = lms.daemon_pid()
            assert pid is not None
            assert running.server("lmstudio")["pid"] == pid
            assert running.daemon.stop(signal.SIGTERM) == 0
        wait_until(lambda: not is_alive(pid), 60, "the daemon of LM Studio to be gone")
        assert not lms.side_effects()


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


def test_a_killed_daemon_of_lm_studio_is_brought_back_with_its_models(tmp_path: Path) -> None:
    """SIGKILL of the daemon: brought up again by lms, its models loaded and proved before it is healed."""
    steered = Steered(tmp_path)
    with steered.lms as lms, serving(tmp_path, [steered.config], MODELS) as running:
        pinned(running)
        pid = lms.daemon_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        running.wait_event("server.healed")
        running.wait_server("lmstudio", "ok")
        assert lms.daemon_pid() not in {None, pid}
        seen = len(running.readings("read"))
        running.show()
        running.wait_reading("read", seen, origin="inferred", model="one")


def test_a_stopped_daemon_of_lm_studio_is_known_and_replaced(tmp_path: Path) -> None:
    """SIGSTOP of the daemon: nothing answers; it is healed by more than asking it nicely."""
    steered = Steered(tmp_path)
    with steered.lms as lms, serving(tmp_path, [{**steered.config, "start_timeout_s": 5}], MODELS) as running:
        pinned(running)
        pid = lms.daemon_pid()
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        running.wait_event("server.healing")
        running.wait_event("server.healed", timeout_s=60)
        assert not is_alive(pid)


def test_no_lms_is_told_with_what_to_do(tmp_path: Path) -> None:
    """Where lms is not installed the reason says how to get it, or which setting names it."""
    nowhere = server("lmstudio", f"http://127.0.0.1:{free_port()}", own="daemon", lms=str(tmp_path / "lms"))
    with serving(tmp_path, [nowhere], MODELS) as running:
        failed = running.wait_event("server.state", state="failed")
        assert "https://lmstudio.ai" in failed["message"]


def test_an_lms_that_hangs_is_a_failed_start(tmp_path: Path) -> None:
    """`lms` that never ends is ended, and told as the reason."""
    steered = Steered(tmp_path, hangs=["daemon up"])
    with steered.lms, serving(tmp_path, [{**steered.config, "start_timeout_s": 1}], MODELS) as running:
        failed = running.wait_event("server.state", state="failed")
        assert "did not end within 1 s" in failed["message"]


def test_r26_two_daemons_do_not_fight_over_one_lm_studio(tmp_path: Path) -> None:
    """R26: the first steers it; the second uses it, starts and stops nothing, and leaves it there when it ends."""
    steered = Steered(tmp_path)
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    home = {"XDG_STATE_HOME": str(tmp_path)}
    with steered.lms as lms, serving(tmp_path / "first", [steered.config], MODELS, **home) as first:
        pinned(first)
        done = len(lms.invocations())
        with serving(tmp_path / "second", [steered.config], MODELS, **home) as second:
            pinned(second)
            second.wait_event("lms.shared")
            assert second.daemon.stop(signal.SIGTERM) == 0
        assert len(lms.invocations()) == done
        assert first.server("lmstudio")["state"] == "ok"
