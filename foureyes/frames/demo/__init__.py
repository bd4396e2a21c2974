"""The built-in demo: a drawn slot machine whose truth is known at every moment."""

from foureyes.frames.demo.scene import Scene, Truth

__all__ = ["Scene", "Truth"]
