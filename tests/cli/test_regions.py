"""`foureyes regions suggest` from outside: what it finds, prints and writes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from parts.auditing import changes
from parts.foureyes import foureyes
from PIL import Image, ImageDraw, ImageFont

from foureyes.config import SHIPPED_CONFIG
from foureyes.frames.demo.scene import Scene
from foureyes.picture import encode_png

SCENE = Scene(5, 3.0)
AMOUNTS = ["grand", "major", "minor", "mini", "balance"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The shipped configuration, in a file of one's own."""
    for file in SHIPPED_CONFIG.parent.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    (tmp_path / "screen.png").write_bytes(encode_png(SCENE.draw(0)))
    return tmp_path / "foureyes.yaml"


def test_regions_are_written_and_read_in(config: Path) -> None:
    """--write adds a region for each amount, takes no line away, and inside the regions the same is read."""
    before, picture = config.read_text("utf-8"), str(config.with_name("screen.png"))
    options = ["--config", str(config), "--state-dir", str(config.parent / "state")]
    done = foureyes("regions", "suggest", picture, *options, "--write", "--json")
    assert done.returncode == 0, done.stderr
    after = config.read_text("utf-8")
    assert not set(before.splitlines()) - set(after.splitlines())
    written = yaml.safe_load(after)["tasks"]["vision_ocr"]["regions"]
    assert json.loads(done.stdout)["vision_ocr"] == written
    assert sorted(written) == sorted(AMOUNTS)
    assert changes(config.parent / "state") == [f"command: regions --write {config}"]
    read = foureyes("analyze", picture, *options, "--task", "vision_ocr", "--json")
    truth = SCENE.truth(0)
    assert json.loads(read.stdout)["values"] == {name: getattr(truth, name) for name in AMOUNTS}


def test_without_write_the_file_stays_and_the_change_is_shown(config: Path) -> None:
    """By default it prints a diff; a picture without any field changes nothing and says so."""
    before = config.read_bytes()
    config.with_name("empty.png").write_bytes(encode_png(np.full((240, 320, 3), 40, np.uint8)))
    options = ["--config", str(config), "--state-dir", str(config.parent / "state"), "--task", "vision_ocr"]
    shown = foureyes("regions", "suggest", str(config.with_name("screen.png")), *options)
    assert [
        line.split(":")[0].strip("+ ") for line in shown.stdout.splitlines() if line.startswith("+      ")
    ] == [*AMOUNTS]
    empty = foureyes("regions", "suggest", str(config.with_name("empty.png")), *options, "--write")
    assert empty.returncode == 0
    assert "no field was found" in empty.stderr
    assert config.read_bytes() == before


def test_a_value_in_doubt_gets_no_region(config: Path) -> None:
    """Where a label stands twice with two values nothing proves a place: the field is told, with the reason."""
    picture = Image.new("RGB", (640, 320), (250, 250, 250))
    for y, text in ((40, "Balance $12.50"), (200, "Balance $99.10")):
        ImageDraw.Draw(picture).text((30, y), text, (10, 10, 10), ImageFont.load_default(30))
    picture.save(config.with_name("twice.png"))
    options = ["--config", str(config), "--state-dir", str(config.parent / "state"), "--task", "vision_ocr"]
    done = foureyes("regions", "suggest", str(config.with_name("twice.png")), *options, "--json")
    assert json.loads(done.stdout) == {"vision_ocr": {}}


def test_the_shipped_file_is_not_written_to() -> None:
    """--write without --config says what to do."""
    done = foureyes("regions", "suggest", "screen.png", "--write")
    assert done.returncode == 2
    assert "--config" in done.stderr
