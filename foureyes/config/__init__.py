"""Every setting, typed, with its unit, range and default, and how a configuration is found and read."""

from foureyes.config.document import SHIPPED_CONFIG
from foureyes.config.load import load_settings
from foureyes.config.settings import Settings

__all__ = ["SHIPPED_CONFIG", "Settings", "load_settings"]
