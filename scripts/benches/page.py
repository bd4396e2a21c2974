"""The operator's page: first paint, size, how soon a reading is on it; what streams of events cost."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from parts.browser import Browser
from parts.program import wait_until
from parts.watched import FakeEngine, task
from playwright.sync_api import Page

from benches import streams
from benches.followed import WITHIN_S, Followed, numbered
from benches.lines import Lines
from benches.readings import moment, percentile
from benches.results import given, keep, verdict
from benches.watching import Watching

PAINT_S, PAGE_BYTES, SHOWN_MS = 1.0, 200_000, 100
FIELD = "number"
OBSERVE = """field => {
    window.shown = [];
    const rows = [...document.querySelectorAll('.readings tbody tr')];
    const cell = rows.find(row => row.cells[0].textContent === field).querySelector('.value bdi');
    const note = () => window.shown.push([cell.textContent, Date.now()]);
    new MutationObserver(() => requestAnimationFrame(note)).observe(cell, {childList: true, subtree: true});
}"""
"""Notes each text of a field, at the moment at which the browser draws it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--loads", type=int, default=10, help="of the page, for its first paint")
    parser.add_argument("--readings", type=int, default=100, help="new values, for the time until they are shown")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each stretch, for the CPU")
    parser.add_argument("--streams", type=int, default=1000, help="opened and closed, for the growth")


def run(arguments: argparse.Namespace) -> None:
    """Have one daemon read numbers for the page, and another one watch the demo for the streams."""
    with (
        tempfile.TemporaryDirectory(prefix="foureyes-page-") as folder,
        FakeEngine(Path(folder) / "engine", ["read"]) as engine,
        Followed(_config(engine.url), numbered()) as daemon,
        Browser() as browser,
    ):
        engine.control("read", values={FIELD: 0})
        daemon.daemon.wait_ready()
        figures = {
            **_loads(browser, daemon.daemon.url, arguments.loads),
            "reading_shown_ms": _shown(browser, daemon, engine, arguments.readings),
        }
    with Watching(["--source", "demo"]) as watching:
        watching.wait_ready()
        figures |= asyncio.run(streams.measured(watching, arguments.seconds, arguments.streams))
        figures["one_page_with_its_picture"] = _one_page(watching, arguments.seconds)
    keep("page", {"arguments": given(arguments), **figures})


def _config(url: str) -> dict[str, Any]:
    return {
        "servers": [{"id": "engine", "kind": "engine", "url": url}],
        "models": {"read": {"server": "engine", "model_id": "read"}},
        "tasks": {"read": task(models=["read"])},
    }


def _loads(browser: Browser, url: str, times: int) -> dict[str, Any]:
    """The first paint of a browser that has never seen the page, and all that the page is made of."""
    paints = []
    for _ in range(times):
        page = browser.page(f"{url}/")
        page.wait_for_function("() => performance.getEntriesByName('first-contentful-paint').length > 0")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000)
        page.context.close()
    paths = {urlsplit(request.url).path for request in browser.requests}
    parts = sorted(path for path in paths if path == "/" or path.startswith("/static/"))
    with httpx.Client(base_url=url, trust_env=False) as client:
        sizes = {path: len(client.get(path).content) for path in parts}
    return {
        "first_paint_s": verdict(
            held=max(paints) < PAINT_S,
            promised=f"under {PAINT_S:g} on loopback",
            measured={"highest": round(max(paints), 3), "p50": round(percentile(paints, 0.5) or 0, 3)},
        ),
        "page_bytes": verdict(
            held=sum(sizes.values()) < PAGE_BYTES,
            promised=f"under {PAGE_BYTES:,}",
            measured={"all": sum(sizes.values()), "files": sizes},
        ),
    }


def _shown(browser: Browser, daemon: Followed, engine: FakeEngine, values: int) -> dict[str, Any]:
    """From the publication of a new value to the moment at which the browser draws it."""
    page = browser.page(f"{daemon.daemon.url}/")
    page.wait_for_function("() => document.querySelector('.readings tbody .value bdi')?.textContent")
    page.evaluate(OBSERVE, FIELD)
    for value in range(1, values + 1):
        engine.control("read", values={FIELD: value})
        daemon.screen.turn()
        _wait_text(page, str(value))
    published_s = _published(daemon.daemon.readings_file)
    shown_s = {text: at_ms / 1000 for text, at_ms in reversed(page.evaluate("window.shown"))}
    delays_ms = [1000 * (shown_s[text] - published_s[text]) for text in map(str, range(1, values + 1))]
    page.context.close()
    p95 = percentile(delays_ms, 0.95)
    return verdict(
        held=p95 is not None and p95 <= SHOWN_MS,
        promised=f"{SHOWN_MS} or less at p95",
        measured={
            "values": len(delays_ms),
            "p50": round(percentile(delays_ms, 0.5) or 0, 1),
            "p95": None if p95 is None else round(p95, 1),
            "highest": round(max(delays_ms), 1),
        },
    )


def _wait_text(page: Page, text: str) -> None:
    page.wait_for_function("text => window.shown.some(each => each[0] === text)", arg=text)


def _published(file: Path) -> dict[str, float]:
    """When each value was published first, in seconds since 1970."""
    found: dict[str, float] = {}
    for reading in Lines(file).all():
        value = reading["values"][FIELD]
        found.setdefault("" if value is None else f"{value:g}", moment(reading["published_at"]))
    return found


def _one_page(watching: Watching, seconds: float) -> dict[str, Any]:
    """What one page, with its picture and all that it asks for, costs the daemon."""
    with streams.Stretch(watching) as without:
        time.sleep(seconds)
    with Browser() as browser:
        page = browser.page(f"{watching.url}/", 1920, 1080)
        wait_until(lambda: page.locator(".picture[data-live]").count() > 0, WITHIN_S, "the live picture")
        with streams.Stretch(watching) as with_page:
            time.sleep(seconds)
    return {
        "cpu_percent_of_a_core": {"without": without.cpu_percent, "with": with_page.cpu_percent},
        "missed_ticks": {"without": without.missed, "with": with_page.missed},
    }
