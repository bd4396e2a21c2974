"""The maker: a recorded fault becomes a platform with a verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from foureyes.config.triage import Reproduction
from foureyes.errors.arguments import KEPT, ArgumentStore, argument_folder
from foureyes.errors.pictures import PictureStore
from foureyes.errors.spool import spool_file
from foureyes.forgewright.claim import claimed
from foureyes.forgewright.reproduction import platform as platforms
from foureyes.forgewright.reproduction.limits import Limits
from foureyes.forgewright.reproduction.runner import run
from foureyes.forgewright.reproduction.verdict import Outcome, Verdict

_MB = 1_000_000
_ARGUMENTS_WITHIN_S, _POLL_S = 2.0, 0.02


@dataclass(frozen=True)
class Made:
    """A platform, and what its test showed."""

    test_file: Path | None
    verdict: Verdict


def make_lock(state_dir: Path) -> Path:
    """Held while a reproduction is made, by a daemon or by a command."""
    return state_dir / "errors" / "reproduction.lock"


class Maker:
    """Makes the reproductions of one state folder, one at a time."""

    def __init__(self, state_dir: Path, settings: Reproduction) -> None:
        self._state_dir = state_dir
        self._limits = Limits(settings.timeout_s, settings.memory_mb)
        max_bytes = settings.max_mb * _MB
        self._arguments = ArgumentStore(
            argument_folder(state_dir), keep_days=settings.keep_days, max_bytes=max_bytes
        )
        pictures = spool_file(state_dir).with_name("frames")
        self._pictures = PictureStore(pictures, keep_days=settings.keep_days, max_bytes=max_bytes)

    async def make(self, document: Mapping[str, Any]) -> Made:
        """Make the platform of an event and run it.

        Raises UnknownFaultError or OSError where it cannot be; StateFolderBusyError while another is made.
        """
        platform = platforms.platform_of(self._state_dir, str(document["id"]))
        with claimed(make_lock(self._state_dir), "a reproduction"):
            return await self._made(document, platform)

    async def _made(self, document: Mapping[str, Any], platform: platforms.Platform) -> Made:
        began_s = time.monotonic()
        said = _said(document, "arguments")
        arguments = await self._kept(str(document["id"])) if said == KEPT else None
        picture = self._pictures.find(str(_said(document, "frame", "digest") or "-"))
        why = _why(said, has_arguments=arguments is not None)
        calls = await asyncio.to_thread(platforms.write, platform, document, arguments, picture, why)
        verdict = await self._tried(platform) if calls else Verdict(Outcome.NOT_REPRODUCIBLE, why, 0.0)
        return Made(platform.test_file, replace(verdict, seconds=round(time.monotonic() - began_s, 3)))

    async def _tried(self, platform: platforms.Platform) -> Verdict:
        """What the recorded calls show; those that show the fault are the test from now on."""
        verdict = await run(platform.test_file, limits=self._limits)
        await asyncio.to_thread(platforms.choose, platform, verdict.calls)
        return verdict

    async def _kept(self, event_id: str) -> Path | None:
        """The folder of the arguments, which may be under way."""
        ends_s = time.monotonic() + _ARGUMENTS_WITHIN_S
        while (folder := self._arguments.find(event_id)) is None and time.monotonic() < ends_s:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)  # another process may be the one that writes them
        return folder


def _why(said: Any, *, has_arguments: bool) -> str:
    if has_arguments:
        return "it was raised outside of every function of FourEyes, or never raised but only reported"
    if said == KEPT:
        return "what its calls were made with was lost before it was on disk, or is too old"
    return f"what its calls were made with was not kept: {said or 'it was recorded by an older FourEyes'}"


def _said(document: Mapping[str, Any], *path: str) -> Any:
    value: Any = document.get("context")
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
