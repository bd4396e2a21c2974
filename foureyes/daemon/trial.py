"""A look at a source that a new configuration names, before anything is changed for it."""

from __future__ import annotations

import asyncio

from foureyes.config.settings import Source, obs_password
from foureyes.exceptions import PictureError, SourceError
from foureyes.frames.camera import Camera
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.opening import open_source

_WITHIN_S = 10.0


async def tried(settings: Source) -> None:
    """Raise SourceError where a source can never be watched: its file is not there, or is no such file.

    At the start that ends the daemon. An OBS or a screen that is away is waited for, then as now.
    """
    source = open_source(settings, obs_password=obs_password())
    if not source.finite:
        return
    camera = Camera(source, settings.id)
    try:
        async with asyncio.timeout(_WITHIN_S):
            await camera.look()
    except (SourceError, PictureError) as error:
        if camera.is_lost(error):
            raise
    except (TimeoutError, EndOfSource):
        return  # it is there
    finally:
        await camera.close()
