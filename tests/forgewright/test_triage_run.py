"""From recorded faults to cases that somebody has: each once, within the limits, whatever the faults say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from parts.forging import Forge, final_failure, journal, record
from parts.mender import lives, mender
from parts.program import wait_until
from parts.receiving import CaseReceiver

from foureyes.errors.group import Status
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import PictureError, StateFolderBusyError
from foureyes.forgewright.case import CaseState
from foureyes.telemetry.log import also_told

WORDS = ("red", "blue", "green", "black", "white", "grey", "pink", "brown", "violet", "orange", "cyan", "gold")


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """A triage that puts cases into a folder."""
    return Forge(tmp_path / "state", folder=tmp_path / "inbox", check_s=0.1)


def inbox(forge: Forge) -> list[str]:
    """The ids of the cases in the folder."""
    folder = forge.settings.folder
    assert folder is not None
    return sorted(file.stem for file in folder.iterdir()) if folder.exists() else []


def test_a_fault_becomes_a_case_that_says_what_to_do(forge: Forge) -> None:
    """The case names its fault, how urgent it is, its class and pattern, and how to look at it."""
    error = final_failure()
    error.__cause__ = MemoryError("12 GB")
    (group,) = record(forge.state_dir, [error])
    forge.run()
    case = forge.case()
    assert (case.fingerprint, case.error_id) == (group.fingerprint, group.first_event)
    assert (case.trigger, case.bug_class) == ("final_inference_failure", "VisionInference")
    assert (case.pattern, case.strategy) == ("memory_limit", "escalate")
    assert (case.priority, case.platform_path) == ("high", None)
    assert case.how_to_run == (
        ("foureyes", "errors", "show", group.fingerprint, "--state-dir", str(forge.state_dir)),
    )
    assert "task:spins: InferenceError" in case.summary


def test_thirty_faults_of_one_group_are_one_hand_over(forge: Forge) -> None:
    """What is handed over is in the folder once, be the group seen as often as it will."""
    record(forge.state_dir, [final_failure() for _ in range(10)])
    forge.run()
    record(forge.state_dir, [final_failure() for _ in range(20)])
    forge.run()
    forge.run()
    case = forge.case()
    assert inbox(forge) == [case.id]
    assert case.state is CaseState.HANDED_OVER
    assert forge.left_out == {"triage/once": 1}
    with Spool(spool_file(forge.state_dir)) as spool:
        group = spool.group(case.fingerprint)
    assert group is not None
    assert (group.count, group.status) == (30, Status.TRIAGED)


def test_of_twelve_groups_ten_are_handed_over_today_and_two_tomorrow(forge: Forge) -> None:
    """The limit of a day holds; who waits is counted once, said by the case, and goes the next day."""
    record(forge.state_dir, [final_failure(f"task {word} could not be read") for word in WORDS])
    forge.run()
    forge.run()
    waiting = [case for case in forge.cases() if case.state is CaseState.NEW]
    assert len(inbox(forge)) == 10
    assert [case.held_back for case in waiting] == ["daily_limit"] * 2
    assert forge.left_out == {"triage/daily_limit": 2}
    forge.ahead = timedelta(hours=25)
    forge.run()
    assert len(inbox(forge)) == 12


def test_the_most_urgent_goes_first(tmp_path: Path) -> None:
    """With room for one, a fault that comes often goes before older ones that do not."""
    forge = Forge(tmp_path / "state", folder=tmp_path / "inbox", most_a_day=1)
    record(forge.state_dir, [final_failure("calm"), *(final_failure("storm") for _ in range(12))])
    forge.run()
    (handed_over,) = [case for case in forge.cases() if case.state is CaseState.HANDED_OVER]
    assert "storm" in handed_over.summary
    assert handed_over.priority == "critical"


def test_what_is_no_case_by_itself_is_one_when_it_comes_again(forge: Forge) -> None:
    """Two bad pictures are no case, the third in the window makes one."""
    record(forge.state_dir, [PictureError("no picture")] * 1)
    record(forge.state_dir, [PictureError("no picture")])
    assert forge.run().opened == []
    record(forge.state_dir, [PictureError("no picture")])
    (case,) = forge.run().opened
    assert case.trigger == "repeated"


def test_a_fault_that_is_back_is_another_case_after_the_cool_down(forge: Forge) -> None:
    """Resolved and seen again: left out and counted at first, and a case of its own later."""
    (group,) = record(forge.state_dir, [final_failure()])
    forge.run()
    with Spool(spool_file(forge.state_dir)) as spool:
        spool.resolve(group.fingerprint, datetime.now(UTC))
    record(forge.state_dir, [final_failure()])
    forge.run()
    assert len(forge.cases()) == 1
    assert forge.left_out == {"triage/cooldown": 1}
    forge.ahead = timedelta(days=2)
    record(forge.state_dir, [final_failure()])
    forge.run()
    first, second = forge.cases()
    assert second.trigger == "recurring_pattern"
    assert inbox(forge) == [first.id, second.id]


def test_what_was_muted_or_resolved_meanwhile_is_handed_to_nobody(tmp_path: Path) -> None:
    """A person's word counts: a muted group waits, the case of a resolved one is closed."""
    groups = record(tmp_path / "state", [final_failure("to be muted"), final_failure("to be resolved")])
    Forge(tmp_path / "state").run()
    forge = Forge(tmp_path / "state", folder=tmp_path / "inbox")
    now = datetime.now(UTC)
    with Spool(spool_file(forge.state_dir)) as spool:
        for group in groups:
            if "muted" in group.message:
                spool.mute(group.fingerprint, now, until=now + timedelta(days=1))
            else:
                spool.resolve(group.fingerprint, now)
    forge.run()
    assert inbox(forge) == []
    assert {case.summary.split()[-1]: str(case.state) for case in forge.cases()} == {
        "muted": "new",
        "resolved": "rejected",
    }


