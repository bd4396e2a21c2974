"""The commands from outside: what they print, and the exit code that they end with."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.jpeg import encode_jpeg
from parts.motion import motion_config

from foureyes import __version__
from foureyes.frames.demo.scene import Scene
from foureyes.picture import encode_png

SCENE = Scene(1, 3.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of the demo in a row, one as PNG and one as JPEG."""
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "a.png").write_bytes(encode_png(SCENE.draw(0)))
    (folder / "b.jpg").write_bytes(encode_jpeg(SCENE.draw(1)))
    return folder


def lines_of(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_version() -> None:
    """--version prints the version and nothing else."""
    assert foureyes("--version").stdout.strip() == f"foureyes {__version__}"


def test_analyze_reads_pictures_with_every_task(pictures: Path) -> None:
    """One JSON object for each picture and task, with the keys of a reading and the picture's name."""
    done = foureyes("analyze", str(pictures / "a.png"), str(pictures / "b.jpg"), "--json")
    assert done.returncode == 0, done.stderr
    found = {(Path(line["image"]).name, line["task"]): line for line in lines_of(done.stdout)}
    assert len(found) == 8
    truth = SCENE.truth(0)
    assert found["a.png", "vision_ocr"]["values"] == {
        name: getattr(truth, name) for name in ("grand", "major", "minor", "mini", "balance")
    }
    assert found["a.png", "animation_detection"]["withheld"] == {"reels": "absent"}


def test_analyze_of_a_sequence_tells_motion(pictures: Path) -> None:
    """With --sequence the second picture has a predecessor, so that motion can be told."""
    names = [str(pictures / "a.png"), str(pictures / "a.png")]
    done = foureyes("analyze", *names, "--task", "animation_detection", "--sequence", "--json")
    first, second = lines_of(done.stdout)
    assert first["values"]["reels"] is None
    assert second["values"]["reels"] == "stopped"


def test_analyze_names_what_it_cannot_read(pictures: Path, tmp_path: Path) -> None:
    """A truncated picture and a missing file are sentences on stderr; the others are read all the same."""
    cut = tmp_path / "cut.png"
    cut.write_bytes((pictures / "a.png").read_bytes()[:5000])
    images = [str(cut), str(tmp_path / "absent.png"), str(pictures / "a.png")]
    done = foureyes("analyze", *images, "--task", "animation_detection", "--json")
    assert done.returncode == 1
    assert "truncated" in done.stderr
    assert "absent.png: cannot be read: no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert [Path(line["image"]).name for line in lines_of(done.stdout)] == ["a.png"]


def test_an_unknown_task_is_refused(pictures: Path) -> None:
    """A task that is not configured is a wrong call, and the known ones are named."""
    done = foureyes("analyze", str(pictures / "a.png"), "--task", "nope")
    assert done.returncode == 2
    assert "vision_ocr" in done.stderr


def test_check_says_ok_line_by_line(tmp_path: Path) -> None:
    """check looks at configuration, source, server and models, and each line is ok."""
    done = foureyes("check", "--source", "demo", "--state-dir", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert all(line.startswith("ok") for line in lines)
    assert sum("answered its probe" in line for line in lines) == 4


def test_check_says_what_to_do(tmp_path: Path) -> None:
    """A source that is not there fails the check with a sentence, and the other lines are still looked at."""
    absent = f"video:{tmp_path / 'absent.mp4'}"
    done = foureyes(
        "check", *motion_config(tmp_path), "--source", absent, "--state-dir", str(tmp_path / "state"), "--json"
    )
    assert done.returncode == 1
    findings = {finding["what"]: finding for finding in json.loads(done.stdout)}
    assert not findings["source main"]["ok"]
    assert "absent.mp4" in findings["source main"]["text"]
    assert findings["server engine"]["ok"]


def test_a_bad_configuration_ends_with_2(tmp_path: Path) -> None:
    """Every fault of a configuration is on stderr with its path, the exit code is 2, and nothing was started."""
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "sources: [{kind: demo, fps: 99}]\nmodels: {}\ntasks: {t: {models: [x], schema: {}}}\n", "utf-8"
    )
    done = foureyes("run", "--config", str(bad), "--state-dir", str(tmp_path / "state"))
    assert done.returncode == 2
    for part in ("sources.0.fps", "tasks.t.models.0", "nothing was started"):
        assert part in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_source_that_is_not_in_the_grammar(tmp_path: Path) -> None:
    """A source that cannot be understood is a wrong call that shows the grammar."""
    done = foureyes("run", "--source", "tape", "--state-dir", str(tmp_path))
    assert done.returncode == 2
    assert "obs[:NAME]" in done.stderr


def test_status_without_a_daemon(tmp_path: Path) -> None:
    """status says that nothing runs and how to start it."""
    done = foureyes("status", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert "foureyes run" in done.stderr


def test_status_and_models_of_a_running_daemon(tmp_path: Path) -> None:
    """status prints health and readings of the running daemon, models tells which are warm."""
    config = motion_config(tmp_path)
    with RunningDaemon(tmp_path, *config) as daemon:
        daemon.wait_ready()
        daemon.wait(lambda: len(daemon.get("/api/readings")) == 1, "a reading of the task")
        folder = ["--state-dir", str(daemon.state_dir)]
        assert "server:engine" in foureyes("status", *folder).stdout
        document = json.loads(foureyes("status", *folder, "--json").stdout)
        assert [reading["task"] for reading in document["readings"]] == ["motion"]
        rows = json.loads(foureyes("models", *config, *folder, "--json").stdout)
        assert [row["warm"] for row in rows] == [True]


def test_config_show_is_a_valid_configuration(tmp_path: Path) -> None:
    """What config show prints can be used as a configuration."""
    shown = foureyes("config", "show")
    assert shown.returncode == 0
    file = tmp_path / "shown.yaml"
    file.write_text(shown.stdout, "utf-8")
    assert foureyes("config", "show", "--config", str(file)).stdout == shown.stdout


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_config_show_hides_what_a_command_is_told_in_secret(tmp_path: Path, form: tuple[str, ...]) -> None:
    """An API key in the command of a server is shown as there, and not as what it is; the rest is shown."""
    properties = {"x": {"type": ["string", "null"]}}
    schema = {"type": "object", "properties": properties, "required": ["x"], "additionalProperties": False}
    command = ["llama-server", "--api-key", "opensesame", "--port", "{port}"]
    server = {"id": "llama", "kind": "llama-server", "url": "http://127.0.0.1:9999", "command": command}
    document = {
        "servers": [server],
        "models": {"m": {"server": "llama", "model_id": "m"}},
        "tasks": {"t": {"models": ["m"], "schema": schema}},
        "triage": {"webhook": {"url": "https://hooks.example.org/opensesame/cases"}},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(document), encoding="utf-8")
    shown = foureyes("config", "show", "--config", str(tmp_path / "config.yaml"), *form)
    assert shown.returncode == 0, shown.stderr
    assert "--api-key" in shown.stdout
    assert "{port}" in shown.stdout
    assert "https://hooks.example.org/" in shown.stdout
    assert "opensesame" not in shown.stdout


def test_config_schema_is_a_json_schema() -> None:
    """config schema prints the JSON Schema of every setting."""
    schema = json.loads(foureyes("config", "schema").stdout)
    assert schema["properties"].keys() >= {"sources", "servers", "models", "tasks", "web", "log"}


def test_the_engine_command_names_a_taken_port() -> None:
    """An engine on a taken port ends with exit code 4 and a sentence."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        done = foureyes("engine", "--port", str(holder.getsockname()[1]))
    assert done.returncode == 4
    assert "Traceback" not in done.stderr


def test_a_model_that_the_server_does_not_have_is_named(tmp_path: Path) -> None:
    """An id that no server serves fails the check by name, while the models that are there count as ready."""
    config = motion_config(tmp_path, "microsoft/trocr-base-handwritten")
    done = foureyes("check", *config, "--state-dir", str(tmp_path / "state"), "--json")
    findings = json.loads(done.stdout)
    assert done.returncode == 1
    assert [finding["ok"] for finding in findings if "trocr" in finding["text"]] == [False]
    assert {"what": "model engine/animation", "ok": True, "text": "loaded, answered its probe"} in findings
    with RunningDaemon(tmp_path, *config) as daemon:
        daemon.wait_ready()
        assert daemon.component("server:engine")["state"] == "degraded"
        daemon.wait(lambda: bool(daemon.readings()), "a reading by the second candidate")
        assert daemon.readings()[-1]["fallback"]
