"""Teaching states by pictures, from outside: the command, what it keeps, and the daemon that takes it up."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import pytest
import yaml
from parts.auditing import changes
from parts.direct import DIRECT
from parts.foureyes import foureyes
from parts.serving import Serving, server, serving
from parts.state_screens import captured, screen

from foureyes.cli.app import main
from foureyes.picture import Pixels, decode, digest, encode_png

THEME = 5
STATE = {"enum": ["menu", "play", "over", None]}
TASK = {
    "models": ["states"],
    "prompt": "Which screen is it?",
    "schema": {"type": "object", "properties": {"state": STATE}, "required": ["state"]},
}
MODEL = {"states": {"server": "engine", "model_id": "state"}}
MASK = [0.0, 0.0, 0.5, 0.25]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A daemon with one task that knows three states by name and none by sight."""
    with serving(tmp_path_factory.mktemp("taught"), [server("engine")], MODEL, {"look": TASK}) as running:
        running.screen.show(screen("game", "play", THEME, 1))
        running.daemon.wait_ready()
        yield running


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose source hides its upper left quarter."""
    return configured(tmp_path)


def configured(folder: Path, **settings: Any) -> Path:
    document = {
        "sources": [{"kind": "images", "path": str(folder / "pictures"), "masks": [MASK]}],
        "models": MODEL,
        "tasks": {"look": TASK},
        **settings,
    }
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(document), "utf-8")
    return file


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def ran(*words: str) -> Done:
    """Run `foureyes` in this process: starting one for every wrong call would cost seconds."""
    said, complained = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(complained):
        patch.setattr(sys, "argv", ["foureyes", *words])
        with pytest.raises(SystemExit) as ended:
            main()
    return Done(int(ended.value.code or 0), said.getvalue(), complained.getvalue())


def taught(config: Path, *arguments: str) -> Done:
    return ran("teach", *arguments, "--config", str(config), "--state-dir", str(config.parent / "state"))


def options(running: Serving) -> list[str]:
    """Those that find the running daemon's configuration and state folder."""
    state_dir = running.daemon.state_dir
    return ["--config", str(state_dir.parent / "config.yaml"), "--state-dir", str(state_dir), "--json"]


def beside(running: Serving, *arguments: str) -> Any:
    """Teach the running daemon; what the command said in JSON."""
    done = ran("teach", *arguments, *options(running))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def shown_live(running: Serving, pixels: Pixels) -> None:
    """Show a picture and wait until it is the daemon's newest: `teach` without a file takes that one."""
    running.screen.show(pixels)
    newest = f"{running.daemon.url}/api/frame"

    def seen() -> bool:
        return bool((decode(httpx.get(newest, **DIRECT).content) == pixels).all())

    running.daemon.wait(seen, "the daemon has the new picture")


def picture_file(folder: Path, pixels: Pixels, name: str = "picture.png") -> Path:
    file = folder / name
    file.write_bytes(encode_png(pixels))
    return file


def test_a_running_daemon_takes_up_what_it_is_taught(watched: Serving, tmp_path: Path) -> None:
    """The live picture is told as it was taught, without a restart and though its reading was held.

    Three taught states are told in other moments, and what was never taught, or was forgotten, is unknown.
    """
    watched.wait_reading("look", values={"state": None}, origin="held")
    (example,) = json.loads(foureyes("teach", "look", "play", *options(watched)).stdout)
    assert example["digest"] == digest(watched.screen.pixels)
    watched.wait_reading("look", values={"state": "play"})
    for state in ("menu", "over"):
        beside(watched, "look", state, str(picture_file(tmp_path, screen("game", state, THEME, 1))))
    beside(watched, "look", "play", str(picture_file(tmp_path, screen("game", "play", THEME, 2))))
    assert len(beside(watched, "--list")) == 4
    for state, moment in (("menu", 7), ("over", 8), ("play", 9)):
        seen = len(watched.readings("look"))
        watched.screen.show(captured(screen("game", state, THEME, moment), moment))
        found = watched.wait_reading("look", seen, values={"state": state})
        assert found["evidence"]["state"]["likeness"][state] > 0.5
    seen = len(watched.readings("look"))
    watched.screen.show(screen("game", "map", THEME, 3))
    assert watched.wait_reading("look", seen, values={"state": None})["withheld"] == {"state": "absent"}
    seen = len(watched.readings("look"))
    watched.screen.show(screen("game", "over", THEME, 4))
    watched.wait_reading("look", seen, values={"state": "over"})
    seen = len(watched.readings("look"))
    assert [each["label"] for each in beside(watched, "look", "over", "--forget")] == ["over"]
    assert changes(watched.daemon.state_dir) == ["command: teach look"] * 4 + ["command: teach forget look"]
    watched.wait_reading("look", seen, values={"state": None})


