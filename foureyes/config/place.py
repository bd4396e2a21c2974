"""How a place and a value of the configuration are shown to people."""

from __future__ import annotations

from typing import Any

from foureyes.config.alerts import Alerts
from foureyes.redaction import redact_text

_KINDS = {
    "sources": {"auto", "obs", "screen", "video", "images", "replay", "demo"},
    "servers": {"engine", "lmstudio", "llama-server", "openai", "auto"},
    "alerts": {*Alerts().rules, "reading", "apprise", "webhook", "command", "mqtt"},
}


def path_of(location: tuple[int | str, ...]) -> str:
    """The keys that lead to a place, as they stand in the file."""
    parts = [str(part) for part in location]
    at = 3 if parts[:1] == ["alerts"] else 2
    if len(parts) > at and parts[at] in _KINDS.get(parts[0], ()):
        del parts[at]  # pydantic names the chosen kind, which is no key of the file
    return ".".join(parts) or "the file"


def shown(value: Any) -> str:
    """A value, short and without secrets."""
    text = redact_text(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."
