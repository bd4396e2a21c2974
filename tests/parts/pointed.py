"""A daemon whose operator points: a screen with two amounts, and a configuration file with comments."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Pixels
from parts.foureyes import RunningDaemon
from parts.watched import DrawnScreen

WIDTH, HEIGHT = 640, 360
GRAND = [0.05, 0.1, 0.5, 0.15]
"""Where the amount of that name stands."""
CONFIG = """\
# Kept by hand: two amounts, and which room is shown.
sources:
  - {{id: main, kind: obs, port: {port}, scene: Scene, image_format: png, fps: 5}}   # the till

servers:
  - {{id: engine, kind: engine}}

models:
  read: {{server: engine, model_id: ocr}}
  state: {{server: engine, model_id: state}}

tasks:
  amounts:
    models: [read]      # no language model here
    schema:
      type: object
      properties:
        grand: {{type: [string, "null"], format: money, title: Grand}}   # the big one
        balance: {{type: [string, "null"], format: money, title: Balance}}
      required: [grand, balance]

  # by sight
  room:
    models: [state]
    prompt: Which room is it?
    schema: &room
      type: object
      properties:
        name: {{enum: [lobby, cellar, null]}}
      required: [name]

  attic:
    models: [state]
    schema: *room
"""


@dataclass
class Pointed:
    """The daemon, its screen and its file."""

    daemon: RunningDaemon
    screen: DrawnScreen
    file: Path


def till(grand: str, balance: str = "$12.50") -> Pixels:
    """A screen with two amounts."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (18, 22, 30))
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    pen.text((40, 46), f"Grand  {grand}", (240, 240, 240), font)
    pen.text((40, 200), f"Balance  {balance}", (240, 240, 240), font)
    return np.ascontiguousarray(np.asarray(image, np.uint8)[:, :, ::-1])


@contextlib.contextmanager
def pointed(folder: Path) -> Iterator[Pointed]:
    """Run a daemon over a till that shows $1,785.42 and $12.50."""
    file = folder / "config.yaml"
    with DrawnScreen() as screen:
        screen.show(till("$1,785.42"))
        file.write_text(CONFIG.format(port=screen.source()["port"]), "utf-8")
        with RunningDaemon(folder, "--config", str(file)) as daemon:
            yield Pointed(daemon.wait_ready(), screen, file)
