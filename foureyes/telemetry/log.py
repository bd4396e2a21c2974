"""The log: a console that a person can follow, and JSON lines with rotation; named events, redacted throughout.

The files are written in the thread that logs: a line costs little, and a queue would be one more place where the
last lines before a crash are lost. The console has a thread of its own: a pipe or terminal that nobody reads
(Ctrl-S, less) would otherwise stop the clock. loguru's `enqueue` is no help: it pickles each record into a pipe,
which fills too.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from foureyes.config.settings import Log, obs_password
from foureyes.exceptions import UsageError
from foureyes.redaction import hide, redact, redact_text
from foureyes.telemetry.lines import BackgroundWriter

if TYPE_CHECKING:
    from loguru import Record

COMBINED, ERRORS = "foureyes.log", "errors.log"
_COLOURS = {"DEBUG": "2", "INFO": "0", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}
_SHOWN_FIELDS = ("source", "task", "frame_id", "duration_ms")
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {
    ord("\n"): "\n    ",
    ord("\t"): "\t",
}
"""What a picture or a server says must not steer the terminal."""


def start_logging(settings: Log, folder: Path, *, console: bool = True) -> None:
    """Send all logging to the console (stderr) and to two rotated JSON files in `folder`.

    Raises UsageError where the folder cannot be written.
    """
    hide(obs_password())
    logger.remove()
    logger.configure(patcher=_clean)
    level, detail = settings.level.upper(), settings.file_level.upper()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, lowest, keep in ((COMBINED, detail, settings.keep), (ERRORS, "ERROR", settings.keep_errors)):
            logger.add(
                folder / name,
                level=lowest,
                format=_as_json,
                rotation=settings.max_bytes,
                retention=keep,
                encoding="utf-8",
                opener=_private,
                catch=True,
            )
    except OSError as error:
        raise UsageError(f"the log folder {folder} cannot be written: {error.strerror}; set log.folder") from error
    if console:
        logger.add(_Console(sys.stderr), level=level, format="{message}", catch=True)
    logging.basicConfig(handlers=[_Intercepted()], level=logging.WARNING, force=True)
    silent = logging.CRITICAL + 1  # obsws_python logs passwords, and tracebacks for refusals
    logging.getLogger("obsws_python").setLevel(silent)


def silence() -> None:
    """Log nowhere until `start_logging`: commands that print their findings have no log."""
    logger.remove()


def event(
    name: str, message: str, *, level: str = "info", error: BaseException | None = None, **fields: Any
) -> None:
    """Log one named event (dotted snake name) with its fields; `error` adds the traceback to the file."""
    logger.bind(event=name, **fields).opt(exception=error).log(level.upper(), "{}", message)


@contextmanager
def also_told(sink: Callable[[Any], None]) -> Iterator[None]:
    """Have each event from info on told to a sink too, as redacted as in the files, while inside."""
    number = logger.add(sink, level="INFO", format="{message}", catch=True)
    try:
        yield
    finally:
        logger.remove(number)


def log_context(**fields: Any) -> AbstractContextManager[None]:
    """Have fields (frame_id, task, ...) on every line logged inside, in this task and those it starts."""
    return logger.contextualize(**fields)


def _clean(record: Record) -> None:
    record["message"] = redact_text(record["message"])
    record["extra"] = redact(record["extra"])


def _as_json(record: Record) -> str:
    """Return loguru a template whose only field is the finished line."""
    document: dict[str, Any] = {
        "ts": record["time"].astimezone(UTC).isoformat(timespec="milliseconds"),
        "level": record["level"].name.lower(),
        "event": record["extra"].get("event", record["name"]),
        "message": record["message"],
        **{name: value for name, value in record["extra"].items() if name not in {"event", "line"}},
    }
    if (found := record["exception"]) is not None and found.value is not None:
        document["exception"] = redact_text("".join(traceback.format_exception(found.value)))
    record["extra"]["line"] = json.dumps(document, ensure_ascii=False, allow_nan=False, default=str)
    return "{extra[line]}\n"


class _Console:
    """Time, level and message, with the few fields that tell what a line is about."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and "NO_COLOR" not in os.environ
        self._lost = 0
        self._writer: BackgroundWriter[str] = BackgroundWriter(
            "console", self._show, dropped=self._lose, said=self._nothing_to_say
        )

    def write(self, message: Any) -> None:
        """Hand over one record that loguru formatted."""
        self._writer.put(self._line(message.record))

    def stop(self) -> None:
        """Show what is waiting, within a bound; loguru calls this at the end."""
        self._writer.close()

    def _line(self, record: Record) -> str:
        level, extra = record["level"].name, record["extra"]
        fields = " ".join(f"{name}={extra[name]}" for name in _SHOWN_FIELDS if extra.get(name) is not None)
        text = f"{record['message']}{f'  ({fields})' if fields else ''}".translate(_CONTROLS)
        line = f"{record['time']:HH:mm:ss} {level.lower():<7} {text}"
        return f"\033[{_COLOURS.get(level, '0')}m{line}\033[0m" if self._coloured else line

    def _show(self, line: str) -> None:
        if self._lost:
            line = f"({self._lost} lines were not shown here; the log file has them)\n{line}"
        self._stream.write(line + "\n")
        self._stream.flush()
        self._lost = 0

    def _lose(self, _reason: str) -> None:
        self._lost += 1

    def _nothing_to_say(self, _error: OSError | None) -> None:
        """A console that is gone cannot be told so; the files have every line."""


class _Intercepted(logging.Handler):
    """What libraries log through the standard library goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record to loguru, under its logger's name."""
        level = record.levelname if record.levelname in _COLOURS else "WARNING"
        logger.bind(event=record.name).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def _private(file: str, flags: int) -> int:
    return os.open(file, flags, 0o600)
