"""`foureyes forge verify|approve|reject|undo`: the fixes of cases, judged in a copy and applied by a person."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.credentials import user, who
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.daemon.state_folder import running
from foureyes.errors.page import one_line
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import UnknownFaultError
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.dispatch import case_folder
from foureyes.forgewright.verification.approval import BACKUP, Approval
from foureyes.forgewright.verification.fixes import WAITS, Fixes
from foureyes.forgewright.verification.result import Step
from foureyes.telemetry.audit import Audit

CaseName = Annotated[str, typer.Argument(metavar="CASE", help="A case's id, or a group's fingerprint.")]
Why = Annotated[str, typer.Option("--why", help="For whoever asks later.")]


def verify(
    name: CaseName,
    patch: Annotated[
        Path | None, typer.Option("--patch", help="A unified diff; what was left beside the case by default.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Try a fix in a copy of the project: the reproduction red before and green after, and the project's tests."""
    settings = _known(config, state_dir, name)
    fixes = Fixes(settings.state_dir.absolute(), settings.triage, utcnow=_utcnow)
    on_step = _ignore if as_json else _say_step
    before = _state(settings, name)
    case = asyncio.run(fixes.verify(name, patch, on_step))
    _audit(settings, "verify", before, case)
    is_verified = case.state is CaseState.VERIFIED
    waits = f"; {WAITS}" if is_verified else ""
    _print(case, f"case {case.id} is {case.state}: {_verdict(case)}{waits}", as_json=as_json)
    if not is_verified:
        raise typer.Exit(1)


def approve(name: CaseName, config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """Apply the fix that was verified to the project itself."""
    settings = _known(config, state_dir, name)
    before = _state(settings, name)
    case = asyncio.run(_approval(settings).approve(name))
    _audit(settings, "approve", before, case)
    backup = case_folder(settings.state_dir.absolute(), case.id) / BACKUP
    text = (
        f"case {case.id} is {case.state}: {', '.join(_files(case))}\n"
        f"as they were: {backup}; `foureyes forge undo {case.id}` takes the fix back"
    )
    if running(settings.state_dir) is not None:
        text += "\nthe running daemon has the old code: start it anew"
    _print(case, text, as_json=as_json)


def reject(
    name: CaseName, why: Why, config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False
) -> None:
    """Reject a case, or the fix that is proposed for it; a better fix may come."""
    settings = _known(config, state_dir, name)
    before = _state(settings, name)
    case = _approval(settings).reject(name, why)
    _audit(settings, "reject", before, case)
    _print(case, f"case {case.id} is {case.state}", as_json=as_json)


def undo(
    name: CaseName, why: Why, config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False
) -> None:
    """Take an applied fix back out of the project."""
    settings = _known(config, state_dir, name)
    before = _state(settings, name)
    case = asyncio.run(_approval(settings).take_back(name, why))
    _audit(settings, "undo", before, case)
    _print(case, f"case {case.id} is {case.state}: its fix is taken back", as_json=as_json)


def steps_of(case: Case) -> Iterator[str]:
    """The lines of a case's verification."""
    for step in case.verification.steps if case.verification else ():
        yield _line(step)


def _known(config: Path | None, state_dir: Path | None, name: str) -> Settings:
    settings = settings_from(config, state_dir=state_dir)
    if not spool_file(settings.state_dir).exists():
        raise UnknownFaultError(f"no case is known as '{name}': no fault was ever recorded in this state folder")
    return settings


def _state(settings: Settings, name: str) -> CaseState:
    with Spool(spool_file(settings.state_dir)) as spool:
        return Cases(spool).find(name).state


def _audit(settings: Settings, what: str, before: CaseState, case: Case) -> None:
    after = {"state": case.state, "files": _files(case), "why": case.rejected_why}
    Audit(settings.state_dir).record(who(), f"forge {what} {case.id}", {"state": before}, after)


def _approval(settings: Settings) -> Approval:
    return Approval(settings.state_dir.absolute(), settings.triage, user(), utcnow=_utcnow)


def _utcnow() -> datetime:
    return datetime.now(UTC)


def _verdict(case: Case) -> str:
    return one_line(case.verification.reason, 1000) if case.verification else "it was changed meanwhile"


def _files(case: Case) -> tuple[str, ...]:
    return case.verification.files if case.verification else ()


def _say_step(step: Step) -> None:
    typer.echo(_line(step))


def _ignore(_step: Step) -> None:
    """JSON is printed as one document."""


def _line(step: Step) -> str:
    return f"{'ok  ' if step.ok else 'FAIL'}  {step.name:<14} {step.seconds:8.2f} s  {one_line(step.said, 1000)}"


def _print(case: Case, text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(case.model_dump(mode="json"), indent=2, ensure_ascii=False) if as_json else text)
