"""Model servers that FourEyes starts itself, from outside: how they start, die, misbehave and are taken down."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.fakes.steering import FakeLog, FakeServer, command, steer
from parts.program import free_port, wait_until
from parts.serving import Serving, is_alive, server, serving, wait_gone
from parts.watched import FakeEngine

MODEL = "tiny"
ALIAS = ("--alias", MODEL, "--model-path", "/models/tiny.gguf")


def child(folder: Path, *flags: str, port: str = "{port}") -> list[str]:
    """The command of a llama-server that misbehaves as its flags say."""
    (folder / "llama").mkdir(exist_ok=True)
    return command("child", "--port", port, "--folder", str(folder / "llama"), *ALIAS, *flags)


@contextlib.contextmanager
def with_own(folder: Path, *flags: str, port: str = "{port}", **settings: Any) -> Iterator[Serving]:
    """A daemon with one llama-server of its own, and nothing behind it."""
    url = f"http://127.0.0.1:{free_port()}"
    own = server("llama-server", url, **{"command": child(folder, *flags, port=port), **settings})
    with serving(folder, [own], {"vlm": {"server": "llama-server", "model_id": MODEL}}) as running:
        yield running


def test_a_server_is_started_read_from_and_stopped(tmp_path: Path) -> None:
    """A configured command is started, its model proved and asked, its cost told; it ends with the daemon."""
    with with_own(tmp_path, max_edge_px=160) as running:
        running.daemon.wait_ready()
        running.show()
        reading = running.wait_reading("read", origin="inferred")
        assert (reading["model"], reading["server"], reading["fallback"]) == ("vlm", "llama-server", False)
        done = running.wait_event("request.done", outcome="ok")
        assert done["scales"] == [0.5]  # of the screen's 320 pixels
        assert min(done["prompt_tokens"], done["completion_tokens"]) > 0
        pid = running.server("llama-server")["pid"]
        assert running.daemon.stop(signal.SIGTERM) == 0
        assert not is_alive(pid)
    assert not FakeLog(tmp_path / "llama").unlisted()


def test_a_second_candidate_answers_while_the_first_is_started_anew(tmp_path: Path) -> None:
    """SIGKILL of the first: the second answers as a fallback, and the first comes back by itself."""
    with FakeEngine(tmp_path / "engine", ["ocr"]) as engine:
        url = f"http://127.0.0.1:{free_port()}"
        servers = [server("llama-server", url, command=child(tmp_path)), server("engine", engine.url)]
        models = {
            "vlm": {"server": "llama-server", "model_id": MODEL},
            "ocr": {"server": "engine", "model_id": "ocr"},
        }
        with serving(tmp_path, servers, models) as running:
            running.daemon.wait_ready()
            running.wait_server("llama-server", "ok")
            running.wait_reading("read", origin="inferred", model="vlm")
            seen = len(running.readings("read"))
            running.show()
            running.wait_reading("read", seen, origin="inferred", model="vlm")
            seen = len(running.readings("read"))
            os.kill(running.server("llama-server")["pid"], signal.SIGKILL)
            running.show()
            fallback = running.wait_reading("read", seen, origin="inferred")
            assert (fallback["model"], fallback["fallback"]) == ("ocr", True)
            since = running.readings("read").index(fallback)  # before it stood what the first had read
            back = running.wait_reading("read", since, model="vlm", fallback=False)
            assert back["origin"] in {"inferred", "cached"}
            running.wait_event("server.healed", server="llama-server")
            assert not [each for each in running.readings("read")[seen:] if each["model"] is None]


def test_a_long_start_that_makes_progress_is_waited_for(tmp_path: Path) -> None:
    """A server that says for longer than start_timeout_s that it loads is no failed start."""
    with with_own(tmp_path, "--loading-s", "12", start_timeout_s=10) as running:
        running.daemon.wait_ready()
        assert running.states("llama-server") == ["starting", "loading", "ready"]


def test_a_recycled_server_is_replaced_beside_itself(tmp_path: Path) -> None:
    """After so many images, or with too much memory, another process takes over: no reading lacks its model.

    One that cannot be started leaves the old one at work.
    """
    broken = tmp_path / "broken"
    command = ["sh", "-c", f'test ! -e {broken} && exec "$@"', "sh", *child(tmp_path)]
    own = server(
        "llama-server",
        f"http://127.0.0.1:{free_port()}",
        command=command,
        recycling={"after_images": 6, "above_mb": 250},
        restarts={"stable_s": 1},
    )
    with FakeEngine(tmp_path / "engine", ["ocr"]) as engine:
        models = {
            "vlm": {"server": "llama-server", "model_id": MODEL},
            "ocr": {"server": "engine", "model_id": "ocr"},
        }
        with serving(tmp_path, [own, server("engine", engine.url)], models) as running:
            running.daemon.wait_ready()
            first = running.wait_server("llama-server", "ok")
            seen = len(running.readings("read"))
            show_until(running, "server.recycled", "images")
            wait_gone(first["pid"])
            second = running.server("llama-server")
            steer(int(second["url"].rpartition(":")[2]), settings={"leak_mb": 300})
            show_until(running, "server.recycled", "MB of memory")
            wait_gone(second["pid"])
            third = running.server("llama-server")
            broken.touch()
            show_until(running, "server.recycling_failed", "goes on")
            last = running.server("llama-server")
            assert (last["pid"], last["restarts"]) == (third["pid"], 0)
            readings = running.readings("read")[seen:]
            assert {(each["model"], each["fallback"]) for each in readings} == {("vlm", False)}


def show_until(running: Serving, name: str, words: str) -> None:
    """Show one new picture after the other, each read, until an event is told with these words."""

    def told() -> bool:
        seen = len(running.readings("read"))
        running.show()
        running.wait_reading("read", seen, origin="inferred")
        return any(words in each["message"] for each in running.events(name))

    running.daemon.wait(told, f"{name} {words}")


def test_a_child_that_ends_at_once_is_told_with_its_code_and_last_words(tmp_path: Path) -> None:
    """Exit code 0 is no start: the reason has the code, the time and what it said last."""
    with with_own(tmp_path, "--exit-at-once", "0", "--say", "no such file: tiny.gguf") as running:
        failed = running.wait_event("server.state", state="failed")
        assert "exit code 0" in failed["message"]
        assert "no such file: tiny.gguf" in failed["message"]
        running.wait_event("server.state", state="degraded")
        assert running.states("llama-server").count("failed") == 4


def test_a_child_on_another_port_is_told_with_that_port(tmp_path: Path) -> None:
    """A server that listens elsewhere is a failed start whose reason names where it does."""
    with with_own(tmp_path, "--bind-other-port", start_timeout_s=5) as running:
        failed = running.wait_event("server.state", state="failed")
        assert "listens on port" in failed["message"]
        assert "nobody listens at" in failed["message"]


def test_r23_a_child_that_prints_much_is_drained(tmp_path: Path) -> None:
    """R23: hundreds of megabytes of output stop neither the child nor the daemon, nor fill its memory."""
    with with_own(tmp_path, "--print-mb", "200") as running:
        running.daemon.wait_ready()
        running.show()
        running.wait_reading("read", origin="inferred", model="vlm")
        assert psutil.Process(running.daemon.process.pid).memory_info().rss < 300_000_000


def test_r24_the_whole_tree_ends_with_the_daemon(tmp_path: Path) -> None:
    """R24: a child that ignores SIGTERM, and its own child that does so too, are gone after the daemon."""
    with with_own(tmp_path, "--ignore-term", "--fork") as running:
        running.daemon.wait_ready()
        pids = [running.server("llama-server")["pid"], int((tmp_path / "llama" / "grandchild.pid").read_text())]
        assert all(is_alive(pid) for pid in pids)
        assert running.daemon.stop(signal.SIGTERM) == 0
        assert not any(is_alive(pid) for pid in pids)


def test_a_child_does_not_outlive_a_killed_daemon(tmp_path: Path) -> None:
    """SIGKILL of the daemon leaves no server behind."""
    with with_own(tmp_path) as running:
        running.daemon.wait_ready()
        pid = running.server("llama-server")["pid"]
        running.daemon.process.kill()
        wait_gone(pid)


def test_a_stopped_child_ends_with_the_daemon(tmp_path: Path) -> None:
    """A server that is paused (SIGSTOP) ignores SIGTERM, and is ended all the same."""
    with with_own(tmp_path, check_s=300) as running:
        running.daemon.wait_ready()
        pid = running.server("llama-server")["pid"]
        os.kill(pid, signal.SIGSTOP)
        assert running.daemon.stop(signal.SIGTERM) == 0
        assert not is_alive(pid)


def test_r25_a_taken_port_is_left_to_its_holder_and_another_is_chosen(tmp_path: Path) -> None:
    """R25: where another program has the port and the command has {port}, the server gets a free one."""
    with FakeServer.openai(tmp_path / "other", "ollama", "someone/else") as stranger:
        own = server("llama-server", stranger.url, command=child(tmp_path))
        with serving(tmp_path, [own], {"vlm": {"server": "llama-server", "model_id": MODEL}}) as running:
            running.daemon.wait_ready()
            assert running.server("llama-server")["url"] != stranger.url
            taken = running.wait_event("server.port_taken")
            assert stranger.url in taken["message"]
            running.show()
            running.wait_reading("read", origin="inferred", model="vlm")
        assert stranger.running


def test_r25_a_taken_port_that_the_command_names_is_an_error_that_names_the_holder(tmp_path: Path) -> None:
    """R25: a command with a port of its own is not started on a taken one; who has it is told by its answers."""
    with FakeServer.openai(tmp_path / "other", "ollama", "someone/else") as stranger:
        fixed = child(tmp_path, port=str(stranger.port))
        own = server("llama-server", stranger.url, command=fixed)
        with serving(tmp_path, [own], {"vlm": {"server": "llama-server", "model_id": MODEL}}) as running:
            failed = running.wait_event("server.state", state="failed")
            assert "Ollama" in failed["message"]
            assert "{port}" in failed["message"]
        assert not (tmp_path / "llama" / "requests.jsonl").exists()
        assert stranger.running


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A daemon with a llama-server of its own that tests put to trouble, one after the other."""
    with with_own(tmp_path_factory.mktemp("owner"), restarts={"stable_s": 1}) as running:
        yield running


