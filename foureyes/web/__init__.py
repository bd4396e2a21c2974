"""The daemon's HTTP: health, metrics, readings, live events and a page."""
