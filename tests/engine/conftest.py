"""The nets, loaded once for all tests that call the reader without a server."""

from __future__ import annotations

import pytest

from foureyes.engine.ocr import Ocr


@pytest.fixture(scope="session")
def ocr() -> Ocr:
    """Detector and recogniser on two threads."""
    return Ocr(2)
