"""A proposed fix: a unified diff in a file that may hold anything, and what it makes of a tree.

Git itself judges and applies it, so that what was judged is what is applied; where there is no git there is no
verification. Only whole text files inside the tree may change, appear or go: no links, modes or renames.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from foureyes.exceptions import PatchRefusedError, VerificationError
from foureyes.servers.process import program

MAX_PATCH_BYTES = 1_000_000
_MAX_FILE_BYTES = 10_000_000
_GIT_TIMEOUT_S = 30.0
_SAID_CHARS = 500
_MOST_SAID_CHARS = 60_000
_PLAIN_CHANGE = re.compile(r" (?:create mode 100644|delete mode 100(?:644|755)|(?:create|delete) (?!mode \d)) ?")
_BINARY = "-"


@dataclass(frozen=True)
class Patch:
    """The bytes of a patch, read once: what is verified is what is applied."""

    data: bytes

    @property
    def sha256(self) -> str:
        """What tells this patch from another."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Change:
    """What becomes of one file; None where there is none."""

    path: PurePosixPath
    """From the top of the tree."""
    before: bytes | None
    after: bytes | None


def mark_of(file: Path) -> str | None:
    """What tells a file from the one that stands there later, without reading it; None where there is none yet."""
    try:
        found = file.lstat()
    except OSError:
        return None
    is_begun = stat.S_ISREG(found.st_mode) and found.st_size == 0
    return None if is_begun else f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"


def read_patch(file: Path) -> Patch:
    """Read a patch. Raises PatchRefusedError where it is no plain file of a fair size, or is not there."""
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode) or file.is_symlink():
                raise PatchRefusedError(f"{file} is no plain file: the patch itself is wanted there")
            data = stream.read(MAX_PATCH_BYTES + 1)
    except OSError as error:
        why = "it is a link, which could lead anywhere" if file.is_symlink() else error.strerror or str(error)
        raise PatchRefusedError(f"the patch {file} cannot be read: {why}") from error
    if len(data) > MAX_PATCH_BYTES:
        raise PatchRefusedError(f"the patch {file} is larger than {MAX_PATCH_BYTES:,} bytes: no fix is so large")
    return Patch(data)


async def changes_of(patch: Patch, root: Path, scratch: Path, *, reverse: bool = False) -> list[Change]:
    """What a patch makes of the files of a tree, which stays as it is; `scratch` is an empty folder.

    Raises PatchRefusedError where the patch does not fit, or does more than it may; VerificationError without git.
    """
    file, tree = scratch / "patch", scratch / "tree"
    await asyncio.to_thread(tree.mkdir)
    await asyncio.to_thread(file.write_bytes, patch.data)
    paths = await _touched(patch, file, tree)
    before = await asyncio.to_thread(_laid_out, paths, root, tree)
    await _git("apply", *(["--reverse"] if reverse else []), file=file, tree=tree)
    after = await asyncio.to_thread(lambda: {path: _read(tree, path) for path in paths})
    changes = [Change(path, before[path], after[path]) for path in paths if before[path] != after[path]]
    if not changes:
        raise PatchRefusedError("the patch changes nothing")
    return changes


def _laid_out(paths: Iterable[PurePosixPath], root: Path, tree: Path) -> dict[PurePosixPath, bytes | None]:
    """Put what is at these paths of one tree into another; what it is."""
    contents = {path: _read(root, path) for path in paths}
    for path, data in contents.items():
        if data is not None:
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
    return contents


async def _touched(patch: Patch, file: Path, tree: Path) -> list[PurePosixPath]:
    """The files that a patch touches. Raises PatchRefusedError where it does more than change their text."""
    said = await _git("apply", "--numstat", "--summary", "-z", file=file, tree=tree)
    if len(said) >= _MOST_SAID_CHARS:
        raise PatchRefusedError("the patch touches too many files")
    numbers, _, summary = said.rpartition("\0")
    records = [record.split("\t", 2) for record in numbers.split("\0")]
    for line in summary.splitlines():
        if not _PLAIN_CHANGE.match(line):
            raise PatchRefusedError(f"the patch does more than change the text of files: {line.strip()[:200]}")
    if binary := [path for added, _, path in records if added == _BINARY]:
        raise PatchRefusedError(f"the patch is of something binary: {binary[0][:200]}")
    return [_inside(path, patch) for _, _, path in records]


def _inside(name: str, patch: Patch) -> PurePosixPath:
    """A path from the top of the tree; git looks at it too, when it applies the patch."""
    path = PurePosixPath(name)
    was_absolute = re.search(rb"^(?:---|\+\+\+) /" + re.escape(name.encode()) + rb"\s*$", patch.data, re.MULTILINE)
    if path.is_absolute() or was_absolute or {"..", ".git"} & {part.lower() for part in path.parts}:
        raise PatchRefusedError(f"the patch reaches beyond the project: {name[:200]}")
    if not name.isprintable() or set("\\:\ufffd") & set(name):
        raise PatchRefusedError(f"the patch has a path that not every system can hold: {name[:200]!r}")
    return path


def _read(root: Path, path: PurePosixPath) -> bytes | None:
    """A file of a tree; None where there is none. Raises PatchRefusedError where it is anything else."""
    file = root / path
    if not file.parent.resolve().is_relative_to(root.resolve()) or file.is_symlink():
        raise PatchRefusedError(f"the patch touches {path}, which leads elsewhere by a link")
    if not file.exists():
        return None
    if not file.is_file() or file.stat().st_size > _MAX_FILE_BYTES:
        raise PatchRefusedError(f"the patch touches {path}, which is no file or over {_MAX_FILE_BYTES:,} bytes")
    return file.read_bytes()


def git() -> Path:
    """Where git is. Raises VerificationError without it."""
    found = program.found("git")
    if found is None:
        raise VerificationError("there is no git, which applies patches: install it (apt-get install git)")
    return found


async def _git(*arguments: str, file: Path, tree: Path) -> str:
    """What git says to a patch. Raises PatchRefusedError with its words where it refuses it."""
    output = bytearray()
    command: list[str | Path] = [git(), *arguments, "--whitespace=nowarn", file]
    code = await program.run(command, output, cwd=tree, env=_environment(tree), timeout_s=_GIT_TIMEOUT_S)
    said = output.decode("utf-8", "replace")
    if code is program.OUT_OF_TIME:
        raise PatchRefusedError(f"git did not get through the patch within {_GIT_TIMEOUT_S:g} s")
    if code != 0:
        raise PatchRefusedError(f"git does not take the patch: {_words(said.splitlines())}")
    return said


def _words(lines: Iterable[str]) -> str:
    return "; ".join(line.removeprefix("error: ").strip() for line in lines)[:_SAID_CHARS]


def _environment(tree: Path) -> dict[str, str]:
    """No configuration but git's own, and no repository around the tree: paths count from its top."""
    ours = program.environment_without_secrets()
    return {name: value for name, value in ours.items() if not name.startswith("GIT_")} | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(tree.resolve().parent),
        "LC_ALL": "C",
    }
