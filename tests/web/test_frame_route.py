"""GET /api/frame by itself: what is kept of a picture that stands for a long time."""

from __future__ import annotations

import tracemalloc

import httpx
import numpy as np
from fastapi import FastAPI

from foureyes.picture import Pixels, encode_png
from foureyes.vision.analysis import frame_of
from foureyes.vision.look import Look
from foureyes.web.frame import add_frame

WIDTHS = range(300, 400)


class Standing:
    """The same picture, as of a source that is paused."""

    def __init__(self, pixels: Pixels) -> None:
        self._look = Look(frame_of(encode_png(pixels), 0), None)

    def newest_look(self, _source: str | None) -> Look:
        return self._look


async def test_a_picture_that_stands_is_not_kept_in_every_size() -> None:
    """A client that asks for a hundred widths of it gets them, and leaves a few of them behind."""
    noise = np.random.default_rng(1).integers(0, 256, (400, 400, 3), np.uint8)
    app = FastAPI()
    add_frame(app, Standing(noise))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        await size_of(client, 100)  # what a first request leaves behind is not the point
        tracemalloc.start()
        try:
            sizes = [await size_of(client, width) for width in WIDTHS]
            grown = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
    assert grown < sum(sizes) / 2


async def size_of(client: httpx.AsyncClient, width: int) -> int:
    answer = await client.get("/api/frame", params={"format": "jpeg", "width": width})
    assert answer.status_code == 200
    return len(answer.content)
