"""A child process of ours: started by argument list, its output drained, its whole tree stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import psutil

from foureyes.exceptions import ServerStartError
from foureyes.telemetry.log import event

_RING_LINES = 100
_LINE_BYTES = 64 * 1024
_TERMINATE_S = 2.0


class Child:
    """One run of one program. Its pipe to stdin stays open: it is how the child notices our death."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.pid = process.pid
        self.last_lines: deque[str] = deque(maxlen=_RING_LINES)
        self._process = process
        self._announced: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._drains = [
            asyncio.create_task(self._drain(stream), name=f"drain {name} {label}")
            for label, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            if stream is not None
        ]

    @classmethod
    async def start(cls, name: str, command: Sequence[str]) -> Child:
        """Start the program in a process group of its own, so that a Ctrl-C in the terminal is only ours."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(),
            limit=_LINE_BYTES,
            start_new_session=True,
        )
        return cls(name, process)

    async def port(self, timeout_s: float) -> int:
        """The port that the child says it listens on. Raises ServerStartError with the last thing it said."""
        exited = asyncio.create_task(self._process.wait(), name=f"exit of {self.name}")
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.wait({exited, self._announced}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise ServerStartError(
                f"server '{self.name}' said no port within {timeout_s:g} s{self._said()}"
            ) from None
        finally:
            exited.cancel()
        if not self._announced.done():
            raise ServerStartError(f"server '{self.name}' ended at once ({self.exit_text()}){self._said()}")
        return self._announced.result()

    async def wait(self) -> None:
        """Return when the child has exited."""
        await self._process.wait()

    def exit_text(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode
        if code is None:
            return "still running"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def stop(self) -> None:
        """Stop the whole tree: ask, wait, kill; one that was paused (SIGSTOP) is killed too."""
        tree = _tree(self.pid)
        if self._responsive(tree):
            self._signal(tree, psutil.Process.terminate)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TERMINATE_S):
                    await self._process.wait()
        self._signal(tree, psutil.Process.kill)
        await self._process.wait()
        await self._close_pipes()

    @staticmethod
    def _signal(tree: Sequence[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)

    @staticmethod
    def _responsive(tree: Sequence[psutil.Process]) -> bool:
        """A paused process ignores SIGTERM until it is continued: waiting for it would be in vain."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return all(process.status() != psutil.STATUS_STOPPED for process in tree)
        return True

    async def _close_pipes(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        _, pending = await asyncio.wait(self._drains, timeout=1.0)
        for task in pending:  # a grandchild that left the tree still holds the pipe
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)

    async def _drain(self, stream: asyncio.StreamReader) -> None:
        """Read until the end, always: a child whose pipe is full stands still."""
        while True:
            try:
                line = await stream.readline()
            except ValueError:  # longer than the limit: the reader has dropped it already
                continue
            if not line:
                return
            self._take(line.decode("utf-8", "replace").rstrip())

    def _take(self, line: str) -> None:
        if not self._announced.done() and (port := _announced_port(line)) is not None:
            self._announced.set_result(port)
            return
        self.last_lines.append(line)
        event("server.output", line, level="debug", server=self.name)

    def _said(self) -> str:
        return f"; its last line was: {self.last_lines[-1]}" if self.last_lines else ""


def _announced_port(line: str) -> int | None:
    if not line.startswith("{"):
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    listening = isinstance(document, Mapping) and document.get("event") == "listening"
    return int(document["port"]) if listening else None


def _environment() -> dict[str, str]:
    """Our environment without the secret that the child has no use for."""
    return {name: value for name, value in os.environ.items() if name != "FOUREYES_OBS_PASSWORD"}


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return []
