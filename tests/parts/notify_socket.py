"""The end of systemd's notification socket that systemd holds: what was told, in its order."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import uuid
from pathlib import Path
from typing import Self

from parts.program import wait_until


class NotifySocket:
    """A unix datagram socket; a datagram is kept with the time at which it came."""

    def __init__(self, folder: Path, *, abstract: bool = False) -> None:
        self.address = f"@foureyes-{uuid.uuid4().hex}" if abstract else str(folder / "notify.sock")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address.replace("@", "\0", 1) if abstract else self.address)
        self._heard: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the reader
        self._reader.join(5)
        self._socket.close()

    def environment(self, watchdog_s: float | None = None, **extra: str) -> dict[str, str]:
        """What systemd gives to a service of Type=notify."""
        watchdog = {} if watchdog_s is None else {"WATCHDOG_USEC": str(int(watchdog_s * 1_000_000))}
        return {"NOTIFY_SOCKET": self.address, **watchdog, **extra}

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while message := self._socket.recv(8192):
                self._heard.append((time.monotonic(), message.decode()))

    def datagrams(self) -> list[dict[str, str]]:
        """The assignments of each datagram so far."""
        return [dict(line.split("=", 1) for line in text.splitlines()) for _, text in list(self._heard)]

    def values(self, name: str) -> list[str]:
        """The values that one name was given, in their order."""
        return [datagram[name] for datagram in self.datagrams() if name in datagram]

    def count(self, name: str) -> int:
        return len(self.values(name))

    def names(self) -> list[str]:
        """The names without the texts, in the order of the datagrams."""
        return [name for datagram in self.datagrams() for name in datagram if name != "STATUS"]

    def silent_s(self, name: str) -> float:
        """For how long a name has not come; since the first datagram where it never came."""
        heard = list(self._heard)
        last = [at for at, text in heard if f"{name}=" in text] or [at for at, _ in heard[:1]]
        return time.monotonic() - last[-1]

    def wait(self, name: str, timeout_s: float = 60.0) -> None:
        """Until a name has come."""
        wait_until(lambda: self.count(name) > 0, timeout_s, name)
