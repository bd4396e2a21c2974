"""A notice: what an operator is told once, as plain JSON values for every channel."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, Self

from foureyes.config.alerts import Severity
from foureyes.errors.page import one_line
from foureyes.redaction import redact_text

Kind = Literal["problem", "recovered", "test"]
_TITLE_CHARS, _LINE_CHARS, _MOST_LINES = 200, 500, 50


@dataclass(frozen=True)
class Notice:
    """One trouble that began or is over, of one or more subjects that fell ill together."""

    id: str
    kind: Kind
    rule: str
    severity: Severity
    at: str
    """When it was made: ISO 8601, UTC."""
    since: str | None
    """When the trouble began."""
    subjects: tuple[str, ...]
    title: str
    text: str
    """Sentences, apart by line ends. What came from a picture, a server or an exception is data among them."""

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "subjects": list(self.subjects)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The notice of such values. Raises KeyError, TypeError or ValueError where they are none."""
        values = {name: document[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "subjects": tuple(document["subjects"])})


def notice(
    kind: Kind,
    rule: str,
    severity: Severity,
    *,
    at: datetime,
    since: datetime | None,
    subjects: Sequence[str],
    title: str,
    lines: Sequence[str],
) -> Notice:
    """Make a notice: without secrets, without what steers a terminal or ends a header, bounded."""
    shown = [one_line(redact_text(line), _LINE_CHARS) for line in lines[:_MOST_LINES]]
    more = [f"and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    return Notice(
        id=uuid.uuid4().hex,
        kind=kind,
        rule=rule,
        severity=severity,
        at=moment(at),
        since=None if since is None else moment(since),
        subjects=tuple(subjects[:_MOST_LINES]),
        title=one_line(redact_text(title), _TITLE_CHARS),
        text="\n".join([*shown, *more]),
    )


def moment(at: datetime) -> str:
    """A moment as it is written: ISO 8601 in UTC."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
