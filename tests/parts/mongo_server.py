"""A real server of MongoDB's wire protocol: mongod where there is one, else FerretDB with its SQLite backend."""

from __future__ import annotations

import contextlib
import shutil
import signal
import threading
from pathlib import Path
from typing import Self

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from parts import ferretdb_build
from parts.program import MissingProgramError, Program, free_port, wait_until

URI_VARIABLE = "FOUREYES_TEST_MONGODB_URI"
START_TIMEOUT_S = 30.0


def build_beforehand() -> None:
    """Begin to build what `MongoServer` will need, in the background and behind everything else."""
    if shutil.which("mongod") is None:
        threading.Thread(target=_build, name="build of FerretDB", daemon=True).start()


def _build() -> None:
    with contextlib.suppress(ferretdb_build.NotBuiltError):  # whoever wants it tries again, and says so
        ferretdb_build.ferretdb()


class MongoServer:
    """One server on a port of its own; started again after `stop` or `kill` it has the data that it had."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"

    def __enter__(self) -> Self:
        self._command = _command(self.port, self._folder)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self.program = Program(self._command, self._folder / "mongo.log")
        wait_until(self._answers, START_TIMEOUT_S, "the MongoDB of the tests to answer")

    def stop(self) -> None:
        """End it in order; may be called twice."""
        self.program.end(grace_s=10)

    def kill(self) -> None:
        """End it as a crash would."""
        self.program.kill()

    def pause(self) -> None:
        """Stop it as a hang would: connections stay, nothing is answered."""
        self.program.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self.program.signal(signal.SIGCONT)

    def _answers(self) -> bool:
        if not self.program.running:
            raise RuntimeError(f"the MongoDB of the tests ended:\n{self.program.tail()}")
        return answers(self.uri)


def answers(uri: str) -> bool:
    """Whether a server answers at this address within a second."""
    with MongoClient(uri, serverSelectionTimeoutMS=1000) as client:
        try:
            return bool(client.admin.command("ping"))
        except PyMongoError:
            return False


def _command(port: int, folder: Path) -> list[str]:
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    if mongod := shutil.which("mongod"):
        return [mongod, "--dbpath", str(data), "--port", str(port), "--bind_ip", "127.0.0.1", "--quiet"]
    try:
        return [str(ferretdb_build.ferretdb()), f"127.0.0.1:{port}", str(data)]
    except ferretdb_build.NotBuiltError as error:
        raise MissingProgramError(str(error)) from error
