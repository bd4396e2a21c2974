"""`foureyes analyze`: read single pictures with the same tasks, models and checks as the daemon."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli.options import AsJson, Config, settings_from
from foureyes.config import Settings
from foureyes.config.settings import ImagesSource
from foureyes.daemon import parts
from foureyes.exceptions import ModelMissingError, PictureError, ServerError, ServerStartError, UsageError
from foureyes.frames.frame import Frame
from foureyes.picture import Picture
from foureyes.servers.clients import Clients
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder, Look, view_of
from foureyes.vision.plan import Plan
from foureyes.vision.reading import Reading, nothing_read, reading_of
from foureyes.vision.router import Router


def analyze(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG or JPEG files.")],
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may stand several times.")
    ] = None,
    config: Config = None,
    sequence: Annotated[bool, typer.Option("--sequence", help="The pictures follow each other in time.")] = False,
    *,
    as_json: AsJson = False,
) -> None:
    """Read pictures: one result for each picture and task, with the keys of a reading plus `image`."""
    settings = _only(settings_from(config), task or [])
    if not asyncio.run(_analyze(settings, images, sequence=sequence, as_json=as_json)):
        raise typer.Exit(1)


def _only(settings: Settings, names: Sequence[str]) -> Settings:
    if unknown := [name for name in names if name not in settings.tasks]:
        known = ", ".join(settings.tasks)
        raise UsageError(f"no task {unknown[0]!r} in the configuration; known tasks: {known}")
    chosen = {name: task for name, task in settings.tasks.items() if not names or name in names}
    return settings.model_copy(update={"tasks": chosen})


async def _analyze(settings: Settings, images: Sequence[Path], *, sequence: bool, as_json: bool) -> bool:
    """Whether every picture could be read by every task."""
    metrics = Metrics()
    plans = parts.plans_of(settings, ImagesSource(id="analyze", kind="images", path=Path()))
    inference, fine = Inference(Encoder(), metrics), True
    previous: Frame | None = None
    async with _servers(settings, metrics) as servers:
        for index, image in enumerate(images):
            try:
                frame = _frame(image, index)
                for reading in await _readings(Look(frame, previous), plans, Router(servers), inference):
                    _show(image, reading, as_json=as_json)
            except (PictureError, ServerError, UsageError) as error:
                sys.stderr.write(f"foureyes: {image}: {error}\n")
                fine = False
            else:
                previous = frame if sequence else None
    return fine


@asynccontextmanager
async def _servers(settings: Settings, metrics: Metrics) -> AsyncIterator[dict[str, Supervisor]]:
    clients = Clients()
    servers = parts.supervisors_of(settings, metrics, clients)
    running = [asyncio.create_task(server.run(), name=f"server {name}") for name, server in servers.items()]
    try:
        for server in servers.values():
            await server.settled()
            if server.snapshot.missing:
                raise ModelMissingError("; ".join(server.snapshot.missing.values()))
            if not server.snapshot.ready:
                raise ServerStartError(server.snapshot.reason)
        yield servers
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await clients.aclose()


def _frame(image: Path, index: int) -> Frame:
    try:
        picture = Picture(encoded=image.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    _ = picture.pixels  # decoded here, so that a damaged file is told by its name
    return Frame(f"analyze-{index:06d}", "analyze", datetime.now(UTC), time.monotonic(), picture)


async def _readings(look: Look, plans: Sequence[Plan], router: Router, inference: Inference) -> list[Reading]:
    return [await _reading(look, plan, router, inference) for plan in plans]


async def _reading(look: Look, plan: Plan, router: Router, inference: Inference) -> Reading:
    route = router.choose(plan)
    if route is None:
        return nothing_read(plan.task, look.frame, plan.fields, "no_model", now=datetime.now(UTC))
    view = view_of(look, plan.regions, pair=plan.pair)
    answer = await inference.read(plan, route, look.frame, view, plan.schema)
    return reading_of(
        plan.task, look.frame, answer, "inferred", now=datetime.now(UTC), now_mono_s=time.monotonic()
    )


def _show(image: Path, reading: Reading, *, as_json: bool) -> None:
    document: dict[str, Any] = {"image": str(image), **reading.as_dict()}
    if as_json:
        typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))
        return
    typer.echo(f"{image}  {reading.task}  ({reading.latency_ms:.0f} ms)")
    for field, value in reading.values.items():
        shown = f"({reading.withheld.get(field, 'null')})" if value is None else value
        typer.echo(f"  {field:<16} {shown}")
