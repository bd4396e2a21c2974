"""The second reader of a task (`confirm_with`): another model reads the same pictures, beside the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from foureyes.backoff import backoff_s
from foureyes.exceptions import ServerError
from foureyes.frames.frame import Frame
from foureyes.schema.document import subset
from foureyes.servers.server import Priority
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.vision.answer import Answer
from foureyes.vision.finding import Finding
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import View
from foureyes.vision.mailbox import Mailbox
from foureyes.vision.plan import Plan
from foureyes.vision.router import Router

_ASKER = Asker(Priority.NORMAL, "confirm_with")
"""The loop's own questions go first."""
_AGAIN_FIRST_S, _AGAIN_CAP_S = 2.0, 30.0


@dataclass(frozen=True)
class Question:
    """What the first reader read of which pixels, by field."""

    frame: Frame
    view: View
    asked: Mapping[str, Finding]


class SecondReader:
    """One question at a time; meanwhile the newest one waits, and older ones are dropped and counted."""

    def __init__(
        self,
        plan: Plan,
        router: Router,
        inference: Inference,
        metrics: Metrics,
        hear: Callable[[Mapping[str, Finding], Answer], bool],
        report: Report = report_to_nobody,
    ) -> None:
        self._plan = plan
        self._router = router
        self._inference = inference
        self._metrics = metrics
        self._hear = hear
        self._report = report
        self._mailbox: Mailbox[Question] = Mailbox(lambda: metrics.dropped("confirm", "superseded"))
        self._is_failing = False

    def ask(self, question: Question) -> None:
        """Have this read when there is time."""
        self._mailbox.put(question)

    async def run(self) -> None:
        """Answer questions for ever. One that fails is asked again, unless a newer one has come meanwhile."""
        while (question := await self._mailbox.take()) is not None:
            failures = 0
            while not await self._is_done_with(question):
                failures += 1
                await asyncio.sleep(backoff_s(failures, first_s=_AGAIN_FIRST_S, cap_s=_AGAIN_CAP_S))
                question = self._mailbox.take_now() or question

    async def _is_done_with(self, question: Question) -> bool:
        try:
            return await self._is_answered(question)
        except Exception as error:  # noqa: BLE001 - a fault of ours in confirming one picture must not end it for all
            self._metrics.dropped("confirm", "fault")
            event("confirm.fault", f"task '{self._plan.task}' could not be confirmed", level="error", error=error)
            self._report(error, f"task:{self._plan.task}", task=self._plan.task, source=self._plan.source)
            return True

    async def _is_answered(self, question: Question) -> bool:
        asked = {
            name: found for name, found in question.asked.items() if not self._plan.is_second(found.answer.model)
        }
        if not asked:
            return True
        if (route := self._router.second(self._plan)) is None:
            return False
        try:
            schema = subset(self._plan.schema, asked)
            answer = await self._inference.read(self._plan, route, question.frame, question.view, schema, _ASKER)
        except ServerError as error:
            self._metrics.dropped("confirm", "failed")
            self._say(f"task '{self._plan.task}' is not confirmed: {error}", failing=True)
            return False
        self._say(f"task '{self._plan.task}' is confirmed by '{answer.model}' again", failing=False)
        if not self._hear(asked, answer):
            self._metrics.dropped("confirm", "late")
        return True

    def _say(self, text: str, *, failing: bool) -> None:
        """Say it once on the way down and once on recovery."""
        if failing != self._is_failing:
            self._is_failing = failing
            event(
                "confirm.failing" if failing else "confirm.recovered", text, level="warning" if failing else "info"
            )
