"""One task watching one source: every look becomes one reading, be it all null with the reason."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import Any

from foureyes.exceptions import PictureError, ServerError
from foureyes.schema.document import Schema, subset
from foureyes.telemetry.log import event, log_context
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.telemetry.traces import looking_at
from foureyes.vision.accepted import Accepted
from foureyes.vision.agreement import Agreement
from foureyes.vision.answer import Answer
from foureyes.vision.attempts import Attempts
from foureyes.vision.cache import AnswerCache
from foureyes.vision.change import Noise
from foureyes.vision.confidence import confidence_of
from foureyes.vision.finding import findings_of
from foureyes.vision.inference import Inference
from foureyes.vision.liveness import Liveness
from foureyes.vision.look import Look, View, view_of
from foureyes.vision.mailbox import Mailbox
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Origin, Reading, nothing_read, reading_of
from foureyes.vision.region_check import RegionCheck
from foureyes.vision.router import Choice, Route, Router
from foureyes.vision.rules import Rules
from foureyes.vision.second_look import read_again
from foureyes.vision.second_reader import Question, SecondReader
from foureyes.vision.token_bucket import TokenBucket

_SILENT_S = 10.0


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
        self._accepted: Accepted | None = None
        self._reread_due: dict[str, float] = {}
        self._next_due = now()
        self._every, self._passed_by = 1, 0
        self.trouble: str | None = None
        """Why this task is not read now; None while it is."""
        self.looked = False
        """Whether it has looked at all."""
        self._awaited_mono_s: float | None = None
        """Since when a look is to become a reading; None while none is."""
        self._attempts = Attempts(
            plan.task, most=plan.settings.attempts, longest_rest_s=plan.settings.reread_s, now=now
        )
        self._said_blind = False
        self._agreement = Agreement(Rules.of(plan.schema), plan.settings)
        self._second = SecondReader(plan, router, inference, metrics, self._agreement.hear, report)
        self._regions = RegionCheck(plan, router, inference, metrics, self._agreement.hear, report, now)
        self.liveness = Liveness(plan.schema)
        self.is_frozen = False
        """Whether the source's pictures are known to be old: then nothing that they show is published."""

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
            self._awaited_mono_s = now if self._awaited_mono_s is None else self._awaited_mono_s

    def slow_down(self, every: int) -> None:
        """Take only every so-many-th look that would be due; 1 takes each again."""
        self._every = every

    def choices(self) -> list[Choice]:
        """Every candidate in order, and why it cannot be asked now: what the router goes by."""
        return self._router.choices(self.plan, self._attempts.resting())

    @property
    def silent_s(self) -> float | None:
        """For how long no reading has come although there was something to look at; None while they come."""
        silent_s = 0.0 if self._awaited_mono_s is None else self._now() - self._awaited_mono_s
        return silent_s if silent_s > _SILENT_S else None

    def finish(self) -> None:
        """The source is done: read what is waiting, then end."""
        self._mailbox.close()

    async def run(self) -> None:
        """Turn looks into readings until the source is done; second reader and check of regions read beside."""
        name = f"{self.plan.source}/{self.plan.task}"
        beside = {
            asyncio.create_task(self._second.run(), name=f"{name}/confirm"),
            asyncio.create_task(self._regions.run(), name=f"{name}/regions"),
        }
        try:
            await self._read_looks()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)

    async def _read_looks(self) -> None:
        while (look := await self._mailbox.take()) is not None:
            frame_id, task = look.frame.id, self.plan.task
            with log_context(frame_id=frame_id, task=task, source=self.plan.source), looking_at(frame_id, task):
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
            elif doubtful := self._doubtful():
                await self._reread(look, view, doubtful)
            elif (field := self._due_field()) is not None:
                await self._reread(look, view, (field,))
            else:
                self._hold(look)
        except PictureError as error:
            self._down(f"frame {look.frame.id} cannot be read: {error}")
            self._report_fault(error, look)
            self._nothing(look, "unreadable")

    async def _examined(self, look: Look) -> tuple[View, bool]:
        """The task's view of a look, and whether it shows what was accepted."""
        accepted = self._accepted
        if accepted is not None and accepted.is_of(look, pair=self.plan.pair):
            return accepted.view, self._still_good(accepted.answer)
        with self._metrics.step("change"):
            return await asyncio.to_thread(self._compare, look)

    def _compare(self, look: Look) -> tuple[View, bool]:
        view, accepted = view_of(look, self.plan.regions, pair=self.plan.pair), self._accepted
        if accepted is None or not accepted.is_shown_by(view, self._noise):
            return view, False
        return view, self._still_good(accepted.answer)

    def _still_good(self, answer: Answer) -> bool:
        """A fallback's answer is dropped when the first candidate has returned."""
        return not (answer.fallback and self._first_is_back())

    def _first_is_back(self) -> bool:
        route = self._route()
        return route is not None and not route.fallback

    def _hold(self, look: Look) -> None:
        if self._accepted is not None:
            self._check_regions(look, self._accepted.view)
        self._emit(look, "held")

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
                with log_context(frame_id=look.frame.id), looking_at(look.frame.id, self.plan.task):
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
        key = await self._key(view, route)
        if self._agreement.in_doubt(self._now()):
            self._cache.forget(key)  # an answer that is there already confirms nothing
        answer, origin = await self._cache.answer(
            key,
            lambda: self._read_by(route, look, view, self.plan.schema),
            lambda answer: self._confident(answer) and not self._too_old(answer),
        )
        self._metrics.cache_lookup(self.plan.task, hit=origin != "inferred")
        return answer, origin

    async def _read_by(self, route: Route, look: Look, view: View, schema: Schema) -> Answer:
        """Have a model read some fields; a language model reads what has changed once more, as the engine does."""
        answer = await self._inference.read(self.plan, route, look.frame, view, schema)
        once = () if route.candidate.is_engine else self._agreement.once(answer)
        if not once:
            return answer
        return await read_again(self._inference, self.plan, route, look.frame, view, answer, once)

    async def _key(self, view: View, route: Route) -> str:
        with self._metrics.step("digest"):
            digest = await asyncio.to_thread(view.digest)
        return f"{digest}/{self.plan.task}/{self.plan.identity}/{route.candidate.name}"

    def _confident(self, answer: Answer) -> bool:
        confidence, _ = confidence_of(answer, findings_of(answer))
        return (confidence or 0.0) >= self.plan.settings.min_confidence

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
        self._accepted = Accepted(view, answer)
        due = answer.read_mono_s + self.plan.settings.reread_s
        self._reread_due = dict.fromkeys(self.plan.fields, due)
        self._agree(look, view, answer)
        self._emit(look, origin)

    def _agree(self, look: Look, view: View, answer: Answer) -> None:
        """Judge what was read, and have the second reader look at what it has not agreed with."""
        self._agreement.note(answer, self._now())
        if self.plan.second is not None and (asked := self._agreement.open_questions()):
            self._second.ask(Question(look.frame, view, asked))
        self._check_regions(look, view)

    def _check_regions(self, look: Look, view: View) -> None:
        if self._regions.is_due:
            self._regions.ask(Question(look.frame, view, self._agreement.newest()))

    def _doubtful(self) -> tuple[str, ...]:
        """The fields to read again although nothing has changed.

        The engine would say the same of equal pixels; a value that it read and that has stood long enough to be
        no slip is read once more all the same, from nothing that it remembers.
        """
        in_doubt = self._agreement.in_doubt(self._now())
        route = self._route() if in_doubt else None
        if route is None or not route.candidate.is_engine:
            return in_doubt
        return self._agreement.stood(self._now())

    def _due_field(self) -> str | None:
        now = self._now()
        return next((field for field, due in self._reread_due.items() if due <= now), None)

    async def _reread(self, look: Look, view: View, names: tuple[str, ...]) -> None:
        """Really read some held fields again; where one in no doubt reads otherwise, the whole task is."""
        assert self._accepted is not None
        certain = self._agreement.certain()
        self._reread_due |= dict.fromkeys(names, self._now() + self.plan.settings.reread_s)
        route = self._route()
        if route is None or not self._may_ask():
            self._hold(look)
            return
        if route.candidate.name != self._accepted.answer.model:
            await self._read(look, view)
            return
        schema = {**subset(self.plan.schema, names), "x-memo-age-s": self._memo_age_s(names)}
        try:
            fresh = await self._read_by(route, look, view, schema)
        except ServerError as error:
            said = f"{', '.join(names)} could not be read again: {error}"
            event("task.reread_failed", said, level="debug")
            self._hold(look)
            return
        before = self._accepted.answer.values
        if any(fresh.values[name] != before[name] for name in names if name in certain):
            self._cache.forget(await self._key(view, route))  # these very pixels gave what is now in doubt
            await self._read(look, view)
            return
        self._accepted = self._accepted.with_fields(view, fresh)
        self._agree(look, view, fresh)
        self._emit(look, "held" if set(names) <= set(certain) else "inferred")

    def _memo_age_s(self, names: tuple[str, ...]) -> float:
        """Of what may have been a slip nothing that is remembered counts."""
        return 0.0 if set(names) & set(self._agreement.in_doubt(self._now())) else self.plan.settings.reread_s / 2

    def _emit(self, look: Look, origin: Origin) -> None:
        now_mono_s = self._now()
        self.liveness.see(self._agreement.certain(), look.frame.captured_mono_s)
        if self.is_frozen:
            self._nothing(look, "stale")
            return
        self._said_blind, self._awaited_mono_s = False, None
        with self._metrics.step("publish"):
            answer = self._agreement.current(now_mono_s)
            self._publish(
                reading_of(self.plan.task, look.frame, answer, origin, now=self._utcnow(), now_mono_s=now_mono_s)
            )

    def _nothing(self, look: Look, reason: str) -> None:
        """Publish all null."""
        self._said_blind, self._awaited_mono_s = False, None
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
