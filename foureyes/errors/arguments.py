"""The arguments of a fault's calls, kept beside the spool for its reproduction: one folder an event.

A thread of its own takes them down, so that neither the clock nor the writing of the fault waits for it.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from foureyes.errors.capture import PACKAGE, Capture, path_of
from foureyes.errors.description import raised_first
from foureyes.exceptions import FourEyesError

DOCUMENT = "arguments.json"
KEPT = "kept"
_MOST_FRAMES = 6
_MOST_WALKED = 5000
_TIDY_EVERY_S = 600.0
_MOST_WAITING = 8
_A_MINUTE = 30
"""Faults of a storm of new kinds, beyond which arguments are not taken down."""
_DAY_S = 86_400
_EVENT_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def argument_folder(state_dir: Path) -> Path:
    """Where the arguments of a state folder's faults are."""
    return state_dir / "errors" / "arguments"


@dataclass(frozen=True)
class _Job:
    event_id: str
    error: BaseException
    mono_s: float
    at_s: float


class ArgumentStore:
    """One folder of arguments; not for two threads at a time, but for `find`."""

    def __init__(
        self, folder: Path, *, keep_days: float, max_bytes: int, now: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._keep_s = keep_days * _DAY_S
        self._max_bytes = max_bytes
        self._now = now
        self._bytes_since_pruned = 0

    @property
    def is_full(self) -> bool:
        """Whether so much was kept since the last time that it is time to prune."""
        return self._bytes_since_pruned > self._max_bytes // 10

    def keep(self, event_id: str, document: dict[str, Any], files: dict[str, bytes]) -> None:
        """Keep what belongs to an event, whole or not at all. Raises OSError."""
        text = json.dumps(document, allow_nan=False)
        self._bytes_since_pruned += len(text) + sum(map(len, files.values()))
        whole = self._folder / f".{event_id}.new"
        whole.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, data in files.items():
            (whole / name).write_bytes(data)
        (whole / DOCUMENT).write_text(text, encoding="utf-8")
        whole.replace(self._folder / event_id)

    def find(self, event_id: str) -> Path | None:
        """The folder of an event; None where there is none."""
        if not is_event_id(event_id):
            return None
        folder = self._folder / event_id
        return folder if (folder / DOCUMENT).is_file() else None

    def prune(self) -> int:
        """Remove what is too old, and the oldest of what is too much; how many went."""
        self._bytes_since_pruned = 0
        folders = sorted(self._folders(), key=lambda each: each[1])
        total, oldest_s, gone = sum(size for _, _, size in folders), self._now() - self._keep_s, 0
        for folder, changed_s, size in folders:
            if changed_s >= oldest_s and total <= self._max_bytes:
                break
            shutil.rmtree(folder, ignore_errors=True)
            total, gone = total - size, gone + 1
        return gone

    def _folders(self) -> Iterator[tuple[Path, float, int]]:
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            with contextlib.suppress(OSError):
                yield (
                    folder,
                    folder.stat().st_mtime,
                    sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
                )


def is_event_id(text: str) -> bool:
    """Whether this is an id that we gave out: nothing else becomes the name of a file."""
    return _EVENT_ID.fullmatch(text) is not None


class ArgumentKeeper:
    """Takes faults from any thread without waiting, and keeps what their calls were made with."""

    def __init__(
        self, store: ArgumentStore, *, enabled: bool, keep_pictures: bool, dropped: Callable[[str, int], None]
    ) -> None:
        self.store = store
        self._enabled = enabled
        self._keep_pictures = keep_pictures
        self._dropped = dropped
        self._jobs: deque[_Job] = deque()
        self._ready = threading.Condition()
        self._closing = False
        self._taken_mono_s: deque[float] = deque(maxlen=_A_MINUTE)
        self._tidies_mono_s = 0.0
        self._thread = threading.Thread(target=self._run, name="arguments", daemon=True)

    def start(self) -> None:
        """Begin to take them down."""
        self._thread.start()

    def offer(self, event_id: str, error: BaseException) -> str:
        """Have the arguments of a fault kept soon: `kept`, or why not."""
        if not self._enabled:
            return "they are not wanted (triage.reproduction.enabled)"
        now_s = time.monotonic()
        with self._ready:
            is_storm = len(self._taken_mono_s) == _A_MINUTE and now_s - self._taken_mono_s[0] < 60
            if is_storm or len(self._jobs) >= _MOST_WAITING or self._closing:
                return "too many faults at once"
            self._taken_mono_s.append(now_s)
            self._jobs.append(_Job(event_id, error, now_s, time.time()))
            self._ready.notify()
        return KEPT

    def close(self, within_s: float) -> None:
        """Take down what is waiting, within a bound."""
        with self._ready:
            self._closing = True
            self._ready.notify()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                capture = Capture(keep_pictures=self._keep_pictures and not _hides(job.error))
                document = arguments_of(job.error, capture) | {"mono_s": job.mono_s, "at_s": job.at_s}
                self.store.keep(job.event_id, document, capture.files)
            except Exception:  # noqa: BLE001 - whatever an exception's locals do, the next fault is taken down
                self._dropped("arguments", 1)

    def _next(self) -> _Job | None:
        """The next fault; None at the end. Now and then, however many faults come, what is old is removed."""
        while True:
            if self.store.is_full or time.monotonic() >= self._tidies_mono_s:
                self._tidies_mono_s = time.monotonic() + _TIDY_EVERY_S
                with contextlib.suppress(OSError):  # the next time
                    self.store.prune()
            with self._ready:
                self._ready.wait_for(lambda: self._jobs or self._closing, _TIDY_EVERY_S)
                if self._jobs:
                    return self._jobs.popleft()
                if self._closing:
                    return None


def arguments_of(error: BaseException, capture: Capture) -> dict[str, Any]:
    """The calls that an exception came through, the innermost first, each with its arguments."""
    culprit = raised_first(error)
    frames = list(_own_frames(culprit.__traceback__)) if culprit is not None else []
    exchange = capture.of(getattr(culprit, "exchange", None))
    return {
        "version": 1,
        "note": "the values at the fault; they may have changed since the call",
        "type": path_of(type(culprit)) if culprit is not None else None,
        "is_domain": isinstance(culprit, FourEyesError),
        "exchange": exchange,
        "calls": [_call(frame, line, capture) for frame, line in reversed(frames)],
    }


def _own_frames(trace: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    """The innermost frames of this project."""
    last: deque[tuple[FrameType, int]] = deque(maxlen=_MOST_FRAMES)
    for _ in range(_MOST_WALKED):
        if trace is None:
            break
        if trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] == PACKAGE:
            last.append((trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    yield from last


def _call(frame: FrameType, line: int, capture: Capture) -> dict[str, Any]:
    code, (names, more, keywords, values) = frame.f_code, inspect.getargvalues(frame)
    wanted = [*names, *([more] if more else ()), *([keywords] if keywords else ())]
    return {
        "module": frame.f_globals["__name__"],
        "function": code.co_qualname,
        "line": line,
        "positional": names[: code.co_argcount],
        "keyword": names[code.co_argcount :],
        "more": more,
        "keywords": keywords,
        "arguments": {name: capture.of(values[name], is_own=name == "self") for name in wanted if name in values},
    }


def _hides(error: BaseException) -> bool:
    """Whether the fault came through a camera that paints parts black: what is below it has seen all of it."""
    culprit = raised_first(error)
    trace = culprit.__traceback__ if culprit is not None else None
    for _ in range(_MOST_WALKED):
        if trace is None:
            return False
        if trace.tb_frame.f_globals.get("__name__") == "foureyes.frames.camera":
            own = trace.tb_frame.f_locals.get("self")
            if getattr(own, "hides_parts", False):
                return True
        trace = trace.tb_next
    return False
