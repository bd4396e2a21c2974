"""Who listens on a port of this machine, as far as it may be seen."""

from __future__ import annotations

import contextlib
import ipaddress
from typing import Any
from urllib.parse import urlsplit

import psutil

_NAMES = {"localhost"}


def listener_pid(url: str) -> int | None:
    """The process that listens at a loopback URL; None where it is elsewhere or another user's."""
    parts = urlsplit(url)
    if parts.port is None or not _is_loopback(parts.hostname or ""):
        return None
    with contextlib.suppress(psutil.AccessDenied):
        for entry in psutil.net_connections("tcp"):
            if _port(entry) == parts.port and entry.pid:
                return int(entry.pid)
    return None


def listening_ports(pid: int) -> list[int]:
    """The TCP ports on which a process or one of its children listens."""
    found: set[int] = set()
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found |= {port for entry in process.net_connections("tcp") if (port := _port(entry)) is not None}
    return sorted(found)


def _port(entry: Any) -> int | None:
    """The port of a connection that listens."""
    return int(entry.laddr.port) if entry.status == psutil.CONN_LISTEN else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _NAMES
