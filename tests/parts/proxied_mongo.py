"""The test's hand on the proxy before MongoDB: `mongo_proxy.py` says what it can be told."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from pymongo.uri_parser import parse_uri

from parts import mongo_proxy
from parts.program import Program, free_port, wait_until


class ProxiedMongo:
    """A proxy in front of the MongoDB at `uri`; it behaves until it is told otherwise."""

    def __init__(self, folder: Path, uri: str) -> None:
        known = parse_uri(uri)
        host, to = known["nodelist"][0]
        self.port, self._control = free_port(), free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}/?directConnection=true"
        if known["username"]:
            self.uri = self.with_user(quote(known["username"], safe=""), quote(known["password"] or "", safe=""))
        wanted = {"--listen": self.port, "--to": f"{host}:{to}", "--control": self._control}
        flags = [str(text) for pair in wanted.items() for text in pair]
        self._program = Program([sys.executable, mongo_proxy.__file__, *flags], folder / "proxy.log")
        wait_until(self._listens, 60, "the proxy before MongoDB to listen")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._program.end()

    def with_user(self, user: str, password: str) -> str:
        """Its address, with a user to log in as."""
        return f"mongodb://{user}:{password}@127.0.0.1:{self.port}/?directConnection=true"

    def behave(self, **wanted: Any) -> None:
        """Replace the whole behaviour."""
        self._told(json.dumps(wanted))

    def commands(self, name: str) -> int:
        """How many commands of this name came by."""
        return int(self._told("")["commands"].get(name, 0))

    def _listens(self) -> bool:
        if not self._program.running:
            raise RuntimeError(f"the proxy ended:\n{self._program.tail()}")
        try:
            return bool(self._told(""))
        except ConnectionRefusedError:
            return False

    def _told(self, line: str) -> dict[str, Any]:
        with socket.create_connection(("127.0.0.1", self._control), timeout=10) as connection:
            connection.sendall(line.encode() + b"\n")
            with connection.makefile("rb") as answer:
                return dict(json.load(answer))
