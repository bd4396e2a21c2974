"""Describing an exception never raises, whatever the exception does."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.faulty import raised

from foureyes.errors.description import describe
from foureyes.errors.plain import as_json
from foureyes.exceptions import InferenceError, ServerTimeoutError


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class EvasiveError(Exception):
    @property
    def __cause__(self) -> BaseException:  # type: ignore[override]
        raise RuntimeError("no cause either")


def _cyclic() -> Exception:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    return one


def _deep() -> Exception:
    def down(levels: int) -> None:
        if levels == 0:
            raise ValueError("bottom")
        down(levels - 1)

    try:
        down(300)
    except ValueError as error:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SpeechlessError(), "its text raised RuntimeError"),
        (EvasiveError("no"), "could not be described"),
        (_cyclic(), "one"),
        (ValueError("x" * 10_000_000), "[truncated]"),
        (ValueError("half \ud800 nul \0"), "half \\ud800 nul \\x00"),
        (ValueError(b"\xff" * 100), "xff"),
        (ExceptionGroup("several", [ValueError("a"), KeyError("b")]), "several"),
        (ExceptionGroup("one", [ExceptionGroup("one", [ValueError("inner")])]), "inner"),
    ],
    ids=["speechless", "evasive", "cyclic", "huge", "odd text", "bytes", "group", "group of one"],
)
def test_an_exception_of_any_kind_becomes_plain_data(error: Exception, said: str) -> None:
    """A str() that raises, a cycle, ten megabytes, lone surrogates and NUL are all described, briefly."""
    found = describe(raised(error))
    assert said in found.message
    document = as_json({"links": [link.as_dict() for link in found.links]})
    assert len(document.encode()) < 100_000
    assert json.loads(document)


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_any_message_is_described(message: str, cause: str) -> None:
    """Whatever text an exception and its cause have, they are described in UTF-8."""
    error = ValueError(message)
    error.__cause__ = KeyError(cause)
    assert [link.message.encode() for link in describe(error).links]


def test_the_chain_is_kept_as_python_prints_it() -> None:
    """What an exception was raised from comes behind it, with how; what `from None` hides does not."""
    shown, alone = KeyError("shown"), KeyError("alone")
    shown.__cause__ = alone.__context__ = ValueError("no")
    alone.__suppress_context__ = True
    found = [(link.relation, link.type) for link in describe(shown).links]
    assert found == [("raised", "KeyError"), ("cause", "ValueError")]
    assert len(describe(alone).links) == 1


def test_an_error_that_was_never_raised_has_the_frames_of_its_cause() -> None:
    """A final failure is made, not raised: where its cause was raised is where to look, and is said once."""
    final = InferenceError("in vain")
    final.__cause__ = raised(ServerTimeoutError("no answer"))
    found = describe(final)
    assert [frame.function for frame in found.stack] == ["raised"]
    assert found.chain[0].stack == ()


def test_the_projects_own_frames_are_marked_and_told_without_the_machines_paths() -> None:
    """Frames inside the package are marked and begin with its name; others say no whole path."""
    try:
        as_json({"no": float("nan")})
    except ValueError as error:
        frames = describe(error).stack
    assert [frame.in_project for frame in frames if frame.file == "foureyes/errors/plain.py"] == [True]
    assert not any(frame.file.startswith("/") for frame in frames)


def test_a_deep_stack_is_kept_at_both_ends() -> None:
    """Of three hundred frames fifty are kept: those where it began and those where it broke."""
    stack = describe(_deep()).stack
    assert len(stack) == 50
    assert (stack[0].function, stack[-1].code) == ("_deep", 'raise ValueError("bottom")')
