"""How tests speak HTTP with what runs on this machine."""

from __future__ import annotations

import ssl
from typing import Any

DIRECT: dict[str, Any] = {"trust_env": False, "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}
"""No proxy, and one context for all: to make one takes 40 ms of CPU time, longer than most of these requests."""
