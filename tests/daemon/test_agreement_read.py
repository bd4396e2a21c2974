"""A drawn screen read by the real engine: what changes on it is published by the first look at it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parts.serving import Serving, serving
from parts.watched import MONEY, task
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Pixels

SCHEMA = {"type": "object", "properties": {"balance": {**MONEY, "title": "Balance", "x-max-step": 100}}}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    tasks = {"read": task(models=["ocr"], reads=2, schema=SCHEMA, accept_step_after_s=None)}
    models = {"ocr": {"server": "engine", "model_id": "ocr"}}
    folder = tmp_path_factory.mktemp("read")
    with serving(folder, [{"id": "engine", "kind": "engine"}], models, tasks) as daemon:
        daemon.daemon.wait_ready()
        yield daemon


def shown(amount: str) -> Pixels:
    picture = Image.new("RGB", (320, 96), (250, 250, 250))
    ImageDraw.Draw(picture).text((16, 30), f"Balance: ${amount}", (20, 20, 20), ImageFont.load_default(28))
    return np.asarray(picture)[..., ::-1].copy()


def wait_balance(running: Serving, since: int, value: str | None) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        return [each for each in running.readings("read")[since:] if each["values"]["balance"] == value]

    running.daemon.wait(lambda: bool(found()), f"a balance of {value}", 60)
    return found()[0]


def test_a_value_that_changes_is_published_at_the_first_look(running: Serving) -> None:
    """Each amount is read twice alike, and no look at it is withheld before it is published."""
    for amount in ("1,785.42", "1,786.10", "1,803.77"):
        since = len(running.readings("read"))
        running.screen.show(shown(amount))
        reading = wait_balance(running, since, amount.replace(",", ""))
        assert reading["evidence"]["balance"]["reads"] == 2
        assert (reading["origin"], reading["confidence_from"]) == ("inferred", "agreement of reads")
    withheld = {why for each in running.readings("read") for why in each["withheld"].values()}
    assert withheld <= {"absent"}


def test_a_digit_more_is_not_believed_beyond_the_largest_step(running: Serving) -> None:
    """The 1,785 against 17,850 case: what is ten times as much at once is null, and a plausible value is not."""
    since = len(running.readings("read"))
    running.screen.show(shown("18,037.70"))
    reading = wait_balance(running, since, None)
    assert reading["withheld"] == {"balance": "implausible"}
    assert reading["evidence"]["balance"]["alternatives"] == [{"value": "18037.70"}]
    since = len(running.readings("read"))
    running.screen.show(shown("1,804.00"))
    assert wait_balance(running, since, "1804.00")["withheld"] == {}
