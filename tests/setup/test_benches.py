"""The benches call the code as it is: what they measure in this process is tried on a little."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def test_a_few_changes_of_one_digit_are_missed_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the comparison, on a noisy source or not, nor the cache, nor the engine's memo misses one."""
    monkeypatch.syspath_prepend(SCRIPTS)
    found = importlib.import_module("benches.reading_changes").changes(20)
    assert found["held"], found
    assert found["measured"]["changes"] == 20
