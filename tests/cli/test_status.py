"""`foureyes status` beside a real daemon: the words of /health, once and live, and no steered terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import pytest
from parts.answering import Answer, AnsweringServer, completed, openai_routes
from parts.foureyes import command, environment, foureyes
from parts.program import wait_until
from parts.serving import Serving, server, serving
from parts.watched import task

HOSTILE = "\x1b[2J\x1b]0;mine\x07[bold red]RED[/] \u202egnp.exe"
SHOWN = "[bold red]RED[/]"


def answered(body: dict[str, Any]) -> Answer:
    """The task `bad` has no answer, the other one a text that would steer a terminal."""
    fields = body["response_format"]["json_schema"]["schema"]["properties"]
    return completed(body, {"rubbish": True} if "broken" in fields else {"said": HOSTILE})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("status")
    tasks = {
        "read": task(models=["vlm"], schema=schema("said", "string"), latency_target_ms=1),
        "bad": task(models=["vlm"], schema=schema("broken", "number"), attempts=1),
    }
    models = {"vlm": {"server": "openai", "model_id": "m"}}
    with (
        AnsweringServer(openai_routes("m", answered)) as vlm,
        serving(folder, [server("openai", vlm.url)], models, tasks) as daemon,
    ):
        daemon.daemon.wait_ready()
        daemon.show()
        daemon.wait_reading("read", origin="inferred")
        daemon.daemon.wait(lambda: daemon.daemon.component("task:main/bad")["state"] == "failing", "bad fails")
        yield daemon


def schema(field: str, kind: str) -> dict[str, Any]:
    return {"type": "object", "properties": {field: {"type": [kind, "null"]}}, "required": [field]}


def folder(daemon: Serving) -> list[str]:
    return ["--state-dir", str(daemon.daemon.state_dir)]


def test_it_says_the_words_of_health(running: Serving) -> None:
    """The first line is the word and the sentence of /health; each part has its word and reason, trouble first."""
    lines = foureyes("status", *folder(running)).stdout.splitlines()
    health = running.daemon.get("/health")
    assert lines[0] == f"{health['status']}: {health['summary']['sentence']}"
    told = {
        line.split()[0]: line
        for line in lines
        if line.startswith("  ") and line.split()[0] in health["components"]
    }
    assert told.keys() == health["components"].keys()
    for name, part in health["components"].items():
        assert told[name].split()[1] == part["state"]
        assert (part.get("reason") or "") in told[name]
    assert next(iter(told)) == "task:main/bad"
    assert re.search(r"read: p95 \d+ ms, target 1 ms, not met", "\n".join(lines))


def test_what_was_read_steers_no_terminal(running: Serving) -> None:
    """A reading with control characters, rich's own mark-up and a turned direction is shown as plain text."""
    said = foureyes("status", *folder(running)).stdout
    assert SHOWN in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


def test_json_is_what_the_daemon_says(running: Serving) -> None:
    """--json prints the documents of /api/status and /api/readings as they are."""
    document = json.loads(foureyes("status", *folder(running), "--json").stdout)
    assert document["status"] == running.daemon.get("/health")["status"]
    assert {each["task"] for each in document["readings"]} == {"read", "bad"}


class Terminal:
    """A command on a terminal of 100 columns, and what it has shown so far."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
        env = environment(TERM="xterm", COLUMNS="100", LINES="40")
        self.process = subprocess.Popen(command(*arguments), env=env, stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.shown = ""

    def wait(self, text: str) -> None:
        """Until the text was shown, of what was shown from now on."""
        self.shown = ""
        wait_until(lambda: text in self._more(), 60, f"{text!r} on the terminal; it shows {self.shown[-2000:]!r}")

    def _more(self) -> str:
        while select.select([self._ours], [], [], 0)[0]:
            self.shown += os.read(self._ours, 65_536).decode("utf-8", "replace")
        return self.shown

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._ours)


@contextmanager
def stopped(daemon: Serving) -> Iterator[None]:
    """The daemon does not answer while inside."""
    daemon.daemon.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.daemon.process.send_signal(signal.SIGCONT)


def test_watch_keeps_it_live_and_says_when_it_is_blind(running: Serving) -> None:
    """On a terminal the board is renewed; of a daemon that hangs it says since when it is blind."""
    with Terminal("status", *folder(running), "--watch") as terminal:
        terminal.wait("task:main/bad")
        terminal.wait("task:main/bad")
        with stopped(running):
            terminal.wait("no answer from the daemon since")
        terminal.wait("as of")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.process.wait(10) == 0


def test_watch_as_json_is_a_line_a_second(running: Serving) -> None:
    """For scripts --watch --json prints one object a line, until it is ended."""
    arguments = command("status", *folder(running), "--watch", "--json")
    with subprocess.Popen(arguments, env=environment(), stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        documents = [json.loads(watching.stdout.readline()) for _ in range(3)]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 0
    assert [each["components"]["task:main/bad"]["state"] for each in documents] == ["failing"] * 3
