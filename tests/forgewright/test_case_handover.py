"""To whom cases go: a webhook that can check who sent them, a command without a shell, a folder of whole files."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from parts.forging import journal
from parts.mender import lives, mender
from parts.program import free_port
from parts.receiving import CaseReceiver

from foureyes.config.triage import Webhook as WebhookSettings
from foureyes.exceptions import HandOverError
from foureyes.forgewright.handover.command import Command
from foureyes.forgewright.handover.folder import Folder
from foureyes.forgewright.handover.target import Target
from foureyes.forgewright.handover.webhook import Webhook

CASE = "019f0000-0000-7000-8000-000000000001"
SECRET = "a secret of the test"  # noqa: S105
VARIABLE = "FOUREYES_WEBHOOK_SECRET"


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    file = tmp_path / "cases" / CASE / "case.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"id": CASE, "summary": "$(reboot); `id` ü"}), "utf-8")
    return file


@pytest.fixture
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)


def deliver(target: Target, case_file: Path) -> None:
    asyncio.run(target.deliver(CASE, case_file))


def webhook(url: str, **settings: Any) -> Webhook:
    return Webhook(WebhookSettings(url=url, **{"first_wait_s": 0.01, **settings}))


@pytest.mark.usefixtures("_secret")
def test_a_webhook_gets_the_case_with_a_signature_over_id_time_and_body(tmp_path: Path, case_file: Path) -> None:
    """The receiver can tell by its own copy of the secret that this body was sent by us just now."""
    with CaseReceiver(tmp_path) as receiver:
        deliver(webhook(receiver.url), case_file)
        (request,) = receiver.received()
    headers, body = request["headers"], request["body"]
    assert body == case_file.read_bytes()
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == CASE
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 60
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_a_secret_may_stand_in_base64_as_the_standard_has_it(
    tmp_path: Path, case_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind whsec_ the secret is base64."""
    monkeypatch.setenv(VARIABLE, "whsec_" + base64.b64encode(b"\x00\xffbytes").decode())
    with CaseReceiver(tmp_path) as receiver:
        deliver(webhook(receiver.url), case_file)
        headers = receiver.received()[0]["headers"]
    signed = f"{CASE}.{headers['webhook-timestamp']}.".encode() + case_file.read_bytes()
    expected = base64.b64encode(hmac.new(b"\x00\xffbytes", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@pytest.mark.parametrize("secret", ["", "whsec_not base64!"])
def test_nothing_is_sent_without_a_signature(
    tmp_path: Path, case_file: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    """Without a secret that can be used the webhook is not called, and the error names the variable."""
    monkeypatch.setenv(VARIABLE, secret)
    with CaseReceiver(tmp_path) as receiver:
        with pytest.raises(HandOverError, match=VARIABLE):
            deliver(webhook(receiver.url), case_file)
        assert receiver.received() == []


@pytest.mark.usefixtures("_secret")
def test_a_webhook_that_is_busy_is_tried_again(tmp_path: Path, case_file: Path) -> None:
    """Refusals that may pass are tried again, each time with the time of now in the signature."""
    with CaseReceiver(tmp_path, status=503, times=2) as receiver:
        deliver(webhook(receiver.url), case_file)
        assert len(receiver.received()) == 3


@pytest.mark.usefixtures("_secret")
def test_a_webhook_is_not_tried_for_ever(tmp_path: Path, case_file: Path) -> None:
    """After so many attempts it is an error that says the last reason, and of the url only the host."""
    with CaseReceiver(tmp_path, status=500, times=100) as receiver:
        with pytest.raises(HandOverError, match="status 500") as failure:
            deliver(webhook(receiver.url, attempts=2), case_file)
        assert len(receiver.received()) == 2
    assert "/cases" not in str(failure.value)


@pytest.mark.usefixtures("_secret")
@pytest.mark.parametrize("status", [302, 307, 400, 401, 410])
def test_a_refusal_for_good_is_not_tried_again_and_no_redirect_followed(
    tmp_path: Path, case_file: Path, status: int
) -> None:
    """A case goes where the configuration says and nowhere else."""
    with CaseReceiver(tmp_path, status=status, times=100) as receiver:
        with pytest.raises(HandOverError, match=f"status {status}"):
            deliver(webhook(receiver.url), case_file)
        assert [request["path"] for request in receiver.received()] == ["/cases"]


@pytest.mark.usefixtures("_secret")
def test_a_webhook_that_says_nothing_is_left_in_time(tmp_path: Path, case_file: Path) -> None:
    """A receiver that never answers costs its timeout, and one that is not there an error."""
    with (
        CaseReceiver(tmp_path, status=0, times=100) as receiver,
        pytest.raises(HandOverError, match="did not take the case"),
    ):
        deliver(webhook(receiver.url, attempts=1, timeout_s=1), case_file)
    with pytest.raises(HandOverError, match="did not take the case"):
        deliver(webhook(f"http://127.0.0.1:{free_port()}/", attempts=2), case_file)


def test_a_command_gets_the_path_of_the_case_and_none_of_our_secrets(
    tmp_path: Path, case_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path is its last argument; it works in the case's folder, without the variables set for FourEyes."""
    monkeypatch.setenv("FOUREYES_MONGO__URI", "mongodb://user:password@host")
    notes = tmp_path / "journal.jsonl"
    deliver(Command(mender(notes), 30), case_file)
    (note,) = journal(notes)
    assert note["case"] == str(case_file)
    assert note["cwd"] == str(case_file.parent)
    assert "PATH" in note["variables"]
    assert not [name for name in note["variables"] if name.startswith("FOUREYES_")]


def test_what_a_command_prints_is_drained_bounded_and_redacted(tmp_path: Path, case_file: Path) -> None:
    """Megabytes do not stop it; the last of them is kept beside the case, without secrets."""
    deliver(Command(mender(tmp_path / "journal.jsonl", "--chatter-kb", "4000"), 30), case_file)
    output = case_file.with_name("output.log").read_text("utf-8")
    assert len(output) <= 70_000
    assert "xxxx" in output
    assert "sk-0123456789abcdef" not in output


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path, case_file: Path) -> None:
    """After its time nothing of it is left."""
    notes = tmp_path / "journal.jsonl"
    with pytest.raises(HandOverError, match=r"did not end within 1\.5 s"):
        deliver(Command(mender(notes, "--hang"), 1.5), case_file)
    assert [pid for pid in journal(notes)[0]["pids"] if lives(pid)] == []


def test_a_command_that_leaves_a_child_behind_is_done_when_it_exits(tmp_path: Path, case_file: Path) -> None:
    """A grandchild that holds the output open keeps nobody waiting, and is ended."""
    notes = tmp_path / "journal.jsonl"
    deliver(Command(mender(notes, "--linger"), 20), case_file)
    assert [pid for pid in journal(notes)[0]["pids"] if lives(pid)] == []


@pytest.mark.parametrize(
    ("command", "said"), [(["/no/such/program"], "there is no program"), (None, "exit code 3")]
)
def test_a_command_that_fails_is_an_error_that_says_so(
    tmp_path: Path, case_file: Path, command: list[str] | None, said: str
) -> None:
    """One that is not there, and one that says it failed."""
    with pytest.raises(HandOverError, match=said):
        deliver(Command(command or mender(tmp_path / "journal.jsonl", "--exit", "3"), 30), case_file)


@pytest.mark.usefixtures("_secret")
def test_a_target_says_beforehand_whether_it_could(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking hands nothing over; what is missing is the same sentence that a hand-over would end with."""
    notes = tmp_path / "journal.jsonl"
    assert "inbox" in Folder(tmp_path / "inbox").check()
    assert webhook("http://127.0.0.1:9/secret/path").check() == "signed posts to 127.0.0.1:9"
    assert "python" in Command(mender(notes), 30).check()
    assert not notes.exists()
    monkeypatch.delenv(VARIABLE)
    (tmp_path / "file").touch()
    for target in (Folder(tmp_path / "file"), webhook("http://127.0.0.1:9/"), Command(["no-such-program"], 30)):
        with pytest.raises(HandOverError):
            target.check()


def test_a_folder_gets_whole_files(tmp_path: Path, case_file: Path) -> None:
    """The file of a case is its id, and nothing unfinished is left beside it."""
    folder = tmp_path / "inbox"
    deliver(Folder(folder), case_file)
    assert [file.name for file in folder.iterdir()] == [f"{CASE}.json"]
    assert json.loads((folder / f"{CASE}.json").read_text("utf-8"))["id"] == CASE


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path, case_file: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "inbox").write_text("in the way", "utf-8")
    with pytest.raises(HandOverError, match=r"triage\.folder"):
        deliver(Folder(tmp_path / "inbox"), case_file)
