"""What systemd is told over its notification socket, sd_notify(3): a datagram each, no waiting, no errors."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, MutableMapping

from foureyes.redaction import redact_text
from foureyes.telemetry.log import event


class Notifier:
    """Tells the service manager how we stand; without an address it says nothing."""

    def __init__(self, address: str | None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._address = address
        self._now = now
        self._failing = False

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> Notifier:
        """The one that the environment names; it is taken out, so that no child of ours speaks in our name."""
        return cls(environ.pop("NOTIFY_SOCKET", None))

    def ready(self, status: str) -> None:
        """The start, or a reload, is through."""
        self._send("READY=1", _status(status))

    def reloading(self) -> None:
        """The configuration is read again; `ready` must follow."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={_usec(self._now())}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(_status(text))

    def extend(self, seconds: float, status: str) -> None:
        """Ask for so much more time to start, from now on."""
        self._send(f"EXTEND_TIMEOUT_USEC={_usec(seconds)}", _status(status))

    def feed(self) -> None:
        """Keep the watchdog quiet for another period."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if self._address is None:
            return
        try:
            _datagram(self._address, "\n".join(assignments).encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            self._failed(error)
        else:
            self._recovered()

    def _failed(self, error: OSError | ValueError) -> None:
        if not self._failing:
            self._failing = True
            what = f"the notification socket {self._address} takes nothing ({error}); systemd does not hear of us"
            event("service.unheard", what, level="error")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            event("service.heard", "the notification socket takes messages again")


def _datagram(address: str, message: bytes) -> None:
    """Send without waiting. Raises OSError, or ValueError for an address that is none of a unix socket."""
    if sys.platform == "win32":
        raise ValueError("Windows has no such sockets")
    if not address.startswith(("/", "@")):
        raise ValueError("an address begins with / or @")
    where = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message, where)


def _status(text: str) -> str:
    """One line, whatever a path or a scene is called: a second line would be another assignment."""
    return f"STATUS={' '.join(redact_text(text).split())}"


def _usec(seconds: float) -> int:
    return int(seconds * 1_000_000)
