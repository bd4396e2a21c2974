"""What every picture source is: something that gives its current picture when it is asked."""

from __future__ import annotations

from typing import Protocol

from foureyes.picture import Picture


class EndOfSource(Exception):  # noqa: N818 - it is no error: a finite source is done
    """A finite source has given its last picture."""


class Source(Protocol):
    """A picture source. `grab` and `close` may block; the camera calls them in one thread, one call at a time."""

    kind: str

    @property
    def description(self) -> str:
        """What is watched, for people: no secrets."""
        ...

    @property
    def finite(self) -> bool:
        """Whether it ends by itself."""
        ...

    def grab(self) -> Picture:
        """Return the picture as it is now, connecting first where that is needed.

        A picture equal to the last one, bytes or pixels alike, is returned as the very same object.
        Raises SourceError where there is none now (calling again is allowed), EndOfSource after the last one.
        """
        ...

    def close(self) -> None:
        """Let go of everything; a later `grab` is not allowed. May be called twice."""
        ...
