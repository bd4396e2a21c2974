"""Cases as files in a folder that somebody watches."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from foureyes.exceptions import HandOverError
from foureyes.whole_file import write_whole


class Folder:
    """One folder; a case is the file `<id>.json`."""

    name = "folder"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self) -> str:
        """Make the folder where there is none. Raises HandOverError where it cannot be written."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        if not os.access(self._folder, os.W_OK):
            raise self._unwritable("permission denied")
        return f"files in {self._folder}"

    async def deliver(self, case_id: str, case_file: Path) -> None:
        """Put the case there, whole or not at all. Raises HandOverError."""
        try:
            await asyncio.to_thread(self._write, case_id, case_file)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error

    def _write(self, case_id: str, case_file: Path) -> None:
        write_whole(self._folder / f"{case_id}.json", case_file.read_bytes())

    def _unwritable(self, reason: str) -> HandOverError:
        return HandOverError(f"the folder {self._folder} (triage.folder) cannot be written: {reason}")
