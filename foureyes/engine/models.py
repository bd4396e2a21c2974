"""The engine's four models, loaded when first needed, behind one question about some pictures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from foureyes.engine import animation, reader, signs, state
from foureyes.engine.answer import Answer
from foureyes.engine.lane import Lane
from foureyes.engine.memo import Memo, Memory, Pictures
from foureyes.engine.ocr import DETECTOR_FILE, RECOGNISER_FILE, Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.request import ChatBody, current_count
from foureyes.engine.sight import Sight
from foureyes.engine.taught import Taught
from foureyes.engine.timings import Timings
from foureyes.exceptions import ModelMissingError, SchemaError
from foureyes.picture import Pixels
from foureyes.schema.document import Schema

Tell = Callable[[Schema, Sequence[Sight]], Answer]


@dataclass(frozen=True)
class Listing:
    """A model as it is listed."""

    key: str
    display_name: str
    size_bytes: int


def _listings() -> tuple[Listing, ...]:
    text_bytes = DETECTOR_FILE.stat().st_size + RECOGNISER_FILE.stat().st_size
    return (
        Listing("ocr", "Values by their labels (PP-OCRv6 small)", text_bytes),
        Listing("state", "State from text cues, taught pictures and motion (shares ocr)", text_bytes),
        Listing("animation", "Moving or still, from two pictures", 0),
        Listing("signs", "Dialogs, errors, lost connection, black and frozen (shares ocr)", text_bytes),
    )


class Models:
    """Answers chat requests; text is read in one thread and motion in another, which never waits for OCR."""

    def __init__(self, threads: int, taught: Path | None = None) -> None:
        self._threads = threads
        self._text_models: Mapping[str, Tell] = {
            "ocr": reader.read,
            "state": partial(state.tell, taught=Taught(taught)),
            "signs": signs.look_out,
        }
        self._pictures = Pictures()
        self._memo = Memo()
        self._pages: PageReader | None = None
        self._loading = threading.Lock()
        self._loaded: set[str] = set()
        self.listings = _listings()
        self.text_lane = Lane("text")
        self.pixel_lane = Lane("pixel")

    async def answer(self, body: ChatBody, data: Sequence[bytes], timings: Timings) -> Answer:
        """Answer one request. Raises PictureError, SchemaError, UsageError, ModelMissingError, ServerBusyError."""
        self.check(body.model)
        if body.model in self._text_models:
            return await self.text_lane.run(lambda: self._read(body, data, timings))
        return await self.pixel_lane.run(lambda: self._animate(body, data, timings))

    def check(self, model: str) -> None:
        """Raise ModelMissingError for a model that the engine does not have."""
        known = [listing.key for listing in self.listings]
        if model not in known:
            raise ModelMissingError(f"the engine has no model {model!r}; it serves {', '.join(known)}")

    def is_loaded(self, model: str) -> bool:
        """Whether a model is ready to answer at once."""
        return model in self._loaded

    async def load(self, model: str) -> float:
        """Load a model unless it is; return the seconds that it took."""
        self.check(model)
        started_s = time.monotonic()
        if model in self._text_models:
            await self.text_lane.run(self._page_reader)
        self._loaded.add(model)
        return time.monotonic() - started_s

    async def unload(self, model: str) -> None:
        """Unload a model; the nets go, with all that was remembered, when the last model that reads text goes."""
        self.check(model)
        self._loaded.discard(model)
        if not self._loaded.intersection(self._text_models):
            await self.text_lane.run(self._drop)

    def close(self) -> None:
        """Take no more requests."""
        self.text_lane.close()
        self.pixel_lane.close()

    def _drop(self) -> None:
        self._pages = None
        self._memo.forget()

    def _page_reader(self) -> PageReader:
        with self._loading:
            if self._pages is None:
                self._pages = PageReader(Ocr(self._threads), self._memo)
            return self._pages

    def _read(self, body: ChatBody, data: Sequence[bytes], timings: Timings) -> Answer:
        self._loaded.add(body.model)
        current, earlier = self._decoded(body, data, timings)
        memory = self._memory(body.schema_asked)
        pages = self._page_reader()
        see = pages.sight if body.model != "state" or state.reads_text(body.schema_asked) else pages.unread
        sights = [
            see(index, pixels, _stream(body.user, index), memory, timings, earlier[index] if earlier else None)
            for index, pixels in enumerate(current)
        ]
        with timings.step("associate"):
            return self._text_models[body.model](body.schema_asked, sights)

    def _memory(self, schema: Schema) -> Memory:
        age_s = schema.get("x-memo-age-s")
        if age_s is None:
            return Memory()
        if isinstance(age_s, bool) or not isinstance(age_s, int | float) or not age_s >= 0:
            raise SchemaError(f"x-memo-age-s is {age_s!r}; it must be a number of seconds, 0 or more")
        return Memory(self._memo.clock() - age_s)

    def _animate(self, body: ChatBody, data: Sequence[bytes], timings: Timings) -> Answer:
        self._loaded.add(body.model)
        current, earlier = self._decoded(body, data, timings)
        with timings.step("compare"):
            return animation.animate(body.schema_asked, current, earlier)

    def _decoded(
        self, body: ChatBody, data: Sequence[bytes], timings: Timings
    ) -> tuple[list[Pixels], list[Pixels]]:
        count = current_count(body.schema_asked, len(data))
        with timings.step("decode"):
            pixels = [self._pictures.decode(picture) for picture in data]
        return pixels[:count], pixels[count:]


def _stream(user: str | None, index: int) -> str | None:
    """The stream of a picture: "source/task/regions" without its task, since tasks share what they look at."""
    if user is None:
        return None
    parts = user.split("/")
    shared = [parts[0], *parts[2:]] if len(parts) > 2 else parts
    return f"{'/'.join(shared)}#{index}"
