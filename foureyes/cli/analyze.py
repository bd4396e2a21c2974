"""`foureyes analyze`: read single pictures with the same tasks, models and checks as the daemon."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from foureyes.cli.credentials import headers
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.config.settings import ImagesSource
from foureyes.daemon.demand import plans_of
from foureyes.daemon.own_servers import own_servers
from foureyes.daemon.state_folder import running
from foureyes.exceptions import (
    FourEyesError,
    NotRunningError,
    PictureError,
    ServerError,
    UsageError,
)
from foureyes.frames.frame import Frame
from foureyes.servers.server import Priority
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.analysis import SOURCE, Analysis, frame_of
from foureyes.vision.cache import AnswerCache
from foureyes.vision.inference import Asker, Inference
from foureyes.vision.look import Encoder, Look
from foureyes.vision.router import Router
from foureyes.vision.taught import TaughtPictures

Show = Callable[[Path, Mapping[str, Any]], None]
"""Prints one reading of one picture."""

_ASKER = Asker(Priority.NORMAL)
_PNG_MAGIC = b"\x89PNG"
_DAEMON_TIMEOUT_S = 600.0


def analyze(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="PNG or JPEG files.")],
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may stand several times.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    sequence: Annotated[bool, typer.Option("--sequence", help="The pictures follow each other in time.")] = False,
    *,
    daemon: Annotated[
        bool | None,
        typer.Option(
            "--daemon/--no-daemon",
            help="Have the running daemon read them, or start models here. By default the daemon does where one "
            "runs, unless --config or --sequence is given.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read pictures: one result for each picture and task, with the keys of a reading plus `image`."""
    settings, tasks = settings_from(config, state_dir=state_dir), task or []
    settings = TaughtPictures(settings.state_dir).applied(settings)
    show = _show_json if as_json else _show
    if url := _daemon_url(settings, wanted=daemon, allowed=config is None and not sequence):
        fine = _by_daemon(url, headers(settings.state_dir), tasks, images, show)
    else:
        fine = asyncio.run(_here(_only(settings, tasks), images, show, sequence=sequence))
    if not fine:
        raise typer.Exit(1)


def _only(settings: Settings, names: Sequence[str]) -> Settings:
    if unknown := [name for name in names if name not in settings.tasks]:
        known = ", ".join(settings.tasks)
        raise UsageError(f"no task {unknown[0]!r} in the configuration; known tasks: {known}")
    chosen = {name: task for name, task in settings.tasks.items() if not names or name in names}
    return settings.model_copy(update={"tasks": chosen})


def _daemon_url(settings: Settings, *, wanted: bool | None, allowed: bool) -> str | None:
    """Where the daemon that shall read them listens; None to read them here."""
    if wanted is False or (wanted is None and not allowed):
        return None
    found = running(settings.state_dir)
    if found is None and wanted:
        raise NotRunningError(f"no daemon runs in {settings.state_dir}; start one with `foureyes run`")
    return found["url"] if found else None


def _by_daemon(
    url: str, proof: Mapping[str, str], tasks: Sequence[str], images: Sequence[Path], show: Show
) -> bool:
    """Have the daemon read them, one after the other; whether every one could be read."""
    fine = True
    with httpx.Client(base_url=url, headers=proof, trust_env=False, timeout=_DAEMON_TIMEOUT_S) as client:
        for image in images:
            try:
                for reading in _posted(client, tasks, _bytes(image)):
                    show(image, reading)
            except FourEyesError as error:
                fine = _complain(image, error)
    return fine


def _posted(client: httpx.Client, tasks: Sequence[str], data: bytes) -> list[dict[str, Any]]:
    kind = {"Content-Type": "image/png" if data.startswith(_PNG_MAGIC) else "image/jpeg"}
    params = {"task": list(tasks), "client": "foureyes-analyze"}
    try:
        response = client.post("/api/analyze", params=params, content=data, headers=kind)
        document = response.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotRunningError(f"the daemon at {client.base_url} gave no answer: {error}; see its log") from error
    if not response.is_success:
        raise UsageError(document["error"]["message"])
    readings: list[dict[str, Any]] = document
    return readings


async def _here(settings: Settings, images: Sequence[Path], show: Show, *, sequence: bool) -> bool:
    """Start the models and read them; whether every one could be read by every task."""
    metrics = Metrics()
    plans = plans_of(settings, ImagesSource(id=SOURCE, kind="images", path=Path()))
    inference, fine = Inference(Encoder(), metrics), True
    previous: Frame | None = None
    async with own_servers(settings, metrics) as servers:
        analysis = Analysis(Router(servers), inference, AnswerCache(ttl_s=0, max_entries=1))
        for number, image in enumerate(images):
            try:
                frame = frame_of(_bytes(image), number)
                for reading in await analysis.readings(Look(frame, previous), plans, _ASKER):
                    show(image, reading.as_dict())
            except (PictureError, ServerError, UsageError) as error:
                fine = _complain(image, error)
            else:
                previous = frame if sequence else None
    return fine


def _complain(image: Path, error: FourEyesError) -> bool:
    sys.stderr.write(f"foureyes: {image}: {error}\n")
    return False


def _bytes(image: Path) -> bytes:
    try:
        return image.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read: {(error.strerror or str(error)).lower()}") from error


def _show_json(image: Path, reading: Mapping[str, Any]) -> None:
    typer.echo(json.dumps({"image": str(image), **reading}, ensure_ascii=False, allow_nan=False))


def _show(image: Path, reading: Mapping[str, Any]) -> None:
    latency_ms = reading["latency_ms"]
    took = reading["origin"] or "not read" if latency_ms is None else f"{latency_ms:.0f} ms"
    typer.echo(f"{image}  {reading['task']}  ({took})")
    for field, value in reading["values"].items():
        shown = f"({reading['withheld'].get(field, 'null')})" if value is None else value
        typer.echo(f"  {field:<16} {shown}")
