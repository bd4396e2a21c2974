"""Sources as they are written on the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from foureyes.config import settings as config
from foureyes.exceptions import UsageError

GRAMMAR = "auto, obs[:NAME], screen[:N|:X,Y,W,H], video:FILE, images:FOLDER, replay:DIR, demo[:SEED]"


def parse_source(text: str) -> config.Source:
    """Return the settings of the source that `text` names, with the id "main". Raises UsageError."""
    kind, colon, rest = text.partition(":")
    make = _KINDS.get(kind)
    if make is None or (colon and not rest):
        raise _fault(text)
    try:
        return make(rest)
    except ValidationError as error:
        details = error.errors()[0]
        place = ".".join(str(part) for part in details["loc"])
        raise _fault(text, f" ({place}: {details['msg']})" if place else f" ({details['msg']})") from error
    except ValueError as error:
        raise _fault(text) from error


def _fault(text: str, why: str = "") -> UsageError:
    return UsageError(f"{text!r} names no source{why}; write one of {GRAMMAR}")


def _auto(rest: str) -> config.Source:
    _none(rest)
    return config.AutoSource(kind="auto")


def _obs(rest: str) -> config.Source:
    return config.ObsSource(kind="obs", scene=rest or None)


def _screen(rest: str) -> config.Source:
    if "," in rest:
        x, y, width, height = (int(part) for part in rest.split(","))
        return config.ScreenSource(kind="screen", rect=(x, y, width, height))
    return config.ScreenSource(kind="screen", monitor=int(rest or 1))


def _video(rest: str) -> config.Source:
    return config.VideoSource(kind="video", path=_path(rest))


def _images(rest: str) -> config.Source:
    return config.ImagesSource(kind="images", path=_path(rest))


def _replay(rest: str) -> config.Source:
    return config.ReplaySource(kind="replay", path=_path(rest))


def _demo(rest: str) -> config.Source:
    return config.DemoSource(kind="demo", seed=int(rest or 1))


def _none(rest: str) -> None:
    if rest:
        raise ValueError("nothing may follow")


def _path(rest: str) -> Path:
    if not rest:
        raise ValueError("a path must follow")
    return Path(rest).expanduser()


_KINDS: dict[str, Callable[[str], config.Source]] = {
    "auto": _auto,
    "obs": _obs,
    "screen": _screen,
    "video": _video,
    "images": _images,
    "replay": _replay,
    "demo": _demo,
}
