"""One page of Markdown for a group: what a person or a coding agent needs to work on it.

What comes from an exception stands in fences that it cannot close: it is data, and may be hostile.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foureyes.errors.group import Group
from foureyes.errors.plain import stamp

_SHOWN_EVENTS = 20


def one_line(text: str, most_chars: int = 100) -> str:
    """A text on one line, without what would steer a terminal."""
    line = "".join(char if char.isprintable() else " " for char in text[: most_chars * 2])
    line = " ".join(line.split())
    return line if len(line) <= most_chars else f"{line[: most_chars - 1]}…"


@dataclass(frozen=True)
class ReproductionNote:
    """What a page says of the reproduction: its verdict, and the command that runs it."""

    verdict: str
    command: str


def markdown(
    group: Group,
    events: Sequence[Mapping[str, Any]],
    options: Sequence[str],
    reproduction: ReproductionNote | None = None,
) -> str:
    """The page of a group; `events` are its documents, the newest first.

    `options` are those of the commands on it, so that they run as they are printed.
    """
    newest = _newest(events[0]) if events else ()
    last = _next(group, options, has_case=reproduction is not None)
    return "\n".join([*_head(group), *newest, *_test(reproduction), *_history(events), *last])


def _head(group: Group) -> Iterator[str]:
    facts = {
        "group": group.fingerprint,
        "status": group.status,
        "severity": group.severity,
        "class": group.bug_class,
        "component": group.component,
        "seen": f"{group.count} times, {stamp(group.first_seen)} to {stamp(group.last_seen)}",
    }
    yield f"# {_inline(group.type)} in {_inline(group.component)}"
    yield ""
    yield from (f"- {name}: {_inline(str(value))}" for name, value in facts.items())
    yield ""
    yield from _fenced(group.message)


def _newest(event: Mapping[str, Any]) -> Iterator[str]:
    context = event["context"]
    crumbs = context.get("breadcrumbs", []) if isinstance(context, dict) else []
    yield f"## The last event kept in full: {_inline(event['id'])}"
    yield ""
    yield "Frames, outermost first; `>` marks the project's own."
    yield from _fenced("\n".join(_frames(event["stack"])))
    for link in event["chain"]:
        if isinstance(link, dict):
            yield f"Raised from ({_inline(str(link.get('relation')))}):"
            yield from _fenced(
                "\n".join([f"{link.get('type')}: {link.get('message')}", *_frames(link.get("stack"))])
            )
    yield "### Context"
    rest = (
        {key: value for key, value in context.items() if key != "breadcrumbs"} if isinstance(context, dict) else {}
    )
    yield from _fenced(json.dumps(rest, indent=2, ensure_ascii=False), "json")
    yield "### What the log said before"
    yield from _fenced("\n".join(_crumb(crumb) for crumb in crumbs))


def _frames(stack: Any) -> Iterator[str]:
    for frame in stack if isinstance(stack, list) else ():
        if isinstance(frame, dict):
            mark = ">" if frame.get("in_project") else " "
            yield f"{mark} {frame.get('file')}:{frame.get('line')} in {frame.get('function')}"
            yield f"      {frame.get('code')}"
        else:
            yield f"  {frame}"


def _crumb(crumb: Any) -> str:
    if not isinstance(crumb, dict):
        return str(crumb)
    return one_line(f"{crumb.get('at')} {crumb.get('level')} {crumb.get('event')}: {crumb.get('message')}", 200)


def _test(reproduction: ReproductionNote | None) -> Iterator[str]:
    if reproduction is None:
        return
    yield "## The reproduction"
    yield ""
    yield from _fenced(f"{reproduction.verdict}\n{reproduction.command}")


def _history(events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Events kept in full"
    yield ""
    for event in events[:_SHOWN_EVENTS]:
        yield f"- {_inline(event['id'])} at {_inline(event['at'])}, number {event['occurrence']} of its storm"
    yield ""


def _next(group: Group, options: Sequence[str], *, has_case: bool) -> Iterator[str]:
    where = [group.fingerprint, *options]
    if has_case:
        yield "## Once there is a fix"
        yield ""
        yield "A unified diff in `fix.patch` is tried in a copy of the project; a person approves it."
        yield from _fenced(shlex.join(["foureyes", "forge", "verify", *where, "--patch", "fix.patch"]))
    yield "## Once it is mended"
    yield ""
    yield "If it is seen again after that, its status becomes `regressed`."
    yield from _fenced(shlex.join(["foureyes", "errors", "resolve", *where]))


def _inline(text: str) -> str:
    """A short text between backticks that it cannot close."""
    return f"`{one_line(text, 200).replace('`', chr(39))}`"


def _fenced(text: str, language: str = "text") -> Iterator[str]:
    """A block that the text cannot close: its fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{language}"
    yield text
    yield fence
    yield ""
