"""The failure patterns, by name and category, and what each calls for.

A pattern is known by the type of the exception or of what caused it, the nearest in the hierarchy first; only
where no type tells it by words of the message, the longest match first. Text is searched, never run.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from foureyes import exceptions

_LOOKED_AT_CHARS = 2000


class Category(StrEnum):
    """What a pattern is about."""

    TIMEOUT = "timeout"
    TOOL = "tool"
    TOKEN_AND_API = "token and API"  # noqa: S105 - a category
    CODE_QUALITY = "code quality"
    STREAMING = "streaming"
    DATABASE = "database"
    RESOURCE = "resource"
    AGENT = "agent"


class Strategy(StrEnum):
    """What to do about a failure. Where several would do, the first of these is taken."""

    MANUAL = "manual"
    ESCALATE = "escalate"
    RETRY = "retry"
    FALLBACK = "fallback"


@dataclass(frozen=True)
class Pattern:
    """One way to fail. `types` are names as they are recorded, or modules of foreign exceptions."""

    name: str
    category: Category
    strategy: Strategy
    types: frozenset[str]
    words: re.Pattern[str]


def _pattern(name: str, category: Category, strategy: Strategy, types: str, words: str) -> Pattern:
    return Pattern(name, category, strategy, frozenset(types.split()), re.compile(words, re.IGNORECASE))


PATTERNS = (
    _pattern(
        "iteration_timeout", Category.TIMEOUT, Strategy.RETRY,
        "ServerTimeoutError TimeoutError httpx.ReadTimeout httpx.ConnectTimeout",
        r"\b(?:timed out|time-?out (?:after|of)|did not answer (?:within|in time))",
    ),
    _pattern(
        "streaming_timeout", Category.TIMEOUT, Strategy.RETRY,
        "SourceHungError",
        r"\b(?:source|stream|capture|pictures?|frames?)\b.{0,60}\b(?:timed out|stall(?:s|ed)|hung|frozen)\b",
    ),
    _pattern(
        "tool_failure", Category.TOOL, Strategy.ESCALATE,
        "ServerStartError ServerDownError ModelCrashedError ServiceError subprocess.CalledProcessError",
        r"\b(?:command|program|tool)\b.{0,80}\b(?:failed|ended at once|exit code [1-9]\d*|was killed)",
    ),
    _pattern(
        "tool_timeout", Category.TOOL, Strategy.RETRY,
        "subprocess.TimeoutExpired",
        r"\b(?:command|program|tool)\b.{0,80}\b(?:timed out|did not end within)",
    ),
    _pattern(
        "token_limit", Category.TOKEN_AND_API, Strategy.FALLBACK,
        "ContextOverflowError AnswerCutError",
        r"\b(?:exceeds?|larger than|beyond|over)\b.{0,40}\b(?:context|tokens)\b|\bmax_tokens was reached\b",
    ),
    _pattern(
        "rate_limit", Category.TOKEN_AND_API, Strategy.RETRY,
        "ServerBusyError",
        r"\b(?:rate limit(?:ed| exceeded| reached)|too many requests)\b",
    ),
    _pattern(
        "ts_error", Category.CODE_QUALITY, Strategy.MANUAL,
        "TypeError AttributeError",
        r"\berror TS\d{4,5}\b|\bis not assignable to type\b|\bunsupported operand type|\bhas no attribute\b",
    ),
    _pattern(
        "lsp_error", Category.CODE_QUALITY, Strategy.MANUAL,
        "SyntaxError ImportError NameError",
        r"\b(?:LSP|language server|linter)\b.{0,40}\berrors?\b|\binvalid syntax\b|\bcannot import name\b",
    ),
    _pattern(
        "streaming_json_error", Category.STREAMING, Strategy.RETRY,
        "ServerReplyError json.decoder.JSONDecodeError",
        r"\b(?:invalid|broken|malformed|unexpected end of) JSON\b|\bexpecting (?:value|property name)\b",
    ),
    _pattern(
        "streaming_data_loss", Category.STREAMING, Strategy.RETRY,
        "SourceLostError BadPictureError ConnectionResetError EOFError httpx.RemoteProtocolError",
        r"\bconnection\b.{0,60}\b(?:broke|lost|reset|cut off)\b|\bincomplete (?:read|message|body|picture)\b",
    ),
    _pattern(
        "database_error", Category.DATABASE, Strategy.ESCALATE,
        "SpoolError MongoError pymongo bson sqlite3",
        r"\b(?:database|mongodb|sqlite)\b.{0,80}\b(?:is locked|is damaged|lost|unreachable|not primary|refused)\b",
    ),
    _pattern(
        "memory_limit", Category.RESOURCE, Strategy.ESCALATE,
        "MemoryError",
        r"\bout of memory\b|\bcannot allocate memory\b|\bunable to allocate\b",
    ),
    _pattern(
        "disk_space", Category.RESOURCE, Strategy.MANUAL,
        "",
        r"\bno space left on device\b|\bdisk (?:is |quota )?(?:full|exceeded)\b",
    ),
    _pattern(
        "infinite_loop", Category.AGENT, Strategy.MANUAL,
        "RecursionError",
        r"\bmaximum recursion depth\b|\b(?:infinite|endless) loop\b",
    ),
    _pattern(
        "decision_loop", Category.AGENT, Strategy.ESCALATE,
        "BreakerOpenError",
        r"\bfailed (?:\d+ times|too often) in a row\b|\bthe same (?:decision|step|restart) (?:again|\d+ times)\b",
    ),
)  # fmt: skip
"""Every name that the requirements list. They count 14, and list 15: all of them are here."""


def detected(kind: str, causes: Sequence[str], message: str) -> Pattern | None:
    """The pattern of an exception of type `kind`, raised from `causes`; None where none is known."""
    for name in (kind, *causes):
        if found := _by_type(name):
            return found
    return _by_words(message[:_LOOKED_AT_CHARS])


def strategy_of(pattern: Pattern | None) -> Strategy:
    """What to do; a failure that nobody knows is for a person."""
    return Strategy.MANUAL if pattern is None else pattern.strategy


def _by_type(name: str) -> Pattern | None:
    for ancestor in _ancestry(name):
        if found := [pattern for pattern in PATTERNS if ancestor in pattern.types]:
            return _firmest(found)
    return None


def _by_words(message: str) -> Pattern | None:
    lengths = {pattern: _longest(pattern, message) for pattern in PATTERNS}
    if (longest := max(lengths.values())) == 0:
        return None
    return _firmest([pattern for pattern, length in lengths.items() if length == longest])


def _longest(pattern: Pattern, message: str) -> int:
    return max((len(match[0]) for match in pattern.words.finditer(message)), default=0)


def _firmest(found: Sequence[Pattern]) -> Pattern:
    return min(found, key=lambda pattern: list(Strategy).index(pattern.strategy))


def _ancestry(name: str) -> Iterator[str]:
    """The names of a recorded type and its bases, nearest first; of a foreign one its name and its modules."""
    kind = getattr(exceptions, name, None) or getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        yield from (base.__name__ for base in kind.__mro__)
        return
    while name:
        yield name
        name = name.rpartition(".")[0]
