"""`foureyes forge`: the cases that triage made of recorded faults; with a daemon or without one."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli import fixes
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.errors.page import one_line
from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import HandOverError, UnknownFaultError
from foureyes.forgewright.case import Case, CaseState, task_of
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.decisions import Decision, all_decisions
from foureyes.forgewright.dispatch import case_folder
from foureyes.forgewright.reproduction.runner import command_of
from foureyes.forgewright.triage import Triage

app = typer.Typer(
    help="The cases that faults have become: list, show, hand over; verify and approve their fixes.",
    no_args_is_help=True,
)
app.command("verify")(fixes.verify)
app.command("approve")(fixes.approve)
app.command("reject")(fixes.reject)
app.command("undo")(fixes.undo)

OfState = Annotated[CaseState | None, typer.Option("--state", help="Only the cases in this state.")]


@app.command("list")
def list_cases(
    config: Config = None, state_dir: StateDir = None, state: OfState = None, *, as_json: AsJson = False
) -> None:
    """List the cases, the most urgent first."""
    file = spool_file(settings_from(config, state_dir=state_dir).state_dir)
    found: list[Case] = []
    if file.exists():
        with Spool(file) as spool:
            found = Cases(spool).all(CaseState if state is None else [state])
    found.sort(key=lambda case: (case.priority.rank, case.id))
    if as_json:
        _print_json([case.model_dump(mode="json") for case in found])
    elif not found:
        typer.echo("there is no such case")
    for case in [] if as_json else found:
        typer.echo(_line(case))


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="CASE", help="A case's id, or a group's fingerprint.")],
    config: Config = None,
    state_dir: StateDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show one case: what it is about, where it stands, how to look at its fault."""
    folder = settings_from(config, state_dir=state_dir).state_dir.absolute()
    case = _case(folder, name)
    document = {**case.model_dump(mode="json"), **task_of(case, case_folder(folder, case.id))}
    if as_json:
        _print_json(document)
        return
    verification = document.pop("verification")
    document["reproduction"] = None if case.reproduction is None else str(case.reproduction)
    for key, value in document.items():
        typer.echo(f"{key.replace('_', ' '):<16} {one_line(_shown(value), 2000)}")
    if verification is not None:
        typer.echo(f"{'verification':<16} {verification['outcome']}: {one_line(verification['reason'], 2000)}")
    for line in fixes.steps_of(case):
        typer.echo(f"  {line}")


@app.command()
def run(
    name: Annotated[
        str | None, typer.Argument(metavar="[GROUP]", help="Only make the reproduction of this group anew.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Work through the recorded faults once: open cases, reproduce and hand them over, also what failed before."""
    settings = settings_from(config, state_dir=state_dir)
    left_out: Counter[str] = Counter()
    triage = Triage(settings.state_dir, settings.triage, dropped=lambda _where, reason: left_out.update([reason]))
    if name is not None:
        _reproduce(triage, settings.state_dir, name, as_json=as_json)
        return
    outcome = asyncio.run(triage.run_once())
    failed = [case for case in outcome.tried if case.trouble]
    if as_json:
        cases = {
            name: [case.id for case in getattr(outcome, name)]
            for name in ("opened", "reproduced", "tried", "fixed", "verified")
        }
        _print_json({**cases, "failed": {case.id: case.trouble for case in failed}, "left_out": dict(left_out)})
    else:
        _say(settings, len(outcome.opened), len(outcome.tried) - len(failed), len(outcome.fixed), left_out)
        for case in outcome.reproduced:
            typer.echo(f"case {case.id}: {one_line(str(case.reproduction), 300)}")
        for case in outcome.verified:
            typer.echo(
                f"case {case.id} is {case.state}: its fix is {case.verification and case.verification.outcome}"
            )
    if failed:
        raise HandOverError("; ".join(f"case {case.id}: {case.trouble}" for case in failed))


@app.command()
def decisions(config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """List what was decided of failures that spread over components, or came back after a fix."""
    settings = settings_from(config, state_dir=state_dir)
    found: list[Decision] = []
    if spool_file(settings.state_dir).exists():
        with Spool(spool_file(settings.state_dir)) as spool:
            found = all_decisions(spool)
    if as_json:
        _print_json([decision.model_dump(mode="json") for decision in found])
    elif not found:
        typer.echo("nothing was decided yet")
    for decision in [] if as_json else found:
        head = f"{decision.id}  {stamp(decision.at)}  {decision.why:<18}  {one_line(decision.pattern):<22}"
        typer.echo(f"{head} {decision.strategy:<8} {one_line(decision.decided, 300)}")


def _reproduce(triage: Triage, state_dir: Path, name: str, *, as_json: bool) -> None:
    if not spool_file(state_dir).exists():
        raise UnknownFaultError(f"no fault is known as '{name}': none was ever recorded in this state folder")
    made = asyncio.run(triage.reproductions.make(name))
    if as_json:
        _print_json({"test_file": str(made.test_file), **asdict(made.verdict)})
    else:
        typer.echo(one_line(str(made.verdict), 2000))
    if made.test_file is not None and not as_json:
        typer.echo(f"run it with: {shlex.join(command_of(made.test_file))}")


def _say(settings: Settings, opened: int, handed_over: int, fixed: int, left_out: Counter[str]) -> None:
    typer.echo(f"{opened} new cases, {handed_over} handed over, {fixed} with a fix proposed")
    for reason, number in sorted(left_out.items()):
        typer.echo(f"left out: {reason} {number}")
    wanted = settings.triage
    if wanted.command is None and wanted.webhook is None and wanted.folder is None:
        typer.echo("nobody is configured to hand cases to: set triage.command, triage.webhook or triage.folder")


def _case(folder: Path, name: str) -> Case:
    file = spool_file(folder)
    if not file.exists():
        raise UnknownFaultError(f"no case is known as '{name}': no fault was ever recorded in this state folder")
    with Spool(file) as spool:
        return Cases(spool).find(name)


def _line(case: Case) -> str:
    state = f"{case.state} ({case.held_back})" if case.held_back else str(case.state)
    shown = case.reproduction.outcome if case.reproduction else "-"
    head = f"{case.id}  {stamp(case.created_at)}  {case.priority:<8}  {state:<22}  {shown:<16}"
    return f"{head} {case.trigger:<24} {one_line(case.summary)}"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return "; ".join(" ".join(item) if isinstance(item, list) else str(item) for item in value) or "-"
    return str(value)


def _print_json(document: Any) -> None:
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
