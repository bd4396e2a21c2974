"""Alerts of a real daemon: what is killed or cut is one notice with its cause, its return one more."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.mail_server import PASSWORD, MailServer
from parts.obs_wire import Peer, Request
from parts.receiving import CaseReceiver
from parts.reloading import ConfigFile
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task, write_config

SECRET = "a secret of the test"  # noqa: S105
HOLD_S = 5.0
RULES = {
    "source_offline": {"hold_s": HOLD_S, "recover_s": 0.5},
    "server_down": {"hold_s": 2, "recover_s": 0.5},
    "blind_task": {"recover_s": 0.5},
    "memory": None,  # the machine of the test may be short of it
    "poor": {"when": "reading", "task": "read", "field": "number", "below": 10, "channels": ["ops"]},
}


class CutScreen(DrawnScreen):
    """A screen that may be cut off: it takes calls and does not answer."""

    is_cut = False

    def _answer(self, peer: Peer, request: Request) -> None:
        if not self.is_cut:
            super()._answer(peer, request)


@dataclass
class Alarmed:
    """A daemon with alerts by webhook and mail."""

    watched: Watched
    screen: CutScreen
    receiver: CaseReceiver
    mail: MailServer
    config: Path
    heard: int = 0

    def alerts(self) -> dict[str, Any]:
        return dict(self.watched.daemon.get("/api/alerts"))

    def active(self) -> list[str]:
        return [entry["title"] for entry in self.alerts()["active"]]

    def notices(self) -> list[dict[str, Any]]:
        """What the webhook got since this was last asked; what it refused once it got twice."""
        bodies = {each["headers"]["webhook-id"]: json.loads(each["body"]) for each in self.receiver.received()}
        return list(bodies.values())[self.heard :]

    def wait_notice(self, **wanted: Any) -> dict[str, Any]:
        """The next notice; it is as wanted."""
        self.watched.daemon.wait(lambda: bool(self.notices()), f"a notice with {wanted}", 60)
        (notice,) = self.notices()
        self.heard += 1
        assert wanted.items() <= notice.items()
        return notice

    def wait_calm(self) -> None:
        self.watched.daemon.wait(lambda: not self.active(), "nothing is in trouble", 60)


@contextlib.contextmanager
def alarmed(folder: Path) -> Iterator[Alarmed]:
    with (
        CutScreen() as screen,
        FakeEngine(folder / "engine", ["read", "state"]) as engine,
        CaseReceiver(folder, status=503, times=1) as receiver,
        MailServer(folder, busy=1) as mail,
    ):
        tasks = {"read": task(), "state": task()}
        config = write_config(folder, engine, tasks, [screen.source(timeout_s=1)])
        document = json.loads(config.read_text("utf-8"))
        document["capture"] = {"stall_s": 1}
        document["alerts"] = {
            "check_s": 0.1,
            "retry_s": 0.3,
            "rules": RULES,
            "channels": {"ops": {"kind": "webhook", "url": receiver.url}, "mail": {"kind": "apprise"}},
        }
        config.write_text(json.dumps(document), "utf-8")
        secrets = {"FOUREYES_WEBHOOK_SECRET": SECRET, "FOUREYES_ALERT_URLS": mail.url}
        with RunningDaemon(folder, "--config", str(config), **secrets) as daemon:
            watched = Watched(daemon.wait_ready(), engine, screen)
            try:
                yield Alarmed(watched, screen, receiver, mail, config)
            finally:
                watched.engine.end()  # a test may have started another one


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alarmed]:
    with alarmed(tmp_path_factory.mktemp("alerts")) as running:
        yield running


def test_an_outage_is_one_notice_with_its_cause_and_its_end_one_more(daemon: Alarmed) -> None:
    """A source is cut off: after the hold-off one notice names it and its tasks; its return is told once."""
    daemon.wait_calm()
    daemon.screen.is_cut = True
    problem = daemon.wait_notice(kind="problem", rule="source_offline", subjects=["source:main"])
    assert "no picture for" in problem["text"]
    assert "therefore task 'main/read' is blind" in problem["text"]
    assert "therefore task 'main/state' is blind" in problem["text"]
    assert [entry["because"] for entry in daemon.alerts()["active"]] == [None, "source:main", "source:main"]
    daemon.screen.is_cut = False
    daemon.wait_notice(kind="recovered", rule="source_offline", subjects=["source:main"])
    daemon.wait_calm()
    assert daemon.notices() == []


def test_a_blip_says_nothing(daemon: Alarmed) -> None:
    """A source that is cut off for less than the hold-off is seen, and not told."""
    daemon.wait_calm()
    began_s = time.monotonic()
    daemon.screen.is_cut = True
    daemon.watched.daemon.wait(lambda: "source 'main' is offline" in daemon.active(), "it is seen", 60)
    daemon.screen.is_cut = False
    if time.monotonic() - began_s >= HOLD_S:
        pytest.skip("the machine was too busy for a blip")
    daemon.wait_calm()
    assert daemon.notices() == []


def test_a_killed_engine_is_one_notice_that_names_it_and_not_its_tasks(daemon: Alarmed) -> None:
    """Server and both tasks are in trouble: one notice says why, and its return is told once."""
    watched = daemon.watched
    daemon.wait_calm()
    watched.engine.kill()
    watched.screen.show(drawn("nobody reads this"))
    problem = daemon.wait_notice(
        kind="problem", rule="server_down", severity="critical", subjects=["server:engine"]
    )
    assert "therefore task 'main/read' is blind" in problem["text"]
    watched.engine = watched.engine.again()
    try:
        over = daemon.wait_notice(kind="recovered", rule="server_down", subjects=["server:engine"])
        assert "it lasted" in over["text"]
        daemon.wait_calm()
        assert daemon.notices() == []
    finally:
        watched.settle("read")


def test_a_reading_that_meets_a_condition_is_told_by_the_channels_of_its_rule(daemon: Alarmed) -> None:
    """The number falls below the bound and rises again; the mail is not for that."""
    watched = daemon.watched
    daemon.wait_calm()
    watched.engine.control("read", values={"amount": None, "number": 7}, times=1)
    watched.screen.show(drawn("poor"))
    problem = daemon.wait_notice(kind="problem", rule="poor", subjects=["reading:main/read/number"])
    assert problem["title"] == "main/read: number is below 10"
    watched.engine.control("read", values={"amount": None, "number": 70}, times=1)
    watched.screen.show(drawn("rich"))
    daemon.wait_notice(kind="recovered", rule="poor")
    assert not [mail for mail in daemon.mail.mails() if "number" in mail["Subject"]]


def test_a_channel_that_refuses_is_tried_again_and_counted(daemon: Alarmed) -> None:
    """Both refused their first notice: each got it later; the failure is logged once for each, and its end."""
    watched = daemon.watched
    watched.daemon.wait(lambda: len(daemon.mail.mails()) >= 4, "the mails", 60)
    subjects = [mail["Subject"] for mail in daemon.mail.mails()]
    assert subjects[:2] == [f"FourEyes: {prefix}source 'main' is offline" for prefix in ("", "over: ")]
    for channel in ("ops", "mail"):
        assert watched.metric("foureyes_alert_deliveries_total", channel=channel, outcome="failed") == 1
        assert watched.metric("foureyes_alert_deliveries_total", channel=channel, outcome="ok") >= 4
    for name in ("alerts.failing", "alerts.recovered"):
        assert sorted(each["channel"] for each in watched.events(name)) == ["mail", "ops"]
    assert watched.daemon.component("alerts")["state"] == "ok"


def test_a_rule_that_is_reloaded_is_in_force_and_mqtt_waits_for_the_next_start(daemon: Alarmed) -> None:
    """A new rule tells what has been so for long; a broker is named as what takes effect later."""
    daemon.wait_calm()
    file = ConfigFile(daemon.watched.daemon, daemon.config.parent)
    known = {"when": "reading", "task": "state", "field": "amount", "missing": True, "channels": ["ops"]}
    before = file.document["alerts"]
    changed = {**before, "rules": {**before["rules"], "unread": known}}
    daemon.watched.engine.control("state", values={"amount": None, "number": 1}, times=1)
    daemon.watched.screen.show(drawn("no amount"))
    outcome = file.reload({**file.document, "alerts": changed, "mqtt": {"host": "127.0.0.1"}})
    assert "at the next start: mqtt.host" in outcome["message"]
    daemon.wait_notice(kind="problem", rule="unread", subjects=["reading:main/state/amount"])
    file.reload({**file.document, "alerts": before, "mqtt": {}})
    daemon.wait_notice(kind="recovered", rule="unread")


def test_notices_are_logged_and_kept_and_no_secret_is_anywhere(daemon: Alarmed) -> None:
    """The log has each notice once; the state folder and the API have no password."""
    watched = daemon.watched
    told = daemon.alerts()["last"]
    assert len({notice["id"] for notice in told}) == len(told) >= 6
    problems = [each for each in told if each["kind"] == "problem"]
    assert len(watched.events("alert.problem")) == len(problems)
    assert watched.daemon.get("/api/status")["alerts"]["last"] == told
    texts = [*watched.daemon.kept().values(), json.dumps(daemon.alerts()).encode()]
    for secret in (PASSWORD, SECRET, daemon.receiver.url):
        assert not [text for text in texts if secret.encode() in text]


def test_the_command_lists_alerts_and_sends_a_test_by_the_same_channels(daemon: Alarmed) -> None:
    """`alerts list` says what the daemon says; `alerts test` delivers, and its exit code tells."""
    state = ("--config", str(daemon.config), "--state-dir", str(daemon.watched.daemon.state_dir))
    listed = foureyes("alerts", "list", *state)
    assert listed.returncode == 0, listed.stderr
    assert "over: source 'main' is offline" in listed.stdout
    assert "channel mail: ok, 0 waiting" in listed.stdout
    seen = len(daemon.mail.mails())
    secrets = {"FOUREYES_WEBHOOK_SECRET": SECRET, "FOUREYES_ALERT_URLS": daemon.mail.url}
    sent = foureyes("alerts", "test", "--config", str(daemon.config), **secrets)
    assert (sent.returncode, sent.stderr) == (0, "")
    assert daemon.wait_notice(kind="test")["title"] == "a test of alerts"
    assert len(daemon.mail.mails()) == seen + 1
    checked = foureyes("check", *state, FOUREYES_ALERT_URLS=daemon.mail.url)
    assert checked.returncode == 1
    assert "ok    alerts: 8 rules: source_offline" in checked.stdout
    assert "ok    channel mail: alerts go to E-Mail by Apprise" in checked.stdout
    assert "FAIL  channel ops: the webhook needs a secret" in checked.stdout
    assert PASSWORD not in checked.stdout + checked.stderr
