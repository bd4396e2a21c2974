"""Trials of set-up: regions, prompts and schemas read on the newest picture; nothing that runs notices them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from foureyes.config import Settings
from foureyes.config.settings import EngineServer, ImagesSource, Model, SourceSettings, Task
from foureyes.daemon.composition import Composition
from foureyes.daemon.demand import plans_of
from foureyes.daemon.suggesting import suggested_in
from foureyes.exceptions import SchemaError, ServerReplyError, UsageError
from foureyes.frames.region import Region
from foureyes.picture import BLOCK_PX
from foureyes.schema.document import schema_problems, subset
from foureyes.servers.server import Priority
from foureyes.vision.analysis import SOURCE, Analysis
from foureyes.vision.inference import Asker
from foureyes.vision.look import Look
from foureyes.vision.plan import WHOLE_TASK, Plan, plan_for
from foureyes.vision.reading import iso
from foureyes.vision.taught import TaughtPictures
from foureyes.web.intake import Intake
from foureyes.web.setup_questions import ReadQuestion, SuggestQuestion, TaskQuestion

_ASKER = Asker(Priority.NORMAL, "setup")
"""The loop's own questions go first."""
_TEXT = "text"
_ANY_TEXT = {"type": "object", "properties": {_TEXT: {"type": ["string", "null"]}}, "required": [_TEXT]}
_MOST_PROBLEMS = 5
_MOST, _AT_ONCE = 16, 3
"""A crowd of trials would keep the threads busy that the loop captures and encodes in."""
T = TypeVar("T")
Rect = tuple[float, float, float, float]
Document = dict[str, Any]


class Trials:
    """Reads what a source shows now, behind the loop and a few at once."""

    def __init__(self, composition: Composition, analysis: Analysis, dropped: Callable[[str, str], None]) -> None:
        self._composition = composition
        self._analysis = analysis
        self._intake = Intake(lambda: _MOST, 0, dropped, "setup")
        self._taught = TaughtPictures(composition.settings.state_dir)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def newest(self, source: str | None) -> Look:
        """The newest look at a source. Raises UsageError where there is none."""
        look = self._composition.newest_look(source)
        if look is None:
            raise UsageError("no picture was captured yet; ask again in a moment")
        return look

    async def read(self, question: ReadQuestion) -> Document:
        """The text inside a region, and what the fields of a task would be there, or one of them."""
        settings, region = self._composition.settings, question.region
        texts, fields = _text_plans(settings, region), []
        if question.task is not None:
            fields = [_plan(settings, question.task, _alone(settings, question.task, question.field, region))]
        look = self.newest(question.source)
        readings = await self._readings(look, texts + fields)
        text, reading = readings[0] if texts else None, readings[-1] if fields else None
        box = Region(*region).box(look.frame.picture.width, look.frame.picture.height, BLOCK_PX)
        return {**_dated(look), "box": [box.x, box.y, box.width, box.height], "text": text, "reading": reading}

    async def task(self, question: TaskQuestion) -> Document:
        """The reading of a task with another prompt or schema, in the regions that it has at that source."""
        look = self.newest(question.source)
        settings = self._composition.settings
        source = next(each for each in settings.sources if each.id == look.frame.source)
        task = await asyncio.to_thread(self._tried, settings, question)
        [reading] = await self._readings(look, [_plan(settings, question.task, task, source.regions)])
        return {**_dated(look), "reading": reading}

    async def suggest(self, question: SuggestQuestion) -> Document:
        """A region for each field that was found on the picture and proven inside it."""
        settings = self._composition.settings
        if question.task is not None:
            settings = settings.model_copy(update={"tasks": {question.task: _task(settings, question.task)}})
        look = self.newest(question.source)
        async with self._turn():
            found = await _again(lambda: suggested_in(self._analysis, settings, look.frame))
        tasks = {
            each.task: {
                "regions": {name: list(asdict(region).values()) for name, region in each.regions.items()},
                "values": dict(each.values),
                "without": dict(each.without),
            }
            for each in found
        }
        return {**_dated(look), "tasks": tasks}

    async def _readings(self, look: Look, plans: Sequence[Plan]) -> list[Document]:
        async with self._turn():
            found = await _again(lambda: self._analysis.readings(look, plans, _ASKER))
        return [each.as_dict() for each in found]

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one's turn. Raises QueueFullError where too many wait already."""
        with self._intake.place():
            async with self._turns:
                yield

    def _tried(self, settings: Settings, question: TaskQuestion) -> Task:
        """The task as it would be; slow for a large schema. Raises SchemaError where that describes no answer."""
        task = _task(settings, question.task)
        answer: dict[str, Any] = task.answer if question.answer is None else {**question.answer}
        if problems := schema_problems(answer):
            raise SchemaError("; ".join(problems[:_MOST_PROBLEMS]))
        if strangers := set(_patterns(answer)) - set(_patterns(task.answer)):
            # matching one can take for ever, and that would hold up everybody
            raise UsageError(f"the pattern {min(strangers)!r} cannot be tried; write it into the file")
        known = {WHOLE_TASK, *answer["properties"]}
        regions = {name: rect for name, rect in task.regions.items() if name in known}
        prompt = task.prompt if question.prompt is None else question.prompt or None
        wanted = task.model_copy(update={"answer": answer, "prompt": prompt, "regions": regions})
        tried = self._taught.applied(settings.model_copy(update={"tasks": {question.task: wanted}}))
        return tried.tasks[question.task]


