"""The class of a fault, by its type, its causes and its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pymongo.errors
import pytest
from parts.faulty import raised

from foureyes.errors.bug_class import BugClass, classify, severity_of
from foureyes.exceptions import (
    BadPictureError,
    InferenceError,
    ServerDownError,
    ServerRefusedError,
    ServerTimeoutError,
    SourceLostError,
)


def _caused_by(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def _overflow() -> Exception:
    with pytest.raises(OverflowError) as caught:
        datetime.max.replace(tzinfo=UTC) + timedelta(days=1)
    return caught.value


def _beyond_the_clock() -> Exception:
    with pytest.raises(OverflowError) as caught:
        datetime.fromtimestamp(1e20, UTC)
    return caught.value


def _far_too_long() -> Exception:
    with pytest.raises(OverflowError) as caught:
        timedelta(days=10**9)
    return caught.value


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_caused_by(InferenceError("in vain"), ServerTimeoutError("late")), BugClass.VISION_INFERENCE),
        (ServerTimeoutError("late"), BugClass.SERVER_TIMEOUT),
        (ServerDownError("gone"), BugClass.SERVER_CRASH),
        (ServerRefusedError("nobody"), BugClass.SERVER_CONNECTION),
        (_overflow(), BugClass.DATE_OVERFLOW),
        (_far_too_long(), BugClass.DATE_OVERFLOW),
        (_beyond_the_clock(), BugClass.DATE_OVERFLOW),
        (raised(OverflowError("cannot convert float infinity to integer")), BugClass.UNKNOWN),
        (pymongo.errors.ServerSelectionTimeoutError("nobody"), BugClass.DATABASE),
        (SourceLostError("gone"), BugClass.SOURCE),
        (BadPictureError("half"), BugClass.PICTURE),
        (OSError(28, "No space left on device"), BugClass.RESOURCE),
        (MemoryError(), BugClass.RESOURCE),
        (_caused_by(ValueError("no"), SourceLostError("gone")), BugClass.SOURCE),
        (ValueError("LMStudio said no"), BugClass.UNKNOWN),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_fault_has_the_class_of_its_type_then_of_its_cause_then_of_its_words(
    error: Exception, expected: BugClass
) -> None:
    """Each of the design's classes is found by what the error is, and no class is found by words alone."""
    assert classify(error) is expected
    assert severity_of(expected)
