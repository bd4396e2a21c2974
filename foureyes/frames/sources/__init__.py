"""The kinds of picture sources, and how one is made from its settings."""

from foureyes.frames.sources.opening import open_source

__all__ = ["open_source"]
