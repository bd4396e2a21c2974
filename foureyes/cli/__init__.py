"""The commands. Exit codes: 0 done, 1 failed, 2 wrong call or configuration, 3 already running, 4 port taken."""

from foureyes.cli.app import main

__all__ = ["main"]