def learn(running: Serving) -> tuple[int, int]:
    """Have it answer a few times, from which its budget is learned; its pid and port."""
    running.daemon.wait_ready()
    for _ in range(4):
        seen = len(running.readings("read"))
        running.show()
        running.wait_reading("read", seen, origin="inferred")
    state = running.server("llama-server")
    return state["pid"], int(state["url"].rpartition(":")[2])


def test_a_server_that_lives_and_does_not_work_is_started_anew(owner: Serving) -> None:
    """A request over its learned budget while the server uses no processor is a hang, whatever /health says."""
    pid, port = learn(owner)
    healed = len(owner.events("server.healed"))
    steer(port, model="*", fail="hang", times=1)
    owner.show()
    healing = owner.wait_event("server.healing", ailment="hung")
    assert "lives and does not work" in healing["message"]
    owner.daemon.wait(lambda: len(owner.events("server.healed")) > healed, "it is healed")
    assert owner.server("llama-server")["pid"] != pid
    wait_gone(pid)


def test_a_server_that_works_for_long_is_waited_for(owner: Serving) -> None:
    """Slow work is said once and not punished: the answer comes from the same process."""
    pid, port = learn(owner)
    seen, slow = len(owner.readings("read")), len(owner.events("server.slow"))
    steer(port, model="*", fail="burn", delay_s=6, times=1)
    owner.show()
    owner.wait_reading("read", seen, origin="inferred", model="vlm")
    assert owner.server("llama-server")["pid"] == pid
    assert len(owner.events("server.slow")) == slow + 1


