"""The section `web`: where the daemon listens, under which names, and how often a client may ask."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, Field

from foureyes.config.section import Section

DEFAULT_WEB_PORT = 8484

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.(?!-)[A-Za-z0-9-]{1,63}){0,10}")


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("an address of this machine: 127.0.0.1, ::1, 192.168.1.5, or 0.0.0.0 for all") from None


def _host_name(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value.strip("[]")))
    except ValueError:
        if _HOST_NAME.fullmatch(value) is None:
            raise ValueError("a name or an address without scheme and port: foureyes.example") from None
    return value.lower()


HostName = Annotated[str, AfterValidator(_host_name)]


class Rate(Section):
    """How often one client may ask, over windows that slide."""

    per_minute: int = Field(60, ge=1, le=1_000_000)
    per_hour: int = Field(1000, ge=1, le=10_000_000)


class Web(Section):
    """The daemon's HTTP address, and who may ask how often; whoever is not on loopback needs the token."""

    host: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1",
        description="the address that is listened on; another one than loopback's is seen from elsewhere",
    )
    port: int | None = Field(
        None, ge=1, le=65535, description=f"{DEFAULT_WEB_PORT} or the next free one by default"
    )
    allowed_hosts: list[HostName] = Field(
        [], description="names and addresses, besides loopback's, under which requests are answered"
    )
    foreign: Rate = Field(
        Rate(),
        description="of each client that is not on this machine; a page that follows the events counts once",
    )
    loopback: Rate = Field(
        Rate(per_minute=30_000, per_hour=1_000_000),
        description="of each client on this machine, and of a page that follows the events",
    )

    @property
    def is_loopback(self) -> bool:
        """Whether nobody else than this machine can ask."""
        return ipaddress.ip_address(self.host).is_loopback
