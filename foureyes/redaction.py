"""Secrets out of anything that is written: by the key they stand under, and by their shape in any text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import Any

REDACTED = "[REDACTED]"
MAX_TEXT_CHARS = 20_000
MAX_DEPTH = 12
MAX_ITEMS = 1_000
_TRUNCATED = "... [truncated]"

_SECRET_WORDS = {
    "password", "passwd", "passphrase", "pwd", "secret", "secrets", "token", "apikey", "authorization", "cookie",
    "credential", "credentials",
}  # fmt: skip
_SECRET_PAIRS = {("api", "key"), ("private", "key"), ("access", "key"), ("session", "key"), ("set", "cookie")}
_MEASURES = {"count", "used", "max", "limit", "total", "length", "type", "per", "s", "n", "num"}
"""Beside one of these, "token" is a number of tokens."""

_VALUE = r"(?!\[REDACTED)(\"[^\"]*\"|'[^']*'|[^\s,;\"'}\]]+)"
_KEY = r"(?:pass(?:word|wd|phrase)|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)"
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}-----|\Z)", re.DOTALL),
        REDACTED,
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=\S{0,200}[0-9=+/])[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(\w{1,20}://[^\s/:@]{0,200}):[^\s/@]{1,200}@"), rf"\1:{REDACTED}@"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\b(?:gh[pousr]|github_pat|glpat|xox[abprs]|hf)[_-][A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(rf"(?i)(\b[\w-]{{0,40}}{_KEY}\b[\"']?\s{{0,3}}[=:]\s{{0,3}}){_VALUE}"), rf"\1{REDACTED}"),
    (re.compile(rf"(?i)(--{_KEY}\s+)(\S+)"), rf"\1{REDACTED}"),
)

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Have a literal removed wherever it appears from now on; a very short one would blank out plain words."""
    if len(secret) >= 4:
        _hidden.add(secret)


def redact_text(text: str) -> str:
    """Return a text without secrets, cut at a bound."""
    clean = text if len(text) <= MAX_TEXT_CHARS else text[:MAX_TEXT_CHARS] + _TRUNCATED
    for secret in _hidden:
        clean = clean.replace(secret, REDACTED)
    for shape, replacement in _SHAPES:
        clean = shape.sub(replacement, clean)
    return clean


def redact(value: Any, *, depth: int = 0) -> Any:
    """Return a copy of plain data without secrets; never raises, and is bounded in depth, length and size."""
    if isinstance(value, str):
        return redact_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= MAX_DEPTH:
        return _TRUNCATED
    if isinstance(value, Mapping):
        pairs = list(value.items())[:MAX_ITEMS]
        return {
            _named(key): REDACTED if is_secret_key(key) else redact(item, depth=depth + 1) for key, item in pairs
        }
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes | bytearray | memoryview):
        return [redact(item, depth=depth + 1) for item in list(value)[:MAX_ITEMS]]
    return redact_text(_shown(value))


def is_secret_key(key: Any) -> bool:
    """Whether a secret stands under this key: by whole words, so that "author" and "max_tokens" are not."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", str(key)[:200])
    lower = [word.lower() for word in words]
    if any(pair in _SECRET_PAIRS for pair in pairwise(lower)):
        return True
    return bool(_SECRET_WORDS & set(lower)) and not _MEASURES & set(lower)


def _named(key: Any) -> str:
    return redact_text(str(key)[:200])


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - describing a foreign object may raise anything, and logging must not
        return f"<{type(value).__name__} that cannot be shown>"
