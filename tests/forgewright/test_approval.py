"""A verified fix is applied by a person alone, exactly as it was verified, and can be taken back."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parts.auditing import audited
from parts.mending import BUG, FILE, Ground, as_case

from foureyes.config.triage import Triage as TriageSettings
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import ApprovalError, CaseStateError, FourEyesError, PatchRefusedError
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.decisions import Why, all_decisions
from foureyes.forgewright.verification.approval import Approval
from foureyes.forgewright.verification.fixes import Fixes
from foureyes.forgewright.verification.project import Project

TESTS = "import foureyes, os; print('tests of', foureyes.__file__, 'token=abcdefgh12345678', sorted(os.environ))"
PASSES = json.dumps([sys.executable, "-c", TESTS])
OTHER = "--- /dev/null\n+++ b/other.py\n@@ -0,0 +1 @@\n+other\n"


@pytest.fixture(scope="module")
def verified(seeded: Ground, tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A checkout whose fix was verified by its own command, as a person would have it done."""
    ground = seeded.copied(tmp_path_factory.mktemp("verified"))
    patch = tmp_path_factory.mktemp("patch") / "a.patch"
    patch.write_text(BUG.fix(), "utf-8")
    secrets = {"FOUREYES_OBS_PASSWORD": "of ours", "AWS_SECRET_ACCESS_KEY": "of others"}
    done = ground.forge(
        "verify", ground.case.id, "--patch", str(patch), FOUREYES_TRIAGE__VERIFY_COMMAND=PASSES, **secrets
    )
    assert done.returncode == 0, done.stderr
    for step in ("patch", "copy", "red before", "apply", "green after", "verify_command"):
        assert f"ok    {step}" in done.stdout
    assert "nothing is applied before `foureyes forge approve`" in done.stdout
    return ground


@pytest.fixture
def ground(verified: Ground, tmp_path: Path) -> Ground:
    """For one test alone; the verification was of this project."""
    again = verified.copied(tmp_path)
    with Spool(spool_file(again.state_dir)) as spool:
        Cases(spool).change(again.case, lambda now: _of(now, again.project))
    return again


def _of(case: Case, project: Path) -> Case:
    assert case.verification is not None
    return case.changed(verification=case.verification.model_copy(update={"project": str(project)}))


def approval(ground: Ground, project: Path | None = None) -> Approval:
    settings = TriageSettings(project=project or ground.project)
    return Approval(ground.state_dir, settings, "ann", utcnow=lambda: datetime.now(UTC))


def approve(ground: Ground, project: Path | None = None) -> Case:
    return asyncio.run(approval(ground, project).approve(ground.case.id))


def test_a_fix_is_red_before_and_green_after_and_the_tests_pass(verified: Ground) -> None:
    """All in a copy: the project stays as it is; the tests got no secrets, and none is in what they printed."""
    case = verified.case
    assert case.state is CaseState.VERIFIED
    assert case.verification is not None
    steps = {step.name: step for step in case.verification.steps}
    assert "ValueError" in steps["red before"].said
    output = steps["verify_command"].output
    assert f"tests of {verified.state_dir / 'errors' / 'verification' / 'project'}" in output
    assert "abcdefgh" not in output
    assert "FOUREYES_" not in output
    assert "AWS_SECRET" not in output
    assert case.verification.files == (FILE,)
    ((what, details),) = verified.audit()[-1:]
    assert what == "case verified"
    assert "nothing is applied before `foureyes forge approve`" in details
    assert BUG.wrong in verified.text
    assert not (verified.state_dir / "errors" / "verification").exists()


def test_a_person_applies_it_and_the_fault_is_gone_until_it_is_back(ground: Ground) -> None:
    """Applied, told and kept as it was before; once the bug is planted anew it is a regression with a decision."""
    done = ground.forge("approve", ground.case.id, "--json")
    assert done.returncode == 0, done.stderr
    case = as_case(done)
    assert (case.state, case.applied_at is not None) == (CaseState.APPLIED, True)
    before, after = ground.patch.with_name("before") / FILE, ground.text
    assert BUG.right in after
    assert BUG.wrong in before.read_text("utf-8")
    ((what, details),) = ground.audit()[-1:]
    assert what == "case applied"
    assert details.startswith(f"by {case.approved_by}: {FILE} sha256 ")
    verified, line = audited(ground.state_dir)
    assert verified["what"] == f"forge verify {case.id}"
    assert (line["who"], line["what"]) == (f"command {case.approved_by}", f"forge approve {case.id}")
    assert (line["before"], line["after"]["state"]) == ({"state": "verified"}, "applied")
    (ground.project / FILE).write_text(before.read_text("utf-8"), "utf-8")
    ground.meet()
    done = ground.forge("run", "--json", FOUREYES_TRIAGE__COOLDOWN_S="0")
    assert len(json.loads(done.stdout)["opened"]) == 1
    with Spool(spool_file(ground.state_dir)) as spool:
        (group,) = spool.groups_changed_since(0)
        (decision,) = all_decisions(spool)
    assert (group.status, group.count) == ("regressed", 6)
    assert (decision.why, decision.groups) == (Why.RECURS_AFTER_FIX, (group.fingerprint,))


