"""What may be written of a fault: redacted, of types that every store holds, and at most 32 KiB."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foureyes.errors.event_id import EventIds
from foureyes.errors.fault import MAX_DOCUMENT_BYTES, FaultEvent
from foureyes.errors.plain import moment, plain, size_bytes, stamp
from foureyes.redaction import REDACTED

HIDDEN = "hunter2-Zq9-hunter2"

texts = st.text(st.characters(codec=None), max_size=200)  # with NUL and lone surrogates
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.binary(max_size=20)
data = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=30)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in _texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def _event(**more: Any) -> FaultEvent:
    given_values: dict[str, Any] = {
        "id": "1", "fingerprint": "1-a", "type": "ValueError", "message": "no", "stack": (), "chain": (),
        "component": "test", "severity": "high", "bug_class": "Unknown", "machine": "box", "pid": 1,
        "at": datetime(2026, 11, 21, tzinfo=UTC),
    }  # fmt: skip
    return FaultEvent(**{**given_values, **more})


@given(data)
def test_whatever_is_given_becomes_data_that_every_store_holds(value: Any) -> None:
    """Any value becomes JSON without NaN, in UTF-8, without NUL, with whole numbers of 64 bits at most."""
    clean = plain(value)
    assert json.dumps(clean, allow_nan=False, ensure_ascii=False).encode()
    assert not any("\0" in text for text in _texts(clean))
    assert plain(clean) == clean


@given(st.recursive(st.just(HIDDEN), lambda inner: st.lists(inner, min_size=1) | st.dictionaries(texts, inner)))
def test_a_secret_is_redacted_however_deep_its_key_lies(value: Any) -> None:
    """What stands behind a secret key is gone, at every depth and in every shape."""
    assert HIDDEN not in json.dumps(plain({"context": [{"password": value}]}))


@pytest.mark.parametrize("number", [10, 1])
def test_r10_near_misses_of_secret_keys_keep_their_values(number: int) -> None:
    """R10: `author` is no `auth`, and a count of tokens is no token; a real token beside them is redacted."""
    harmless = {"author": "Ann", "max_tokens": number, "said": "tokens used: 12"}
    secret = {"token": HIDDEN, "api_key": HIDDEN}
    assert plain(harmless | secret) == harmless | dict.fromkeys(secret, REDACTED)


@given(data, st.integers(0, 20_000), st.integers(0, 5000))
@settings(max_examples=60, deadline=None)
def test_a_document_fits_whatever_its_context_is(value: Any, chars: int, entries: int) -> None:
    """No event is larger than 32 KiB; one that was cut says so, and keeps its id and type."""
    context = plain({"any": value, "long": {"text": "ä" * chars}, "many": [{"n": str(n)} for n in range(entries)]})
    document = _event(context=context).as_document()
    assert size_bytes(document) <= MAX_DOCUMENT_BYTES
    assert (document["id"], document["type"]) == ("1", "ValueError")
    whole = size_bytes({**_event().as_document(), "context": context})
    assert document["truncated"] == (whole > MAX_DOCUMENT_BYTES)


@pytest.mark.parametrize("frames", [2000, 20_000])
def test_a_document_of_a_huge_stack_keeps_its_first_and_its_last_frames(frames: int) -> None:
    """Where a stack is cut, its middle goes: where it began and where it broke stay."""
    stack = tuple({"file": "a.py", "line": number} for number in range(frames))
    document = _event(stack=stack).as_document()
    assert document["truncated"]
    assert (document["stack"][0]["line"], document["stack"][-1]["line"]) == (0, frames - 1)


@given(st.lists(st.integers(0, 2**60), min_size=2, max_size=50))
def test_event_ids_grow_whatever_the_clock_does(times_ns: list[int]) -> None:
    """Ids are unique and sort by the order in which they were given out, be the clock set back between two."""
    clock = iter(times_ns)
    ids = EventIds(lambda: next(clock))
    given_out = [ids.next() for _ in times_ns]
    assert given_out == sorted(set(given_out))


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_are_written_so_that_they_sort(at: datetime) -> None:
    """A moment is read back to the millisecond, and always has the same number of characters."""
    assert moment(stamp(at)) == at.replace(microsecond=at.microsecond // 1000 * 1000)
    assert len(stamp(at)) == len("2026-11-21T10:00:00.000Z")
