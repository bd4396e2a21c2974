"""`foureyes support`: what goes into the bundle, what never does, and that nothing is written unseen."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.answering import Answer, AnsweringServer, completed, openai_routes
from parts.foureyes import foureyes
from parts.serving import Serving, server, serving
from parts.watched import task

from foureyes.picture import decode

VARIABLE = "MY_MODEL_TOKEN"
SECRETS = {
    "FOUREYES_OBS_PASSWORD": "obs-word-41c9",
    "FOUREYES_MONGO__URI": "mongodb://keeper:mongo%2Fword-77@127.0.0.1:9/?serverSelectionTimeoutMS=100",
    "FOUREYES_ALERT_URLS": "mailto://me:mailword-83@example.org tgram://bot-token-19/chat",
    VARIABLE: "model-token-5f20",
}
NEVER = ["obs-word-41c9", "mongo%2Fword-77", "mongo/word-77", "mailword-83", "bot-token-19", "model-token-5f20"]
ALWAYS = {"versions.json", "config.json", "environment.json", "status.json", "requests.json", "metrics.txt"}
ALWAYS |= {"errors.json", "logs/foureyes.log", "logs/errors.log", "logs/audit.jsonl"}


def answered(_body: dict[str, Any]) -> Answer:
    """Nothing that keeps to the schema, and secrets in what is said: faults and log lines come of it."""
    return completed(_body, {"rubbish": "password=said-by-model-66 obs-word-41c9"})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("support")
    models = {"vlm": {"server": "openai", "model_id": "m"}}
    tasks = {"read": task(models=["vlm"], attempts=1)}
    with AnsweringServer(openai_routes("m", answered)) as vlm:
        own = server("openai", vlm.url, token_env=VARIABLE)
        with serving(folder, [own], models, tasks, **SECRETS) as daemon:
            daemon.daemon.wait_ready()
            daemon.daemon.wait(lambda: daemon.daemon.component("task:main/read")["state"] == "failing", "a fault")
            yield daemon


def support(daemon: Serving, *arguments: str, given: str | None = None) -> tuple[int, str]:
    folder = daemon.daemon.state_dir
    where = ["--state-dir", str(folder), "--config", str(folder.parent / "config.yaml")]
    done = foureyes("support", *where, *arguments, given=given, **SECRETS)
    return done.returncode, done.stdout + done.stderr


def unpacked(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_bundle_has_what_helps_and_no_secret(running: Serving, tmp_path: Path) -> None:
    """Versions, configuration, status, logs, metrics and faults are in it, shown by name and size; no secret."""
    file = tmp_path / "bundle.zip"
    code, said = support(running, "--yes", "--output", str(file))
    assert code == 0, said
    parts = unpacked(file)
    assert parts.keys() == ALWAYS
    assert all(name in said and f"{len(data):,} bytes" in said for name, data in parts.items())
    token = (running.daemon.state_dir / "web-token").read_text("ascii").strip()
    for name, data in parts.items():
        leaked = [secret for secret in [*NEVER, token, "said-by-model-66"] if secret.encode() in data]
        assert not leaked, (name, leaked)
    status, config = json.loads(parts["status.json"]), json.loads(parts["config.json"])
    assert status["components"]["task:main/read"]["state"] == "failing"
    assert config["servers"][0]["token_env"] == VARIABLE
    assert json.loads(parts["errors.json"])["groups"]
    assert json.loads(parts["requests.json"])["total_requests"] > 0
    assert set(SECRETS) - {VARIABLE} <= set(json.loads(parts["environment.json"]))
    assert b"foureyes_inferences_total" in parts["metrics.txt"]
    assert b"daemon.starting" in parts["logs/foureyes.log"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_unless_it_is_wanted(running: Serving, tmp_path: Path) -> None:
    """It asks behind the list; another answer than yes, or nobody to answer, leaves nothing behind."""
    file = tmp_path / "bundle.zip"
    for given in ("n\n", ""):
        code, said = support(running, "--output", str(file), given=given)
        assert code != 0
        assert "config.json" in said
        assert not file.exists()


def test_a_file_that_is_there_is_left_alone(running: Serving, tmp_path: Path) -> None:
    """It never overwrites: a file of that name is a wrong call."""
    file = tmp_path / "mine.zip"
    file.write_text("mine")
    code, said = support(running, "--yes", "--output", str(file))
    assert code == 2
    assert "file exists" in said
    assert file.read_text() == "mine"


def test_pictures_only_when_asked(running: Serving, tmp_path: Path) -> None:
    """With --pictures the newest picture of each source is in it; a configuration that forbids pictures wins."""
    file = tmp_path / "bundle.zip"
    assert support(running, "--yes", "--pictures", "--output", str(file))[0] == 0
    picture = unpacked(file)["pictures/main.png"]
    assert decode(picture).shape == running.screen.pixels.shape
    SECRETS["FOUREYES_CAPTURE__KEEP_FRAMES"] = "never"
    code, said = support(running, "--yes", "--pictures", "--output", str(tmp_path / "other.zip"))
    del SECRETS["FOUREYES_CAPTURE__KEEP_FRAMES"]
    assert code == 2
    assert "keep_frames" in said


def test_without_a_daemon_it_says_what_is_missing(tmp_path: Path) -> None:
    """Of a daemon that does not run there is the rest, each missing part with its reason."""
    file = tmp_path / "bundle.zip"
    done = foureyes("support", "--state-dir", str(tmp_path / "state"), "--yes", "--output", str(file))
    assert done.returncode == 0, done.stderr
    parts = unpacked(file)
    assert b"no daemon runs" in parts["status.json"]
    assert b"No such file" in parts["logs/foureyes.log"]
