"""Regions checked against the whole picture, from outside: a real engine, a drawn screen that is laid out anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parts.serving import Serving, serving
from parts.watched import MONEY, task
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Pixels

SCHEMA = {"type": "object", "properties": {"balance": {**MONEY, "title": "Balance"}}}
TOP = [0.0, 0.0, 1.0, 0.5]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    read = task(models=["ocr"], schema=SCHEMA, regions={"balance": TOP}, check_regions_s=1)
    models = {"ocr": {"server": "engine", "model_id": "ocr"}}
    folder = tmp_path_factory.mktemp("regions")
    with serving(folder, [{"id": "engine", "kind": "engine"}], models, {"read": read}) as daemon:
        daemon.daemon.wait_ready()
        yield daemon


def shown(above: str, below: str) -> Pixels:
    picture = Image.new("RGB", (320, 192), (250, 250, 250))
    for text, y in ((above, 30), (below, 140)):
        ImageDraw.Draw(picture).text((16, y), text, (20, 20, 20), ImageFont.load_default(28))
    return np.asarray(picture)[..., ::-1].copy()


def wait_reading(running: Serving, since: int, balance: str | None) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [each for each in running.readings("read")[since:] if each["values"]["balance"] == balance]

    running.daemon.wait(lambda: bool(found()), f"a balance of {balance}", 60)
    return found()[0]


def told(running: Serving, name: str) -> list[str]:
    return [each["message"] for each in running.daemon.log_events() if each["event"] == name]


def wait_told(running: Serving, name: str, text: str) -> None:
    running.daemon.wait(lambda: any(text in each for each in told(running, name)), text, 60)


def test_a_region_that_shows_something_else_is_found_out(running: Serving) -> None:
    """A screen laid out anew: another number in the region is null, and the log says where the field stands."""
    running.screen.show(shown("Balance: $512.40", "good luck"))
    wait_reading(running, 0, "512.40")
    since = len(running.readings("read"))
    running.screen.show(shown("$77.10", "Balance: $512.45"))
    reading = wait_reading(running, since, None)
    assert reading["withheld"] == {"balance": "conflict"}
    said = {each["value"] for each in reading["evidence"]["balance"]["alternatives"]}
    assert said == {"77.10", "512.45"}
    wait_told(running, "regions.differ", "reads '512.45' on the whole picture")
    since = len(running.readings("read"))
    running.screen.show(shown("Balance: $512.60", "good luck"))
    wait_reading(running, since, "512.60")
    wait_told(running, "regions.agree", "show what the whole picture shows")
    assert len(told(running, "regions.differ")) == 1
