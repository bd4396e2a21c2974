"""A fix is judged in a copy of the project: the reproduction red before, green after, and the project's tests."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parts.forging import Forge, final_failure, journal, record
from parts.mender import lives, mender
from parts.mending import BUG, FILE, Ground
from parts.seeded import unrelated

from foureyes.config.triage import Triage as TriageSettings
from foureyes.exceptions import PatchRefusedError, VerificationError
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.verification.fixes import Fixes, how_verified
from foureyes.forgewright.verification.result import Outcome

ESCAPE = "--- /dev/null\n+++ b/../evil.py\n@@ -0,0 +1 @@\n+evil\n"
TO_THE_JUDGE = "--- /dev/null\n+++ b/foureyes/forgewright/reproduction/x.py\n@@ -0,0 +1 @@\n+x\n"
TESTS = [sys.executable, "-c", "raise SystemExit('they are not to be run')"]


@pytest.fixture
def ground(seeded: Ground, tmp_path: Path) -> Ground:
    return seeded.copied(tmp_path)


def fixes(ground: Ground, **settings: object) -> Fixes:
    """What verifies in this process."""
    triage = TriageSettings.model_validate({"project": ground.project, **settings})
    return Fixes(ground.state_dir, triage, utcnow=lambda: datetime.now(UTC))


def verified(ground: Ground, **settings: object) -> Case:
    """The case once what is proposed for it was verified, in this process."""
    case = asyncio.run(fixes(ground, **settings).verify(ground.case.id))
    assert BUG.wrong in ground.text, "nothing is applied to the project"
    assert not (ground.state_dir / "errors" / "verification").exists(), "the copy is gone"
    assert case == ground.case, "the result is kept with the case"
    return case


def said(case: Case) -> tuple[str, Outcome, str]:
    """The last step, what came of it all, and why."""
    assert case.verification is not None
    return case.verification.steps[-1].name, case.verification.outcome, case.verification.reason


def test_an_unrelated_patch_stays_red(ground: Ground) -> None:
    """It is rejected with what the reproduction still shows, and no tests are run."""
    ground.propose(unrelated())
    case = verified(ground, verify_command=TESTS)
    assert case.state is CaseState.REJECTED
    name, outcome, why = said(case)
    assert (name, outcome) == ("green after", Outcome.REJECTED)
    assert "reproduced" in why
    assert "ValueError" in why


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (ESCAPE, "reaches beyond the project"),
        (TO_THE_JUDGE, "changes what judges it"),
        ("fixed it", "No valid pat"),
    ],
)
def test_a_patch_that_may_not_be_is_rejected_before_anything_runs(ground: Ground, patch: str, why: str) -> None:
    """What it was rejected for is kept with the case."""
    ground.propose(patch)
    case = verified(ground)
    assert case.state is CaseState.REJECTED
    assert said(case)[:2] == ("patch", Outcome.REJECTED)
    assert why in said(case)[2]


def test_a_link_or_something_huge_in_the_place_of_the_fix_is_rejected(ground: Ground, tmp_path: Path) -> None:
    """Neither is read."""
    ground.propose(BUG.fix())
    ground.patch.rename(tmp_path / "elsewhere")
    ground.patch.symlink_to(tmp_path / "elsewhere")
    assert "it is a link" in said(verified(ground))[2]
    ground.patch.unlink()
    ground.patch.write_bytes(b"x" * 5_000_000)
    case = verified(ground)
    assert "larger than 1,000,000 bytes" in said(case)[2]
    assert case.verification is not None
    assert case.verification.patch_sha256 is None


def test_what_cannot_be_shown_is_not_decided(ground: Ground) -> None:
    """No bug any more, a project too large or none, tests that cannot be run: the fix stays proposed."""
    (ground.project / FILE).write_text(ground.text.replace(BUG.wrong, BUG.right), "utf-8")
    ground.propose(unrelated())
    case = asyncio.run(fixes(ground).verify(ground.case.id))
    assert case.state is CaseState.FIX_PROPOSED
    assert said(case)[:2] == ("red before", Outcome.UNDECIDED)
    assert "does not show the fault" in said(case)[2]
    (ground.project / "large.bin").write_bytes(bytes(2_000_000))
    for settings, why in [
        ({"project_max_mb": 1}, "is over 1 MB"),
        ({"project": ground.state_dir}, "has no package foureyes"),
        ({"verify_command": ["no-such-program"]}, "there is no program 'no-such-program'"),
    ]:
        case = asyncio.run(fixes(ground, **settings).verify(ground.case.id))
        assert case.state is CaseState.FIX_PROPOSED
        assert why in said(case)[2]


def test_a_case_without_a_fix_stays_what_it_is(ground: Ground, tmp_path: Path) -> None:
    """Nothing left beside it, or a file that is no fix: said, and the case is as it was."""
    before = ground.case
    with pytest.raises(PatchRefusedError, match="give one by --patch"):
        asyncio.run(fixes(ground).verify(before.id))
    with pytest.raises(PatchRefusedError, match="No such file"):
        asyncio.run(fixes(ground).verify(before.id, tmp_path / "none"))
    assert ground.case == before


def test_it_is_said_beforehand_how_fixes_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `foureyes check` says: with what, or what is missing."""
    assert "by the reproduction alone" in how_verified(TriageSettings())
    assert how_verified(TriageSettings(verify_command=TESTS)).endswith(f"by the reproduction and {TESTS[0]}")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VerificationError, match="install it"):
        how_verified(TriageSettings())
    (tmp_path / "git").touch(mode=0o755)
    for settings, why in [
        (TriageSettings(verify_command=["scripts/no-such-tests"]), "there is no program"),
        (TriageSettings(project=tmp_path), "has no package"),
    ]:
        with pytest.raises(VerificationError, match=why):
            how_verified(settings)


