"""Secrets out of anything that is written: by key, by shape, and by being told.

`redact` gives a copy that JSON can hold. Its work is bounded: long text, deep nesting and endless collections are
cut, and every pattern runs in linear time (possessive or bounded repeats): what it reads may come from a picture.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any
from urllib.parse import quote

REDACTED = "[REDACTED]"
CUT = "[truncated]"
MAX_TEXT_CHARS = 20_000
MAX_DEPTH = 12
MAX_NODES = 5_000
MIN_HIDDEN_CHARS = 4

_SLACK_CHARS = 64  # room for a mark behind the cut, so that a text that was cut is not cut again
_MAX_ROUNDS = 4
_MAX_INT_BITS = 256

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_SECRET_WORDS = {
    "password", "passwords", "passwd", "passphrase", "pwd", "secret", "secrets", "apikey", "apikeys",
    "authorization", "cookie", "cookies", "credential", "credentials", "privatekey", "accesstoken",
}  # fmt: skip
_SECRET_LAST_WORDS = {"token", "auth"}  # access_token is one, token_count is none
_KEYS_WITH = {"api", "private", "secret", "access", "signing", "encryption", "auth"}  # ... _key
_TOKENS_WITH = {"access", "auth", "api", "refresh", "bearer", "session"}  # ... _tokens

_KEY = re.compile(
    r"""(?P<flag>(?<![\w-])--)?(?<!\w)(?P<key>[A-Za-z_][\w-]{0,79}+)"""
    r"""(?:\\{0,3}["']?[ \t]{0,2}(?:=>|:=|[=:])[ \t]{0,2}|(?(flag)[ \t]{1,4}|(?!)))"""
)
_HEADERS = {"authorization", "cookie"}
_REST_OF_LINE = re.compile(r"""(?![\\"'])[^\r\n]++""")
_VALUE = re.compile(
    r"""(?P<nothing>(?:None|null|True|true|False|false)\b)"""
    r"""|\\+(?P<escaped>["'])[^"'\\\r\n]*+"""
    r"""|(?P<quote>["'])(?:\\.|(?!(?P=quote))[^\\\r\n])*+(?P=quote)?"""
    r"""|(?:[\[({][^\])}\r\n]*+[\])}]?)?(?:[^\s,;&"']|[,;&](?!\s|$|[\w-]{1,40}=))*+"""
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{1,60}-----.*?(?:-----END [A-Z0-9 ]{1,60}-----|\Z)", re.DOTALL)
_SCHEME = re.compile(
    r"\b(?:(?P<bearer>(?i:bearer)) {1,4}(?!(?i:tokens?|auth\w*)\b)[\w.~+/=-]{4,}+"
    r"|(?P<basic>(?i:basic)) {1,4}(?=\w[a-z]{0,200}[A-Z0-9+/=])[A-Za-z0-9+/=]{6,}+)"
)
_URL_USER = re.compile(
    r"(?<![a-z0-9])([a-z][a-z0-9+.-]{1,20}+://)(?=[^\s/@:]{0,256}:)[^\s/?#\"'<>]{1,512}@", re.IGNORECASE
)
_TOKENS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[spr]k-(?=[\w-]{0,60}\d)[\w-]{10,}+"
    r"|[sr]k_(?:live|test)_\w{10,}+"
    r"|gh[a-z]_\w{16,}+|github_pat_\w{16,}+|glpat-[\w-]{16,}+|hf_\w{16,}+"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}+|AIza[\w-]{30,}+|xox[a-z]-[\w-]{10,}+"
    r"|eyJ[\w-]{5,}+\.[\w-]{4,}+\.[\w-]*+"
    r")"
)


class _Hidden:
    """The literals that must never be written, as one pattern, the longest first."""

    def __init__(self) -> None:
        self._literals: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: str) -> None:
        escaped = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
        self._literals |= escaped
        ordered = sorted(self._literals, key=lambda literal: (-len(literal), literal))
        self._pattern = re.compile("|".join(re.escape(literal) for literal in ordered))

    def remove_from(self, text: str) -> str:
        return self._pattern.sub(REDACTED, text) if self._pattern else text


_hidden = _Hidden()


def hide(secret: str) -> None:
    """Remove this literal (also URL- or JSON-escaped) from whatever is redacted from now on.

    Nothing and what is shorter than four characters is ignored: it would blot out ordinary text.
    """
    if len(secret) >= MIN_HIDDEN_CHARS and secret not in REDACTED + CUT:
        _hidden.add(secret)


@lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Whether a key names a secret, by its whole words: `authToken` does, `author` and `max_tokens` do not."""
    words = [word.lower() for word in _WORD.findall(key[:200])]
    if not words:
        return False
    if not _SECRET_WORDS.isdisjoint(words) or words[-1] in _SECRET_LAST_WORDS:
        return True
    before_last = words[-2] if len(words) > 1 else ""
    if words[-1] in {"key", "keys"}:
        return before_last in _KEYS_WITH
    return words[-1] == "tokens" and before_last in _TOKENS_WITH


def names_secret(key: object) -> bool:
    """Whether this is a text, or one in bytes, that is a secret's key."""
    text = key.decode("latin-1") if type(key) is bytes else key
    return isinstance(text, str) and is_secret_key(text)


