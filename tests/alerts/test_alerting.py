"""What cannot be delivered waits: bounded, over a restart, not for ever, and each channel for itself."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from loguru import logger
from parts.hand_clock import HandClock
from parts.program import free_port
from parts.receiving import CaseReceiver

from foureyes.alerts.alerting import Alerting, Surroundings
from foureyes.alerts.lane import Ledger
from foureyes.alerts.snapshot import PartSeen, Snapshot
from foureyes.alerts.store import alerts_file
from foureyes.config.alerts import Alerts
from foureyes.config.mqtt import Mqtt
from foureyes.daemon.alert_channels import channels_of
from foureyes.telemetry.words import Word

NOW = {"hold_s": 0, "recover_s": 0, "cooldown_s": 0}
FAST = {"check_s": 0.05, "retry_s": 0.05, "retry_cap_s": 0.05}


class Scene:
    """Alerting over snapshots that the test makes, with real channels; a clock that the test moves."""

    def __init__(self, state_dir: Path, **settings: Any) -> None:
        self.settings = Alerts.model_validate({"rules": {"server_down": NOW}, **FAST, **settings})
        self.clock = HandClock()
        self.words = {"engine": Word.OK}
        self.dropped: list[tuple[str, str]] = []
        self.told: list[dict[str, Any]] = []
        self.attempts: list[tuple[str, str]] = []
        ledger = Ledger(
            delivered=lambda channel, outcome: self.attempts.append((channel, outcome)),
            dropped=lambda where, reason: self.dropped.append((where, reason)),
            changed=lambda: None,
        )
        self.given = settings
        around = Surroundings(
            settings=lambda: self.settings,
            channels=lambda alerts: channels_of(alerts, Mqtt()),
            tell=lambda notice: self.told.append(dict(notice)),
            ledger=ledger,
        )
        self.alerting = Alerting(state_dir, around)

    async def snapshot(self) -> Snapshot:
        self.clock.move(1)
        servers = {name: PartSeen(word, "it died") for name, word in self.words.items()}
        return Snapshot(self.clock(), datetime.now(UTC), servers=servers)

    def run_until(self, *steps: Callable[[], bool], then: Callable[[int], None] = lambda _: None) -> None:
        """Run until each condition was met, one after the other; `then` is called with the number of each."""
        asyncio.run(self._run_until(steps, then))

    async def _run_until(self, steps: tuple[Callable[[], bool], ...], then: Callable[[int], None]) -> None:
        running = asyncio.create_task(self.alerting.run(self.snapshot))
        try:
            async with asyncio.timeout(30):
                for number, met in enumerate(steps):
                    while not met():
                        assert not running.done(), running.exception()
                        await asyncio.sleep(0.01)
                    then(number)
        finally:
            running.cancel()
            await asyncio.wait({running})

    def break_down(self, word: Word = Word.FAILING) -> None:
        self.words["engine"] = word

    def change(self, **settings: Any) -> None:
        """Other settings from now on."""
        self.settings = Alerts.model_validate({**FAST, **self.given, **settings})

    def is_calm(self) -> bool:
        """Whether nothing is in trouble, and that was told."""
        return bool(self.told) and self.told[-1]["kind"] == "recovered"

    def waiting(self, channel: str = "ops") -> int:
        return int(self.alerting.document()["channels"][channel]["waiting"])


def ops(port: int) -> dict[str, Any]:
    return {"ops": {"kind": "webhook", "url": f"http://127.0.0.1:{port}/cases"}}


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUREYES_WEBHOOK_SECRET", "a secret of the test")


@contextmanager
def events() -> Iterator[list[str]]:
    """The names of the events that are logged while inside."""
    seen: list[str] = []
    number = logger.add(lambda message: seen.append(message.record["extra"].get("event", "")), level="DEBUG")
    try:
        yield seen
    finally:
        logger.remove(number)


def test_what_was_not_delivered_is_after_a_restart_and_is_not_told_again(tmp_path: Path) -> None:
    """The receiver is away while the daemon ends; the next daemon delivers the same notice, once, and its end."""
    port, state = free_port(), tmp_path / "state"
    first = Scene(state, channels=ops(port))
    first.break_down()
    with events() as seen:
        first.run_until(lambda: len(first.attempts) >= 4)
    assert seen.count("alerts.failing") == 1
    assert set(first.attempts) == {("ops", "failed")}
    assert alerts_file(state).stat().st_mode & 0o077 == 0
    second = Scene(state, channels=ops(port))
    second.break_down()
    with CaseReceiver(tmp_path, port=port) as receiver:

        def delivered() -> list[dict[str, Any]]:
            return [json.loads(each["body"]) for each in receiver.received()]

        second.run_until(lambda: len(delivered()) == 1, second.is_calm, then=lambda _: second.break_down(Word.OK))
        assert delivered()[0] == first.told[0]
        assert [each["kind"] for each in second.told] == ["recovered"]


def test_the_oldest_goes_when_too_many_wait_and_what_is_too_old_is_given_up(tmp_path: Path) -> None:
    """Both are counted by their reason; the newest wait on."""
    scene = Scene(tmp_path, channels=ops(free_port()), most_waiting=3, retry_s=600, retry_cap_s=600)

    def flap(_number: int) -> None:
        scene.break_down(Word.OK if scene.words["engine"] is Word.FAILING else Word.FAILING)

    flap(0)
    scene.run_until(*[lambda count=count: len(scene.told) >= count for count in range(1, 6)], then=flap)
    assert scene.dropped.count(("alerts", "outbox_full")) == len(scene.told) - 3
    assert scene.waiting() == 3
    kept = json.loads(alerts_file(tmp_path).read_text("utf-8"))
    for notice in kept["waiting"]["ops"]:
        notice["at"] = "2020-01-01T00:00:00Z"
    alerts_file(tmp_path).write_text(json.dumps(kept), "utf-8")
    late = Scene(tmp_path, channels=ops(free_port()))
    late.run_until(lambda: late.dropped == [("alerts", "expired")] * 3)


def test_a_channel_that_hangs_holds_up_no_other_one(tmp_path: Path) -> None:
    """Each channel has its own way; the one that hangs is ended after its time."""
    note = tmp_path / "note"
    hangs = [sys.executable, "-c", "import time; time.sleep(60)"]
    writes = [sys.executable, "-c", f"open({str(note)!r}, 'a').write('told ')"]
    channels = {"slow": {"kind": "command", "command": hangs}, "quick": {"kind": "command", "command": writes}}
    scene = Scene(tmp_path, channels=channels)
    scene.break_down()
    scene.run_until(lambda: scene.waiting("quick") == 0 and note.exists())
    assert scene.waiting("slow") == 1
    assert note.read_text("utf-8") == "told "


def test_in_an_hour_only_so_many_notices_go_out_and_the_log_has_all(tmp_path: Path) -> None:
    """Whoever reads them is not buried; those beyond are counted."""
    scene = Scene(tmp_path, channels=ops(free_port()), most_an_hour=2)

    def flap(_number: int) -> None:
        scene.break_down(Word.OK if scene.words["engine"] is Word.FAILING else Word.FAILING)

    flap(0)
    with events() as seen:
        scene.run_until(*[lambda count=count: len(scene.told) >= count for count in range(1, 5)], then=flap)
    assert scene.waiting() == 2
    assert seen.count("alert.problem") + seen.count("alert.recovered") == len(scene.told)
    assert scene.dropped.count(("alerts", "too_many")) == len(scene.told) - 2


def test_changed_settings_are_in_force_at_the_next_look(tmp_path: Path) -> None:
    """What waits goes by the channel of the same name, which leads elsewhere now; a rule goes off."""
    with CaseReceiver(tmp_path) as receiver:
        scene = Scene(tmp_path, channels=ops(free_port()), retry_s=600, retry_cap_s=600)
        scene.break_down()
        good = {"ops": {"kind": "webhook", "url": receiver.url}}

        def change(number: int) -> None:
            if number == 0:
                scene.change(channels=good, rules={"server_down": None})

        failed = ("ops", "failed")
        scene.run_until(
            lambda: failed in scene.attempts, lambda: bool(receiver.received()), scene.is_calm, then=change
        )
        assert [each["kind"] for each in scene.told] == ["problem", "recovered"]
        assert "not watched any more" in scene.told[1]["text"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"told": 3}', b"\xff\xfe", b'{"told":[],"last":[{}],"waiting":{}}']
)
def test_a_file_that_is_damaged_is_said_once_and_begun_anew(tmp_path: Path, content: bytes) -> None:
    """What was told is not known then; alerts go on."""
    alerts_file(tmp_path).write_bytes(content)
    with events() as seen:
        scene = Scene(tmp_path)
        scene.break_down()
        scene.run_until(lambda: bool(scene.told))
    assert seen.count("alerts.forgotten") == 1
    assert json.loads(alerts_file(tmp_path).read_text("utf-8"))["told"]


def test_a_folder_that_cannot_be_written_is_said_once_and_stops_no_alert(tmp_path: Path) -> None:
    """A restart would forget what was told; until then all is told."""
    (tmp_path / "state").write_text("in the way", "utf-8")
    scene = Scene(tmp_path / "state")
    scene.break_down()
    with events() as seen:
        scene.run_until(
            lambda: len(scene.told) >= 1, lambda: len(scene.told) >= 2, then=lambda _: scene.break_down(Word.OK)
        )
    assert seen.count("alerts.unwritable") == 1
