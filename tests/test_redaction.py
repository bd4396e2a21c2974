"""Redaction: secrets by key and by shape, and the near misses that are none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foureyes.redaction import MAX_TEXT_CHARS, REDACTED, hide, is_secret_key, redact, redact_text

SECRET_KEYS = [
    "password", "PASSWORD", "obs_password", "dbPassword", "api_key", "apiKey", "X-Api-Key", "token",
    "access_token", "Authorization", "Set-Cookie", "cookie", "client_secret", "private_key", "credentials",
]  # fmt: skip
PLAIN_KEYS = ["author", "tokens", "max_tokens", "token_count", "tokens_used", "passed", "keyboard", "secretary"]

SECRET_TEXTS = [
    "Authorization: Bearer abcdef1234567890",
    "Basic dXNlcjpwYXNzd29yZA==",
    "mongodb://user:hunter22@db.example/errors",
    "connecting with password='hunter22'",
    'connecting with {"password": "hunter22"}',
    "login --password hunter22 --verbose",
    "api_key=hunter22hunter22",
    "sk-hunter22hunter22hunter22",
    "ghp_hunter22hunter22hunter22",
    "AKIAHUNTER22HUNTER22",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyMiJ9.hunter22hunter22",
    "-----BEGIN RSA PRIVATE KEY-----\nhunter22\n-----END RSA PRIVATE KEY-----",
]
PLAIN_TEXTS = [
    "author: Jane",
    "tokens used: 12",
    "the token was refused",
    "passwords are never written",
    "http://127.0.0.1:8484/",
    "frame main-000123 took 12 ms",
    "Basic training",
    "task-vision_ocr/main",
]


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_what_stands_under_a_secret_key_goes(key: str) -> None:
    """A value under a secret's key is removed, however deep it stands, and its neighbours stay."""
    assert redact({"a": [{key: "hunter22", "b": 1}]}) == {"a": [{key: REDACTED, "b": 1}]}


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_near_misses_stay(key: str) -> None:
    """R10: words that only contain a secret's name are none."""
    assert not is_secret_key(key)


@pytest.mark.parametrize("text", SECRET_TEXTS)
def test_secrets_are_known_by_their_shape(text: str) -> None:
    """A secret in running text is removed."""
    assert "hunter22" not in redact_text(text).lower()
    assert REDACTED in redact_text(text)


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_plain_text_stays_as_it_is(text: str) -> None:
    """Text without a secret is not touched."""
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("value", "clean"),
    [
        (["serve", "--api-key", "plain words", "--port", "1"], ["serve", "--api-key", REDACTED, "--port", "1"]),
        ([("X-Api-Key", "plain words"), ("Date", "today")], [["X-Api-Key", REDACTED], ["Date", "today"]]),
        ([b"cookie", b"plain words"], ["<6 bytes>", REDACTED]),
        (["password", "author", "tokens"], ["password", "author", "tokens"]),
        (["author", "plain words"], ["author", "plain words"]),
    ],
)
def test_what_stands_behind_a_secret_key_goes(value: list[Any], clean: list[Any]) -> None:
    """Among a program's arguments and in a header's pair; a list of names stays."""
    assert redact(value) == clean


def test_a_hidden_literal_is_removed_everywhere() -> None:
    """A secret that was registered goes wherever it appears, whatever stands around it."""
    hide("very hidden phrase")
    assert redact({"note": "it is very hidden phrase, is it?"}) == {"note": f"it is {REDACTED}, is it?"}


def test_a_very_long_text_is_cut_and_says_so() -> None:
    """What is written stays bounded."""
    cut = redact_text("x" * (MAX_TEXT_CHARS * 2))
    assert len(cut) < MAX_TEXT_CHARS + 50
    assert cut.endswith("[truncated]")


def test_an_object_whose_str_raises_is_described() -> None:
    """Redaction never raises, whatever it is given."""

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert "Hostile" in redact({"it": Hostile()})["it"]


def test_a_cyclic_structure_ends() -> None:
    """A structure that contains itself is cut at a depth."""
    cyclic: dict[str, Any] = {}
    cyclic["self"] = cyclic
    assert "truncated" in str(redact(cyclic))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_redaction_never_raises_and_is_idempotent(value: Any) -> None:
    """Whatever the data, a second redaction changes nothing any more."""
    once = redact(value)
    assert repr(redact(once)) == repr(once)
