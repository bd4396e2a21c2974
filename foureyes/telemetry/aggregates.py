"""What requests to models came to over a span of time: pure sums of tallies, and the figures made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

OK = "ok"
"""The outcome of a request that was answered; any other is the name of an error."""


@dataclass(frozen=True)
class Tokens:
    """Tokens of one request as the server counted them."""

    prompt: int
    completion: int


@dataclass(frozen=True)
class Tally:
    """Sums over requests; what is said of tokens is of those requests alone whose server counted any."""

    requests: int = 0
    answered_s: float = 0.0
    counted: int = 0
    counted_s: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(Tally)))

    @classmethod
    def of(cls, seconds: float | None, tokens: Tokens | None) -> Self:
        """The tally of one request; a server that counts none at all has not counted."""
        spent_s = seconds or 0.0
        if tokens is None or tokens.prompt + tokens.completion == 0:
            return cls(requests=1, answered_s=spent_s)
        return cls(1, spent_s, 1, spent_s, tokens.prompt, tokens.completion)

    @property
    def tokens(self) -> int:
        """Those of the prompt and those that were written."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Row:
    """The tally of one task and one outcome, in the minute (of UTC, since 1970) in which they ended."""

    minute: int
    task: str
    outcome: str
    tally: Tally


def aggregated(rows: Sequence[Row]) -> dict[str, Any]:
    """Totals, rates and averages; null is what nothing was measured of."""
    whole = _sum(rows)
    answered = _sum(row for row in rows if row.outcome == OK)
    failed = [row for row in rows if row.outcome != OK]
    return {
        "total_requests": whole.requests,
        "success_rate": _ratio(answered.requests, whole.requests),
        "average_response_time_ms": _ratio(answered.answered_s * 1000, answered.requests),
        "average_tokens_per_request": _ratio(answered.tokens, answered.counted),
        "average_streaming_speed_tokens_per_s": _ratio(answered.completion_tokens, answered.counted_s),
        "error_rate": _ratio(whole.requests - answered.requests, whole.requests),
        "error_counts": _requests_by((row.outcome, row) for row in failed),
        "intent_distribution": _requests_by((row.task, row) for row in rows),
    }


def by_hour(rows: Iterable[Row], until_minute: int, hours: int = 24) -> list[dict[str, Any]]:
    """The same for each of the last hours, the running one last; empty ones are there too."""
    last = until_minute // 60
    found: dict[int, list[Row]] = {hour: [] for hour in range(last - hours + 1, last + 1)}
    for row in rows:
        if (hour := row.minute // 60) in found:
            found[hour].append(row)
    return [{"hour": moment_of(hour * 60), **aggregated(each)} for hour, each in found.items()]


def tokens_per_s(rows: Iterable[Row]) -> float | None:
    """Tokens a second, read and written, over the rows of one whole minute; null where none were counted."""
    tally = _sum(rows)
    return round(tally.tokens / 60, 3) if tally.counted else None


def moment_of(minute: int) -> str:
    """The beginning of a minute, ISO 8601."""
    return datetime.fromtimestamp(minute * 60, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _sum(rows: Iterable[Row]) -> Tally:
    return sum((row.tally for row in rows), start=Tally())


def _ratio(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _requests_by(named: Iterable[tuple[str, Row]]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for name, row in named:
        counts[name] += row.tally.requests
    return dict(counts.most_common())
