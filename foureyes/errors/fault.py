"""A fault event: one recorded exception, as it is kept on disk and in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from foureyes.errors.plain import fitted, stamp

MAX_DOCUMENT_BYTES = 32 * 1024
BEGAN_AT = "began_at"
"""In the context: since when the process runs, and so how old its code is."""


class Severity(StrEnum):
    """How bad a fault is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class FaultEvent:
    """One recorded exception. `stack`, `chain` and `context` are plain data, redacted already."""

    id: str
    fingerprint: str
    type: str
    message: str
    stack: tuple[Mapping[str, Any], ...]
    """The frames, outermost first; those of this project are marked `in_project`."""
    chain: tuple[Mapping[str, Any], ...]
    """What the exception was raised from, nearest first."""
    component: str
    severity: str
    bug_class: str
    machine: str
    pid: int
    at: datetime
    occurrence: int = 1
    """The so-manyth of its storm."""
    context: Mapping[str, Any] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """The event as JSON values, at most 32 KiB; `truncated` says whether anything had to be cut."""
        document = {
            "id": self.id,
            "fingerprint": self.fingerprint,
            "type": self.type,
            "message": self.message,
            "stack": [dict(frame) for frame in self.stack],
            "chain": [dict(link) for link in self.chain],
            "component": self.component,
            "severity": self.severity,
            "bug_class": self.bug_class,
            "occurrence": self.occurrence,
            "context": dict(self.context),
            "machine": self.machine,
            "pid": self.pid,
            "at": stamp(self.at),
            "resolved": False,
            "resolved_at": None,
            "truncated": False,
        }
        smaller, was_cut = fitted(document, MAX_DOCUMENT_BYTES)
        return smaller | {"truncated": was_cut}