async def _again(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask twice at most: nobody stands behind a trial who would, and a kept connection may end at its next use."""
    try:
        return await ask()
    except ServerReplyError:
        return await ask()


def _task(settings: Settings, name: str) -> Task:
    if name not in settings.tasks:
        raise UsageError(f"there is no task {name!r}; known tasks: {', '.join(settings.tasks)}")
    return settings.tasks[name]


def _alone(settings: Settings, name: str, field: str | None, region: Rect) -> Task:
    """The task with each field, or one, read from this region alone; `*` is all of them together."""
    task = _task(settings, name)
    known = list(task.answer["properties"])
    if field == WHOLE_TASK:
        return task.model_copy(update={"regions": {WHOLE_TASK: region}})
    if field is not None and field not in known:
        raise UsageError(f"task '{name}' has no field {field!r}; its fields: {', '.join(known)}")
    wanted = known if field is None else [field]
    return task.model_copy(
        update={"answer": subset(task.answer, wanted), "regions": dict.fromkeys(wanted, region)}
    )


def _plan(
    settings: Settings, name: str, task: Task, regions: Mapping[str, Mapping[str, Rect]] | None = None
) -> Plan:
    """The plan of one task, under the name of single pictures, so that no memo of a source is disturbed."""
    at_source = {name: dict(regions[name])} if regions and name in regions else {}
    source = _source(at_source)
    return plans_of(settings.model_copy(update={"tasks": {name: task}}), source)[0]


def _source(regions: Mapping[str, Any]) -> SourceSettings:
    return ImagesSource.model_validate({"id": SOURCE, "kind": "images", "path": ".", "regions": regions})


def _text_plans(settings: Settings, region: Rect) -> list[Plan]:
    """The plan that has the engine read all text of a region; none where there is no engine."""
    engines = [each.id for each in settings.servers if isinstance(each, EngineServer)]
    if not engines:
        return []
    task = Task.model_validate({"models": ["ocr"], "schema": _ANY_TEXT, "regions": {_TEXT: region}})
    models = {"ocr": Model(model_id="ocr", server=engines[0])}
    return [plan_for(_TEXT, task, models, _source({}), engines)]


def _dated(look: Look) -> Document:
    return {"source": look.frame.source, "frame_id": look.frame.id, "captured_at": iso(look.frame.captured_at)}


def _patterns(part: Any) -> Iterator[str]:
    """The regular expressions of a schema."""
    if isinstance(part, Mapping):
        if isinstance(part.get("pattern"), str):
            yield part["pattern"]
        if isinstance(part.get("patternProperties"), Mapping):
            yield from part["patternProperties"]
        for inner in part.values():
            yield from _patterns(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _patterns(inner)