def test_a_command_that_leaves_a_patch_has_proposed_a_fix(tmp_path: Path) -> None:
    """A fix.patch beside the case file moves the case on and is verified, and the audit says so."""
    forge = Forge(tmp_path / "state", command=mender(tmp_path / "journal.jsonl", "--patch"))
    record(forge.state_dir, [final_failure()])
    outcome = forge.run()
    case = forge.case()
    assert [each.id for each in outcome.fixed] == [case.id]
    assert [each.id for each in outcome.verified] == [case.id]
    assert case.state is CaseState.REJECTED  # the mender's patch changes nothing
    (note,) = journal(tmp_path / "journal.jsonl")
    assert Path(note["task"]["patch_path"]) == Path(note["case"]).with_name("fix.patch")
    with Spool(spool_file(forge.state_dir)) as spool, spool.reading() as connection:
        said = [row["what"] for row in connection.execute("SELECT what FROM audit ORDER BY sequence")]
    assert said == ["triaged", "case handed over", "case fix proposed", "case rejected"]


def test_an_empty_file_is_no_fix_yet(tmp_path: Path) -> None:
    """Whoever has only begun to write is waited for."""
    forge = Forge(tmp_path / "state", folder=tmp_path / "inbox")
    record(forge.state_dir, [final_failure()])
    forge.run()
    (forge.state_dir / "errors" / "cases" / forge.case().id / "fix.patch").touch()
    forge.run()
    assert forge.case().state is CaseState.HANDED_OVER


def test_the_files_of_a_case_go_in_time_and_the_case_stays(forge: Forge) -> None:
    """After its days a case's folder is removed; its group has had its case all the same."""
    record(forge.state_dir, [final_failure()])
    forge.run()
    folder = forge.state_dir / "errors" / "cases" / forge.case().id
    assert (folder / "case.json").exists()
    forge.ahead = timedelta(days=31)
    run_until(forge, lambda: not folder.exists())
    record(forge.state_dir, [final_failure()])
    forge.run()
    assert forge.case().state is CaseState.HANDED_OVER


