"""One task watching one source: every look becomes one reading, be it all null with the reason."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from foureyes.exceptions import PictureError, ServerError
from foureyes.schema.document import subset
from foureyes.telemetry.log import event, log_context
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.vision.answer import Answer
from foureyes.vision.attempts import Attempts
from foureyes.vision.cache import AnswerCache
from foureyes.vision.change import Noise, changed
from foureyes.vision.inference import Inference
from foureyes.vision.look import Look, View, view_of
from foureyes.vision.mailbox import Mailbox
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Origin, Reading, nothing_read, reading_of
from foureyes.vision.router import Route, Router
from foureyes.vision.token_bucket import TokenBucket


@dataclass(frozen=True)
class _Accepted:
    """The last picture that a model read, and what it read there."""

    view: View
    answer: Answer
    confirmed: Mapping[str, Answer]
    """By field, the answer in which it was last really read."""

    def with_field(self, view: View, field: str, fresh: Answer) -> _Accepted:
        """The same values, one of them read again just now; the whole is as old as its oldest part."""
        confirmed = {**self.confirmed, field: fresh}
        oldest = min(confirmed.values(), key=lambda answer: answer.read_mono_s)
        seen = {field: fresh.evidence[field]} if field in fresh.evidence else {}
        answer = replace(
            self.answer,
            evidence={**self.answer.evidence, **seen},
            frame_id=oldest.frame_id,
            read_at=oldest.read_at,
            read_mono_s=oldest.read_mono_s,
        )
        return _Accepted(view, answer, confirmed)


class TaskWatch:
    """Owns what one task knows of one source. `run` is its only task; the capture loop calls `offer`."""

    def __init__(
        self,
        plan: Plan,
        *,
        noise: Noise,
        router: Router,
        inference: Inference,
        cache: AnswerCache,
        metrics: Metrics,
        publish: Callable[[Reading], None],
        bucket: TokenBucket,
        report: Report = report_to_nobody,
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.plan = plan
        self._noise = noise
        self._router = router
        self._inference = inference
        self._cache = cache
        self._metrics = metrics
        self._publish = publish
        self._bucket = bucket
        self._report = report
        self._now = now
        self._utcnow = utcnow
        self._mailbox: Mailbox[Look] = Mailbox(lambda: metrics.dropped("task", "superseded"))
        self._under_way: Look | None = None
        self._accepted: _Accepted | None = None
        self._reread_due: dict[str, float] = {}
        self._next_due = now()
        self._every, self._passed_by = 1, 0
        self.trouble: str | None = None
        """Why this task is not read now; None while it is."""
        self.looked = False
        """Whether it has looked at all."""
        self._attempts = Attempts(
            plan.task, most=plan.settings.attempts, longest_rest_s=plan.settings.reread_s, now=now
        )
        self._said_blind = False

    def offer(self, look: Look) -> None:
        """Hand over the newest look, unless this task's own cadence lets it pass."""
        now = self._now()
        if self.plan.settings.fps is not None:
            if now < self._next_due:
                return
            self._next_due = max(self._next_due + 1 / self.plan.settings.fps, now)
        self._passed_by = (self._passed_by + 1) % self._every
        if self._passed_by == 0:
            self._mailbox.put(look)

    def slow_down(self, every: int) -> None:
        """Take only every so-many-th look that would be due; 1 takes each again."""
        self._every = every

    def finish(self) -> None:
        """The source is done: read what is waiting, then end."""
        self._mailbox.close()

    async def run(self) -> None:
        """Turn looks into readings until the source is done."""
        while (look := await self._mailbox.take()) is not None:
            with log_context(frame_id=look.frame.id, task=self.plan.task, source=self.plan.source):
                self._under_way = look
                await self._look_safely(look)
                self._under_way = None

    def retire(self) -> Look | None:
        """Hand over the newest look that was not read yet: whoever takes this task's place reads it."""
        waiting = self._mailbox.take_now()
        if waiting is not None and self._under_way is not None:
            self._metrics.dropped("task", "superseded")
        return waiting or self._under_way

    def blind(self, look: Look | None) -> None:
        """The source stalls: say so once behind each value, so that an old one does not stand for the present."""
        if look is not None and not self._said_blind:
            self._nothing(look, "stale")
            self._said_blind = True

    async def _look_safely(self, look: Look) -> None:
        """One bad frame never stops the loop, be the fault our own."""
        self.looked = True
        try:
            await self._look(look)
        except Exception as error:  # noqa: BLE001 - whatever reading one frame raised, the next one is looked at
            self._metrics.dropped("task", "fault")
            event("task.fault", f"frame {look.frame.id} could not be read", level="error", error=error)
            self._report_fault(error, look)
            self._nothing(look, "unreadable")

    async def _look(self, look: Look) -> None:
        try:
            view, unchanged = await self._examined(look)
            if not unchanged:
                await self._read(look, view)
            elif (field := self._due_field()) is not None:
                await self._reread(look, view, field)
            else:
                self._hold(look)
        except PictureError as error:
            self._down(f"frame {look.frame.id} cannot be read: {error}")
            self._report_fault(error, look)
            self._nothing(look, "unreadable")

    async def _examined(self, look: Look) -> tuple[View, bool]:
        """The task's view of a look, and whether it shows what was accepted."""
        accepted = self._accepted
        if accepted is not None and self._same_pictures(look, accepted.view):
            return accepted.view, self._still_good(accepted.answer)
        with self._metrics.step("change"):
            return await asyncio.to_thread(self._compare, look)

    def _same_pictures(self, look: Look, view: View) -> bool:
        """The very same Picture objects as accepted: no pixel need be touched."""
        frames = (look.frame, look.previous) if self.plan.pair else (look.frame,)
        pictures = [frame.picture for frame in frames if frame is not None]
        return len(pictures) == len(view.pictures) and all(map(_is, pictures, view.pictures))

    def _compare(self, look: Look) -> tuple[View, bool]:
        view = view_of(look, self.plan.regions, pair=self.plan.pair)
        accepted = self._accepted
        if (
            accepted is None
            or len(view.pictures) != len(accepted.view.pictures)
            or view.boxes != accepted.view.boxes
        ):
            return view, False
        thresholds = [self._noise.thresholds_in(box) for box in view.boxes] * len(view.pictures)
        differs = any(map(changed, view.crops(), accepted.view.crops(), thresholds))
        return view, not differs and self._still_good(accepted.answer)

    def _still_good(self, answer: Answer) -> bool:
        """A fallback's answer is dropped when the first candidate has returned."""
        return not (answer.fallback and self._first_is_back())

    def _first_is_back(self) -> bool:
        route = self._route()
        return route is not None and not route.fallback

    def _hold(self, look: Look) -> None:
        assert self._accepted is not None
        self._emit(look, self._accepted.answer, "held")

    async def _read(self, look: Look, view: View) -> None:
        """Read what changed; each new attempt takes the newest frame, since an old one is of no use any more.

        Where another model can answer, it does so at once; else the next attempt waits.
        """
        given_up: set[str] = set()
        while (route := self._route(given_up)) is not None:
            if not self._may_ask():
                self._nothing(look, "stale")
                return
            try:
                with log_context(frame_id=look.frame.id):
                    answer, origin = await self._ask(look, view, route)
            except ServerError as error:
                if self._is_final(look, route, error):
                    given_up.add(route.candidate.name)
                await self._next_attempt(route, given_up)
                look, view = await self._newest(look, view)
            else:
                self._up(route.candidate.name)
                self._accept(look, view, answer, origin)
                return
        self._nothing(look, "no_model")

    def _may_ask(self) -> bool:
        """Whether this task keeps within its own rate: retries run wild would bury a server for all others."""
        may = self._bucket.take()
        if not may:
            self._metrics.dropped("task", "rate")
        return may

    def _route(self, given_up: AbstractSet[str] = frozenset()) -> Route | None:
        return self._router.choose(self.plan, without=self._attempts.resting() | given_up)

    async def _next_attempt(self, failed: Route, given_up: AbstractSet[str]) -> None:
        """Wait until the model may be tried again or its server has changed, unless another one can answer."""
        pause_s = self._attempts.retry_in_s()
        if pause_s is None or self._route(given_up) is not None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                while failed.is_open:
                    await failed.server.change()
            self._attempts.wake(failed.candidate.name)

    def _is_final(self, look: Look, route: Route, error: ServerError) -> bool:
        """Note a failed attempt; a final failure is logged once until the model answers again."""
        model = route.candidate.name
        final = self._attempts.fail(model, error)
        if final is None:
            return False
        self._metrics.dropped("task", "inference_failed")
        level = "error" if self._attempts.is_first_final(model) else "debug"
        self._report_fault(final, look, model=model, server=route.candidate.server)
        event("task.failing", str(final), level=level, model=model)
        if self._route({model}) is None:
            self.trouble = str(final)
        return True

    async def _ask(self, look: Look, view: View, route: Route) -> tuple[Answer, Origin]:
        answer, origin = await self._cache.answer(
            await self._key(view, route),
            lambda: self._inference.read(self.plan, route, look.frame, view, self.plan.schema),
            lambda answer: self._confident(answer) and not self._too_old(answer),
        )
        self._metrics.cache_lookup(self.plan.task, hit=origin != "inferred")
        return answer, origin

    async def _key(self, view: View, route: Route) -> str:
        with self._metrics.step("digest"):
            digest = await asyncio.to_thread(view.digest)
        return f"{digest}/{self.plan.task}/{self.plan.identity}/{route.candidate.name}"

    def _confident(self, answer: Answer) -> bool:
        return (answer.confidence or 0.0) >= self.plan.settings.min_confidence

    def _too_old(self, answer: Answer) -> bool:
        return self._now() - answer.read_mono_s > self.plan.settings.max_age_s

    async def _newest(self, look: Look, view: View) -> tuple[Look, View]:
        newer = self._mailbox.take_now()
        if newer is None:
            return look, view
        self._under_way = newer
        return newer, await asyncio.to_thread(view_of, newer, self.plan.regions, pair=self.plan.pair)

    def _accept(self, look: Look, view: View, answer: Answer, origin: Origin) -> None:
        if self._too_old(answer):
            self._metrics.dropped("task", "too_old")
            return
        self._accepted = _Accepted(view, answer, dict.fromkeys(self.plan.fields, answer))
        due = answer.read_mono_s + self.plan.settings.reread_s
        self._reread_due = dict.fromkeys(self.plan.fields, due)
        self._emit(look, answer, origin)

    def _due_field(self) -> str | None:
        now = self._now()
        return next((field for field, due in self._reread_due.items() if due <= now), None)

    async def _reread(self, look: Look, view: View, field: str) -> None:
        """Really read one held field again; where it reads differently, the whole task is read anew."""
        assert self._accepted is not None
        self._reread_due[field] = self._now() + self.plan.settings.reread_s
        route = self._route()
        if route is None or not self._may_ask():
            self._hold(look)
            return
        schema = {**subset(self.plan.schema, [field]), "x-memo-age-s": self.plan.settings.reread_s / 2}
        try:
            fresh = await self._inference.read(self.plan, route, look.frame, view, schema)
        except ServerError as error:
            event("task.reread_failed", f"field '{field}' could not be read again: {error}", level="debug")
            self._hold(look)
            return
        if fresh.values[field] != self._accepted.answer.values[field]:
            self._cache.forget(await self._key(view, route))  # these very pixels gave what is now in doubt
            await self._read(look, view)
            return
        self._accepted = self._accepted.with_field(view, field, fresh)
        self._emit(look, self._accepted.answer, "held")

    def _emit(self, look: Look, answer: Answer, origin: Origin) -> None:
        self._said_blind = False
        with self._metrics.step("publish"):
            now_mono_s = self._now()
            self._publish(
                reading_of(self.plan.task, look.frame, answer, origin, now=self._utcnow(), now_mono_s=now_mono_s)
            )

    def _nothing(self, look: Look, reason: str) -> None:
        """Publish all null."""
        self._said_blind = False
        self._publish(nothing_read(self.plan.task, look.frame, self.plan.fields, reason, now=self._utcnow()))

    def _down(self, message: str) -> None:
        level = "error" if self.trouble is None else "debug"
        self.trouble = message
        event("task.failing", message, level=level)

    def _report_fault(self, error: Exception, look: Look, **context: Any) -> None:
        frame, task, source = look.frame, self.plan.task, self.plan.source
        known = {"task": task, "source": source, "frame": {"id": frame.id}, **context}
        self._report(error, f"task:{task}", picture=frame.picture, **known)

    def _up(self, model: str) -> None:
        was_down, self.trouble = self.trouble is not None, None
        if self._attempts.succeed(model) or was_down:
            event("task.recovered", f"task '{self.plan.task}' is read by '{model}' again", model=model)


def _is(one: object, other: object) -> bool:
    return one is other
