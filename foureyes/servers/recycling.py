"""When a server's models are loaded anew although nothing is wrong: image after image, their engines leak."""

from __future__ import annotations

from foureyes.config.settings import Recycling


def recycle_due(rules: Recycling, *, images: int, rss_bytes: int | None) -> str | None:
    """Why a server is to be recycled now, as a sentence's end; None while it is not."""
    if rules.above_mb is not None and rss_bytes is not None and rss_bytes > rules.above_mb * 1_000_000:
        return f"at {rss_bytes / 1e6:.0f} MB of memory (limit {rules.above_mb})"
    if rules.after_images is not None and images >= rules.after_images:
        return f"after {images} images"
    return None
