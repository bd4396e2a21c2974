"""FourEyes: a daemon that watches a screen, reads it with local models and reports what it saw."""

__version__ = "0.1.0"
