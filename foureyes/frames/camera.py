"""A camera: looks at one source in a thread of its own, and hands out frames in which masked parts are black."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeGuard

from loguru import logger

from foureyes.exceptions import PictureError, SourceError, SourceMissingError, SourceUnreadableError
from foureyes.frames.frame import Frame
from foureyes.frames.own_thread import OwnThread
from foureyes.frames.region import Region
from foureyes.frames.same import SamePixels
from foureyes.frames.source import Source
from foureyes.frames.stall import CameraState
from foureyes.picture import Picture, Pixels, check_size

_CLOSE_WITHIN_S = 2.0


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Camera:
    """Frames of one source. `look` may be awaited by one task at a time; `state` may be read from anywhere."""

    def __init__(
        self,
        source: Source,
        source_id: str,
        masks: Sequence[Region] = (),
        *,
        first_number: int = 0,
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = _utcnow,
    ) -> None:
        self._source, self._source_id, self._masks = source, source_id, tuple(masks)
        self._first_number = first_number
        self._now, self._utcnow = now, utcnow
        self._thread = OwnThread(f"camera-{source_id}")
        self._raw: Picture | None = None
        self._shown: Picture | None = None
        self._masked = SamePixels()  # what changes under a mask alone is no change
        begun_s = now()
        self._state = CameraState(
            kind=source.kind,
            description=source.description,
            finite=source.finite,
            frames=0,
            last_frame_at=None,
            progress_mono_s=begun_s,
            changed_mono_s=begun_s,
            grabbing_since_mono_s=None,
            error=None,
            error_cause=None,
        )

    @property
    def state(self) -> CameraState:
        """How the camera stands now."""
        return self._state

    @property
    def next_number(self) -> int:
        """The number of the next frame: a camera that takes over goes on with it, so that no id comes twice."""
        return self._first_number + self._state.frames

    @property
    def hides_parts(self) -> bool:
        """Whether its source's own pictures show what nobody else may see."""
        return bool(self._masks)

    def is_lost(self, error: SourceError | PictureError) -> TypeGuard[SourceError]:
        """Whether an error says that a file is not there or no such file, so that it will not come by waiting.

        A folder may hold good pictures behind a bad one.
        """
        lost = isinstance(error, SourceMissingError) or (
            isinstance(error, SourceUnreadableError) and self._state.kind != "images"
        )
        return lost and self._state.frames == 0 and self._state.finite

    async def look(self) -> Frame:
        """Return the source's picture as a frame; its times are those at which the source was asked.

        Pixels are decoded and masks painted. A picture that equals the last one is the very same object.
        Raises SourceError where there is none now, EndOfSource after the last one.
        """
        return await self._thread.run(self._take)

    async def close(self) -> None:
        """Let go of the source; a call of it that hangs is left behind after 2 s. May be called twice."""
        try:
            # in the thread that used it: some libraries insist on that
            await self._thread.end(self._source.close, _CLOSE_WITHIN_S)
        except TimeoutError:
            logger.warning("a call to {} still hangs; it is left behind", self._state.description)

    def _take(self) -> Frame:
        asked_s, asked_at = self._now(), self._utcnow()
        self._state = replace(self._state, grabbing_since_mono_s=asked_s)
        try:
            picture = self._shown_of(self._source.grab())
        except SourceError as error:
            self._state = replace(self._state, error=str(error), error_cause=error.cause)
            raise
        finally:
            self._state = replace(self._state, grabbing_since_mono_s=None)
        frame_id = f"{self._source_id}-{self.next_number:06d}"
        self._note_progress(asked_at, changed=picture is not self._shown)
        self._shown = picture
        return Frame(frame_id, self._source_id, asked_at, asked_s, picture)

    def _note_progress(self, asked_at: datetime, *, changed: bool) -> None:
        ended_s = self._now()
        self._state = replace(
            self._state,
            frames=self._state.frames + 1,
            last_frame_at=asked_at,
            progress_mono_s=ended_s,
            changed_mono_s=ended_s if changed else self._state.changed_mono_s,
            error=None,
            error_cause=None,
        )

    def _shown_of(self, raw: Picture) -> Picture:
        """Return the picture that everybody else sees: whole, within the bounds, with the masks painted."""
        if raw is not self._raw or self._shown is None:
            try:
                check_size(raw.width, raw.height)
            except PictureError as error:
                raise SourceUnreadableError(f"{self._state.description}: {error}") from error
            shown = self._masked.picture(painted(raw.pixels, self._masks)) if self._masks else raw
            self._raw = raw
            return shown
        return self._shown


def painted(raw: Pixels, masks: Sequence[Region]) -> Pixels:
    """Return a copy in which the masks are black."""
    pixels = raw.copy()
    for mask in masks:
        mask.box(pixels.shape[1], pixels.shape[0]).cut(pixels)[:] = 0
    return pixels
