"""The whole daemon on a real OBS: what it shows is read, and when it goes away that is told by its cause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.obs_studio import ObsStudio
from parts.watched import FakeEngine, task, write_config

from foureyes.frames.demo.scene import Scene
from foureyes.picture import encode_png

pytestmark = pytest.mark.obs
SCENE = Scene(2, 3.0)


def configured(folder: Path, obs: ObsStudio, **source: object) -> Path:
    shown = json.loads(foureyes("config", "show", "--json").stdout)
    shown["sources"] = [{"id": "main", "kind": "obs", "port": obs.port, "timeout_s": 1, **source}]
    shown["capture"]["stall_s"] = 3
    file = folder / "obs.yaml"
    file.write_text(json.dumps(shown), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def daemon(obs_studio: ObsStudio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    folder = tmp_path_factory.mktemp("obs")
    picture = folder / "scene.png"
    picture.write_bytes(encode_png(SCENE.draw(0)))
    obs_studio.show_image(picture)
    config = configured(folder, obs_studio)
    with RunningDaemon(folder, "--config", str(config), FOUREYES_OBS_PASSWORD=obs_studio.password) as running:
        yield running.wait_ready()


def test_what_obs_shows_is_read(daemon: RunningDaemon) -> None:
    """The amounts of the program scene are read through OBS's own JPEG."""
    truth = SCENE.truth(0)

    def amounts() -> list[dict[str, str]]:
        return [reading["values"] for reading in daemon.readings() if reading["task"] == "vision_ocr"]

    daemon.wait(lambda: any(values["grand"] for values in amounts()), "an amount")
    assert {values["grand"] for values in amounts()} <= {truth.grand, None}
    assert {values["balance"] for values in amounts()} <= {truth.balance, None}


def test_an_obs_that_hangs_is_told_and_comes_back(daemon: RunningDaemon, obs_studio: ObsStudio) -> None:
    """While OBS stands still health says blind with the cause, readings go null as stale, and all comes back."""
    obs_studio.pause()
    try:
        daemon.wait(lambda: daemon.component("source:main")["state"] == "blind", "blind")
        assert daemon.component("source:main")["cause"] == "hung"
        daemon.wait(
            lambda: all(set(of["withheld"].values()) == {"stale"} for of in daemon.get("/api/readings")), "stale"
        )
        assert daemon.get("/health")["status"] == "failing"
    finally:
        obs_studio.resume()
    daemon.wait(lambda: "source.moving" in json.dumps(daemon.log_events()), "seeing again")
    assert daemon.component("source:main")["state"] == "ok"
    events = [
        entry["event"] for entry in daemon.log_events() if entry["event"] in {"source.stalled", "source.moving"}
    ]
    assert events == ["source.stalled", "source.moving"]


def test_the_password_is_in_no_log(daemon: RunningDaemon, obs_studio: ObsStudio) -> None:
    """Neither the console nor a log file nor the status has the password in it."""
    logs = [daemon.log, *(daemon.state_dir / "logs").iterdir()]
    assert not any(obs_studio.password in file.read_text("utf-8") for file in logs)
    assert obs_studio.password not in json.dumps(daemon.get("/api/status"))


def test_a_wrong_password_is_told_by_check(obs_studio: ObsStudio, tmp_path: Path) -> None:
    """A wrong password names the variable to set; a scene that is not there is told by its name."""
    source = {"id": "main", "kind": "obs", "port": obs_studio.port, "timeout_s": 1}
    with FakeEngine(tmp_path / "engine", ["calm"]) as engine:

        def checked(password: str, **settings: str) -> CompletedProcess[str]:
            config = write_config(tmp_path, engine, {"calm": task()}, [{**source, **settings}])
            arguments = ("check", "--config", str(config), "--state-dir", str(tmp_path))
            return foureyes(*arguments, FOUREYES_OBS_PASSWORD=password)

        wrong = checked(obs_studio.password[::-1])
        missing = checked(obs_studio.password, scene="Nowhere")
    assert "FOUREYES_OBS_PASSWORD" in wrong.stdout
    assert "Nowhere" in missing.stdout
    assert (wrong.returncode, missing.returncode) == (1, 1)
