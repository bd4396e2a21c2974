"""A task's plan for one source: which pictures it is read from, which models may read it, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xxhash

from foureyes.config.section import Rect
from foureyes.config.settings import Model, SourceSettings, Task
from foureyes.frames.region import WHOLE, Region
from foureyes.schema.document import annotated, engine_model, needs_pair

WHOLE_TASK = "*"


@dataclass(frozen=True)
class Candidate:
    """A model that may answer: its name in the configuration, its server and its id there."""

    name: str
    server: str
    model_id: str
    is_engine: bool = False
    """Whether the engine serves it, which reads one schema at a time."""


@dataclass(frozen=True)
class Plan:
    """Everything that does not change from look to look."""

    task: str
    source: str
    settings: Task
    candidates: tuple[Candidate, ...]
    second: Candidate | None
    """The second reader, beside the clock."""
    prompt: str
    schema: Mapping[str, Any]
    """With `x-picture` by field, and `x-alone` where a field has a region of its own."""
    regions: tuple[Region, ...]
    """One picture each, in the order of `x-picture`."""
    latency_target_ms: float | None
    """The task's own, else its first model's."""
    pair: bool
    """Whether each picture goes with its predecessor."""
    identity: str
    """Digest of all that shapes an answer beside pixels and model."""
    whole: Plan | None = None
    """The fields that have regions of their own, to be read on the whole picture; none where nothing has."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the answer's fields."""
        return tuple(self.schema["properties"])

    def is_second(self, model: str) -> bool:
        """Whether a candidate, by its name, is the very model that is to confirm what others read."""
        named = (candidate for candidate in self.candidates if candidate.name == model)
        return any(_served(candidate) == _served(self.second) for candidate in named)

    @property
    def stream(self) -> str:
        """Names this task's pictures to a server's memo."""
        return f"{self.source}/{self.task}/{xxhash.xxh3_64_hexdigest(repr(self.regions).encode())[:8]}"


def _served(candidate: Candidate | None) -> tuple[str, str] | None:
    return None if candidate is None else (candidate.server, candidate.model_id)


def second_of(task: Task, models: Mapping[str, Model], engines: Sequence[str]) -> Candidate | None:
    """The task's second reader, where one is configured."""
    return None if task.confirm_with is None else _candidate(task.confirm_with, models, engines)


def _candidate(key: str, models: Mapping[str, Model], engines: Sequence[str]) -> Candidate:
    return Candidate(key, models[key].server, models[key].model_id, models[key].server in engines)


def candidates_of(task: Task, models: Mapping[str, Model], engines: Sequence[str]) -> tuple[Candidate, ...]:
    """The task's models in their order; behind them the engine, where one is configured and not among them."""
    named = tuple(_candidate(key, models, engines) for key in task.models)
    if not engines or any(candidate.is_engine for candidate in named):
        return named
    model_id = engine_model(task.answer)
    return (*named, Candidate(f"{engines[0]}:{model_id}", engines[0], model_id, is_engine=True))


def plan_for(
    name: str, task: Task, models: Mapping[str, Model], source: SourceSettings, engines: Sequence[str] = ()
) -> Plan:
    """Make the plan of one task for one source; the source's own regions win over the task's.

    `engines` are the ids of the servers that are engines.
    """
    rects = {**task.regions, **source.regions.get(name, {})}
    regions, annotations = _pictures(task, rects)
    schema = annotated(task.answer, annotations, **{"x-pictures": len(regions)})
    prompt = (
        task.prompt
        or models[task.models[0]].prompt
        or f"Read {', '.join(task.answer['properties'])}. Return JSON."
    )
    shape = json.dumps([prompt, schema, task.temperature, task.max_tokens], sort_keys=True, default=str)
    return Plan(
        task=name,
        source=source.id,
        settings=task,
        candidates=candidates_of(task, models, engines),
        second=second_of(task, models, engines),
        prompt=prompt,
        schema=schema,
        regions=regions,
        latency_target_ms=task.latency_target_ms or models[task.models[0]].latency_target_ms,
        pair=needs_pair(task.answer),
        identity=xxhash.xxh3_128_hexdigest(shape.encode()),
        whole=_whole(name, task, models, source, engines) if rects else None,
    )


def _whole(
    name: str, task: Task, models: Mapping[str, Model], source: SourceSettings, engines: Sequence[str]
) -> Plan | None:
    """The plan without regions, of a task that reads values: a state or a sign may be another one elsewhere."""
    if engine_model(task.answer) != "ocr":
        return None
    nowhere = source.model_copy(update={"regions": {}})
    return plan_for(name, task.model_copy(update={"regions": {}}), models, nowhere, engines)


def _pictures(task: Task, rects: Mapping[str, Rect]) -> tuple[tuple[Region, ...], dict[str, dict[str, Any]]]:
    """The distinct regions to look at, and each field's annotations that say which is its."""
    common = Region(*rects[WHOLE_TASK]) if WHOLE_TASK in rects else WHOLE
    regions: list[Region] = []
    annotations: dict[str, dict[str, Any]] = {}
    for field, prop in task.answer["properties"].items():
        region = Region(*rects[field]) if field in rects else common
        if region not in regions:
            regions.append(region)
        alone = {"x-alone": True} if field in rects else {}
        annotations[field] = {"x-picture": regions.index(region), **alone, **_of_taught(prop, region)}
    return tuple(regions), annotations


def _of_taught(prop: Mapping[str, Any], region: Region) -> dict[str, Any]:
    """Taught pictures are whole ones: where in them a field's region is."""
    if "x-taught" not in prop or region == WHOLE:
        return {}
    return {"x-taught-region": [region.x, region.y, region.width, region.height]}
