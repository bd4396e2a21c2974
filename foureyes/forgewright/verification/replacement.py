"""The files of a project changed together: all of them or none, and what was there before is kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from foureyes.exceptions import ApprovalError
from foureyes.forgewright.verification.patch import Change
from foureyes.whole_file import write_whole


def replace_files(root: Path, changes: Sequence[Change], backup: Path) -> None:
    """Write each file whole, after what was there has been kept in `backup`.

    Raises ApprovalError, and all is as it was: a file was changed meanwhile, or one cannot be written.
    """
    _keep(changes, backup)
    done: list[Change] = []
    try:
        for change in changes:
            done.append(change)
            _put(root / change.path, change.before, change.after)
    except (OSError, ApprovalError) as error:
        for change in reversed(done[:-1]):
            _put(root / change.path, change.after, change.before)
        raise ApprovalError(f"nothing was changed in {root}: {error}") from error


def _keep(changes: Sequence[Change], backup: Path) -> None:
    try:
        for change in changes:
            if change.before is not None:
                write_whole(backup / change.path, change.before)
    except OSError as error:
        raise ApprovalError(f"what is to be changed cannot be kept in {backup} first: {error}") from error


def _put(file: Path, expected: bytes | None, wanted: bytes | None) -> None:
    if (file.read_bytes() if file.exists() else None) != expected:
        raise ApprovalError(f"{file} was changed meanwhile")
    if wanted is None:
        file.unlink()
        return
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, wanted, mode=mode)
