"""R29: every one-digit change is seen through a real OBS at every quality; what did not change never fires."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from parts.amounts import WIDTH, cells, drawn_amounts
from parts.obs_studio import ObsStudio
from parts.program import wait_until

from foureyes.config.settings import ObsSource as ObsSettings
from foureyes.frames.sources.obs import ObsSource
from foureyes.picture import Pixels, encode_png
from foureyes.vision.change import HIGHEST_THRESHOLD, TILE_PX, changed, difference

pytestmark = pytest.mark.obs

SIZES_PX = (14, 20)
INKS = {"grey on grey": (128, 96), "light on dark": (230, 20), "dark on light": (20, 230)}
FORMATS = {"q40": ("jpg", 40), "q75": ("jpg", 75), "q90": ("jpg", 90), "png": ("png", 90)}

Capture = Callable[[str, str], Pixels]


def scene_name(px: int, ink: str, *, after: bool) -> str:
    return f"{px} px {ink} {'after' if after else 'before'}"


@pytest.fixture(scope="module")
def capture(obs_studio: ObsStudio, tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """Pictures of scenes as the source `obs` gives them: one for each size, contrast and side of the change."""
    folder, drawings = tmp_path_factory.mktemp("amounts"), {}
    for px in SIZES_PX:
        for ink, colours in INKS.items():
            for after in (False, True):
                name = scene_name(px, ink, after=after)
                drawings[name] = drawn_amounts(px, *colours, after=after)
                show(obs_studio, name, drawings[name], folder)

    def captured(scene: str, form: str) -> Pixels:
        image_format, quality = FORMATS[form]
        wanted = {"kind": "obs", "port": obs_studio.port, "scene": scene, "timeout_s": 15}
        settings = ObsSettings.model_validate({**wanted, "image_format": image_format, "jpeg_quality": quality})
        with contextlib.closing(ObsSource(settings, obs_password=obs_studio.password)) as source:
            return source.grab().pixels

    def all_shown() -> bool:
        return all(is_shown(captured(name, "q90"), pixels) for name, pixels in drawings.items())

    wait_until(all_shown, 60, "OBS to show all scenes")
    return captured


def show(obs: ObsStudio, name: str, pixels: Pixels, folder: Path) -> None:
    file = folder / f"{name}.png"
    file.write_bytes(encode_png(pixels))
    obs.add_scene(name)
    obs.show_image(file, name=f"picture of {name}", scene=name)


def is_shown(captured: Pixels, drawn: Pixels) -> bool:
    return captured.shape == drawn.shape and float(np.abs(captured.astype(int) - drawn).mean()) < 3


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("px", SIZES_PX)
def test_r29_every_one_digit_change_is_seen_through_obs(
    capture: Capture, record_testsuite_property: Callable[[str, object], None], px: int, ink: str, form: str
) -> None:
    """R29: each pair of digits in each place of an amount is a change of its region; equal amounts are none."""
    before = capture(scene_name(px, ink, after=False), form)
    after = capture(scene_name(px, ink, after=True), form)
    overlooked, fired, weakest = [], [], 255.0
    for cell in cells(px):
        box = cell.region.box(WIDTH, before.shape[0], TILE_PX)
        assert box == cell.box
        seen = changed(box.cut(after), box.cut(before), None)
        if cell.before == cell.after:
            fired += [cell] if seen else []
            continue
        overlooked += [] if seen else [cell]
        weakest = min(weakest, float(difference(box.cut(after), box.cut(before)).max()) / 9)
    record_testsuite_property(f"weakest change, {px} px {ink} {form}, 3x3 mean", round(weakest, 1))
    assert not overlooked
    assert not fired


@pytest.mark.parametrize("form", FORMATS)
def test_a_scene_that_did_not_change_never_fires(capture: Capture, form: str) -> None:
    """Captures of a still scene are equal to the last pixel, also after another scene was captured between."""
    name = scene_name(14, "grey on grey", after=False)
    accepted = capture(name, form)
    for _ in range(4):
        capture(scene_name(14, "grey on grey", after=True), form)
        assert not changed(capture(name, form), accepted, None)


def test_no_threshold_for_noise_could_hide_a_digit_at_the_quality_that_ships(capture: Capture) -> None:
    """At quality 90 and low contrast, every change is above the highest threshold that noise may teach."""
    for px in SIZES_PX:
        before, after = (capture(scene_name(px, "grey on grey", after=side), "q90") for side in (False, True))
        height, width = next(cell.box.height for cell in cells(px)), next(cell.box.width for cell in cells(px))
        highest = np.full((height // TILE_PX, width // TILE_PX), HIGHEST_THRESHOLD * 9, np.uint16)
        changes = [cell.box for cell in cells(px) if cell.before != cell.after]
        assert all(changed(box.cut(after), box.cut(before), highest) for box in changes)
