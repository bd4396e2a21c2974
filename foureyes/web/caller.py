"""Who sends a request: the address, whether it is of this machine, and what it showed to prove itself."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Literal

from starlette.datastructures import Headers
from starlette.types import Scope

COMMAND_HEADER = "X-FourEyes-User"
"""With the token: which user's command it is."""

_FORWARDED = ("forwarded", "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-connecting-ip")
_FORWARDED_ANYTHING = "x-forwarded-"
_USER = re.compile(r"[\w.@ -]{1,64}")


@dataclass(frozen=True)
class Caller:
    """One request's sender."""

    address: str
    """As text, IPv4 within IPv6 as IPv4."""
    is_local: bool
    """Whether it is on this machine, and asked for it by a name of loopback."""
    proof: Literal["token", "session"] | None
    identity: str
    """What it is counted by: the token or the session it showed, else its address."""
    user: str | None = None
    """Whose command it is, by its own word."""

    @property
    def who(self) -> str:
        """As in the audit file."""
        if self.proof == "session":
            return "page"
        return f"api {self.address}" if self.user is None else f"command {self.user}"


def address_of(scope: Scope) -> str:
    """The address of the peer, or what a proxy on this machine says of it; IPv4 within IPv6 as IPv4."""
    host = (scope.get("client") or ("", 0))[0]
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)


def is_on_this_machine(address: str, headers: Headers) -> bool:
    """Whether a peer is on loopback and hands on nobody else's request, as a proxy would."""
    if any(name in _FORWARDED or name.startswith(_FORWARDED_ANYTHING) for name in headers):
        return False
    return address != "unknown" and ipaddress.ip_address(address).is_loopback


def user_of(headers: Headers) -> str | None:
    """Whose command says that it asks."""
    user = headers.get(COMMAND_HEADER, "")
    return user if _USER.fullmatch(user) else None
