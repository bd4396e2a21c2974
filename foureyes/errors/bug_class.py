"""The class of a fault: by its type, then by what caused it, then by its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from foureyes.errors.description import message_of
from foureyes.errors.fault import Severity
from foureyes.exceptions import (
    ConfigError,
    InferenceError,
    ModelCrashedError,
    MongoError,
    PictureError,
    SchemaError,
    ServerDownError,
    ServerError,
    ServerTimeoutError,
    SourceError,
    UsageError,
)

_MOST_CAUSES = 8


class BugClass(StrEnum):
    """What kind of fault this is; the names of the design document where it has one."""

    VISION_INFERENCE = "VisionInference"
    SERVER_TIMEOUT = "LMStudioTimeout"
    SERVER_CRASH = "LMStudioCrash"
    SERVER_CONNECTION = "LMStudioConnection"
    DATE_OVERFLOW = "DateTimeOverflow"
    DATABASE = "MongoDB"
    SOURCE = "OBS"
    PICTURE = "Picture"
    CONFIGURATION = "Configuration"
    RESOURCE = "Resource"
    UNKNOWN = "Unknown"


_BY_TYPE: tuple[tuple[tuple[type[BaseException], ...], BugClass], ...] = (
    ((InferenceError,), BugClass.VISION_INFERENCE),
    ((ServerTimeoutError,), BugClass.SERVER_TIMEOUT),
    ((ModelCrashedError, ServerDownError), BugClass.SERVER_CRASH),
    ((ServerError,), BugClass.SERVER_CONNECTION),
    ((SourceError,), BugClass.SOURCE),
    ((PictureError,), BugClass.PICTURE),
    ((MongoError,), BugClass.DATABASE),
    ((ConfigError, SchemaError, UsageError), BugClass.CONFIGURATION),
    ((MemoryError,), BugClass.RESOURCE),
)
"""The first that fits: more special ones first."""

_BY_MODULE = {"pymongo": BugClass.DATABASE, "bson": BugClass.DATABASE, "obsws_python": BugClass.SOURCE}

_BY_WORDS = (
    (
        OverflowError,
        re.compile(r"\b(?:date|time|timestamp|year|day|month|second)s?\b", re.IGNORECASE),
        BugClass.DATE_OVERFLOW,
    ),
    (
        ValueError,
        re.compile(r"\b(?:year|month|day) .{0,20}is out of range\b", re.IGNORECASE),
        BugClass.DATE_OVERFLOW,
    ),
    (OSError, re.compile(r"no space left|too many open files|cannot allocate", re.IGNORECASE), BugClass.RESOURCE),
)

_SEVERITY = {
    BugClass.RESOURCE: Severity.CRITICAL,
    BugClass.SERVER_TIMEOUT: Severity.MEDIUM,
    BugClass.SERVER_CONNECTION: Severity.MEDIUM,
    BugClass.PICTURE: Severity.LOW,
    BugClass.CONFIGURATION: Severity.LOW,
}


def severity_of(bug_class: BugClass) -> Severity:
    """How bad a fault of a class is, where nobody who saw it says otherwise."""
    return _SEVERITY.get(bug_class, Severity.HIGH)


def classify(error: BaseException) -> BugClass:
    """The class of the error, or of the nearest of its causes that has one."""
    for each in _with_causes(error):
        if (found := _class_of(each)) is not BugClass.UNKNOWN:
            return found
    return BugClass.UNKNOWN


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if current is None:
            return
        yield current
        current = current.__cause__


def _class_of(error: BaseException) -> BugClass:
    for kinds, found in _BY_TYPE:
        if isinstance(error, kinds):
            return found
    module = type(error).__module__.partition(".")[0]
    if module in _BY_MODULE:
        return _BY_MODULE[module]
    for kind, words, found in _BY_WORDS:
        if isinstance(error, kind) and words.search(message_of(error)):
            return found
    return BugClass.UNKNOWN
