"""Every setting, typed, with its unit, range and default, and how a configuration is found and read."""

from foureyes.config.load import SHIPPED_CONFIG, load_settings
from foureyes.config.settings import Settings

__all__ = ["SHIPPED_CONFIG", "Settings", "load_settings"]
