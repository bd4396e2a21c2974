"""The test's hand on the fakes: start one, steer it, read what it was asked.

`FakeServer.lmstudio(folder, "a/model")` and its sisters start a server and wait until it listens; more arguments
are flags of the program. How to steer: `control.py`; names of failures: `answers.py`, `failures.py` and the kind.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import psutil

from parts.fakes.lms_home import LmsHome, asked
from parts.program import Program, free_port, wait_until

FAKES = Path(__file__).parent
_CONTROL_S = 10.0


def command(kind: str, *arguments: str) -> list[str]:
    """The argument list that starts a fake, wherever it is run: for servers that FourEyes starts itself."""
    return [sys.executable, str(FAKES), kind, *arguments]


def lines(file: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSON lines file; none where it does not exist."""
    text = file.read_text("utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


class FakeLog:
    """What a fake wrote down in its folder, whoever started it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def requests(self, path: str | None = None, method: str | None = None) -> list[dict[str, Any]]:
        """Every request, or those of one path or method."""
        found = lines(self.folder / "requests.jsonl")
        return [
            each for each in found if each["path"] == (path or each["path"]) and method in {None, each["method"]}
        ]

    def chats(self, model: str | None = None) -> list[dict[str, Any]]:
        """The chat requests, or those of one model."""
        found = self.requests("/v1/chat/completions", "POST")
        return [each for each in found if model in {None, each["body"].get("model")}]

    def unlisted(self) -> list[dict[str, Any]]:
        """Requests to routes that the fake does not list: an adapter makes none."""
        return lines(self.folder / "unlisted.jsonl")

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What happened: loaded, unloaded, crashed, gone."""
        return [each for each in lines(self.folder / "events.jsonl") if name in {None, each["event"]}]

    def picture(self, digest: str) -> bytes:
        """The bytes of a picture that was sent."""
        return (self.folder / f"{digest}.picture").read_bytes()


def steer(port: int, **wanted: Any) -> None:
    """Tell the fake at a port what to do: see `control.py`."""
    answer = asked(port, "POST", "/control", wanted, _CONTROL_S)
    assert answer.get("done"), answer


def state(port: int) -> dict[str, Any]:
    """What a fake says of itself, `loaded` and `in_flight`; empty where none answers."""
    return asked(port, "GET", "/control", timeout_s=_CONTROL_S)


class FakeServer(Program, FakeLog):
    """A fake as a process."""

    def __init__(self, folder: Path, kind: str, *arguments: str, port: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        FakeLog.__init__(self, folder)
        self.kind, self.arguments, self.port = kind, arguments, port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        here = ("--port", str(self.port), "--folder", str(folder))
        Program.__init__(self, command(kind, *here, *arguments), folder / "console.log")
        wait_until(self._listens, 60, f"the fake {kind} to listen")

    def _listens(self) -> bool:
        if not self.running:
            raise RuntimeError(f"the fake {self.kind} ended:\n{self.tail()}")
        return bool(state(self.port))

    @classmethod
    def lmstudio(cls, folder: Path, *arguments: str, port: int | None = None) -> FakeServer:
        """LM Studio with models: `--level v1|v0|openai`, `--loaded MODEL`, `--no-jit`, `--token T`."""
        return cls(folder, "lmstudio", *arguments, port=port)

    @classmethod
    def llama(cls, folder: Path, *arguments: str, port: int | None = None) -> FakeServer:
        """llama-server with one model: `--model-path P`, `--alias A`, `--no-vision`, `--loading-s S`."""
        return cls(folder, "llama_server", *arguments, port=port)

    @classmethod
    def router(cls, folder: Path, *models: str, port: int | None = None) -> FakeServer:
        """llama-server as a router over models."""
        return cls(folder, "llama_server", "--router", *models, port=port)

    @classmethod
    def openai(cls, folder: Path, flavour: str, *arguments: str, port: int | None = None) -> FakeServer:
        """plain, ollama, llama-swap or vllm, with models."""
        return cls(folder, "openai_like", "--flavour", flavour, *arguments, port=port)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def again(self) -> FakeServer:
        """Another process at the same place with the same flags, after this one has ended."""
        return FakeServer(self.folder, self.kind, *self.arguments, port=self.port)

    def control(self, **wanted: Any) -> None:
        """Steer it: `control(model="m", fail="hang", times=1)`, `control(path="*", fail="503")`."""
        steer(self.port, **wanted)

    def loaded(self) -> list[str]:
        """The models that are loaded now."""
        return list(state(self.port)["loaded"])


class FakeLms:
    """A home with the `lms` command in it, and the daemons that the command starts.

    `path` is the command; it needs no environment of its own. `log` is what the HTTP server was asked. `config` is
    for `configure`: `models`, `flags` (of lmstudio.py), `start_s`, and the misbehaviour that `lms.py` lists.
    """

    def __init__(self, folder: Path, *models: str, **config: Any) -> None:
        folder = folder.resolve()
        self._home = LmsHome(folder)
        self.folder, self.log = folder, FakeLog(self._home.http_folder)
        self.configure(models=list(models), **config)
        self.path = folder / "bin" / "lms"
        self.path.parent.mkdir(exist_ok=True)
        home, start = shlex.quote(str(folder)), shlex.join(command("lms"))
        self.path.write_text(f'#!/bin/sh\nFAKE_LMS_HOME={home} exec {start} "$@"\n')
        self.path.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def configure(self, **wanted: Any) -> None:
        """Change how the command behaves from its next run on, and the daemon from its next start on."""
        self._home.configure(**wanted)

    def run(self, *arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run the command as a person would."""
        return subprocess.run(
            [str(self.path), *arguments], capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def start_app(self) -> int:
        """Start the daemon as the desktop app has it (`isDaemon` false); returns its pid."""
        app = command("lms_daemon", "--home", str(self.folder), "--gui")
        before = self._home.daemon()
        nothing = subprocess.DEVNULL
        # no child of the test, as the daemon is none
        subprocess.run(["setsid", "--fork", *app], stdin=nothing, stdout=nothing, stderr=nothing, check=True)
        wait_until(lambda: self._home.daemon() != before, 60, "the app to be there")
        return int(self._home.daemon()["pid"])

    @property
    def url(self) -> str:
        """Where the HTTP server last was."""
        return f"http://127.0.0.1:{self._home.http_server()['port']}"

    def control(self, **wanted: Any) -> None:
        """Steer the HTTP server while it is up, as `FakeServer.control` does."""
        steer(self._home.http_server()["port"], **wanted)

    def invocations(self, name: str | None = None) -> list[dict[str, Any]]:
        """Every run of the command, or of one of its subcommands ("daemon up")."""
        return [each for each in lines(self.folder / "invocations.jsonl") if name in {None, each["command"]}]

    def side_effects(self) -> list[dict[str, Any]]:
        """The runs that started the daemon though nobody had asked them to."""
        return [each for each in self.invocations() if each["side_effect"]]

    def daemon_pid(self) -> int | None:
        """The newest daemon's pid while it runs."""
        pid = self._home.daemon().get("pid")
        return pid if pid and alive(pid) else None

    def end(self) -> None:
        """Kill every daemon that was ever started here."""
        for daemon in lines(self.folder / "daemons.jsonl"):
            if alive(daemon["pid"], of=self.folder):
                os.kill(daemon["pid"], signal.SIGKILL)


def alive(pid: int, of: Path | None = None) -> bool:
    """Whether a process runs, not being a zombie; one that names a folder in its command line, if one is given."""
    try:
        process = psutil.Process(pid)
        named = of is None or str(of) in process.cmdline()
        return named and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
