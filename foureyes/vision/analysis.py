"""Single pictures read with the tasks' own models and checks: for operators, beside the loop and behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from foureyes.exceptions import QueueFullError, ServerError
from foureyes.frames.frame import Frame
from foureyes.picture import Picture
from foureyes.vision.answer import Answer
from foureyes.vision.cache import AnswerCache, Origin
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import Look, View, view_of
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Reading, nothing_read, reading_of
from foureyes.vision.router import Route, Router

SOURCE = "analyze"
"""What readings of single pictures name as their source."""


def frame_of(data: bytes, number: int) -> Frame:
    """The frame of one picture, decoded here, so that a damaged one is told at once. Raises PictureError."""
    picture = Picture(encoded=data)
    _ = picture.pixels
    return Frame(f"{SOURCE}-{number:06d}", SOURCE, datetime.now(UTC), time.monotonic(), picture)


class Analysis:
    """Reads single pictures. There is no second attempt: where a model fails, the next one is asked."""

    def __init__(self, router: Router, inference: Inference, cache: AnswerCache) -> None:
        self._router = router
        self._inference = inference
        self._cache = cache

    async def readings(self, look: Look, plans: Sequence[Plan], asker: Asker) -> list[Reading]:
        """One reading of each task, one after the other, so that a client waits in one queue at a time.

        Raises QueueFullError, or the last model's ServerError where all that could be asked failed.
        """
        return [await self._reading(look, plan, asker) for plan in plans]

    async def _reading(self, look: Look, plan: Plan, asker: Asker) -> Reading:
        failed: dict[str, ServerError] = {}
        while (route := self._router.choose(plan, without=failed)) is not None:
            try:
                answer, origin = await self._answer(look, plan, route, asker)
            except QueueFullError:
                raise
            except ServerError as error:
                failed[route.candidate.name] = error
            else:
                now, now_mono_s = datetime.now(UTC), time.monotonic()
                return reading_of(plan.task, look.frame, answer, origin, now=now, now_mono_s=now_mono_s)
        if failed:
            raise list(failed.values())[-1]
        return nothing_read(plan.task, look.frame, plan.fields, "no_model", now=datetime.now(UTC))

    async def _answer(self, look: Look, plan: Plan, route: Route, asker: Asker) -> tuple[Answer, Origin]:
        view = view_of(look, plan.regions, pair=plan.pair)
        return await self._cache.answer(
            await _key(view, plan, route, asker),
            lambda: self._inference.read(plan, route, look.frame, view, plan.schema, asker),
            lambda answer: (answer.confidence or 0.0) >= plan.settings.min_confidence,
        )


async def _key(view: View, plan: Plan, route: Route, asker: Asker) -> str:
    """Who is urgent joins no flight that waits behind others, so the priority is part of the question."""
    digest = await asyncio.to_thread(view.digest)
    return f"{digest}/{plan.task}/{plan.identity}/{route.candidate.name}/{asker.priority}"
