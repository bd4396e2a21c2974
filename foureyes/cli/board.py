"""What `foureyes status` shows: the words of /health with their reasons, and the latest readings, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from foureyes.telemetry.words import MEANINGS, QUIET, Word

_STYLES = {"bad": "bold red", "warn": "yellow", "busy": "cyan", "quiet": "dim", "good": "green"}
_MB = 1e6

Document = Mapping[str, Any]


def board(status: Document, readings: list[dict[str, Any]]) -> list[Text]:
    """One line a part: the whole, the parts that are not well first, machine and targets, readings."""
    return [*_head(status), *_parts(status["components"]), *_figures(status), *map(_reading, readings)]


def blind(reason: str, since: str) -> Text:
    """What is said while the daemon does not answer."""
    return Text.assemble(_word(Word.BLIND), f": no answer from the daemon since {since}: {printable(reason)}")


def printable(text: object) -> str:
    """A text of one line without what would steer a terminal: it may come from a picture."""
    return "".join(char if char.isprintable() else "�" for char in str(text))


def _head(status: Document) -> Iterator[Text]:
    yield Text.assemble(_word(status["status"]), ": ", printable(status["summary"]["sentence"]))
    yield Text(f"FourEyes {status['version']}, up {_span(status['uptime_s'])}, as of {_clock(status['at'])}")
    for note in status["substitutions"]:
        yield Text(f"  {printable(note)}", "dim")


def _parts(components: Document) -> Iterator[Text]:
    ordered = sorted(components.items(), key=lambda item: -_weight(item[1]["state"]))
    width = max((len(name) for name in components), default=0)
    for name, part in ordered:
        details = [part.get("reason"), _healing(part), *part.get("missing", ())]
        told = "; ".join(dict.fromkeys(printable(each) for each in details if each))
        since = f"since {_clock(part['since'])}" if part.get("since") else ""
        state, behind = part["state"], f"{since}  {told}".rstrip()
        yield Text.assemble(f"  {name:<{width}}  ", _word(state), " " * (11 - len(state)), behind)


def _healing(part: Document) -> str | None:
    return f"healing: {part['healing']}" if part.get("healing") else None


def _figures(status: Document) -> Iterator[Text]:
    memory = status["memory"]
    servers = "".join(f", {name} {_mb(used)}" for name, used in memory["servers"].items())
    yield Text(
        f"  memory: daemon {_mb(memory['resident_bytes'])}{servers}; {_mb(memory['available_bytes'])} available"
    )
    for task, target in status["targets"].items():
        if target["target_ms"] is not None and target["p95_ms"] is not None:
            style = "green" if target["met"] else "yellow"
            met = "met" if target["met"] else "not met"
            yield Text(f"  {task}: p95 {target['p95_ms']:.0f} ms, target {target['target_ms']:g} ms, {met}", style)


def _reading(reading: Document) -> Text:
    values = ", ".join(f"{field}={_value(reading, field)}" for field in reading["values"])
    age_ms = reading["age_now_ms"]
    age = "never read" if age_ms is None else f"{age_ms / 1000:.1f} s old"
    by = f"{reading['model']}, " if reading.get("model") else ""
    mark = ", fallback" if reading.get("fallback") else ""
    where = f"{reading['source']}/{reading['task']}"
    return Text(f"  {where}: {printable(values)} ({by}{reading['origin'] or 'not read'}, {age}{mark})")


def _value(reading: Document, field: str) -> str:
    value = reading["values"][field]
    return f"({reading['withheld'].get(field, 'null')})" if value is None else str(value)


def _word(state: str) -> Text:
    """A word in its colour; one of a daemon of another version has none."""
    known = _known(state)
    return Text(printable(state), "" if known is None else _STYLES[MEANINGS[known].tone])


def _weight(state: str) -> int:
    """What is well keeps its place behind what is not."""
    known = _known(state)
    return len(Word) if known is None else 0 if known in QUIET else known.weight


def _known(state: str) -> Word | None:
    return Word(state) if state in set(Word) else None


def _clock(moment: str) -> str:
    return moment[11:19]


def _mb(size_bytes: float) -> str:
    return f"{size_bytes / _MB:.0f} MB"


def _span(seconds: float) -> str:
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {left} s" if minutes else f"{left} s"
