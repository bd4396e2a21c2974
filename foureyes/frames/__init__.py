"""Frames, regions, the clock, and the sources that pictures come from."""