def server_events(url: str, until: str) -> Iterator[tuple[str, str]]:
    """The changes of servers as /events tells them, each before and after, up to one state."""
    kind = ""
    with httpx.stream("GET", f"{url}/events", **DIRECT, timeout=60) as response:
        for line in response.iter_lines():
            name, _, text = line.partition(": ")
            kind = text if name == "event" else kind
            if name == "data" and kind == "server":
                change = json.loads(text)
                yield change["before"], change["state"]
                if change["state"] == until:
                    return
            elif name == "data" and kind == "heartbeat":
                yield "", "listening"


def test_every_change_of_a_server_is_a_live_event(owner: Serving) -> None:
    """Who follows /events is told each state of a killed server, from its failure until it is ready again."""
    owner.daemon.wait_ready()
    told = server_events(owner.daemon.url, until="ready")
    assert next(told) == ("", "listening")
    os.kill(owner.server("llama-server")["pid"], signal.SIGKILL)
    changes = [change for change in told if change[1] != "listening"]
    states = ["ready", "failed", "starting", "loading", "ready"]
    assert changes == list(pairwise(states))


def test_a_server_stopped_by_sigstop_is_known_and_replaced(tmp_path: Path) -> None:
    """SIGSTOP: nothing is answered, two checks miss, and the server is replaced once."""
    with with_own(tmp_path) as running:
        pid, _ = learn(running)
        os.kill(pid, signal.SIGSTOP)
        running.wait_event("server.healing", ailment="hung")
        running.wait_event("server.healed")
        assert running.states("llama-server").count("starting") == 2
        wait_gone(pid)