def test_a_picture_that_is_gone_is_a_fault_and_no_guess(watched: Serving) -> None:
    """A taught picture that somebody deleted is named as the task's trouble; taught anew, it is told again."""
    folder = watched.daemon.state_dir / "taught"
    beside(watched, "look", "play", str(picture_file(folder.parent, screen("game", "play", THEME, 5))))
    shown_live(watched, screen("game", "map", THEME, 5))
    seen = len(watched.readings("look"))
    (example,) = beside(watched, "look", "over")
    watched.wait_reading("look", seen, values={"state": "over"})
    (folder / f"{example['digest']}.png").unlink()
    seen = len(watched.readings("look"))
    watched.screen.show(screen("game", "map", THEME, 6))
    beside(watched, "look", "over", str(picture_file(folder.parent, screen("game", "over", THEME, 6))))
    watched.wait_reading("look", seen, withheld={"state": "no_model"})
    assert example["digest"] in str(watched.daemon.component("task:main/look"))
    beside(watched, "look", "over", example["digest"][:8], "--forget")
    seen = len(watched.readings("look"))
    watched.screen.show(screen("game", "over", THEME, 7))
    watched.wait_reading("look", seen, values={"state": "over"})


def test_the_newest_picture_is_for_this_machine_alone(watched: Serving) -> None:
    """The route that `teach` asks gives the picture that is shown, and nothing under a foreign name."""
    url = f"{watched.daemon.url}/api/frame"
    answer = httpx.get(url, **DIRECT)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert httpx.get(url, headers={"Host": "evil.example"}, **DIRECT).status_code == 403
    unknown = httpx.get(url, params={"source": "nope"}, **DIRECT)
    assert (unknown.status_code, "main" in unknown.json()["error"]["message"]) == (404, True)


def test_what_is_kept_is_masked_and_private(config: Path, tmp_path: Path) -> None:
    """A picture of a file is kept as the source would show it, by digest, and only its owner can read it."""
    shown = screen("game", "menu", THEME, 1)
    done = taught(config, "look", "menu", str(picture_file(tmp_path, shown)))
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "state" / "taught"
    (kept,) = folder.glob("*.png")
    pixels = cv2.imread(str(kept))
    assert kept.stem == digest(pixels)
    assert not pixels[:180, :640].any()
    assert (pixels[200:] == shown[200:]).all()
    assert [file.stat().st_mode & 0o777 for file in (folder, kept, folder / "pictures.json")] == [
        0o700,
        0o600,
        0o600,
    ]


def test_without_a_daemon_the_source_is_looked_at_once(config: Path, tmp_path: Path) -> None:
    """Without IMAGE and without a daemon the picture is one capture of the configured source."""
    (tmp_path / "pictures").mkdir()
    picture_file(tmp_path / "pictures", screen("game", "over", THEME, 1))
    done = taught(config, "look", "over")
    assert (done.returncode, "look.state = over" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["look", "bonus", "{image}"], "menu, play, over"),
        (["peek", "menu", "{image}"], "known tasks: look"),
        (["look", "menu", "absent.png"], "cannot be read: no such file"),
        (["look", "menu", "{text}"], "no PNG or JPEG"),
        (["look", "menu", "{image}", "--field", "mood"], "it has state"),
        (["look", "menu", "{image}", "--source", "other"], "known sources: main"),
        (["look"], "TASK LABEL [IMAGE]"),
        ([], "TASK LABEL [IMAGE]"),
        (["look", "menu", "--forget"], "no such picture was taught"),
    ],
    ids=["label", "task", "file", "no picture", "field", "source", "no label", "nothing", "forget"],
)
def test_what_cannot_be_taught_is_said(config: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    """A wrong call names what there is, and nothing is kept."""
    (tmp_path / "no.png").write_text("no picture", "utf-8")
    image = picture_file(tmp_path, screen("game", "menu", THEME, 1))
    given = [each.format(image=image, text=tmp_path / "no.png") for each in arguments]
    done = taught(config, *given)
    assert (done.returncode in {1, 2}, said in done.stderr) == (True, True), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("state/taught/*.png"))


def test_pictures_that_may_not_be_kept_are_not_taught(tmp_path: Path) -> None:
    """capture.keep_frames: never is a refusal that says so."""
    config = configured(tmp_path, capture={"keep_frames": "never"})
    done = taught(config, "look", "menu", str(picture_file(tmp_path, screen("game", "menu", THEME, 1))))
    assert (done.returncode, "capture.keep_frames" in done.stderr) == (2, True)
    assert not (tmp_path / "state" / "taught").exists()


def test_a_state_has_five_pictures_and_each_one_label(config: Path, tmp_path: Path) -> None:
    """A sixth picture, one that shows another state already, and a damaged list are refused in words."""
    (tmp_path / "state" / "taught").mkdir(parents=True)
    index = tmp_path / "state" / "taught" / "pictures.json"
    known = [
        {
            "task": "look",
            "field": "state",
            "label": "play",
            "digest": f"{n:032x}",
            "taught_at": "2026-11-21T10:00:00Z",
        }
        for n in range(5)
    ]
    image = picture_file(tmp_path, screen("game", "menu", THEME, 1))
    index.write_text(json.dumps(known), "utf-8")
    assert "has its 5 pictures already" in taught(config, "look", "play", str(image)).stderr
    assert taught(config, "look", "menu", str(image)).returncode == 0
    assert "taught as 'menu' already" in taught(config, "look", "over", str(image)).stderr
    index.write_text("[{", "utf-8")
    assert "cannot be read" in taught(config, "--list").stderr
