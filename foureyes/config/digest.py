"""The digest of a configuration: tells two apart without telling what is in them."""

from __future__ import annotations

import hashlib
import json

from foureyes.config.settings import Settings


def config_digest(settings: Settings) -> str:
    """Sixteen hexadecimal digits, equal for equal settings."""
    document = json.dumps(settings.model_dump(mode="json", by_alias=True), sort_keys=True)
    return hashlib.sha256(document.encode()).hexdigest()[:16]
