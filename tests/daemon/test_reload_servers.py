"""Other model servers in a changed configuration, from outside: the new one is ready before the old one ends."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
from parts.direct import DIRECT
from parts.fakes.steering import FakeLms, FakeServer, command
from parts.program import free_port, wait_until
from parts.reloading import ConfigFile
from parts.serving import Serving, is_alive, server, serving, wait_gone
from parts.watched import metric

MODELS = {"vlm": {"server": "first", "model_id": "tiny"}}


def own(folder: Path, name: str, *flags: str, port: str = "{port}", at: int | None = None) -> dict[str, Any]:
    """A llama-server that FourEyes starts, by name; on a port of its own choice or a certain one."""
    (folder / name).mkdir(exist_ok=True)
    arguments = ["--port", port, "--folder", str(folder / name), "--alias", "tiny", "--model-path", "/tiny.gguf"]
    url = f"http://127.0.0.1:{at or free_port()}"
    return server("llama-server", url, id=name, command=command("child", *arguments, *flags))


def without_a_model(running: Serving, since: int) -> list[dict[str, Any]]:
    return [each for each in running.readings("read")[since:] if each["model"] is None]


def test_a_new_server_is_ready_before_the_old_one_is_stopped(tmp_path: Path) -> None:
    """While a slow new server loads, the old one answers; then the new one is asked, and the old one is gone."""
    with serving(tmp_path, [own(tmp_path, "first")], MODELS) as running:
        config = ConfigFile(running.daemon.wait_ready(), tmp_path)
        old_pid, seen = running.server("first")["pid"], len(running.readings("read"))
        models = {"other": {"server": "second", "model_id": "tiny"}}
        tasks = config.changed("tasks", "read", models=["other"])["tasks"]
        servers = [own(tmp_path, "second", "--loading-s", "2")]
        said = config.reload({**config.document, "servers": servers, "models": models, "tasks": tasks})
        assert "tasks changed: read; servers new: second; servers gone: first; unchanged: 1" in said["message"]
        running.wait_reading("read", seen, model="other")
        assert not is_alive(old_pid)
        assert running.daemon.get("/health")["components"].keys() & {"server:first", "server:second"} == {
            "server:second"
        }
        assert 'server="first",state="ready"' not in httpx.get(f"{running.daemon.url}/metrics", **DIRECT).text
        assert not without_a_model(running, seen)


def test_a_changed_server_takes_over_from_itself(tmp_path: Path) -> None:
    """A server with another command is started beside its old self; then the task is read by the new one."""
    with serving(tmp_path, [own(tmp_path, "first")], MODELS) as running:
        config = ConfigFile(running.daemon.wait_ready(), tmp_path)
        old_pid, seen = running.server("first")["pid"], len(running.readings("read"))
        said = config.reload({**config.document, "servers": [own(tmp_path, "first", "--loading-s", "1")]})
        assert "servers changed: first; unchanged: 2" in said["message"]
        wait_gone(old_pid)
        assert running.wait_server("first", "ok")["pid"] != old_pid
        assert metric(running.daemon.url, "foureyes_server_state", server="first", state="ready") == 1
        running.show()
        running.wait_reading("read", seen, origin="inferred")
        assert not without_a_model(running, seen)


def test_a_server_that_needs_the_port_of_the_old_one_waits_for_its_end(tmp_path: Path) -> None:
    """Where the command has a fixed port, the old one is stopped first: it is no stranger in the new one's way."""
    port = free_port()
    with serving(tmp_path, [own(tmp_path, "first", port=str(port), at=port)], MODELS) as running:
        config = ConfigFile(running.daemon.wait_ready(), tmp_path)
        old_pid, seen = running.server("first")["pid"], len(running.readings("read"))
        renamed = [own(tmp_path, "second", port=str(port), at=port)]
        models = {"vlm": {"server": "second", "model_id": "tiny"}}
        config.reload({**config.document, "servers": renamed, "models": models})
        running.wait_reading("read", seen, origin="inferred", server="second")
        assert not is_alive(old_pid)
        assert "failed" not in running.states("second")


