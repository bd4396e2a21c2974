"""From a frame to a reading: what changed, cache, router, inference, and the watch loop of one source."""
