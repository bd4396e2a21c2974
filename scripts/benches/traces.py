"""Traces of 1280x720 to measure cost on: a still screen, ticking numbers, everything moving, a noisy demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from foureyes.frames.demo import Scene
from foureyes.frames.demo.painter import paint
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.picture import Picture, Pixels

_QUALITY = 90
_SEED = 7
_CENTS_A_FRAME = 37
_SCROLL_PX = 23


def still(_: int) -> Pixels:
    """The demo's first picture, for ever."""
    return paint(Scene(_SEED, 3).moment(0))


def ticking(number: int) -> Pixels:
    """The same with all five amounts counting up in every frame."""
    first = Scene(_SEED, 3).moment(0)
    more = number * _CENTS_A_FRAME
    jackpots = tuple(cents + more for cents in first.jackpots or ())
    return paint(replace(first, jackpots=jackpots, balance=(first.balance or 0) + more))


def moving(number: int) -> Pixels:
    """The ticking picture scrolled sideways behind moving noise: no pixel stays what it was."""
    pixels = np.roll(ticking(number), number * _SCROLL_PX, axis=1)
    noise = np.random.default_rng(number).integers(0, 40, pixels.shape, np.uint8)
    return np.asarray(cv2.add(pixels, noise), np.uint8)


def noisy(number: int, sigma: float) -> Pixels:
    """The demo as a camera would see it: noise of this standard deviation, in grey levels, on every pixel."""
    pixels = paint(Scene(_SEED, 3).moment(number))
    noise = np.random.default_rng(number).normal(0, sigma, pixels.shape)
    return np.asarray(np.clip(pixels + noise, 0, 255), np.uint8)


TRACES: dict[str, Callable[[int], Pixels]] = {"still": still, "ticking": ticking, "moving": moving}
SIGMAS = (1, 2, 4)
TRACES |= {f"noisy-{sigma}": partial(noisy, sigma=sigma) for sigma in SIGMAS}


def record(name: str, folder: Path, frames: int, period_s: float) -> Path:
    """Write a trace as a recording of JPEG pictures, as OBS would give them; the folder."""
    recording = Recording(folder)
    for frame in _frames(TRACES[name], frames, period_s):
        recording.add_frame(frame)
    recording.close()
    return folder


def _frames(draw: Callable[[int], Pixels], frames: int, period_s: float) -> Iterator[Frame]:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(frames):
        encoded = cv2.imencode(".jpg", draw(number), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
        at_s = number * period_s
        at = began + timedelta(seconds=at_s)
        yield Frame(f"main-{number:06d}", "main", at, at_s, Picture(encoded=encoded))
