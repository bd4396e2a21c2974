"""The demo as a picture source: it works on any machine, with nothing connected."""

from __future__ import annotations

from itertools import count

from foureyes.config import settings
from foureyes.frames.demo import Scene
from foureyes.frames.demo.painter import HEIGHT, WIDTH, paint
from foureyes.frames.demo.story import Moment
from foureyes.picture import Picture


class DemoSource:
    """Gives picture 0, 1, 2... of the demo's scene, one a grab, however much time passes between."""

    kind = "demo"
    finite = False

    def __init__(self, config: settings.DemoSource) -> None:
        self._scene = Scene(config.seed, config.fps)
        self._numbers = count()
        self._last: tuple[Moment, Picture] | None = None

    @property
    def description(self) -> str:
        """What is watched, for people."""
        return f"the built-in demo, seed {self._scene.seed}, {WIDTH}x{HEIGHT}"

    def grab(self) -> Picture:
        """Return the next picture; the very same object where nothing changed since the last one."""
        shown = self._scene.moment(next(self._numbers))
        if self._last is None or self._last[0] != shown:
            self._last = shown, Picture(pixels=paint(shown))
        return self._last[1]

    def close(self) -> None:
        """Nothing is held."""
