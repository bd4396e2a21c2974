"""Times and dates, yes and no: what is read, and what could be two things and is nothing."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foureyes.schema.moments import boolean, moment

FORMS = (
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d%H:%M",
    "%H:%M %d.%m.%Y",
    "%d %B %Y %I:%M %p",
)


@pytest.mark.parametrize(
    ("text", "told"), [("yes", True), ("ON", True), ("Ja", True), ("off", False), ("Non", False), ("maybe", None)]
)
def test_yes_and_no(text: str, told: bool | None) -> None:  # noqa: FBT001 - a table of truths
    """Yes and no in the languages that are read; anything else is nothing."""
    assert boolean(text) is told


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("14:05", "14:05:00"),
        ("2:05 pm", "14:05:00"),
        ("12:00 AM", "00:00:00"),
        ("14:05:09", "14:05:09"),
        ("2026-11-21", "2026-11-21"),
        ("21.11.2026", "2026-11-21"),
        ("2026-11-21 14:05", "2026-11-21T14:05:00"),
        ("2026-11-21T14:05:09", "2026-11-21T14:05:09"),
        ("03/04/2026", None),
        ("25:00", None),
        ("13:00 pm", None),
        ("31.02.2026", None),
        ("soon", None),
        ("2026-11-2114:05", "2026-11-21T14:05:00"),
        ("2026-11-213:15", None),
        ("25/12/2026", "2026-12-25"),
        ("12/25/2026", "2026-12-25"),
        ("05/05/2026", "2026-05-05"),
        ("14:05 21.11.2026", "2026-11-21T14:05:00"),
        ("21 Nov 2026", "2026-11-21"),
        ("Sat, 21 Nov 2026 14:05", "2026-11-21T14:05:00"),
        ("Nov 21, 2026", "2026-11-21"),
        ("21. März 2026, 14:05 Uhr", "2026-03-21T14:05:00"),
        ("21 de noviembre de 2026", "2026-11-21"),
        ("21 jui 2026", None),
        ("21 août 2026", "2026-08-21"),
    ],
)
def test_times_and_dates(text: str, iso: str | None) -> None:
    """Times are ISO 8601; what could be two dates, or is none, is nothing."""
    assert moment(text) == iso


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.sampled_from(FORMS))  # noqa: DTZ001 - as a screen shows it
def test_a_moment_that_was_written_is_read_back(moment_shown: datetime, form: str) -> None:
    """Whatever moment is shown, it is read back to the minute, or not at all where it could be another."""
    shown = moment_shown.replace(second=0, microsecond=0)
    assert moment(shown.strftime(form)) == shown.isoformat()


@given(st.text(max_size=50) | st.from_regex(r"[0-9:./ -]{1,20}", fullmatch=True))
def test_any_text_is_a_moment_or_not_but_never_breaks(text: str) -> None:
    """Whatever stands in a picture: ISO 8601 or nothing."""
    if told := moment(text):
        datetime.fromisoformat(told if "-" in told else f"2026-01-01T{told}")
    assert boolean(text) in {True, False, None}
