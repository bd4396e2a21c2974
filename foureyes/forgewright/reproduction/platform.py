"""The platform of a fault: its test file and its data, in the state folder's T00L5ET."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foureyes.errors.arguments import DOCUMENT, is_event_id
from foureyes.exceptions import UnknownFaultError
from foureyes.forgewright.reproduction.replay import EXPECTED

_PREFIX = "test_reproduction_"
_MOST_CALLS = 3
"""Where the innermost call does not show the fault, or is not where it is mended, those around it may be."""
TEST = '''"""The reproduction of a recorded fault: red while the fault is there, green once it is gone.

Written by FourEyes; run it with python or with pytest. What it calls, with what, and what is expected are data in
its folder: this file is the same for every fault.
"""

from pathlib import Path

from foureyes.forgewright.reproduction.replay import check, main

HERE = Path(__file__).resolve()
DATA = HERE.parents[1] / "data" / HERE.stem.removeprefix("test_reproduction_")


def test_the_fault_is_gone() -> None:
    check(DATA)


if __name__ == "__main__":
    raise SystemExit(main(DATA))
'''


@dataclass(frozen=True)
class Platform:
    """Where one fault's test and data are."""

    test_file: Path
    data: Path


def platforms_folder(state_dir: Path) -> Path:
    """Where all of a state folder are."""
    return state_dir / "T00L5ET"


def platform_of(state_dir: Path, event_id: str) -> Platform:
    """The place of an event's platform. Raises UnknownFaultError for what is no id of ours."""
    if not is_event_id(event_id):
        raise UnknownFaultError(f"{event_id[:80]!r} is no id of a fault")
    folder = platforms_folder(state_dir)
    return Platform(folder / "tests" / f"{_PREFIX}{event_id}.py", folder / "data" / event_id)


def write(
    platform: Platform, document: Mapping[str, Any], arguments: Path | None, picture: Path | None, why: str
) -> int:
    """Write a platform anew; how many calls can be tried. `why` says why there are none. Raises OSError."""
    shutil.rmtree(platform.data, ignore_errors=True)
    platform.data.mkdir(parents=True, mode=0o700)
    platform.test_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if arguments is not None:
        shutil.copytree(arguments, platform.data, dirs_exist_ok=True)
    if picture is not None:
        shutil.copyfile(picture, platform.data / f"frame{picture.suffix}")
    captured = json.loads((platform.data / DOCUMENT).read_text("utf-8")) if arguments else {}
    calls = captured.get("calls", [])
    fault = {"event": document["id"], "fingerprint": document["fingerprint"], "message": document["message"]}
    expected = {"type": captured.get("type"), "is_domain": captured.get("is_domain"), "fault": fault}
    if calls:
        tried = list(range(min(len(calls), _MOST_CALLS)))
        place = {"module": calls[0]["module"], "function": calls[0]["function"]}
        expected |= place | {"calls": tried, "explores": True}
    else:
        expected["impossible"] = why
    _write(platform.data / EXPECTED, expected)
    platform.test_file.write_text(TEST, encoding="utf-8")
    return len(calls)


def choose(platform: Platform, calls: Sequence[int]) -> None:
    """Have the test make these calls from now on, those that showed the fault."""
    expected = json.loads((platform.data / EXPECTED).read_text("utf-8"))
    _write(platform.data / EXPECTED, expected | {"calls": list(calls) or [0], "explores": False})


def remove_old(state_dir: Path, *, oldest_s: float, max_bytes: int) -> int:
    """Remove the platforms that are too old, and the oldest of what is too much; how many went."""
    found = sorted(_sizes(platforms_folder(state_dir) / "data"), key=lambda each: each[1])
    total, gone = sum(size for _, _, size in found), 0
    for folder, made_s, size in found:
        if made_s >= oldest_s and total <= max_bytes:
            break
        platform_of(state_dir, folder.name).test_file.unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)
        total, gone = total - size, gone + 1
    return gone


def made_since(state_dir: Path, since_s: float) -> int:
    """How many platforms were made since then."""
    return sum(made_s >= since_s for _, made_s, _ in _sizes(platforms_folder(state_dir) / "data"))


def _sizes(folder: Path) -> Iterator[tuple[Path, float, int]]:
    """Each platform's data, when it was made, its bytes."""
    for each in folder.iterdir() if folder.is_dir() else ():
        if is_event_id(each.name):
            with contextlib.suppress(OSError):
                yield each, each.stat().st_mtime, sum(file.stat().st_size for file in each.iterdir())


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(document, indent=2, ensure_ascii=True, allow_nan=False), encoding="utf-8")
