"""The bound in front of the queues: what may come again, and what never fits."""

from __future__ import annotations

from collections import Counter

import pytest

from foureyes.exceptions import PictureTooLargeError, QueueFullError
from foureyes.web.intake import Intake


def test_a_picture_that_never_fits_is_not_told_to_come_again() -> None:
    """Beside others it is a matter of waiting; alone it is too large, and the sentence says what to do."""
    dropped: Counter[tuple[str, str]] = Counter()
    intake = Intake(10, 100, lambda where, reason: dropped.update([(where, reason)]))
    with intake.place() as first, intake.place() as second:
        intake.hold(first, 60)
        with pytest.raises(QueueFullError, match="come again later"):
            intake.hold(second, 60)
        intake.hold(second, 40)
        with pytest.raises(PictureTooLargeError, match="memory_limit_mb"):
            intake.hold(first, 41)
    assert dropped == {("analyze", "bytes"): 1, ("analyze", "too_large"): 1}
