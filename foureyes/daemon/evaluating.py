"""Labelled pictures, read with the same tasks, models and checks as everything else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import psutil

from foureyes.config import Settings
from foureyes.config.settings import ImagesSource
from foureyes.daemon.demand import plans_of
from foureyes.daemon.own_servers import own_servers
from foureyes.evaluation.outcome import Answered, Outcome
from foureyes.evaluation.pictures import PictureOf
from foureyes.evaluation.score import Score
from foureyes.evaluation.truth import Case
from foureyes.exceptions import PictureError, ServerError, SourceError
from foureyes.frames.frame import Frame
from foureyes.picture import Picture
from foureyes.servers.server import Priority
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.analysis import SOURCE, Analysis
from foureyes.vision.cache import AnswerCache
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import Encoder, Look
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Reading
from foureyes.vision.router import Router

OnOutcome = Callable[[Outcome], None]
_ASKER = Asker(Priority.NORMAL)
_HEALED_WITHIN_S = 120.0


async def evaluated(
    settings: Settings, cases: Sequence[Case], picture_of: PictureOf, on_outcome: OnOutcome
) -> Score:
    """Start the tasks' models, read every case, and count; a picture that cannot be read is an outcome.

    Raises ModelMissingError or ServerStartError where the models are not to be had.
    """
    metrics, outcomes = Metrics(), []
    async with own_servers(settings, metrics) as servers:
        router = Router(servers)
        analysis = Analysis(router, Inference(Encoder(), metrics), AnswerCache(ttl_s=0, max_entries=1))
        before_s = _cpu_s()
        for number, case in enumerate(cases):
            plan = _plan(settings, case)
            await _served(plan, router, servers)
            outcome = await _outcome(analysis, plan, case, picture_of, number)
            outcomes.append(outcome)
            on_outcome(outcome)
        return Score(outcomes, _cpu_s() - before_s)


def read_by(settings: Settings, model: str) -> Settings:
    """The settings with every task read by this model alone: no other server is there to fall back on."""
    changes = {"models": [model], "confirm_with": None}
    server = settings.models[model].server
    return settings.model_copy(
        update={
            "tasks": {name: task.model_copy(update=changes) for name, task in settings.tasks.items()},
            "servers": [each for each in settings.servers if each.id == server],
        }
    )


async def _served(plan: Plan, router: Router, servers: Mapping[str, Supervisor]) -> None:
    """Wait until a model can be asked, while a server that failed is healed: pictures do not rush by unread."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_HEALED_WITHIN_S):
            while True:
                changes = [asyncio.ensure_future(server.change()) for server in servers.values()]
                try:
                    if router.choose(plan) is not None:
                        return
                    await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for change in changes:
                        change.cancel()


async def _outcome(analysis: Analysis, plan: Plan, case: Case, picture_of: PictureOf, number: int) -> Outcome:
    try:
        frame = _frame(await asyncio.to_thread(picture_of, case), number)
        [reading] = await analysis.readings(Look(frame, None), [plan], _ASKER)
    except (PictureError, SourceError, ServerError) as error:
        return Outcome(case, None, str(error))
    if reading.model is None:
        return Outcome(case, None, "no model could be asked")
    return Outcome(case, _answered(reading))


def _answered(reading: Reading) -> Answered:
    texts = {name: str(evidence["text"]) for name, evidence in reading.evidence.items() if "text" in evidence}
    return Answered(reading.values, reading.withheld, reading.latency_ms, texts)


def _plan(settings: Settings, case: Case) -> Plan:
    """The plan of the case's task, with the case's own schema where it has one."""
    task = settings.tasks[case.task]
    if case.answer is not None:
        task = task.model_copy(update={"answer": case.answer, "regions": {}})
    alone = settings.model_copy(update={"tasks": {case.task: task}})
    return plans_of(alone, ImagesSource.model_validate({"id": SOURCE, "kind": "images", "path": "."}))[0]


def _frame(picture: Picture, number: int) -> Frame:
    return Frame(f"{SOURCE}-{number:06d}", SOURCE, datetime.now(UTC), time.monotonic(), picture)


def _cpu_s() -> float:
    """CPU seconds so far of this process and of all that it started."""
    own, total_s = psutil.Process(), 0.0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total_s += sum(process.cpu_times()[:2])
    return total_s
