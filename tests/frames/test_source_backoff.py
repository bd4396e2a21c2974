"""The pauses after failures of a source."""

import pytest
from parts.hand_clock import HandClock

from foureyes.exceptions import SourceLostError, SourceRefusedError
from foureyes.frames.sources.backoff import Backoff


def pauses(backoff: Backoff, clock: HandClock, count: int) -> list[float]:
    """Fail so many times in a row, each time when the pause is just over; return the lengths of the pauses."""
    lengths = []
    for _ in range(count):
        backoff.failed(SourceRefusedError("nobody there"))
        begun_s = clock()
        while blocked(backoff):
            clock.move(0.01)
        lengths.append(clock() - begun_s)
    return lengths


def blocked(backoff: Backoff) -> bool:
    try:
        backoff.check()
    except SourceRefusedError:
        return True
    return False


def test_pauses_double_from_1_s_to_30_s() -> None:
    """Without jitter the pauses are 1, 2, 4, 8, 16 and then always 30 s."""
    clock = HandClock()
    found = pauses(Backoff(now=clock, rng=lambda: 0.0), clock, 7)
    assert found == pytest.approx([1, 2, 4, 8, 16, 30, 30], abs=0.02)


def test_jitter_lengthens_up_to_a_quarter_and_never_over_30_s() -> None:
    """Many watchers of one OBS do not come back at the same moment, and none waits longer than 30 s."""
    clock = HandClock()
    found = pauses(Backoff(now=clock, rng=lambda: 1.0), clock, 6)
    assert found == pytest.approx([1.25, 2.5, 5, 10, 20, 30], abs=0.02)


def test_a_success_begins_anew() -> None:
    """After a success the next failure costs 1 s again."""
    clock = HandClock()
    backoff = Backoff(now=clock, rng=lambda: 0.0)
    pauses(backoff, clock, 5)
    backoff.succeeded()
    assert not blocked(backoff)
    assert pauses(backoff, clock, 1) == pytest.approx([1], abs=0.02)


def test_the_last_error_is_raised_meanwhile() -> None:
    """Inside a pause the same kind of error with the same sentence comes at once, as a fresh exception."""
    clock = HandClock()
    backoff = Backoff(now=clock, rng=lambda: 0.0)
    failure = SourceLostError("it broke")
    backoff.failed(failure)
    with pytest.raises(SourceLostError, match="it broke") as raised:
        backoff.check()
    assert raised.value is not failure