def behind_secret_keys(items: Collection[Any]) -> Iterator[bool]:
    """Which entries are a secret by the one before: `--api-key` among arguments, the name in a header's pair."""
    before: Any = None
    for item in items:
        is_name = len(items) == 2 or (isinstance(before, str) and before.startswith("--"))
        yield is_name and names_secret(before)
        before = item


def redact(value: Any) -> Any:
    """Return a copy of `value` without secrets, of plain dicts, lists, strings, finite numbers, bools and None.

    Never raises; redacting twice changes nothing more. Anything else than these types becomes its text.
    """
    return _Walk().copy(value, 0)


def redact_text(text: str) -> str:
    """Return the text without secrets, cut at MAX_TEXT_CHARS with a mark."""
    looked_at = text[: MAX_TEXT_CHARS * 2]  # more than is kept: a secret across the cut is still seen whole
    clean = looked_at
    for _ in range(_MAX_ROUNDS):  # what one pattern uncovers another may match
        before, clean = clean, _without_secrets(clean)
        if clean == before:
            break
    if len(text) == len(looked_at) and len(clean) <= MAX_TEXT_CHARS + _SLACK_CHARS:
        return clean
    return _cut(clean)


def _cut(text: str) -> str:
    """Cut behind MAX_TEXT_CHARS, yet never inside a mark; a line of its own keeps the cut out of any value."""
    mark = text.rfind("[", MAX_TEXT_CHARS - len(REDACTED), MAX_TEXT_CHARS)
    end = mark + len(REDACTED) if mark >= 0 and text.startswith(REDACTED, mark) else MAX_TEXT_CHARS
    return f"{text[:end]}\n{CUT}"


def _without_secrets(text: str) -> str:
    text = _hidden.remove_from(text)
    if "-----BEGIN" in text:
        text = _PEM.sub(REDACTED, text)
    if "://" in text:
        text = _URL_USER.sub(rf"\1{REDACTED}@", text)
    text = _SCHEME.sub(lambda match: f"{match['bearer'] or match['basic']} {REDACTED}", text)
    return _without_secret_values(_TOKENS.sub(REDACTED, text))


def _without_secret_values(text: str) -> str:
    """Replace what stands behind a secret key: key=value, "key": "value", --key value, a header's line."""
    parts, done, at = [], 0, 0
    while match := _KEY.search(text, at):
        at = match.end()
        if is_secret_key(match["key"]) and (end := _value_end(text, at, match["key"])) > at:
            parts += [text[done:at], REDACTED]
            done = at = end
    return "".join([*parts, text[done:]])


def _value_end(text: str, start: int, key: str) -> int:
    """Where the value that begins at `start` ends; `start` itself where there is nothing to hide."""
    is_header = key.lower().rpartition("-")[2] in _HEADERS and text[start - 2 : start] == ": "
    if is_header and (line := _REST_OF_LINE.match(text, start)):
        return line.end()
    value = _VALUE.match(text, start)
    return value.end() if value and not value["nothing"] else start


class _Walk:
    """One copy of one value, with a budget of nodes."""

    def __init__(self) -> None:
        self._nodes = 0

    def copy(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return redact_text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return _plain(value)
        if depth >= MAX_DEPTH:
            return CUT
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, (list, tuple, AbstractSet)):
            return self._sequence(value, depth)
        return _other(value)

    def _spent(self) -> bool:
        self._nodes += 1
        return self._nodes > MAX_NODES

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, item in value.items():
            if self._spent():
                copy[CUT] = CUT
                break
            name = key if isinstance(key, str) else str(_other(key))
            secret = is_secret_key(name) and item is not None and not isinstance(item, bool)
            copy[redact_text(name)] = REDACTED if secret else self.copy(item, depth + 1)
        return copy

    def _sequence(self, value: list[Any] | tuple[Any, ...] | AbstractSet[Any], depth: int) -> list[Any]:
        copy: list[Any] = []
        for item, is_secret in zip(value, behind_secret_keys(value), strict=True):
            if self._spent():
                copy.append(CUT)
                break
            copy.append(REDACTED if is_secret and item is not None else self.copy(item, depth + 1))
        return copy


def _plain(value: Any) -> float | str | None:
    """JSON has no infinity and no NaN, and Python refuses to print an endless integer."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(float(value))
    if value is None or isinstance(value, bool):
        return value
    return int(value) if value.bit_length() <= _MAX_INT_BITS else f"<integer of {value.bit_length()} bits>"


def _other(value: object) -> str:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    try:
        return redact_text(str(value))
    except Exception as error:  # noqa: BLE001 - a foreign object's __str__ may raise anything
        return f"<{type(value).__name__} whose text raised {type(error).__name__}>"
