"""The ways of alerts, each against the real thing: a webhook's receiver, an SMTP server, a program, a broker."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from parts.mail_server import PASSWORD, MailServer
from parts.mosquitto import Mosquitto, Subscriber
from parts.program import free_port, wait_until
from parts.receiving import CaseReceiver
from typer.testing import CliRunner

from foureyes.alerts.channels.apprise import Apprise
from foureyes.alerts.channels.channel import Channel
from foureyes.alerts.channels.command import Command
from foureyes.alerts.channels.webhook import Webhook
from foureyes.cli.alerts import app
from foureyes.config.alerts import Alerts, CommandChannel, WebhookChannel
from foureyes.config.mqtt import Mqtt
from foureyes.daemon.alert_channels import channels_of
from foureyes.exceptions import AlertError, MissingExtraError, UsageError
from foureyes.outputs.mqtt_notice import MqttNotices
from foureyes.redaction import redact_text

SECRET = "a secret of the test"  # noqa: S105
SCHEMA = {"type": "object", "properties": {"grand": {"type": ["number", "null"]}}, "required": ["grand"]}
NOTICE = {
    "id": "0f" * 16,
    "kind": "problem",
    "rule": "server_down",
    "severity": "critical",
    "at": "2026-01-01T00:00:00Z",
    "since": "2026-01-01T00:00:00Z",
    "subjects": ["server:engine"],
    "title": "server 'engine' is down",
    "text": "$(reboot); `id` ü <b>\ntherefore task 'main/read' is blind",
}


def deliver(channel: Channel) -> None:
    asyncio.run(channel.deliver(NOTICE))


@pytest.fixture
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOUREYES_WEBHOOK_SECRET", SECRET)


def webhook(url: str, timeout_s: float = 5) -> Webhook:
    return Webhook(WebhookChannel(kind="webhook", url=url, timeout_s=timeout_s))


@pytest.mark.usefixtures("_secret")
def test_a_webhook_gets_the_notice_signed_under_its_own_id(tmp_path: Path) -> None:
    """The receiver can tell who sent it, and knows one that comes twice."""
    with CaseReceiver(tmp_path) as receiver:
        deliver(webhook(receiver.url))
        (request,) = receiver.received()
    assert json.loads(request["body"]) == NOTICE
    headers = request["headers"]
    assert headers["webhook-id"] == NOTICE["id"]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request["body"]
    expected = base64.b64encode(hmac.new(SECRET.encode(), content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.usefixtures("_secret")
@pytest.mark.parametrize("status", [302, 404, 503])
def test_a_webhook_that_does_not_take_it_is_an_error_that_names_the_host_alone(
    tmp_path: Path, status: int
) -> None:
    """Its path may be a secret."""
    with CaseReceiver(tmp_path, status=status, times=1) as receiver:
        with pytest.raises(AlertError, match=f"status {status}") as failure:
            deliver(webhook(receiver.url))
        assert "/cases" not in str(failure.value)


def test_a_webhook_without_a_secret_says_which_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent unsigned."""
    monkeypatch.delenv("FOUREYES_WEBHOOK_SECRET", raising=False)
    with pytest.raises(AlertError, match="FOUREYES_WEBHOOK_SECRET"):
        webhook("http://127.0.0.1:9/").check()


def test_a_mail_arrives_through_apprise(tmp_path: Path) -> None:
    """Title and text as they are: what looks like markup or a command is text."""
    with MailServer(tmp_path) as server:
        deliver(Apprise("mail", server.url, "URLS", 20))
        (mail,) = server.mails()
    assert mail["Subject"] == "FourEyes: server 'engine' is down"
    assert mail["To"] == "night@example.org"
    part = mail.get_body(("plain", "html"))
    assert "therefore task" in part.get_content()
    assert "$(reboot)" in part.get_content()
    assert "<b>" not in part.get_content() or part.get_content_type() == "text/plain"


def test_a_mail_that_is_refused_is_an_error_without_its_password(tmp_path: Path) -> None:
    """The service is named, the url and what is in it is not; nor is it written anywhere from then on."""
    with (
        MailServer(tmp_path, busy=1) as server,
        pytest.raises(AlertError, match=r"[Mm]ail.* did not take the notice") as failure,
    ):
        deliver(Apprise("mail", server.url, "URLS", 20))
    assert PASSWORD not in str(failure.value)
    assert PASSWORD not in redact_text(f"it was {PASSWORD} or {server.url}")
    assert redact_text("this mode of an insecure model") == "this mode of an insecure model"


def test_a_service_that_hangs_costs_its_time_and_none_of_the_threads_of_the_others() -> None:
    """It takes the call and says nothing: an error in time, again and again, on one thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mailto://a:bcdef@127.0.0.1:{silent.getsockname()[1]}/?from=a@example.org&to=b@example.org&mode=insecure"
        for _ in range(3):
            with pytest.raises(AlertError, match=r"did not answer within 0\.5 s"):
                deliver(Apprise("silent", url, "URLS", 0.5))
        assert [each.name for each in threading.enumerate()].count("alerts by silent") == 1


@pytest.mark.parametrize(("urls", "said"), [("", "put one into URLS"), ("nonsense://x", "does not understand")])
def test_urls_that_are_missing_or_unknown_say_what_to_do(urls: str, said: str) -> None:
    """Beforehand, and when a notice is to go there."""
    channel = Apprise("mail", urls or None, "URLS", 5)
    with pytest.raises(AlertError, match=said):
        channel.check()
    with pytest.raises(AlertError, match=said):
        deliver(channel)


def test_each_url_is_a_channel_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one service took does not go to it again because another one did not."""
    monkeypatch.setenv("FOUREYES_ALERT_URLS", "json://127.0.0.1:9/a\n json://127.0.0.1:9/b")
    alerts = Alerts.model_validate({"channels": {"chat": {"kind": "apprise"}}})
    assert list(channels_of(alerts, Mqtt())) == ["chat.1", "chat.2"]