def test_a_server_that_never_comes_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """A new server that cannot be reached is in force and said to be failing; the other model reads."""
    with serving(tmp_path, [own(tmp_path, "first")], MODELS) as running:
        config = ConfigFile(running.daemon.wait_ready(), tmp_path)
        first_pid, seen = running.server("first")["pid"], len(running.readings("read"))
        nobody = server("openai", f"http://127.0.0.1:{free_port()}", id="nobody")
        models = {**MODELS, "away": {"server": "nobody", "model_id": "tiny"}}
        tasks = config.changed("tasks", "read", models=["away", "vlm"])["tasks"]
        servers = [*config.document["servers"], nobody]
        config.reload({**config.document, "servers": servers, "models": models, "tasks": tasks})
        assert running.wait_reading("read", seen, model="vlm", fallback=True)["server"] == "first"
        assert running.server("nobody")["state"] in {"recovering", "starting", "degraded"}
        assert running.server("first")["pid"] == first_pid
        assert not without_a_model(running, seen)


def test_a_server_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """An attached server that is no longer configured goes on; only our connections to it are closed."""
    with FakeServer.llama(tmp_path / "theirs", "--alias", "tiny") as theirs:
        attached = server("llama-server", theirs.url, id="first")
        with serving(tmp_path, [attached], MODELS) as running:
            config = ConfigFile(running.daemon.wait_ready(), tmp_path)
            models = {"vlm": {"server": "second", "model_id": "tiny"}}
            config.reload({**config.document, "servers": [own(tmp_path, "second")], "models": models})
            running.wait_reading("read", origin="inferred", server="second")
            assert theirs.running
            assert not theirs.events("unloaded")


def test_lm_studio_is_steered_on_when_its_settings_change(tmp_path: Path) -> None:
    """The LM Studio that we brought up is brought up anew with other settings, and still taken down with us."""
    with FakeLms(tmp_path / "lms", "tiny") as lms:
        url = f"http://127.0.0.1:{free_port()}"
        studio = server("lmstudio", url, id="first", own="daemon", lms=str(lms.path))
        with serving(tmp_path, [studio], MODELS) as running:
            config = ConfigFile(running.daemon.wait_ready(), tmp_path)
            seen = len(running.readings("read"))
            said = config.reload(config.changed("servers", 0, context_length=4096))
            assert "servers changed: first" in said["message"]
            running.wait_server("first", "ok")
            running.show()
            running.wait_reading("read", seen, origin="inferred", server="first")
            assert not running.events("lms.shared")
            pid = lms.daemon_pid()
            assert pid is not None
            assert running.daemon.stop(signal.SIGTERM) == 0
        wait_until(lambda: not is_alive(pid), 60, "the daemon of LM Studio to be gone")


def test_an_end_in_the_middle_of_a_reload_leaves_no_process(tmp_path: Path) -> None:
    """SIGTERM while a new server still loads: the daemon ends, with the old server and with the new one."""
    with serving(tmp_path, [own(tmp_path, "first")], MODELS) as running:
        config = ConfigFile(running.daemon.wait_ready(), tmp_path)
        servers = [own(tmp_path, "first", "--loading-s", "60")]
        config.path.write_text(json.dumps({**config.document, "servers": servers}), encoding="utf-8")
        daemon = psutil.Process(running.daemon.process.pid)
        before = len(daemon.children(recursive=True))
        running.daemon.process.send_signal(signal.SIGHUP)
        running.daemon.wait(lambda: len(daemon.children(recursive=True)) > before, "the new server's process")
        children = daemon.children(recursive=True)
        assert running.daemon.stop(signal.SIGTERM) == 0
        assert not any(is_alive(child.pid) for child in children)
        assert not config.outcomes()