def test_who_has_a_case_does_not_get_it_again_while_another_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One receiver is away: the others have the case at once, and only that one is tried again."""
    monkeypatch.setenv("FOUREYES_WEBHOOK_SECRET", "a secret of the test")
    notes = tmp_path / "journal.jsonl"
    with CaseReceiver(tmp_path, status=503, times=1) as receiver:
        webhook = {"url": receiver.url, "attempts": 1}
        forge = Forge(tmp_path / "state", webhook=webhook, command=mender(notes))
        record(forge.state_dir, [final_failure()])
        forge.run()
        waiting = forge.case()
        assert (waiting.state, waiting.delivered_to, waiting.attempts) == (CaseState.NEW, ("command",), 1)
        assert "status 503" in str(waiting.trouble)
        forge.run()
        assert len(receiver.received()) == 2
    assert forge.case().state is CaseState.HANDED_OVER
    assert len(journal(notes)) == 1


def test_a_hand_over_that_fails_is_tried_again_later_and_then_given_up(tmp_path: Path) -> None:
    """What fails waits its time while others go on; given up it is counted; a person may have it tried still."""
    notes = tmp_path / "journal.jsonl"
    state_dir, command = tmp_path / "state", mender(notes, "--exit", "1")
    forge = Forge(state_dir, command=command, attempts=2, retry_s=600.0, check_s=0.1)
    record(state_dir, [final_failure("first")])
    run_until(forge, lambda: [case.attempts for case in forge.cases()] == [1])
    record(state_dir, [final_failure("second")])
    run_until(forge, lambda: [case.attempts for case in forge.cases()] == [1, 1])
    assert len(journal(notes)) == 2
    forge.ahead = timedelta(seconds=601)
    run_until(forge, lambda: [case.held_back for case in forge.cases()] == ["failed", "failed"])
    forge.ahead = timedelta(days=30)
    record(state_dir, [final_failure("third")])
    run_until(forge, lambda: [case.attempts for case in forge.cases()] == [2, 2, 1])
    assert forge.left_out == {"triage/failed": 2}
    forge.run()
    assert [case.attempts for case in forge.cases()] == [3, 3, 2]


def run_until(forge: Forge, condition: Callable[[], bool]) -> None:
    """Run triage as the daemon does until something holds."""

    async def run() -> None:
        task = asyncio.create_task(forge.triage().run(), name="triage")
        try:
            await asyncio.to_thread(wait_until, condition, 60, "triage does its work")
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_a_daemon_that_ends_takes_its_command_with_it(tmp_path: Path) -> None:
    """A hand-over that is cut off leaves no process, and is no failure: the next daemon hands the case over."""
    notes = tmp_path / "journal.jsonl"
    forge = Forge(tmp_path / "state", command=mender(notes, "--hang"), check_s=0.1)
    record(forge.state_dir, [final_failure()])
    run_until(forge, lambda: len(journal(notes)) == 1)
    wait_until(lambda: not any(map(lives, journal(notes)[0]["pids"])), 60, "the end of the command")
    assert (forge.case().state, forge.case().attempts) == (CaseState.NEW, 0)
    again = Forge(tmp_path / "state", command=mender(notes))
    again.run()
    assert again.case().state is CaseState.HANDED_OVER


def test_two_cannot_do_the_same_triage(forge: Forge) -> None:
    """While one works the other is told so, and the one in a daemon waits until it is free."""
    record(forge.state_dir, [final_failure()])

    async def both() -> None:
        task = asyncio.create_task(forge.triage().run(), name="triage")
        await asyncio.to_thread(wait_until, lambda: inbox(forge) != [], 60, "the hand-over")
        with pytest.raises(StateFolderBusyError):
            await forge.triage().run_once()
        task.cancel()
        await asyncio.wait({task})

    asyncio.run(both())
    forge.run()


HOSTILE = "'; import os; os.system('touch pwned') #\n../../../../etc/passwd\x00 $(touch pwned) {0} %s \ud800"


def test_what_a_fault_says_is_data(tmp_path: Path) -> None:
    """R33: neither a path nor an argument nor a file's name has anything of it."""
    notes = tmp_path / "journal.jsonl"
    forge = Forge(tmp_path / "state", folder=tmp_path / "inbox", command=mender(notes))
    kind = type("../../evil", (RuntimeError,), {"__module__": "$(touch pwned)"})
    record(forge.state_dir, [kind(HOSTILE) for _ in range(3)], component="task:../../x")
    forge.run()
    case = forge.case()
    assert inbox(forge) == [case.id]
    (note,) = journal(notes)
    assert note["case"] == str(forge.state_dir / "errors" / "cases" / case.id / "case.json")
    assert all("evil" not in word and "pwned" not in word for command in case.how_to_run for word in command)
    assert "\n" not in case.summary
    written = {file.name for file in tmp_path.rglob("*") if file.is_file()}
    assert "pwned" not in written
    assert json.loads((tmp_path / "inbox" / f"{case.id}.json").read_text("utf-8"))["id"] == case.id


@pytest.fixture
def broken(tmp_path: Path) -> Forge:
    """A state folder whose spool is no database."""
    forge = Forge(tmp_path / "state", folder=tmp_path / "inbox", check_s=0.1)
    spool_file(forge.state_dir).parent.mkdir(parents=True)
    spool_file(forge.state_dir).write_bytes(b"this is no database" * 1000)
    return forge


def test_triage_goes_on_once_a_damaged_spool_was_replaced(broken: Forge) -> None:
    """A spool that cannot be read does not end the triage of a daemon: it works on the next one."""
    said: list[str] = []
    with also_told(said.append):
        run_until(broken, lambda: any("triage has to wait" in line for line in said) and _mended(broken))
    assert len([line for line in said if "triage has to wait with cases" in line]) == 1
    assert inbox(broken) == [broken.case().id]


def _mended(forge: Forge) -> bool:
    """Whether a case was handed over; a fault is recorded where there is none: that replaces a damaged spool."""
    if not list(spool_file(forge.state_dir).parent.glob("*.corrupt-*")):
        record(forge.state_dir, [final_failure()])
    return inbox(forge) != []
