"""Faults: described, grouped and kept on disk before anybody is told of them; MongoDB gets them from there."""
