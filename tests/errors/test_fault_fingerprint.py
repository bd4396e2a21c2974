"""Fingerprints: what differs from time to time does not split a group, what is another fault does."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.faulty import raised

from foureyes.errors.description import describe
from foureyes.errors.fingerprint import VERSION, fingerprint, normalised

ALIKE = [
    ("frame main-000016 failed", "frame main-000911 failed"),
    ("no answer in 30.02 s", "no answer in 1.5 s"),
    ("request 3f2a9b8c7d6e failed", "request 0123456789ab failed"),
    ("id 01a1fd96-5721-7dc1-851f-9b86f7fdb029", "id 01a1fda2-7369-7251-92cb-fbf45f708d49"),
    ("cannot read /home/ann/a.png", "cannot read /srv/frames/7/b.png"),
    ("cannot read '/home/ann b/a c.png'", "cannot read '/srv/x.png'"),
    (r"cannot read C:\Users\ann\a.png", r"cannot read D:\b.png"),
    ("127.0.0.1:1234 refused", "192.168.7.20:8080 refused"),
    ("fe80::1:2 refused", "2001:db8::7 refused"),
    ("GET http://127.0.0.1:1234/v1/models", "GET https://studio.lan/v1/models"),
    ("object at 0x7f00aa", "object at 0x1"),
    ("at 2026-11-21T10:00:00Z", "at 2027-01-02T03:04:05Z"),
]
UNLIKE = [
    ("task 'ocr' could not be read", "task 'state' could not be read"),
    ("scene 'Game' is missing", "scene 'Menu' is missing"),
    ("no answer in 30 s", "no answer"),
    ("and/or", "and"),
]

words = st.text("ghijklmnopqrstuvwxyz ", min_size=1, max_size=20)
numbers = st.integers(0, 10**12).map(str) | st.floats(0, 1e9).map(lambda value: f"{value:f}")


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_what_differs_from_time_to_time_is_one_group(one: str, other: str) -> None:
    """Ids, numbers, times, paths, addresses and urls do not tell two faults apart."""
    assert normalised(one) == normalised(other) != one


@pytest.mark.parametrize(("one", "other"), UNLIKE)
def test_what_is_another_fault_is_another_group(one: str, other: str) -> None:
    """Names and words do tell two faults apart."""
    assert normalised(one) != normalised(other)


@given(st.lists(words, min_size=1, max_size=6), st.data())
def test_figures_never_split_a_group(parts: list[str], data: st.DataObject) -> None:
    """Two messages with the same words around any numbers at all have the same fingerprint."""
    one, other = ("".join(f"{word} {data.draw(numbers)} " for word in parts) for _ in range(2))
    assert fingerprint(describe(ValueError(one))) == fingerprint(describe(ValueError(other)))


@given(st.text(max_size=300))
def test_normalising_twice_changes_nothing_more(message: str) -> None:
    """Whatever the message is, what is left of it has nothing to take out."""
    once = normalised(message)
    assert normalised(once) == once


def _fail(message: str) -> None:
    raise ValueError(message)


def test_the_type_and_the_place_tell_faults_apart() -> None:
    """The same words in another exception, or raised elsewhere, are another fault."""
    with pytest.raises(ValueError, match="no") as elsewhere:
        _fail("no")
    faults = [raised(ValueError("no")), raised(KeyError("no")), elsewhere.value]
    assert len({fingerprint(describe(error)) for error in faults}) == len(faults)


def test_a_fingerprint_says_its_version_and_is_the_same_in_every_process() -> None:
    """Another process, with another hash seed, finds the same fingerprint; the version stands in front."""
    code = (
        "from foureyes.errors.fingerprint import fingerprint; from foureyes.errors.description import describe;"
        "print(fingerprint(describe(ValueError('no'))))"
    )
    mine = fingerprint(describe(ValueError("no")))
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == mine
    assert mine.startswith(f"{VERSION}-")
