"""Reproductions in tests: a fault recorded into a folder, its platform, and what running that shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from foureyes.config.triage import Reproduction
from foureyes.errors.arguments import DOCUMENT, argument_folder
from foureyes.errors.capture import Capture
from foureyes.forgewright.reproduction import platform
from foureyes.forgewright.reproduction.maker import Made, Maker
from foureyes.forgewright.reproduction.rebuilding import Rebuilder
from foureyes.forgewright.reproduction.replay import Seen, replayed
from parts.faulty import events, recording


def caught(function: Callable[..., Any], *arguments: Any, **named: Any) -> Exception:
    """What a call of ours raises, with its traceback."""
    try:
        result = function(*arguments, **named)
        if asyncio.iscoroutine(result):
            asyncio.run(result)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("the call went well")


def reproduced(folder: Path, error: Exception, **more: Any) -> Made:
    """Record an exception and make its reproduction."""
    with recording(folder, **more) as running:
        assert running.recorder.record_now(error, "test", within_s=10)
    return made(folder, events(folder)[-1])


def made(folder: Path, document: dict[str, Any], **settings: Any) -> Made:
    """The reproduction of an event that was recorded."""
    return asyncio.run(Maker(folder, Reproduction(**settings)).make(document))


def seen(folder: Path, error: Exception) -> Seen:
    """Record an exception, write its platform, and replay it in this process: no other one need be started."""
    captured(folder, error)
    (event,) = events(folder)
    arguments = argument_folder(folder) / event["id"]
    made_of = platform.platform_of(folder, event["id"])
    if not platform.write(made_of, event, arguments, None, "nothing"):
        raise AssertionError("there is no call to be made")
    return replayed(made_of.data)


def captured(folder: Path, error: Exception, **more: Any) -> dict[str, Any]:
    """What is kept of the calls of an exception once it is recorded."""
    with recording(folder, **more) as running:
        assert running.recorder.record_now(error, "test", within_s=10)
    (event,) = events(folder)
    document: dict[str, Any] = json.loads((argument_folder(folder) / event["id"] / DOCUMENT).read_text("utf-8"))
    return document


def there_and_back(folder: Path, value: Any, *, keep_pictures: bool = True) -> Any:
    """A value taken apart, written, read and built again, as another process would have it."""
    capture = Capture(keep_pictures=keep_pictures)
    kept = json.loads(json.dumps(capture.of(value), allow_nan=False))
    for name, data in capture.files.items():
        (folder / name).write_bytes(data)
    return Rebuilder(folder, kept).of(kept)
