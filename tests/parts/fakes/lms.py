"""The `lms` command: what each of its subcommands really does, by table 2.2 of the facts file.

FAKE_LMS_HOME is its home. Every run is a line of the home's invocations.jsonl: `arguments`, whether it
`started_daemon`, and whether that was a `side_effect`. The home's configuration makes it misbehave: `hangs`
(subcommands such as "daemon up"), `fails` (subcommand to exit code), `start_reports_failure`, `other_port`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parts.fakes.lms_home import HOST, VERSION, LmsHome, asked

_START_S, _ASK_S, _HANG_S = 60.0, 0.5, 3600.0
_LOAD_S = 600.0
_DELIBERATE = {"daemon up", "server start"}
_NEEDS_DAEMON = {"server start", "status", "ps", "ls", "load", "unload"}


class Lms:
    """One run of the command."""

    def __init__(self, home: LmsHome, options: argparse.Namespace) -> None:
        self._home, self._options, self._config = home, options, home.config()
        self._command = " ".join(filter(None, (options.command, getattr(options, "verb", None))))

    def run(self) -> int:
        """Do it; returns the exit code."""
        if self._command in self._config.get("hangs", []):
            self._note(started=False)
            time.sleep(_HANG_S)
        failure = self._config.get("fails", {}).get(self._command)
        started = failure is None and self._wants_daemon() and self._ensured()
        self._note(started=started)
        if failure is not None:
            return _complain("Error: Failed to authenticate: invalid passkey for lms CLI client", failure)
        commands: dict[str, Callable[[], int]] = {
            "daemon up": self._daemon_up,
            "daemon status": self._daemon_status,
            "daemon down": self._daemon_down,
            "server start": self._server_start,
            "server status": self._server_status,
            "server stop": self._server_stop,
            "status": self._status,
            "ps": lambda: _say(self._asked("GET", "/ps")["models"]),
            "ls": lambda: _say(self._asked("GET", "/ls")["models"]),
            "load": self._load,
            "unload": self._unload,
        }
        return commands[self._command]()

    def _note(self, *, started: bool) -> None:
        side_effect = started and self._command not in _DELIBERATE
        entry = {"arguments": sys.argv[1:], "command": self._command}
        self._home.append("invocations", {**entry, "started_daemon": started, "side_effect": side_effect})

    def _wants_daemon(self) -> bool:
        """`lms status` makes a client only when the greeting answers."""
        if self._command == "status":
            return bool(self._greeted())
        return self._command in {"daemon up", *_NEEDS_DAEMON}

    def _ensured(self) -> bool:
        """Start the daemon when it is down; whether it was."""
        if self._running():
            return False
        # detached, its streams ignored: no child of the caller (2.2)
        command = [sys.executable, str(Path(__file__).parent), "lms_daemon", "--home", str(self._home.folder)]
        nothing = subprocess.DEVNULL
        subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)
        deadline_s = time.monotonic() + _START_S
        while not self._running() and time.monotonic() < deadline_s:
            time.sleep(0.02)
        return True

    def _running(self) -> dict[str, Any]:
        """2.1: what the internal API says; one that does not answer is taken for none (not established)."""
        daemon = self._home.daemon()
        return daemon if daemon and asked(daemon["port"], "GET", "/lms-status") else {}

    def _asked(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return asked(self._home.daemon()["port"], method, path, body, _LOAD_S)

    def _greeted(self) -> int | None:
        """The port at which the HTTP server greets, from its file."""
        port = self._home.http_server().get("port")
        return port if port and asked(port, "GET", "/lmstudio-greeting", None, _ASK_S) else None

    def _facts(self) -> dict[str, Any]:
        daemon = self._home.daemon()
        return {"status": "running", "pid": daemon["pid"], "isDaemon": daemon["isDaemon"], "version": VERSION}

    def _daemon_up(self) -> int:
        """The words of `status` are those of `lms daemon status`; for `up` they are not stated."""
        return _say(self._facts())

    def _daemon_status(self) -> int:
        if not self._running():
            return _say({"status": "not-running"})
        facts = self._facts()
        return _say({name: facts[name] for name in ("status", "pid", "isDaemon")})

    def _daemon_down(self) -> int:
        daemon = self._running()
        if not daemon:
            return _complain("llmster is not running.")
        if not daemon["isDaemon"]:
            return _complain("LM Studio is running as an app. Quit it from its menu.")
        self._asked("POST", "/quit")
        while self._running():
            time.sleep(0.02)
        return 0

    def _server_start(self) -> int:
        """Port omitted: the last one, else 1234. It polls the greeting and exits."""
        port = self._config.get("other_port") or self._options.port or self._home.http_server().get("port", 1234)
        bind = self._options.bind or os.environ.get("LMS_SERVER_HOST", HOST)
        opened = self._asked("POST", "/open", {"port": port, "bind": bind})
        if "error" in opened:
            return _complain(f"Failed to start the server: {opened['error']}")
        if self._config.get("start_reports_failure") or not self._greeted():  # 2.5, BT#1720
            return _complain("Failed to verify the server is running.")
        return _complain(f"Success! Server is now running on port {port}", 0)

    def _server_status(self) -> int:
        port = self._greeted()
        return _say({"running": True, "port": port} if port else {"running": False})

    def _server_stop(self) -> int:
        if not self._greeted():
            return _complain("The server is not running.")
        self._asked("POST", "/close")
        return 0

    def _status(self) -> int:
        port = self._greeted()
        return _complain(f"Server: ON (port: {port})" if port else "Server: OFF", 0)

    def _load(self) -> int:
        """The key is matched loosely and the first hit wins; without --yes a doubtful one asks and waits."""
        key, options = self._options.key, self._options
        if "@" in key:
            return _complain(f"Model not found: {key}")
        hits = [each["modelKey"] for each in self._asked("GET", "/ls")["models"] if key in each["modelKey"]]
        if not options.yes and len(hits) != 1:
            time.sleep(_HANG_S)
        if not hits:
            return _complain(f"Model not found: {key}")
        wanted = {"key": hits[0], "identifier": options.identifier, "context_length": options.context_length}
        answer = self._asked("POST", "/load", wanted)
        return _complain(f"Model loaded successfully as {answer['identifier']}", 0)

    def _unload(self) -> int:
        """An unknown id is an error in words, and exit code 0."""
        loaded = [each["identifier"] for each in self._asked("GET", "/ps")["models"]]
        if not self._options.all and not self._options.id and len(loaded) != 1:  # not established: it asks
            time.sleep(_HANG_S)
        ids = [self._options.id] if self._options.id else loaded
        gone = self._asked("POST", "/unload", {"ids": ids})["unloaded"]
        return _complain("Model unloaded." if gone else f"Cannot find a model with the identifier {ids}", 0)


def _say(document: Any) -> int:
    print(json.dumps(document))  # noqa: T201 - a command's output
    return 0


def _complain(text: str, code: int = 1) -> int:
    print(text, file=sys.stderr)  # noqa: T201 - a command's output
    return code


def parser() -> argparse.ArgumentParser:
    """2.2: the subcommands and flags that a supervisor uses."""
    flags = argparse.ArgumentParser(prog="lms", allow_abbrev=False)
    commands = flags.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true")
    common.add_argument("--quiet", action="store_true")
    daemon = commands.add_parser("daemon").add_subparsers(dest="verb", required=True)
    for verb in ("up", "status", "down"):
        daemon.add_parser(verb, parents=[common])
    server = commands.add_parser("server").add_subparsers(dest="verb", required=True)
    for verb in ("status", "stop"):
        server.add_parser(verb, parents=[common])
    start = server.add_parser("start", parents=[common])
    start.add_argument("--port", type=int)
    start.add_argument("--bind")
    start.add_argument("--cors", action="store_true")
    for verb in ("status", "ps", "ls"):
        commands.add_parser(verb, parents=[common])
    _load_flags(commands.add_parser("load", parents=[common]))
    unload = commands.add_parser("unload", parents=[common])
    unload.add_argument("id", nargs="?")
    unload.add_argument("--all", action="store_true")
    return flags


def _load_flags(load: argparse.ArgumentParser) -> None:
    load.add_argument("key")
    load.add_argument("--yes", action="store_true")
    load.add_argument("--identifier")
    load.add_argument("--context-length", "-c", type=int, default=4096)
    for name in ("--gpu", "--parallel", "--ttl"):
        load.add_argument(name)


def main() -> None:
    home = LmsHome(Path(os.environ["FAKE_LMS_HOME"]))
    sys.exit(Lms(home, parser().parse_args()).run())


if __name__ == "__main__":
    main()