@pytest.mark.parametrize("module", ["apprise", "aiomqtt"])
def test_what_is_not_installed_is_a_sentence_with_the_extra(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """It comes when the channels are made, before anything is to be told."""
    monkeypatch.setitem(sys.modules, module, None)
    kind, extra = ("apprise", "alerts") if module == "apprise" else ("mqtt", "mqtt")
    alerts = Alerts.model_validate({"channels": {"mine": {"kind": kind}}})
    with pytest.raises(MissingExtraError, match=rf"foureyes\[{extra}\]"):
        channels_of(alerts, Mqtt(host="127.0.0.1"))


def test_a_daemon_whose_extra_is_missing_does_not_start_and_says_which(tmp_path: Path) -> None:
    """Nothing is half-started: it is one sentence and exit code 2."""
    file = tmp_path / "config.yaml"
    config = {"models": {"m": {"model_id": "ocr"}}, "tasks": {"t": {"models": ["m"], "schema": SCHEMA}}}
    file.write_text(json.dumps({**config, "alerts": {"channels": {"mail": {"kind": "apprise"}}}}), "utf-8")
    arguments = ["foureyes", "run", "--config", str(file), "--state-dir", str(tmp_path / "state")]
    without = f"import sys; sys.modules['apprise'] = None; sys.argv = {arguments!r}"
    script = f"{without}\nfrom foureyes.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("foureyes: the channel 'mail' needs Apprise")
    assert "pip install 'foureyes[alerts]'" in done.stderr
    assert not (tmp_path / "state").exists()


def test_a_test_by_a_channel_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    """And one without any channel says where they are configured."""
    config = {"models": {"m": {"model_id": "ocr"}}, "tasks": {"t": {"models": ["m"], "schema": SCHEMA}}}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps(config), "utf-8")
    result = CliRunner().invoke(app, ["test", "--config", str(file)])
    assert isinstance(result.exception, UsageError)
    assert "alerts.channels" in str(result.exception)
    channels = {"ops": {"kind": "command", "command": ["true"]}}
    file.write_text(json.dumps({**config, "alerts": {"channels": channels}}), "utf-8")
    result = CliRunner().invoke(app, ["test", "--channel", "nobody", "--config", str(file)])
    assert "known channels: ops" in str(result.exception)


def test_a_test_that_is_not_taken_says_why_by_its_exit_code_too(tmp_path: Path) -> None:
    """Of two channels one fails: both are told, the exit code is 1."""
    channels = {name: {"kind": "command", "command": [name]} for name in ("true", "false")}
    config = {"models": {"m": {"model_id": "ocr"}}, "tasks": {"t": {"models": ["m"], "schema": SCHEMA}}}
    file = tmp_path / "config.yaml"
    file.write_text(json.dumps({**config, "alerts": {"channels": channels}}), "utf-8")
    result = CliRunner().invoke(app, ["test", "--config", str(file)])
    assert result.exit_code == 1
    assert "ok    channel true" in result.stdout
    assert "FAIL  channel false: false ended with exit code 1" in result.stdout


def command(*arguments: str, timeout_s: float = 20) -> Command:
    return Command(CommandChannel(kind="command", command=[sys.executable, *arguments], timeout_s=timeout_s))


def test_a_command_gets_the_notice_on_its_input_and_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shell, no argument of ours, no variable that was set for FourEyes."""
    monkeypatch.setenv("FOUREYES_ALERT_URLS", "mailto://secret")
    note = tmp_path / "note.json"
    script = "import json,os,sys; json.dump([json.load(sys.stdin), sorted(os.environ)], open(sys.argv[1], 'w'))"
    deliver(command("-c", script, str(note)))
    document, variables = json.loads(note.read_text("utf-8"))
    assert document == NOTICE
    assert not [name for name in variables if name.startswith("FOUREYES_")]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("raise SystemExit('no token=hunter22 left')", "exit code 1"),
        ("import time; time.sleep(60)", "did not end"),
    ],
)
def test_a_command_that_fails_or_hangs_is_an_error(script: str, said: str) -> None:
    """With its last words, without secrets; one that does not end is killed."""
    with pytest.raises(AlertError, match=said) as failure:
        deliver(command("-c", script, timeout_s=2))
    assert "hunter22" not in str(failure.value)


def test_a_notice_is_published_to_the_broker_and_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not retained: it happened once."""
    from parts import mosquitto  # noqa: PLC0415

    monkeypatch.setenv("FOUREYES_MQTT_PASSWORD", mosquitto.PASSWORD)
    with Mosquitto(tmp_path, password=True) as broker, Subscriber(broker.port) as subscriber:
        settings = Mqtt(host="127.0.0.1", port=broker.port, username=mosquitto.USER, topic="eyes")
        deliver(MqttNotices(settings))
        wait_until(lambda: subscriber.newest("eyes/alert") == NOTICE, 60, "the notice")
        with pytest.raises(AlertError, match="refuses us"):
            deliver(MqttNotices(settings.model_copy(update={"username": "nobody"})))
    with pytest.raises(AlertError, match="is away"):
        deliver(MqttNotices(Mqtt(host="127.0.0.1", port=free_port())))
    with pytest.raises(AlertError, match=r"mqtt\.host"):
        MqttNotices(Mqtt()).check()
