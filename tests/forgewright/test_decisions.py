"""Decisions: one for what spreads over components, one for each fix that did not hold; on disk and in MongoDB."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from parts.faulty import raised, recording
from parts.forging import Forge, final_failure, record
from parts.foureyes import foureyes
from parts.mongo_writing import writing
from parts.proxied_mongo import ProxiedMongo
from pymongo.database import Database

from foureyes.errors.fault import BEGAN_AT
from foureyes.errors.group import Group, Status
from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import ServerTimeoutError
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.decisions import Decision, Why, all_decisions


def decisions(forge: Forge) -> list[Decision]:
    with Spool(spool_file(forge.state_dir)) as spool:
        return all_decisions(spool)


def spread(state_dir: Path, components: Sequence[str]) -> None:
    """Two types of exception of one pattern, in these components in turn."""
    for number, component in enumerate(components):
        error = ServerTimeoutError if number % 2 else TimeoutError
        record(state_dir, [error(f"no answer for {component}")], component)


def test_a_pattern_that_spans_components_is_decided_once(tmp_path: Path) -> None:
    """Three components with one pattern, whatever its types, are one decision; more of it is no further one."""
    forge = Forge(tmp_path / "state")
    spread(forge.state_dir, ["task:red", "task:blue"])
    forge.run()
    assert decisions(forge) == []
    spread(forge.state_dir, ["server:green"])
    forge.run()
    (decision,) = decisions(forge)
    assert (decision.why, decision.pattern, decision.strategy) == (
        Why.SPANS_COMPONENTS, "iteration_timeout", "retry",
    )  # fmt: skip
    assert decision.components == ("server:green", "task:blue", "task:red")
    assert (len(decision.groups), len(decision.evidence), decision.faults) == (3, 3, 3)
    spread(forge.state_dir, ["task:white", "task:black", "task:grey", "task:pink"])
    forge.run()
    assert decisions(forge) == [decision]
    listed = foureyes("forge", "decisions", "--state-dir", str(forge.state_dir)).stdout
    assert "iteration_timeout" in listed
    assert "spans components" in listed
    shown = json.loads(foureyes("forge", "decisions", "--json", "--state-dir", str(forge.state_dir)).stdout)
    assert shown == [decision.model_dump(mode="json")]


def test_what_is_muted_decides_nothing(tmp_path: Path) -> None:
    """A person does not want to hear of one of the three."""
    forge = Forge(tmp_path / "state")
    now = datetime.now(UTC)
    spread(forge.state_dir, ["task:red", "task:blue", "task:green"])
    with Spool(spool_file(forge.state_dir)) as spool:
        for group in spool.groups_changed_since(0)[:1]:
            spool.mute(group.fingerprint, now, until=now + timedelta(days=1))
    forge.run()
    assert decisions(forge) == []


def test_a_fault_that_comes_back_after_it_was_resolved_is_decided_each_time_once(tmp_path: Path) -> None:
    """However often it is seen after that; mended and back again is another decision."""
    forge = Forge(tmp_path / "state")
    (group,) = record(forge.state_dir, [final_failure()])
    forge.run()
    for number in (1, 2):
        with Spool(spool_file(forge.state_dir)) as spool:
            spool.resolve(group.fingerprint, datetime.now(UTC))
        for _ in range(3):
            record(forge.state_dir, [final_failure()])
            forge.run()
        assert [each.why for each in decisions(forge)] == [Why.RECURS_AFTER_FIX] * number
    assert decisions(forge)[0].strategy == "manual"
    assert decisions(forge)[0].cases == (forge.cases()[0].id,)


def applied(forge: Forge) -> tuple[Group, Case]:
    """A group with a case whose fix was applied a moment ago."""
    (group,) = record(forge.state_dir, [final_failure()])
    forge.run()
    return group, _applied(forge)


def _applied(forge: Forge) -> Case:
    states = CaseState.FIX_PROPOSED, CaseState.VERIFIED, CaseState.APPROVED, CaseState.APPLIED

    def change(case: Case) -> Case:
        for state in states:
            case = case.moved(state)
        return case.changed(applied_at=datetime.now(UTC))

    with Spool(spool_file(forge.state_dir)) as spool:
        return Cases(spool).change(forge.case(), change)


def seen(forge: Forge, began_at: datetime) -> Group:
    """The fault is met by a process that began then; its group after triage looked."""
    with recording(forge.state_dir, always={BEGAN_AT: stamp(began_at)}) as running:
        running.recorder.record_now(raised(final_failure()), "task:spins", within_s=10)
    forge.run()
    with Spool(spool_file(forge.state_dir)) as spool:
        (group,) = spool.groups_changed_since(0)
    return group


def test_what_the_old_code_meets_says_nothing_of_the_fix(tmp_path: Path) -> None:
    """A daemon that was not started anew since the fix still meets the fault: that is no regression."""
    forge = Forge(tmp_path / "state", cooldown_s=0)
    running = forge.triage()
    _, case = applied(forge)
    assert case.applied_at is not None
    with recording(forge.state_dir, always={BEGAN_AT: stamp(case.applied_at - timedelta(hours=1))}) as recorder:
        recorder.recorder.record_now(raised(final_failure()), "task:spins", within_s=10)
    running._take_in()
    with Spool(spool_file(forge.state_dir)) as spool:
        (group,) = spool.groups_changed_since(0)
    assert (group.status, group.count) == (Status.NEW, 2)
    assert len(forge.cases()) == 1
    assert decisions(forge) == []


def test_a_fix_is_in_effect_with_the_next_start(tmp_path: Path) -> None:
    """Once the mended code runs and meets nothing, its fault is resolved."""
    forge = Forge(tmp_path / "state")
    group, _ = applied(forge)
    forge.run()
    with Spool(spool_file(forge.state_dir)) as spool:
        after = spool.group(group.fingerprint)
    assert after is not None
    assert after.status is Status.RESOLVED


def test_a_fault_that_the_mended_code_meets_has_regressed(tmp_path: Path) -> None:
    """It is a regression, a case for a person, and a decision that names both the case and what was seen."""
    forge = Forge(tmp_path / "state", cooldown_s=0)
    _, case = applied(forge)
    group = seen(forge, datetime.now(UTC))
    assert group.status is Status.REGRESSED
    first, second = forge.cases()
    assert (first.id, first.state) == (case.id, CaseState.APPLIED)
    assert (second.trigger, second.strategy) == ("recurring_pattern", "manual")
    seen(forge, datetime.now(UTC))
    (decision,) = decisions(forge)
    assert decision.why is Why.RECURS_AFTER_FIX
    assert decision.groups == (group.fingerprint,)
    assert decision.evidence == (group.last_event,)


async def test_decisions_reach_mongodb_once_also_when_it_was_away(
    tmp_path: Path, mongo_uri: str, mongo: Database[dict[str, Any]]
) -> None:
    """What was decided while MongoDB was away is there when it is back, under its id, and never doubled."""
    forge = Forge(tmp_path / "state")
    spread(forge.state_dir, ["task:red", "task:blue", "task:green"])
    triage = forge.triage()
    await triage.run_once()
    (decision,) = decisions(forge)
    with ProxiedMongo(tmp_path, mongo_uri) as proxy:
        proxy.behave(refuse=True)
        async with writing(proxy.uri, mongo, forge.state_dir) as running:
            await running.until_state("away")
            proxy.behave()
            await running.until(lambda: mongo["decisions"].count_documents({}) == 1, "the decision is in MongoDB")
    with Spool(spool_file(forge.state_dir)) as spool, spool.writing() as connection:
        connection.execute("UPDATE decisions SET is_sent = 0")  # sent, and never acknowledged
    async with writing(mongo_uri, mongo, forge.state_dir) as running:
        await running.until(lambda: not _unsent(forge.state_dir), "it is sent again")
    (document,) = mongo["decisions"].find()
    assert (document["_id"], document["why"], document["pattern"]) == (
        decision.id, "spans components", "iteration_timeout",
    )  # fmt: skip
    assert abs(document["at"] - decision.at) < timedelta(milliseconds=1)


def _unsent(state_dir: Path) -> int:
    with Spool(spool_file(state_dir)) as spool, spool.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM decisions WHERE is_sent = 0").fetchone()[0])
