"""A child process of ours: started by argument list, its output drained, its whole tree stopped."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psutil

from foureyes.exceptions import ServerStartError
from foureyes.servers.process.child_output import ChildOutput
from foureyes.servers.process.environment import environment

_TERMINATE_S = 2.0
_EXIT_POLL_S = 0.5
_LAST_WORDS_S = 1.0


class Child:
    """One run of one program. Its pipe to stdin stays open: it is how the child notices our death."""

    def __init__(
        self, name: str, process: asyncio.subprocess.Process, dropped: Callable[[str, str], None]
    ) -> None:
        self.name = name
        self.pid = process.pid
        self.output = ChildOutput(name, self._announces, dropped)
        self._process = process
        self._root = _root(process.pid)
        self._announced: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._drains = [
            asyncio.create_task(self.output.drain(stream), name=f"drain {name} {label}")
            for label, stream in (("stdout", process.stdout), ("stderr", process.stderr))
            if stream is not None
        ]

    @classmethod
    async def start(cls, name: str, command: Sequence[str], dropped: Callable[[str, str], None]) -> Child:
        """Start the program in a process group of its own, so that a Ctrl-C in the terminal is only ours.

        Raises ServerStartError where there is no such program.
        """
        if shutil.which(command[0]) is None:
            raise ServerStartError(
                f"server '{name}' cannot be started: there is no program '{command[0]}'; correct its command"
            )
        process = await asyncio.create_subprocess_exec(
            *_leash(),
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        )
        return cls(name, process, dropped)

    async def port(self, timeout_s: float) -> int:
        """The port that the child says it listens on. Raises ServerStartError with the last thing it said."""
        exited = asyncio.create_task(self.wait(), name=f"exit of {self.name}")
        try:
            async with asyncio.timeout(timeout_s):
                either: set[asyncio.Future[Any]] = {exited, self._announced}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            raise ServerStartError(
                f"server '{self.name}' said no port within {timeout_s:g} s{self.output.last_words()}"
            ) from None
        finally:
            exited.cancel()
        if not self._announced.done():
            await asyncio.wait(self._drains, timeout=_LAST_WORDS_S)  # its exit may be known before its last words
            raise ServerStartError(
                f"server '{self.name}' ended at once ({self.exit_text()}){self.output.last_words()}"
            )
        return self._announced.result()

    async def wait(self) -> None:
        """Return when the child has exited.

        asyncio's own wait goes on until its pipes are closed, which a grandchild may hold open for ever; the code
        is known at once.
        """
        closed = asyncio.create_task(self._process.wait(), name=f"end of {self.name}")
        try:
            while self._process.returncode is None:
                await asyncio.wait({closed}, timeout=_EXIT_POLL_S)
        finally:
            closed.cancel()

    def exit_text(self) -> str:
        """How it ended, for people."""
        code = self._process.returncode
        if code is None:
            return "still running"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def stop(self) -> None:
        """Stop the whole tree: ask, wait, kill; one that is paused (SIGSTOP) is killed. May be called twice."""
        tree = self._tree()
        if self._responsive(tree):
            self._signal(tree, psutil.Process.terminate)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TERMINATE_S):
                    await self.wait()
        self._signal(tree, psutil.Process.kill)
        self._kill_group()
        await self.wait()
        await self._close_pipes()

    @staticmethod
    def _signal(tree: Sequence[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)

    def _tree(self) -> list[psutil.Process]:
        """The child and all that came from it, while it lives; psutil never takes another with its pid for it."""
        if self._root is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            return [*self._root.children(recursive=True), self._root]
        return []

    def _kill_group(self) -> None:
        """Whatever is left of its process group: a child that crashed has left its own children there."""
        if sys.platform != "win32":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    @staticmethod
    def _responsive(tree: Sequence[psutil.Process]) -> bool:
        """A paused process ignores SIGTERM until it is continued: waiting for it would be in vain."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return all(process.status() != psutil.STATUS_STOPPED for process in tree)
        return True

    async def _close_pipes(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        _, pending = await asyncio.wait(self._drains, timeout=_LAST_WORDS_S)
        for task in pending:  # a grandchild that left the tree still holds the pipe
            task.cancel()
        await asyncio.gather(*self._drains, return_exceptions=True)

    def _announces(self, line: str) -> bool:
        """Whether a line says the port, and nothing to a person."""
        if self._announced.done() or (port := _announced_port(line)) is None:
            return False
        self._announced.set_result(port)
        return True


def _announced_port(line: str) -> int | None:
    if not line.startswith("{"):
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    if not isinstance(document, Mapping) or document.get("event") != "listening":
        return None
    port = document.get("port")
    return port if isinstance(port, int) else None


def _leash() -> list[str]:
    """The words before a command that have the kernel end it with us, however we end: not all read our pipe."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _root(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:  # it ended at once
        return None
