"""`foureyes errors`: the recorded faults, from the state folder; also while the daemon runs, also without one."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli import replay
from foureyes.cli.credentials import who
from foureyes.cli.options import AsJson, Config, StateDir, settings_from, span_of
from foureyes.errors import queries
from foureyes.errors.fault import Severity
from foureyes.errors.group import Group, Status
from foureyes.errors.page import ReproductionNote, markdown, one_line
from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import UnknownFaultError, UsageError
from foureyes.forgewright.cases import Cases
from foureyes.telemetry.audit import Audit

app = typer.Typer(help="List, show, resolve, mute, export and replay recorded faults.", no_args_is_help=True)
app.command("replay")(replay.replay)

_SHOWN_EVENTS = 20
_DECIDED = ("status", "resolved_at", "muted_until", "muted_until_count")

Since = Annotated[
    str | None, typer.Option("--since", help="Seen since then: 2026-11-21T10:00 (UTC), or ago: 30m, 2h, 7d.")
]
Until = Annotated[str | None, typer.Option("--until", help="First seen until then, written like --since.")]
Kind = Annotated[str | None, typer.Option("--class", help="A bug class, or an exception's type.")]
Component = Annotated[
    str | None, typer.Option("--component", help="Such as task:NAME, server:ID, source:ID; or task for all tasks.")
]
OfSeverity = Annotated[Severity | None, typer.Option("--severity")]
OfStatus = Annotated[Status | None, typer.Option("--status")]
GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="A fingerprint, its beginning, or an event's id.")]


@app.command("list")
def list_groups(
    config: Config = None,
    state_dir: StateDir = None,
    since: Since = None,
    until: Until = None,
    kind: Kind = None,
    component: Component = None,
    severity: OfSeverity = None,
    status: OfStatus = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Groups at most.")] = 100,
    *,
    as_json: AsJson = False,
) -> None:
    """List the groups of faults, the one seen last first."""
    wanted = _filter(since, until, kind, component, severity, status)
    with _spool(config, state_dir) as spool:
        found = queries.groups(spool, wanted, limit) if spool else []
    if as_json:
        _print_json([group.as_document() for group in found])
    elif not found:
        typer.echo("no such fault is recorded")
    for group in [] if as_json else found:
        typer.echo(_line(group))


@app.command()
def show(name: GroupName, config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """Show one group as a page of Markdown, or with its events as JSON."""
    with _existing(config, state_dir, name) as spool:
        group = queries.find_group(spool, name)
        events = queries.events_of(spool, group.fingerprint, _SHOWN_EVENTS)
        page = _page(spool, group, events, config)
    if as_json:
        _print_json({"group": group.as_document(), "events": events})
    else:
        typer.echo(_printable(page))


@app.command()
def stats(config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """Show how many faults there are of which class, severity, status and component."""
    with _spool(config, state_dir) as spool:
        found = queries.stats(spool) if spool else {"groups": 0, "faults": 0}
    if as_json:
        _print_json(found)
        return
    for name, value in found.items():
        shown = ", ".join(f"{key} {number}" for key, number in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{name.replace('_', ' '):<16} {one_line(str(shown), 1000)}")


@app.command()
def resolve(
    names: Annotated[list[str], typer.Argument(metavar="GROUP...", help="Fingerprints, or their beginnings.")],
    config: Config = None,
    state_dir: StateDir = None,
) -> None:
    """Call groups resolved; one that is seen again becomes `regressed`."""
    with _existing(config, state_dir, names[0]) as spool:
        for group in [queries.find_group(spool, name) for name in names]:
            _audit(spool, "resolve", group, spool.resolve(group.fingerprint, datetime.now(UTC)))
            typer.echo(f"{group.fingerprint} is resolved")


@app.command()
def mute(
    name: GroupName,
    config: Config = None,
    state_dir: StateDir = None,
    span: Annotated[str | None, typer.Option("--for", help="A while: 30m, 2h, 7d.")] = None,
    times: Annotated[int | None, typer.Option("--times", min=1, help="Until seen so many times more.")] = None,
) -> None:
    """Hear no more of a group for a while, or until it was seen so many times more; it is counted all the same."""
    if (span is None) == (times is None):
        raise UsageError("say how long: either --for 2h or --times 100")
    now = datetime.now(UTC)
    with _existing(config, state_dir, name) as spool:
        group = queries.find_group(spool, name)
        if span is not None:
            until = now + span_of(span)
            _audit(spool, "mute", group, spool.mute(group.fingerprint, now, until=until))
            typer.echo(f"{group.fingerprint} is muted until {stamp(until)}")
        elif times is not None:
            muted = spool.mute(group.fingerprint, now, until_count=group.count + times)
            _audit(spool, "mute", group, muted)
            typer.echo(f"{group.fingerprint} is muted until it was seen {times} times more")


def _audit(spool: Spool, what: str, before: Group, after: Group | None) -> None:
    told = [each and {key: each.as_document()[key] for key in _DECIDED} for each in (before, after)]
    Audit(spool.file.parents[1]).record(who(), f"errors {what} {before.fingerprint}", *told)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder for one page of Markdown a group.")],
    config: Config = None,
    state_dir: StateDir = None,
    since: Since = None,
    until: Until = None,
    kind: Kind = None,
    component: Component = None,
    severity: OfSeverity = None,
    status: OfStatus = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON file a group, with all its events.")] = False,
) -> None:
    """Write one page a group that a person or a coding agent can work from."""
    wanted = _filter(since, until, kind, component, severity, status)
    with _spool(config, state_dir) as spool:
        written = 0 if spool is None else _export(spool, wanted, folder, config, as_json=as_json)
    typer.echo(f"{written} groups are in {folder}")


def _export(spool: Spool, wanted: queries.Filter, folder: Path, config: Path | None, *, as_json: bool) -> int:
    groups = queries.groups(spool, wanted)
    for group in groups:
        events = queries.events_of(spool, group.fingerprint)
        document = {"group": group.as_document(), "events": events}
        text = _as_json(document) if as_json else _page(spool, group, events, config)
        _write(folder, f"{group.fingerprint}.{'json' if as_json else 'md'}", text)
    return len(groups)


def _page(spool: Spool, group: Group, events: list[dict[str, Any]], config: Path | None) -> str:
    """The page of a group, with what the reproduction of its last case showed, where there is one."""
    case, note = Cases(spool).last_of(group.fingerprint), None
    if case is not None and case.reproduction is not None:
        command = "" if case.platform_path is None else shlex.join(case.how_to_run[-1])
        note = ReproductionNote(str(case.reproduction), command)
    options = ["--state-dir", str(spool.file.absolute().parents[1])]
    options += [] if config is None else ["--config", str(config.absolute())]
    return markdown(group, events, options, note)


def _write(folder: Path, name: str, text: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror}); choose another folder") from error


@contextmanager
def _spool(config: Path | None, state_dir: Path | None) -> Iterator[Spool | None]:
    """The spool of the state folder; None where no fault was ever recorded."""
    file = spool_file(settings_from(config, state_dir=state_dir).state_dir)
    if not file.exists():
        yield None
        return
    with Spool(file) as spool:
        yield spool


@contextmanager
def _existing(config: Path | None, state_dir: Path | None, name: str) -> Iterator[Spool]:
    with _spool(config, state_dir) as spool:
        if spool is None:
            raise UnknownFaultError(f"no fault is known as '{name}': none was ever recorded in this state folder")
        yield spool


def _filter(
    since: str | None,
    until: str | None,
    kind: str | None,
    component: str | None,
    severity: Severity | None,
    status: Status | None,
) -> queries.Filter:
    return queries.Filter(
        since=_moment(since),
        until=_moment(until),
        kind=kind,
        component=component,
        severity=None if severity is None else str(severity),
        status=None if status is None else str(status),
    )


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if re.fullmatch(r"\d+[smhd]", text):
        return datetime.now(UTC) - span_of(text)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"'{text}' is no time; write 2026-11-21T10:00 (UTC), or ago: 30m, 2h, 7d") from None
    return given if given.tzinfo else given.replace(tzinfo=UTC)


def _line(group: Group) -> str:
    figures = f"{stamp(group.last_seen)}  {group.count:>7}  {group.severity:<8} {group.status:<9}"
    return f"{group.fingerprint}  {figures} {group.component}  {one_line(f'{group.type}: {group.message}')}"


def _printable(text: str) -> str:
    """A page without what would steer a terminal; its lines stay."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)


def _print_json(value: Any) -> None:
    typer.echo(_as_json(value))


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
