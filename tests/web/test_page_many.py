"""The page of a daemon with more sources than fit: what is looked for is found; nothing runs out of the page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from parts.browser import Browser
from parts.foureyes import RunningDaemon
from parts.watched import FakeEngine, task
from playwright.sync_api import Page, expect

SOURCES = 7
PICTURES = 300
"""One a second: the sources last longer than the tests."""
WITHIN_MS = 30_000


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Page]:
    """A narrow page over seven folders of pictures, read by a server that never meets its target."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "pictures").mkdir()
    first = folder / "pictures" / "0.png"
    cv2.imwrite(str(first), np.full((90, 160, 3), 60, np.uint8))
    for number in range(1, PICTURES):
        first.with_name(f"{number}.png").hardlink_to(first)
    with FakeEngine(folder / "engine", ["first"]) as engine:
        engine.control("first", values={"number": 17, "amount": "1785.42"})
        config = folder / "config.yaml"
        config.write_text(json.dumps(document(folder / "pictures", engine)), encoding="utf-8")
        with RunningDaemon(folder, "--config", str(config)) as daemon:
            daemon.wait((daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
            daemon.wait(
                lambda: daemon.component("source:camera-6")["frames"] > 0, "the last source's first picture"
            )
            yield browser.page(f"{daemon.url}/", 400)


def test_a_part_that_did_not_arrive_is_asked_for_again(page: Page) -> None:
    """A page without one of its own files, as while the daemon starts, is loaded anew until it is whole."""
    page.route("**/static/words.js", lambda route: route.abort(), times=1)
    page.reload()
    expect(page.locator(".source")).to_have_count(4, timeout=2 * WITHIN_MS)


def document(pictures: Path, engine: FakeEngine) -> dict[str, Any]:
    source = {"kind": "images", "path": str(pictures), "fps": 1}
    return {
        "sources": [{**source, "id": f"camera-{number}"} for number in range(SOURCES)],
        "servers": [{"id": "near", "kind": "engine", "url": engine.url, "check_s": 1}],
        "models": {"first": {"server": "near", "model_id": "first", "latency_target_ms": 0.01}},
        "tasks": {"a_task_with_a_long_name": task(models=["first"])},
    }


def test_one_of_many_sources_is_found(page: Page) -> None:
    """Four are shown at first; a part of a name shows the one that is meant, and how many there are."""
    cards = page.locator(".source")
    expect(cards).to_have_count(4, timeout=WITHIN_MS)
    expect(page.locator("#more-sources")).to_have_text(f"Show 3 more of {SOURCES} sources")
    page.get_by_label("Find a source").fill("RA-6")
    expect(cards).to_have_count(1)
    expect(cards.locator("h3")).to_have_text("camera-6")
    expect(page.locator("#sources-told")).to_contain_text(f"1 of {SOURCES} sources")
    expect(page.locator("#more-sources")).to_be_hidden()


def test_a_target_that_is_not_met_fits_a_narrow_page(page: Page) -> None:
    """The table of the figures breaks its lines; it does not make the page wider than the screen."""
    expect(page.locator(".not-met")).to_contain_text("not\u00a0met", timeout=WITHIN_MS)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 400
