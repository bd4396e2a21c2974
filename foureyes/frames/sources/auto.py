"""Choosing a source where none is configured: OBS where one answers, else the screen, else the demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foureyes.config import settings as config
from foureyes.exceptions import FourEyesError, SourcePasswordError
from foureyes.frames.source import Source
from foureyes.frames.sources.obs import ObsSource
from foureyes.frames.sources.screen import ScreenSource

OBS_PORT = 4455
_OBS_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Choice:
    """What was chosen, as settings of a concrete kind, and why, as a sentence for the log and for /health."""

    settings: config.Source
    why: str


def choose(settings: config.AutoSource, *, obs_password: str, obs_port: int = OBS_PORT) -> Choice:
    """Try the real thing, one after the other; takes up to about 2 s, and blocks meanwhile."""
    common = settings.model_dump(exclude={"kind"})
    obs = config.ObsSource(kind="obs", port=obs_port, **common)
    quick = obs.model_copy(update={"timeout_s": _OBS_TIMEOUT_S})
    no_obs = _trouble(ObsSource(quick, obs_password=obs_password))
    if no_obs is None:
        return Choice(obs, f"OBS answers at {obs.host}:{obs.port}, so its program scene is watched")
    screen = config.ScreenSource(kind="screen", **common)
    no_screen = _trouble(ScreenSource(screen))
    if no_screen is None:
        return Choice(screen, f"no OBS ({no_obs}), so the screen is watched: {ScreenSource(screen).description}")
    return Choice(_demo(common), f"no OBS ({no_obs}) and no screen ({no_screen}), so the demo is watched")


def _demo(common: dict[str, Any]) -> config.DemoSource:
    return config.DemoSource(kind="demo", **common)


def _trouble(source: Source) -> str | None:
    """Why the source gives no picture now; None where it gives one."""
    try:
        _ = source.grab().pixels
    except SourcePasswordError as error:
        return str(error)
    except FourEyesError as error:
        return str(error).partition(";")[0]  # what to do about it is no business of who wants none of it
    finally:
        source.close()
    return None
