"""The bound in front of the queues: what may come again, and what never fits."""

from __future__ import annotations

from collections import Counter

import pytest

from foureyes.exceptions import PictureTooLargeError, QueueFullError
from foureyes.web.intake import Intake


def test_a_picture_that_never_fits_is_not_told_to_come_again() -> None:
    """Beside others it is a matter of waiting; alone it is too large, and the sentence says what to do."""
    dropped: Counter[tuple[str, str]] = Counter()
    intake = Intake(lambda: 10, 100, lambda where, reason: dropped.update([(where, reason)]))
    with intake.place() as first, intake.place() as second:
        intake.hold(first, 60)
        with pytest.raises(QueueFullError, match="come again later"):
            intake.hold(second, 60)
        intake.hold(second, 40)
        with pytest.raises(PictureTooLargeError, match="memory_limit_mb"):
            intake.hold(first, 41)
    assert dropped == {("analyze", "bytes"): 1, ("analyze", "too_large"): 1}


def test_the_bound_is_that_of_the_configuration_in_force() -> None:
    """Who is refused a place has one as soon as there are more; nobody loses one when there are fewer."""
    bound = [1]
    intake = Intake(lambda: bound[-1], 100, lambda _where, _reason: None)
    with intake.place() as first:
        with pytest.raises(QueueFullError, match="1 requests are being worked on"), intake.place():
            pass
        bound.append(2)
        with intake.place():
            bound.append(1)
            intake.hold(first, 100)
