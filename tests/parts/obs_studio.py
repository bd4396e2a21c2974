"""A real OBS Studio without a screen: software rendering under Xvfb, its WebSocket server on a free port."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import obsws_python
from websocket import WebSocketException

from parts.program import Program, find, free_port, wait_until
from parts.xvfb import Xvfb

logging.getLogger("obsws_python").setLevel(logging.CRITICAL + 1)  # it logs a traceback for every refused try

PASSWORD = "a-password-of-the-tests"  # noqa: S105 - it guards a program that the test starts itself
START_TIMEOUT_S = 60.0

_GLOBAL_INI = """\
[General]
FirstRun=true
EnableAutoUpdates=false

[OBSWebSocket]
FirstLoad=false
ServerEnabled=true
ServerPort={port}
AlertsEnabled=false
AuthRequired=true
ServerPassword={password}

[Basic]
Profile=Test
ProfileDir=Test
SceneCollection=Test
SceneCollectionFile=Test
"""

_BASIC_INI = """\
[General]
Name=Test

[Video]
BaseCX={width}
BaseCY={height}
OutputCX={width}
OutputCY={height}
FPSType=1
FPSInt={fps}
"""


class ObsStudio:
    """One OBS. Its default scene is called `Scene`; it starts in about 5 s.

    `with ObsStudio() as obs:` starts it, then `obs.show_image(file)` puts a picture on its scene; it listens at
    `obs.host`, `obs.port` and wants `obs.password`.
    """

    def __init__(self, width: int = 1280, height: int = 720, *, fps: int = 5, password: str = PASSWORD) -> None:
        self.width, self.height, self.fps = width, height, fps
        self.host, self.port, self.password = "127.0.0.1", free_port(), password

    def __enter__(self) -> Self:
        self._command = find("obs", "obs-studio")
        with contextlib.ExitStack() as undo:
            self._screen = undo.enter_context(Xvfb(self.width, self.height))
            self._home = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="foureyes-obs-")))
            self._write_settings()
            undo.callback(self.stop)
            self.start()
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _write_settings(self) -> None:
        settings = self._home / "config" / "obs-studio"
        profile = settings / "basic" / "profiles" / "Test"
        profile.mkdir(parents=True)
        (self._home / "run").mkdir(mode=0o700)
        (settings / "global.ini").write_text(_GLOBAL_INI.format(port=self.port, password=self.password))
        video = _BASIC_INI.format(width=self.width, height=self.height, fps=self.fps)
        (profile / "basic.ini").write_text(video)

    def start(self) -> None:
        """Start it, also again after `stop` or `kill`; returns when it answers requests."""
        options = ("--minimize-to-tray", "--disable-shutdown-check", "--disable-updater", "--multi")
        self.program = Program([self._command, *options], self._home / "log", self._environment())
        wait_until(self._answers, START_TIMEOUT_S, "OBS to answer at its WebSocket port")

    def _environment(self) -> dict[str, str]:
        home = str(self._home)
        return {
            "PATH": os.environ["PATH"],
            "DISPLAY": self._screen.display,
            "HOME": home,
            "XDG_CONFIG_HOME": f"{home}/config",
            "XDG_RUNTIME_DIR": f"{home}/run",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "LC_ALL": "C.UTF-8",
        }

    def _answers(self) -> bool:
        if not self.program.running:
            raise RuntimeError(f"OBS ended:\n{self.program.tail()}")
        try:
            with self.client() as ask:
                ask.get_scene_list()
        except (OSError, WebSocketException, obsws_python.error.OBSSDKError):
            return False
        return True

    def stop(self) -> None:
        """End it with its children; may be called twice."""
        self.program.end()

    def kill(self) -> None:
        """End it as a crash would."""
        self.program.kill()

    def pause(self) -> None:
        """Stop it as a hang would: connections stay, nothing is answered."""
        self.program.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self.program.signal(signal.SIGCONT)

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """A client of its own for the set-up: any request of obs-websocket."""
        client = obsws_python.ReqClient(host=self.host, port=self.port, password=self.password, timeout=5)
        try:
            yield client
        finally:
            client.disconnect()

    def show_image(self, picture: Path, *, name: str = "Picture", scene: str = "Scene") -> None:
        """Put a picture file on a scene; a change of the file is shown after about a second."""
        with self.client() as ask:
            ask.create_input(scene, name, "image_source", {"file": str(picture)}, True)

    def add_scene(self, name: str) -> None:
        """Make an empty scene."""
        with self.client() as ask:
            ask.create_scene(name)

    def switch_to(self, scene: str) -> None:
        """Make a scene the program scene."""
        with self.client() as ask:
            ask.set_current_program_scene(scene)
