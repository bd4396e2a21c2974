"""The check of a task's regions: now and then the whole picture is read too, beside the clock.

Who reads inside rectangles alone never learns that a screen was laid out anew and that a rectangle shows something
else now. A value that the whole picture has otherwise is in conflict; a field that stands elsewhere is told of.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from foureyes.exceptions import ServerError
from foureyes.picture import Box
from foureyes.schema.document import subset
from foureyes.servers.server import Priority
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.vision.answer import Answer
from foureyes.vision.finding import Finding
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import Look, view_of
from foureyes.vision.mailbox import Mailbox
from foureyes.vision.plan import Plan
from foureyes.vision.router import Router
from foureyes.vision.rules import is_same
from foureyes.vision.second_reader import Question

_ASKER = Asker(Priority.NORMAL, "check_regions")
"""The loop's own questions go first."""


class RegionCheck:
    """Reads one task's fields on the whole picture, each `check_regions_s` once. One writer: its own `run`."""

    def __init__(
        self,
        plan: Plan,
        router: Router,
        inference: Inference,
        metrics: Metrics,
        hear: Callable[[Mapping[str, Finding], Answer], bool],
        report: Report = report_to_nobody,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._report = report
        self._router = router
        self._inference = inference
        self._hear = hear
        self._now = now
        self._mailbox: Mailbox[Question] = Mailbox(lambda: metrics.dropped("regions", "superseded"))
        self._every_s = plan.settings.check_regions_s
        self._due_s = now() + (self._every_s or 0.0)
        self._said: frozenset[str] = frozenset()

    @property
    def is_due(self) -> bool:
        """Whether the whole picture should be read again."""
        return self._plan.whole is not None and self._every_s is not None and self._now() >= self._due_s

    def ask(self, question: Question) -> None:
        """Have a look's whole picture read, and compared with what was read in the regions."""
        self._due_s = self._now() + (self._every_s or 0.0)
        self._mailbox.put(question)

    async def run(self) -> None:
        """Check for ever; what cannot be asked now is asked at the next turn."""
        while (question := await self._mailbox.take()) is not None:
            if (whole := self._plan.whole) is not None:
                await self._check_safely(whole, question)

    async def _check_safely(self, whole: Plan, question: Question) -> None:
        try:
            await self._check(whole, question)
        except Exception as error:  # noqa: BLE001 - a fault of ours in checking one picture must not end it for all
            event(
                "regions.fault", f"the regions of '{whole.task}' could not be checked", level="error", error=error
            )
            self._report(error, f"task:{whole.task}", task=whole.task, source=whole.source)

    async def _check(self, whole: Plan, question: Question) -> None:
        if (route := self._router.choose(whole)) is None:
            return
        view = view_of(Look(question.frame, None), whole.regions, pair=False)
        schema = subset(whole.schema, question.asked)
        try:
            seen = await self._inference.read(whole, route, question.frame, view, schema, _ASKER)
        except ServerError as error:
            event("regions.unchecked", f"task '{whole.task}' was not read on the whole: {error}", level="debug")
            return
        differing = {name: found for name, found in question.asked.items() if _differs(found, seen.values[name])}
        named = replace(seen, model=f"{seen.model} on the whole picture")
        self._hear({name: found for name, found in differing.items() if found.offers}, named)
        self._say(frozenset(differing), seen)

    def _say(self, differing: frozenset[str], seen: Answer) -> None:
        """Say it once when a field is elsewhere, and once when all are in their places."""
        for name in sorted(differing - self._said):
            text = f"field '{name}' of task '{self._plan.task}' reads {seen.values[name]!r} on the whole picture, "
            text += f"not what its region shows{self._where(name, seen)}; see `foureyes regions suggest`"
            event("regions.differ", text, level="warning", field=name)
        if self._said and not differing:
            event("regions.agree", f"the regions of task '{self._plan.task}' show what the whole picture shows")
        self._said = differing

    def _where(self, name: str, seen: Answer) -> str:
        place = seen.evidence.get(name, {}).get("box")
        return f" (it stands at {_shown(place)})" if isinstance(place, Sequence) else ""


def _differs(found: Finding, whole: object) -> bool:
    """Whether the whole picture has another value; one that it does not find says nothing."""
    return whole is not None and not any(is_same(each, whole) for each in found.offers)


def _shown(place: Sequence[int]) -> str:
    box = Box(*place)
    return f"{box.x}, {box.y}, {box.width} x {box.height} pixels"
