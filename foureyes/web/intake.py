"""How many pictures of operators are taken in at once, and how many bytes they hold together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from foureyes.exceptions import PictureTooLargeError, QueueFullError

_RETRY_AFTER_S = 1.0


@dataclass(eq=False)
class Place:
    """One request that was taken in."""

    held_bytes: int = 0


class Intake:
    """The bound in front of the servers' queues: who has been taken in is refused by none of them half-way."""

    def __init__(
        self,
        most: Callable[[], int],
        most_bytes: int,
        dropped: Callable[[str, str], None],
        where: str = "analyze",
    ) -> None:
        """`most` says how many there may be now: servers with other bounds come by a reload.

        `where` names it in the count of what was refused.
        """
        self._most = most
        self._most_bytes = most_bytes
        self._dropped = dropped
        self._where = where
        self._places: set[Place] = set()

    @contextmanager
    def place(self) -> Iterator[Place]:
        """Hold one place while inside. Raises QueueFullError where there is none."""
        if len(self._places) >= self._most():
            raise self._refusal("full", f"{len(self._places)} requests are being worked on already")
        place = Place()
        self._places.add(place)
        try:
            yield place
        finally:
            self._places.remove(place)

    def hold(self, place: Place, more_bytes: int) -> None:
        """Hold so many bytes more in a place. Raises QueueFullError where all would hold too much together.

        Raises PictureTooLargeError where that would be too much alone: it would be so whenever it came again.
        """
        if place.held_bytes + more_bytes > self._most_bytes:
            self._dropped(self._where, "too_large")
            raise PictureTooLargeError(
                f"the picture needs more than the {self._most_bytes:,} bytes that are meant for single pictures; "
                "send a smaller one, or raise resources.memory_limit_mb"
            )
        if sum(each.held_bytes for each in self._places) + more_bytes > self._most_bytes:
            raise self._refusal("bytes", "the pictures being worked on fill the memory that is meant for them")
        place.held_bytes += more_bytes

    def _refusal(self, reason: str, words: str) -> QueueFullError:
        self._dropped(self._where, reason)
        return QueueFullError(f"{words}; come again later", retry_after_s=_RETRY_AFTER_S)
