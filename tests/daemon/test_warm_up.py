"""The warm-up, from outside: every model of every task is loaded and probed before anybody is asked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from parts.fakes.steering import FakeServer
from parts.serving import server, serving
from parts.watched import task

ONE, TWO = "maker/one", "maker/two"


def loading(fake: FakeServer) -> tuple[float, float]:
    """When the server was told to load its model, and when it had it, on the clock that all processes share."""
    (asked,) = fake.requests("/api/v1/models/load")
    (loaded,) = fake.events("loaded")
    return asked["time_s"], loaded["time_s"]


def test_servers_load_side_by_side_and_the_dummy_is_remembered_by_nobody(tmp_path: Path) -> None:
    """Two servers load at the same time; the picture of the probe, once it is shown, is read as any other."""
    with (
        FakeServer.lmstudio(tmp_path / "one", "--no-jit", "--load-s", "1", ONE) as first,
        FakeServer.lmstudio(tmp_path / "two", "--no-jit", "--load-s", "1", TWO) as second,
    ):
        servers = [server("lmstudio", fake.url, id=name) for name, fake in (("a", first), ("b", second))]
        models = {"one": {"server": "a", "model_id": ONE}, "two": {"server": "b", "model_id": TWO}}
        tasks = {"read": task(models=["one"]), "other": task(models=["two"])}
        with serving(tmp_path, servers, models, tasks) as running:
            running.daemon.wait_ready()
            began, ended = zip(*(loading(fake) for fake in (first, second)), strict=True)
            assert max(began) < min(ended)

            (probe,) = (chat for chat in first.chats(ONE) if "Is the word" in str(chat["body"]["messages"]))
            dummy = cv2.imdecode(np.frombuffer(first.picture(probe["pictures"][0]["digest"]), np.uint8), 1)
            running.wait_reading("read", origin="inferred")
            seen = len(running.readings("read"))
            running.screen.show(dummy)
            reading = running.wait_reading("read", seen, origin="inferred")
            assert reading["frame_id"] == reading["read_frame_id"]
            assert not [each for each in running.readings("read") if each["origin"] == "cached"]
