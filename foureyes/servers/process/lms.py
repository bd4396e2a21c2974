"""LM Studio's own command line, `lms`: the calls that a supervisor may make, bounded in time, their JSON checked.

Facts: https://github.com/lmstudio-ai/lms. `lms ps`, `ls`, `load` and `status` start the daemon as a side effect:
they are never called.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from foureyes.exceptions import ServerStartError
from foureyes.servers.process.environment import environment

_OUTPUT_BYTES = 64 * 1024


class _Daemon(BaseModel):
    status: str
    pid: int | None = None
    isDaemon: bool = False  # noqa: N815 - as lms spells it


@dataclass(frozen=True)
class LmsDaemon:
    """What `lms daemon` says of LM Studio's background service."""

    is_running: bool
    pid: int | None
    is_app: bool
    """Whether it is the desktop application, which is never stopped by us."""


class Lms:
    """The `lms` of this machine."""

    def __init__(self, program: str, timeout_s: float) -> None:
        self._program = program
        self._timeout_s = timeout_s

    async def daemon_status(self) -> LmsDaemon:
        """Whether the daemon runs; starts nothing."""
        return self._daemon("daemon status", await self._run("daemon", "status", "--json"))

    async def daemon_up(self) -> LmsDaemon:
        """Start the daemon where none runs."""
        return self._daemon("daemon up", await self._run("daemon", "up", "--json"))

    async def daemon_down(self) -> None:
        """Stop the daemon."""
        await self._run("daemon", "down")

    async def server_start(self, port: int) -> None:
        """Have the daemon open its HTTP server; it may say that this failed although it did not."""
        await self._run("server", "start", "--port", str(port))

    async def server_stop(self) -> None:
        """Have the daemon close its HTTP server."""
        await self._run("server", "stop")

    async def _run(self, *arguments: str) -> str:
        """What the command prints; its exit code says nothing that can be relied on."""
        if shutil.which(self._program) is None:
            raise ServerStartError(
                f"the command '{self._program}' of LM Studio is not there; install LM Studio from "
                "https://lmstudio.ai, or set `lms` of the server to its path"
            )
        process = await asyncio.create_subprocess_exec(
            self._program,
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._timeout_s):
                said = await process.stdout.read(_OUTPUT_BYTES)
                await process.wait()
        except TimeoutError:
            command = " ".join((self._program, *arguments))
            raise ServerStartError(f"`{command}` did not end within {self._timeout_s:g} s") from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return said.decode("utf-8", "replace")

    def _daemon(self, command: str, said: str) -> LmsDaemon:
        try:
            daemon = _Daemon.model_validate(json.loads(said))
        except (ValueError, ValidationError) as error:
            raise ServerStartError(f"`{self._program} {command} --json` printed {said[:100]!r}") from error
        is_running = daemon.pid is not None and daemon.status == "running"
        return LmsDaemon(is_running, daemon.pid, is_app=is_running and not daemon.isDaemon)