def test_r22_a_restart_is_not_a_cure_before_the_probe_is_answered(tmp_path: Path) -> None:
    """R22: a server that is up again and answers no inference is not healed, not ready and not asked."""
    flags = ("--model-path", "/models/tiny.gguf", "--alias", MODEL)
    with FakeServer.llama(tmp_path / "llama", *flags) as fake:
        models = {"vlm": {"server": "llama-server", "model_id": MODEL}}
        with serving(tmp_path, [server("llama-server", fake.url)], models) as running:
            running.daemon.wait_ready()
            fake.kill()
            running.wait_event("server.state", state="failed")
            mute = ("--control", '{"model": "*", "fail": "500"}')
            with FakeServer(fake.folder, "llama_server", *flags, *mute, port=fake.port) as again:
                wait_until(lambda: bool(again.chats()), 60, "it is probed")
                running.wait_event("server.state", state="degraded", timeout_s=60)
                assert not running.events("server.healed")
                assert not running.daemon.get("/ready")["ready"]
                again.control(model="*", fail=None)
                running.wait_event("server.healed")
                running.wait_server("llama-server", "ok")


def test_r6_the_last_attempts_error_is_the_one_that_is_told(tmp_path: Path) -> None:
    """R6: of three attempts that fail differently, the final failure names the third's error."""
    flags = ("--model-path", "/models/tiny.gguf", "--alias", MODEL)
    with FakeServer.llama(tmp_path / "llama", *flags) as fake:
        models = {"vlm": {"server": "llama-server", "model_id": MODEL}}
        with serving(tmp_path, [server("llama-server", fake.url, check_s=300)], models) as running:
            running.daemon.wait_ready()
            before = len(fake.chats())
            for number, failure in enumerate(("garbage", "empty_choices", "length"), 1):
                fake.control(model="*", fail=failure)
                running.show()
                wait_until(lambda least=before + number: len(fake.chats()) >= least, 60, "an attempt")
            failed = running.wait_event("task.failing")
            assert "3 attempts" in failed["message"]
            assert "max_tokens" in failed["message"]
            assert len(running.events("task.failing", level="error")) == 1
