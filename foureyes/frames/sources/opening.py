"""Making a source from its settings."""

from __future__ import annotations

from foureyes.config import settings as config
from foureyes.frames.source import Source
from foureyes.frames.sources.images import ImagesSource
from foureyes.frames.sources.obs import ObsSource
from foureyes.frames.sources.replay import ReplaySource
from foureyes.frames.sources.screen import ScreenSource
from foureyes.frames.sources.video import VideoSource


def open_source(settings: config.Source, *, obs_password: str) -> Source:
    """Return the source that `settings` describes; it touches nothing before its first `grab`.

    `auto` is no source: `auto.choose` makes it one first.
    """
    match settings:
        case config.ObsSource():
            return ObsSource(settings, obs_password=obs_password)
        case config.ScreenSource():
            return ScreenSource(settings)
        case config.VideoSource():
            return VideoSource(settings)
        case config.ImagesSource():
            return ImagesSource(settings)
        case config.ReplaySource():
            return ReplaySource(settings)
        case config.DemoSource():
            from foureyes.frames.sources.demo import DemoSource  # noqa: PLC0415 - it draws: not needed by the others

            return DemoSource(settings)
        case config.AutoSource():
            raise ValueError("auto is resolved by auto.choose before a source is opened")
