"""The notification socket: what is sent, and that nothing about it can hold up or end the daemon."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

import pytest
from parts.notify_socket import NotifySocket

from foureyes.service.notify import Notifier
from foureyes.service.session import ServiceSession
from foureyes.service.watchdog import watchdog_period_s


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_both_kinds_of_address_are_spoken_to(tmp_path: Path, abstract: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A path and an abstract address (with an @) get the same datagrams, one for each step."""
    with NotifySocket(tmp_path, abstract=abstract) as manager:
        notifier = Notifier(manager.address, now=lambda: 12.5)
        notifier.extend(30, "starting")
        notifier.ready("watching main")
        notifier.feed()
        notifier.reloading()
        notifier.stopping()
        manager.wait("STOPPING")
        assert manager.datagrams() == [
            {"EXTEND_TIMEOUT_USEC": "30000000", "STATUS": "starting"},
            {"READY": "1", "STATUS": "watching main"},
            {"WATCHDOG": "1"},
            {"RELOADING": "1", "MONOTONIC_USEC": "12500000"},
            {"STOPPING": "1"},
        ]


def test_a_name_with_a_line_break_adds_no_assignment(tmp_path: Path) -> None:
    """Whatever a status holds, it stays one line: systemd would take a second one for an order (MAINPID=1)."""
    with NotifySocket(tmp_path) as manager:
        Notifier(manager.address).status("watching a\nMAINPID=1\r\nb\x85\u2028c")
        manager.wait("STATUS")
        assert manager.datagrams() == [{"STATUS": "watching a MAINPID=1 b c"}]


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    """A socket whose queue is full loses messages; the sender neither waits nor raises, and is heard later."""
    address = str(tmp_path / "full.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        notifier = Notifier(address)
        for _ in range(10_000):
            notifier.feed()
        manager.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while manager.recv(100) == b"WATCHDOG=1":
                pass
        notifier.status("again")
        assert manager.recv(100) == b"STATUS=again"


@pytest.mark.parametrize("address", ["relative.sock", "vsock:2:1234", "/absent/notify.sock", "@", "/" + 200 * "x"])
def test_an_address_that_is_none_raises_nothing(address: str) -> None:
    """An address that cannot be spoken to is told in the log, once, and never raised."""
    notifier = Notifier(address)
    notifier.ready("watching")
    notifier.feed()


def test_without_a_manager_nothing_is_sent() -> None:
    """No NOTIFY_SOCKET: every step is silent."""
    environment: dict[str, str] = {}
    notifier = Notifier.taken_from(environment)
    notifier.ready("watching")
    notifier.stopping()


@pytest.mark.parametrize(
    ("environment", "period_s"),
    [
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({}, None),
    ],
)
def test_the_period_is_that_of_this_process(environment: dict[str, str], period_s: float | None) -> None:
    """WATCHDOG_USEC counts for the process that WATCHDOG_PID names, and both leave the environment."""
    assert watchdog_period_s(environment, 7) == period_s
    assert environment == {}


async def test_a_reload_is_told_from_its_begin_to_its_end(tmp_path: Path) -> None:
    """RELOADING=1 with the time, and READY=1 behind it, also where the new configuration was refused."""
    with NotifySocket(tmp_path) as manager:
        session = ServiceSession.taken_from({"NOTIFY_SOCKET": manager.address})
        before_usec = int(time.monotonic() * 1e6)
        async with session.watching(list):
            with pytest.raises(ValueError, match="bad file"):
                async with session.reloading():
                    raise ValueError("bad file")
        manager.wait("STOPPING")
        assert manager.names() == ["READY", "RELOADING", "MONOTONIC_USEC", "READY", "STOPPING"]
        assert before_usec <= int(manager.values("MONOTONIC_USEC")[0]) <= int(time.monotonic() * 1e6)
