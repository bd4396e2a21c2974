"""The desk: single pictures read for operators, by the daemon's own models, in a queue behind the loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from foureyes.exceptions import UsageError
from foureyes.vision.analysis import Analysis, frame_of
from foureyes.vision.inference import Asker
from foureyes.vision.look import Look
from foureyes.vision.plan import Plan
from foureyes.web.analyze import Question
from foureyes.web.intake import Intake


class Desk:
    """Reads one picture after the other as `foureyes analyze` does."""

    def __init__(
        self, plans: Callable[[], Mapping[str, Sequence[Plan]]], analysis: Analysis, intake: Intake
    ) -> None:
        self.intake = intake
        self._plans = plans
        """The tasks' plans now, with the regions of each source, by the source's id; the first is the default."""
        self.analysis = analysis
        self._numbers = itertools.count()
        self._one_at_a_time = asyncio.Lock()

    async def read(self, data: bytes, question: Question) -> list[dict[str, Any]]:
        """One reading for each task. Raises UsageError, PictureError or ServerError."""
        plans = self._chosen(question)
        async with self._one_at_a_time:  # a crowd of operators leaves the loop's threads alone
            frame = await asyncio.to_thread(frame_of, data, next(self._numbers))
        asker = Asker(question.priority, question.client)
        readings = await self.analysis.readings(Look(frame, None), plans, asker)
        return [reading.as_dict() for reading in readings]

    def _chosen(self, question: Question) -> list[Plan]:
        plans = self._plans()
        source = next(iter(plans)) if question.source is None else question.source
        if source not in plans:
            raise UsageError(f"there is no source {source!r}; known sources: {', '.join(plans)}")
        known = {plan.task: plan for plan in plans[source]}
        if unknown := [name for name in question.tasks if name not in known]:
            raise UsageError(f"source '{source}' has no task {unknown[0]!r}; known tasks: {', '.join(known)}")
        return [plan for name, plan in known.items() if not question.tasks or name in question.tasks]
