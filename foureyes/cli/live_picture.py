"""The picture that a command works on: a file, what the running daemon sees now, or one look at the source."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from foureyes.cli.credentials import headers
from foureyes.config import Settings
from foureyes.config.settings import Source, obs_password
from foureyes.daemon import parts
from foureyes.daemon.state_folder import running
from foureyes.exceptions import NotRunningError, SourceMissingError, UsageError
from foureyes.frames.camera import Camera, painted
from foureyes.frames.region import Region
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.opening import open_source
from foureyes.picture import Pixels, decode

_TIMEOUT_S = 30.0


def picture_of(settings: Settings, asked: str | None, image: Path | None) -> Pixels:
    """The picture of a source, the first one by default, its masks painted.

    Without a file it is the live one, of the running daemon where there is one. Raises UsageError,
    NotRunningError, PictureError or SourceError.
    """
    source = _source(settings, asked)
    return _live(settings, source, asked) if image is None else _from_file(image, source)


def _source(settings: Settings, name: str | None) -> Source:
    found = {source.id: source for source in settings.sources}
    if name is not None and name not in found:
        raise UsageError(f"there is no source {name!r}; known sources: {', '.join(found)}")
    return found[name or next(iter(found))]


def _from_file(file: Path, source: Source) -> Pixels:
    """A picture of a file as the source would show it: its masks are painted before anything is kept."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return painted(decode(data), [Region(*mask) for mask in source.masks])


def _live(settings: Settings, source: Source, asked: str | None) -> Pixels:
    """What the running daemon sees now, by default in its first source; without one, one look at the source."""
    daemon = running(settings.state_dir)
    return asyncio.run(_one_look(source)) if daemon is None else _of_daemon(daemon, settings.state_dir, asked)


def _of_daemon(daemon: dict[str, Any], state_dir: Path, source: str | None) -> Pixels:
    params = {} if source is None else {"source": source}
    try:
        answer = httpx.get(
            f"{daemon['url']}/api/frame",
            params=params,
            headers=headers(state_dir),
            timeout=_TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise NotRunningError(f"the daemon at {daemon['url']} gave no picture: {error}; see its log") from error
    if not answer.is_success:
        raise UsageError(answer.json()["error"]["message"])
    return decode(answer.content)


async def _one_look(source: Source) -> Pixels:
    found = await asyncio.to_thread(parts.found, source)
    masks = [Region(*mask) for mask in source.masks]
    camera = Camera(open_source(found.settings, obs_password=obs_password()), source.id, masks)
    try:
        return (await camera.look()).picture.pixels
    except EndOfSource as error:
        raise SourceMissingError(f"source '{source.id}' has no picture") from error
    finally:
        await camera.close()
