"""The replay: the real call with the captured arguments, on a virtual clock, and what came of it.

Every generated test calls `check` (pytest) or `main` (python) and holds nothing else: what is called, and with
what, is data in its folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import foureyes
from foureyes.errors.arguments import DOCUMENT
from foureyes.errors.capture import PACKAGE, path_of
from foureyes.errors.description import message_of, raised_first
from foureyes.exceptions import FourEyesError
from foureyes.forgewright.reproduction import boundary
from foureyes.forgewright.reproduction.call import called_again
from foureyes.forgewright.reproduction.guard import GuardedError, guarded
from foureyes.forgewright.reproduction.rebuilding import NotRebuiltError, Rebuilder
from foureyes.forgewright.reproduction.runner import VERDICT_MARK
from foureyes.forgewright.reproduction.verdict import Outcome
from foureyes.forgewright.reproduction.virtual_time import NeverEndsError, VirtualClock, VirtualLoop

EXPECTED = "expected.json"
_EXIT = {Outcome.REPRODUCED: 1, Outcome.NOT_REPRODUCED: 3, Outcome.NOT_REPRODUCIBLE: 4}
_HERE = __name__.rpartition(".")[0]


@dataclass(frozen=True)
class Seen:
    """What came of the call."""

    outcome: Outcome
    reason: str
    is_green: bool = False
    error: BaseException | None = None
    calls: tuple[int, ...] = ()
    """Those that showed the fault."""


def main(folder: Path) -> int:
    """Replay, say what was seen, and return the exit code: 0 passed, 1 the fault is there, else neither."""
    seen = replayed(folder)
    if seen.error is not None:
        traceback.print_exception(seen.error)
    said = {"outcome": seen.outcome, "reason": seen.reason, "package": foureyes.__file__, "calls": seen.calls}
    sys.stderr.flush()
    sys.stdout.write(f"\n{VERDICT_MARK}{json.dumps(said)}\n")
    sys.stdout.flush()
    return 0 if seen.is_green else _EXIT[seen.outcome]


def check(folder: Path) -> None:
    """Replay; return where the fault is gone, else raise what was raised, or AssertionError."""
    seen = replayed(folder)
    if seen.is_green:
        return
    if seen.error is not None:
        raise seen.error
    raise AssertionError(f"{seen.outcome}: {seen.reason}")


def replayed(folder: Path) -> Seen:
    """Make the recorded calls again and compare.

    At first each call is tried, to learn which of them show the fault. From then on those are; the fault is gone
    where one of them goes well: it is mended where it arose, or whoever called does so no more.
    """
    expected = _document(folder / EXPECTED)
    if (why := expected.get("impossible")) is not None:
        return Seen(Outcome.NOT_REPRODUCIBLE, str(why))
    captured = _document(folder / DOCUMENT)
    seen = {int(number): _made_again(folder, captured, expected, int(number)) for number in expected["calls"]}
    reproduced = tuple(number for number, each in seen.items() if each.outcome is Outcome.REPRODUCED)
    if not expected["explores"] and (green := next((each for each in seen.values() if each.is_green), None)):
        return green
    number = reproduced[0] if reproduced else next(iter(seen))
    around = f" (by calling {captured['calls'][number]['function']}, around it)" if reproduced and number else ""
    return replace(seen[number], reason=f"{seen[number].reason}{around}", calls=reproduced)


def _made_again(folder: Path, captured: Mapping[str, Any], expected: Mapping[str, Any], number: int) -> Seen:
    """One call: what came of it."""
    rebuilder = Rebuilder(folder, captured)
    refused: list[str] = []
    boundary.touched.clear()
    try:
        with _world(captured) as loop:
            rebuilder.exchange = rebuilder.of(captured["exchange"])
            with guarded() as refused:
                called_again(captured["calls"][number], rebuilder, loop)
    except NotRebuiltError as error:
        return Seen(Outcome.NOT_REPRODUCIBLE, str(error))
    except NeverEndsError:
        return Seen(Outcome.NOT_REPRODUCIBLE, "the call waits for what does not come in a reproduction")
    except Exception as error:  # noqa: BLE001 - whatever the call raises is what is to be judged
        return _judged(error, expected, [*refused, *boundary.touched])
    if refused or boundary.touched:
        return Seen(Outcome.NOT_REPRODUCIBLE, _lacking([*refused, *boundary.touched]))
    return Seen(Outcome.NOT_REPRODUCED, "the call went well", is_green=True)


@contextlib.contextmanager
def _world(captured: Mapping[str, Any]) -> Iterator[asyncio.AbstractEventLoop]:
    """The time of the call, and a loop that lives in it."""
    mono_s, at_s = float(captured["mono_s"]), float(captured["at_s"])
    began_s = _began_s(captured)
    clock = VirtualClock(began_s, at_s - (mono_s - began_s))
    loop = VirtualLoop(clock)
    with contextlib.closing(loop), clock.in_place():
        asyncio.set_event_loop(loop)
        try:
            yield loop
        finally:
            asyncio.set_event_loop(None)


def _began_s(captured: Mapping[str, Any]) -> float:
    """When the request of the call began, where there was one; else when it was over."""
    exchange = captured["exchange"]
    fields = exchange.get("fields", {}) if isinstance(exchange, dict) else {}
    began_s = fields.get("began_mono_s", captured["mono_s"])
    return float(began_s)


def _judged(error: Exception, expected: Mapping[str, Any], lacked: list[str]) -> Seen:
    culprit = raised_first(error) or error
    if lacked and _is_from_outside(error):
        return Seen(Outcome.NOT_REPRODUCIBLE, _lacking(lacked), error=error)
    place, kind = place_of(culprit), path_of(type(culprit))
    if kind == expected["type"] and place == (expected["module"], expected["function"]):
        return Seen(Outcome.REPRODUCED, f"{kind} in {place[1]} of {place[0]}: {message_of(culprit)}", error=error)
    if lacked:
        return Seen(Outcome.NOT_REPRODUCIBLE, _lacking(lacked), error=error)
    where = f"{place[1]} of {place[0]}" if place else "nowhere of ours"
    reason = f"instead {kind} in {where}: {message_of(culprit)}"
    is_handled = isinstance(error, FourEyesError) and not expected["is_domain"]
    return Seen(Outcome.NOT_REPRODUCED, reason, is_green=is_handled, error=error)


def place_of(error: BaseException) -> tuple[str, str] | None:
    """Module and name of the innermost function of ours that an exception came through."""
    place = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] == PACKAGE and not module.startswith(_HERE):
            place = module, frame.f_code.co_qualname
    return place


def _is_from_outside(error: BaseException) -> bool:
    """Whether what was lacking is what it was raised from."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, boundary.NotKeptError | GuardedError):
            return True
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return False


def _lacking(lacked: list[str]) -> str:
    return "; ".join(dict.fromkeys(lacked))


def _document(file: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document
