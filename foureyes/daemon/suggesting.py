"""Regions for the fields of a configuration, found on one picture by the engine and proven on the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from foureyes.config import Settings
from foureyes.config.settings import EngineServer, ImagesSource
from foureyes.daemon.demand import plans_of
from foureyes.daemon.own_servers import own_servers
from foureyes.exceptions import UsageError
from foureyes.frames.frame import Frame
from foureyes.frames.region import Region
from foureyes.schema.document import engine_model
from foureyes.servers.server import Priority
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.analysis import SOURCE, Analysis
from foureyes.vision.cache import AnswerCache
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import Encoder, Look
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Reading
from foureyes.vision.router import Router
from foureyes.vision.suggestion import suggested

Regions = Mapping[str, Region]
_ASKER = Asker(Priority.NORMAL)


@dataclass(frozen=True)
class Suggestion:
    """The regions of one task by field with what is read there, and why each other field has none."""

    task: str
    regions: Regions
    values: Mapping[str, Any]
    without: Mapping[str, str]


async def suggestions(settings: Settings, frame: Frame) -> list[Suggestion]:
    """What `suggested_in` finds with servers of our own. Raises UsageError as it does, or as the servers do."""
    metrics = Metrics()
    settings = _engine_alone(settings)
    async with own_servers(settings, metrics) as servers:
        analysis = Analysis(Router(servers), Inference(Encoder(), metrics), AnswerCache(ttl_s=0, max_entries=1))
        return await suggested_in(analysis, settings, frame)


async def suggested_in(analysis: Analysis, settings: Settings, frame: Frame) -> list[Suggestion]:
    """Look for every field of every task on the whole picture, then read each again inside its region alone.

    A field that reads differently there gets none. Raises UsageError where no engine is configured.
    """
    settings = _engine_alone(settings)
    # what tells a state, motion or a sign wants the whole picture
    readable = [name for name, task in settings.tasks.items() if engine_model(task.answer) == "ocr"]
    return [await _suggestion(analysis, settings, name, frame) for name in readable]


def _engine_alone(settings: Settings) -> Settings:
    engines = [server for server in settings.servers if isinstance(server, EngineServer)]
    if not engines:
        raise UsageError("regions are found by the engine; add {id: engine, kind: engine} to the servers")
    return settings.model_copy(update={"servers": engines})


async def _suggestion(analysis: Analysis, settings: Settings, name: str, frame: Frame) -> Suggestion:
    whole = await _read(analysis, _plan(settings, name, {}), frame)
    seen = {field: place for field, place in whole.evidence.items() if whole.values[field] is not None}
    found = suggested(seen, frame.picture.width, frame.picture.height)
    proven: dict[str, Region] = {}
    if found:
        inside = await _read(analysis, _plan(settings, name, found), frame)
        proven = {field: region for field, region in found.items() if inside.values[field] == whole.values[field]}
    without = {field: whole.withheld.get(field, "absent") for field in whole.values if field not in found}
    differing = dict.fromkeys(found.keys() - proven.keys(), "reads differently inside its region")
    values = {field: whole.values[field] for field in proven}
    return Suggestion(name, proven, values, {**without, **differing})


async def _read(analysis: Analysis, plan: Plan, frame: Frame) -> Reading:
    [reading] = await analysis.readings(Look(frame, None), [plan], _ASKER)
    return reading


def _plan(settings: Settings, name: str, regions: Regions) -> Plan:
    rects = {field: (each.x, each.y, each.width, each.height) for field, each in regions.items()}
    task = settings.tasks[name].model_copy(update={"regions": rects})
    source = ImagesSource.model_validate({"id": SOURCE, "kind": "images", "path": "."})
    plan = plans_of(settings.model_copy(update={"tasks": {name: task}}), source)[0]
    return replace(plan, candidates=tuple(each for each in plan.candidates if each.is_engine))