def test_what_was_applied_can_be_taken_back_once(ground: Ground) -> None:
    """The files are as they were; a file that somebody worked on since is not overwritten."""
    with pytest.raises(ApprovalError, match="only an applied fix"):
        _take_back(ground)
    before = ground.text
    approve(ground)
    with pytest.raises(ApprovalError, match="only a verified fix can be approved"):
        approve(ground)
    fixes = Fixes(ground.state_dir, TriageSettings(project=ground.project), utcnow=lambda: datetime.now(UTC))
    with pytest.raises(CaseStateError, match="is applied and cannot become fix proposed"):
        asyncio.run(fixes.verify(ground.case.id))
    mended = ground.text
    (ground.project / FILE).write_text(mended.replace(BUG.right, "somebody's work"), "utf-8")
    with pytest.raises(PatchRefusedError, match="does not apply"):
        _take_back(ground)
    (ground.project / FILE).write_text(mended, "utf-8")
    _take_back(ground)
    assert ground.text == before
    assert (ground.case.state, ground.case.rejected_why) == (
        CaseState.REJECTED,
        "taken back: it made things worse",
    )


def _take_back(ground: Ground) -> Case:
    return asyncio.run(approval(ground).take_back(ground.case.id, "it made things worse"))


def _swap(ground: Ground) -> None:
    ground.propose(OTHER)


def _link(ground: Ground) -> None:
    ground.patch.rename(ground.project / "elsewhere.patch")
    ground.patch.symlink_to(ground.project / "elsewhere.patch")


def _work_on(ground: Ground) -> None:
    (ground.project / FILE).write_text(ground.text.replace(BUG.wrong, "somebody's work"), "utf-8")


def _lose(ground: Ground) -> None:
    ground.patch.unlink()


@pytest.mark.parametrize(
    ("spoil", "error", "why"),
    [
        (_swap, ApprovalError, "is not the one that was verified"),
        (_link, PatchRefusedError, "it is a link"),
        (_lose, PatchRefusedError, "No such file"),
        (_work_on, PatchRefusedError, "does not apply"),
    ],
)
def test_only_what_was_verified_is_applied(
    ground: Ground, spoil: Callable[[Ground], None], error: type[FourEyesError], why: str
) -> None:
    """A patch that was swapped, a project that was changed since: refused in words, and nothing is touched."""
    spoil(ground)
    before = ground.text
    with pytest.raises(error, match=why):
        approve(ground)
    assert ground.case.state is CaseState.VERIFIED
    assert ground.text == before
    assert not (ground.project / "other.py").exists()


def test_another_project_is_not_what_was_verified(ground: Ground, verified: Ground) -> None:
    """The configuration names another tree by now."""
    with pytest.raises(ApprovalError, match=f"was verified in {ground.project}"):
        approve(ground, verified.project)


def test_an_unverified_fix_is_not_applied(seeded: Ground, tmp_path: Path) -> None:
    """Whatever it is; and a case can be rejected with a reason, which a person gives."""
    ground = seeded.copied(tmp_path)
    ground.propose(BUG.fix())
    done = ground.forge("approve", ground.case.id)
    assert done.returncode == 1
    assert "only a verified fix can be approved" in done.stderr
    assert BUG.wrong in ground.text
    case = approval(ground).reject(ground.case.id, "not worth it")
    assert (case.state, case.rejected_why) == (CaseState.REJECTED, "not worth it")
    assert ground.audit()[-1] == ("case rejected", "by ann: not worth it")


def test_where_packages_are_installed_to_nothing_is_changed(tmp_path: Path) -> None:
    """The sentence says what to configure."""
    with pytest.raises(ApprovalError, match=r"triage\.project"):
        Project(tmp_path, is_installed=True).check_writable()


def test_what_is_rejected_while_it_is_applied_is_not_applied(ground: Ground) -> None:
    """Whoever rejects in the very moment of the approval is heeded: the project is as it was."""
    moments: list[datetime] = []

    def utcnow() -> datetime:
        moments.append(datetime.now(UTC))
        if len(moments) == 2:  # the files are changed, and the case does not say so yet
            assert BUG.right in ground.text
            approval(ground).reject(ground.case.id, "no")
        return moments[-1]

    settings = TriageSettings(project=ground.project)
    with pytest.raises(CaseStateError):
        asyncio.run(Approval(ground.state_dir, settings, "bob", utcnow=utcnow).approve(ground.case.id))
    assert BUG.wrong in ground.text
    assert ground.case.state is CaseState.REJECTED
