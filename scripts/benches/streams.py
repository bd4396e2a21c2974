"""What listeners of live events cost a daemon: CPU, missed ticks, and what a thousand leave in its memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import psutil

from benches import prometheus
from benches.results import verdict
from benches.usage import cpu_s
from benches.watching import Watching

STREAMS, PERCENT, KB_EACH = 50, 10, 100
TURNS = 2
WARM, AT_ONCE = 200, 50
SETTLED_S, WARM_S = 3.0, 10.0


class Stretch:
    """The daemon's own CPU and its missed ticks between `with` and its end."""

    cpu_percent: float
    """Of one core."""
    missed: int

    def __init__(self, watching: Watching) -> None:
        self._watching = watching
        self._process = psutil.Process(watching.program.process.pid)

    def __enter__(self) -> Self:
        self._began_s, self._used_s, self._missed = time.monotonic(), cpu_s([self._process]), self._misses()
        return self

    def __exit__(self, *_: object) -> None:
        took_s = time.monotonic() - self._began_s
        self.cpu_percent = round(100 * (cpu_s([self._process]) - self._used_s) / took_s, 2)
        self.missed = int(self._misses() - self._missed)

    def _misses(self) -> float:
        return prometheus.total(self._watching.metrics() or "", "missed_ticks_total")


async def measured(watching: Watching, seconds: float, opened: int) -> dict[str, Any]:
    """Stretches without and with fifty streams in turns, since the demo's story costs now more and now less."""
    without, with_streams = [], []
    await asyncio.sleep(WARM_S)  # the first looks read everything
    for _ in range(TURNS):
        without.append(await _stretch(watching, seconds))
        async with _listening(watching.url, STREAMS) as heard:
            with_streams.append(await _stretch(watching, seconds))
    return {
        "fifty_streams_cpu": _cost(without, with_streams),
        "fifty_streams_missed_ticks": verdict(
            held=not any(_missed(with_streams)),
            promised="none",
            measured={
                "with": [each.missed for each in with_streams],
                "without": [each.missed for each in without],
            },
        ),
        "fifty_streams_kb_each_in_a_stretch": round(sum(heard) / len(heard) / 1000, 1),
        "growth": await _growth(watching, opened),
    }


def _cost(without: list[Stretch], with_streams: list[Stretch]) -> dict[str, Any]:
    more = sum(each.cpu_percent for each in with_streams) - sum(each.cpu_percent for each in without)
    return verdict(
        held=more / TURNS < PERCENT,
        promised=f"under {PERCENT} % of a core",
        measured={
            "more": round(more / TURNS, 2),
            "with": [each.cpu_percent for each in with_streams],
            "without": [each.cpu_percent for each in without],
        },
    )


def _missed(stretches: list[Stretch]) -> list[int]:
    return [stretch.missed for stretch in stretches]


async def _stretch(watching: Watching, seconds: float) -> Stretch:
    with Stretch(watching) as stretch:
        await asyncio.sleep(seconds)
    return stretch


@asynccontextmanager
async def _listening(url: str, number: int) -> AsyncIterator[list[int]]:
    """So many streams that are read to their end; the bytes that each has got."""
    heard = [0] * number

    async def listen(place: int, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(65_536):
            heard[place] += len(data)

    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        pairs = [await _open(url) for _ in range(number)]
        tasks = [group.create_task(listen(place, reader)) for place, (reader, _) in enumerate(pairs)]
        try:
            yield heard
        finally:
            for task, (_, writer) in zip(tasks, pairs, strict=True):
                task.cancel()
                writer.transport.abort()


async def _open(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """One stream whose first heartbeat has come."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"GET /events HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
    await reader.readuntil(b"event: heartbeat")
    return reader, writer


async def _growth(watching: Watching, opened: int) -> dict[str, Any]:
    """Resident memory after a warm-up, and after so many streams that were opened, heard something and left."""
    process = psutil.Process(watching.program.process.pid)
    await _come_and_go(watching.url, WARM)
    before = await _settled_kb(process)
    await _come_and_go(watching.url, opened)
    grown_kb = await _settled_kb(process) - before
    return verdict(
        held=grown_kb / opened < KB_EACH,
        promised=f"under {KB_EACH} KB for each of {opened} streams opened and closed",
        measured={"kb_each": round(grown_kb / opened, 3), "resident_kb_before": before, "grown_kb": grown_kb},
    )


async def _come_and_go(url: str, number: int) -> None:
    for _ in range(number // AT_ONCE):
        pairs = [await _open(url) for _ in range(AT_ONCE)]
        for _, writer in pairs:
            writer.transport.abort()


async def _settled_kb(process: psutil.Process) -> int:
    await asyncio.sleep(SETTLED_S)
    return int(process.memory_info().rss // 1000)