def run_until(forge: Forge, condition: Callable[[], bool]) -> None:
    """Run triage as the daemon does until something holds."""

    async def run() -> None:
        task = asyncio.create_task(forge.triage().run(), name="triage")
        try:
            async with asyncio.timeout(120):
                while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - other processes bring it about
                    await asyncio.sleep(0.2)
        finally:
            task.cancel()
            await asyncio.wait({task})

    asyncio.run(run())


def test_triage_verifies_what_is_left_and_goes_on_meanwhile(ground: Ground, tmp_path: Path) -> None:
    """While tests hang others are handed over; a daemon that ends takes them along, and the next one verifies."""
    (tmp_path / "good.patch").write_text(BUG.fix(), "utf-8")
    command = mender(tmp_path / "journal.jsonl", "--leave", str(tmp_path / "good.patch"))
    hangs = [*mender(tmp_path / "tests.jsonl", "--hang"), str(_case_file(tmp_path))]
    forge = _forge(ground, command=command, verify_command=hangs)

    def hands_over_while_tests_hang() -> bool:
        if not journal(tmp_path / "tests.jsonl"):
            return False
        if len(forge.cases()) == 1:
            record(ground.state_dir, [final_failure()])
        return len(journal(tmp_path / "journal.jsonl")) == 2

    run_until(forge, hands_over_while_tests_hang)
    (note,) = journal(tmp_path / "tests.jsonl")
    assert not any(lives(pid) for pid in note["pids"])
    assert note["cwd"].startswith(str(ground.state_dir / "errors" / "verification"))
    assert not [name for name in note["variables"] if name.startswith("FOUREYES_") or "TOKEN" in name]
    assert not (ground.state_dir / "errors" / "verification").exists()
    assert (ground.case.state, ground.case.verification) == (CaseState.FIX_PROPOSED, None)
    forge = _forge(ground, verify_command=hangs, verify_timeout_s=1)
    run_until(forge, lambda: ground.case.verification is not None)
    assert ground.case.state is CaseState.REJECTED
    assert "no end within 1 s (triage.verify_timeout_s)" in said(ground.case)[2]
    assert [pid for note in journal(tmp_path / "tests.jsonl") for pid in note["pids"] if lives(pid)] == []


def test_tests_that_fail_reject_a_fix_and_a_better_one_is_verified_unasked(ground: Ground, tmp_path: Path) -> None:
    """What the tests printed last is kept. The same fix is not tried again; another one in its place is."""
    (tmp_path / "first.patch").write_text(BUG.fix(), "utf-8")
    command = mender(tmp_path / "journal.jsonl", "--leave", str(tmp_path / "first.patch"))
    tests = "from pathlib import Path; raise SystemExit(0 if Path('CHANGES').exists() else '2 failed')"
    forge = _forge(ground, command=command, verify_command=[sys.executable, "-c", tests])
    run_until(forge, lambda: ground.case.verification is not None)
    rejected = ground.case
    assert rejected.state is CaseState.REJECTED
    assert said(rejected)[0] == "verify_command"
    assert "exit code 1" in said(rejected)[2]
    assert rejected.verification is not None
    assert "2 failed" in rejected.verification.steps[-1].output
    assert forge.run().verified == []
    assert ground.case == rejected
    ground.propose(f"{BUG.fix()}--- /dev/null\n+++ b/CHANGES\n@@ -0,0 +1 @@\n+A screen needs no number.\n")
    run_until(forge, lambda: ground.case.state is CaseState.VERIFIED)


def _forge(ground: Ground, **settings: object) -> Forge:
    return Forge(ground.state_dir, project=ground.project, check_s=0.1, **settings)


def _case_file(folder: Path) -> Path:
    """What the mender wants to read: it stands in for the project's tests here."""
    file = folder / "empty.json"
    file.write_text("{}", "utf-8")
    return file
