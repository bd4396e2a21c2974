"""Redaction where it once leaked: shapes of secrets as real logs have them, at every edge of the cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foureyes.redaction import MAX_NODES, MAX_TEXT_CHARS, REDACTED, hide, redact, redact_text

LEAKED = [
    "foureyes run --obs-password hunter22XyZ",
    '{\\"password\\": \\"hunter22XyZ\\"}',
    "Cookie: theme=dark; sid=hunter22XyZ",
    'Authorization: Digest username="x", response="hunter22XyZ"',
    "password=ab,hunter22XyZ",
    "password='ab\\'hunter22XyZ'",
    "credentials=hunter22XyZ",
    "passwords=['a', 'hunter22XyZ']",
    "mongodb://user:p@hunter22XyZ@host/db",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter22XyZ",
    "x" * (MAX_TEXT_CHARS - 10) + " Bearer hunter22XyZ0123456789",
]
PLAIN = [
    "author: Jane",
    "tokens used: 12",
    "max_tokens=500, token_count=12",
    "Basic information about bearer tokens",
    "task-list and disk-usage of sk-learn",
    "ssh://git@host/repo and http://127.0.0.1:8484/a@b",
    "password=None has_password=False",
    "the passport of the secretary",
]
PIECES = [
    "password", "token", "author", "=", ":", '"', "'", "\\", "--", "Bearer", "Basic", "Cookie:", "[REDACTED]", "://",
    "@", "abc12345", "sk-abc123def456", "mongodb://u:p@h", ",", ";", "&", "{", "[", "]", "}", "\n", "-----BEGIN",
    "X-----", "eyJabcdef.abcdef.x", "api_key", "max_tokens", "12", "None", "[truncated]", " ",
]  # fmt: skip


@pytest.mark.parametrize("text", LEAKED)
def test_no_part_of_a_secret_stays(text: str) -> None:
    """Quotes, commas, escapes, at-signs and the cut do not let the rest of a secret through."""
    assert "hunter" not in redact_text(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    """Ordinary text, counts of tokens and yes-or-no answers are left as they are."""
    assert redact_text(text) == text


def test_the_value_behind_a_flag_of_a_command_line_is_a_secret() -> None:
    """A command given as a list hides the argument that follows --password."""
    assert redact(["obs", "--password", "hunter22", "--fps", "3"]) == ["obs", "--password", REDACTED, "--fps", "3"]


def test_yes_no_and_nothing_under_a_secret_key_stay() -> None:
    """Whether a password is set is no secret."""
    assert redact({"has_password": False, "password": None}) == {"has_password": False, "password": None}


def test_a_hidden_literal_is_found_in_its_escaped_forms() -> None:
    """A registered secret is removed from addresses and JSON too, and hiding a piece of the mark does no harm."""
    literal = 'open"sesame/now 1'
    hide(literal)
    hide("REDACTED")
    for text in (literal, "http://h/?p=open%22sesame%2Fnow%201", json.dumps({"p": literal}), repr([literal])):
        assert "sesame" not in redact_text(text)
    assert redact_text(f"{REDACTED} stays") == f"{REDACTED} stays"


def test_what_comes_out_is_json() -> None:
    """Infinite figures, endless integers, bytes, sets and foreign keys all become what JSON holds."""
    found = redact({"nan": float("nan"), "huge": 10**5000, "raw": b"abc", 7: {1, 2}, "path": object})
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_an_endless_collection_is_cut() -> None:
    """The work is bounded by a number of values, however they are nested."""
    wide: Any = list(range(100))
    for _ in range(3):
        wide = [wide] * 100
    assert len(json.dumps(redact(wide))) < 20 * MAX_NODES


@given(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.integers(19_900, 20_100), st.integers(1, 600)
)
def test_a_second_redaction_changes_nothing_at_the_cut_either(secrets: str, before: int, times: int) -> None:
    """Marks are never cut in half, and a cut is never cut again."""
    for text in (secrets, "x " * (before // 2) + secrets * times):
        once = redact_text(text)
        assert redact_text(once) == once
        assert len(once) < MAX_TEXT_CHARS + 100
