"""A reproduction calls the real function with the real arguments: red while the fault is there, green after."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from parts.faulty import events, raised, recording
from parts.forging import Forge, final_failure, record
from parts.foureyes import foureyes
from parts.reproducing import captured, caught, made, reproduced, seen

import foureyes as package
from foureyes.backoff import backoff_s
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import PictureError, ServerDownError, ServerTimeoutError, UnknownFaultError
from foureyes.forgewright.case import CaseState
from foureyes.forgewright.claim import claimed
from foureyes.forgewright.reproduction import platform
from foureyes.forgewright.reproduction.guard import GuardedError, guarded
from foureyes.forgewright.reproduction.maker import make_lock
from foureyes.forgewright.reproduction.replay import check, main
from foureyes.forgewright.reproduction.runner import Limits, Outcome, run
from foureyes.forgewright.reproduction.virtual_time import NeverEndsError, VirtualClock, VirtualLoop
from foureyes.picture import decode, encode_png
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.recorded import blamed
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds.engine import Engine
from foureyes.servers.server import ChatRequest
from foureyes.whole_file import write_whole

EVENT = "01a1fe37-ffdc-7931-98f1-9777a9024101"


class Answering(httpx.AsyncBaseTransport):
    """A server that answers after a while."""

    def __init__(self, after_s: float, status: int, said: bytes) -> None:
        self._after_s = after_s
        self._status, self._said = status, said

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:  # noqa: ARG002 - httpx's own
        await asyncio.sleep(self._after_s)
        return httpx.Response(self._status, stream=Body(self._said))


async def _blamed(question: Awaitable[Any]) -> None:
    """As whoever asks on behalf of a task does."""
    with blamed():
        await question


class Body(httpx.AsyncByteStream):
    """What was said, as a network gives it."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._said


def asked(after_s: float, status: int, said: Any) -> Exception:
    """What a chat with such a server raises, on a virtual clock."""
    answer = said if isinstance(said, bytes) else json.dumps(said).encode()
    clock = VirtualClock(1000.0, 1_800_000_000.0)
    loop = VirtualLoop(clock)
    engine = Engine("engine", "http://127.0.0.1:9", Clients(transport=Answering(after_s, status, answer)))
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    request = ChatRequest("ocr", "read", schema, (b"\x89PNG...",), timeout_s=30)
    with clock.in_place():
        try:
            return caught(loop.run_until_complete, _blamed(engine.chat(request)))
        finally:
            loop.close()


def test_the_example_of_the_design_document(tmp_path: Path) -> None:
    """The server answers after 35 s, the timeout is 30 s: the real call times out again, and nobody waits."""
    error = asked(35, 200, {})
    assert isinstance(error, ServerTimeoutError)
    began_s = time.monotonic()
    done = reproduced(tmp_path, error)
    assert done.verdict.outcome is Outcome.REPRODUCED
    assert "ServerTimeoutError in ServerHttp.exchange" in done.verdict.reason
    assert time.monotonic() - began_s < 30


@pytest.mark.parametrize(
    ("status", "said", "place"),
    [
        (200, b"<html>", "ServerReplyError in ServerHttp._object"),
        (400, {"error": "context size has been exceeded"}, "ContextOverflowError in ServerHttp.accepted"),
        (
            200,
            {"model": "ocr", "choices": [{"message": {"content": "{"}}]},
            "ServerReplyError in _object of foureyes.servers.kinds.engine",
        ),
    ],
    ids=["html", "refusal", "answer"],
)
def test_what_a_server_said_is_replayed(tmp_path: Path, status: int, said: Any, place: str) -> None:
    """From the answer itself, or through the call that asked for it."""
    found = seen(tmp_path, asked(1, status, said))
    assert found.outcome is Outcome.REPRODUCED
    assert place in found.reason


def test_the_exchange_is_kept_with_the_fault(tmp_path: Path) -> None:
    """What was asked, what was answered, when: beside the arguments, the picture in a file."""
    seen(tmp_path, asked(1, 200, b"<html>"))
    (data,) = (tmp_path / "T00L5ET" / "data").iterdir()
    exchange = json.loads((data / "arguments.json").read_text("utf-8"))["exchange"]["fields"]
    assert (exchange["method"], exchange["route"], exchange["status"]) == ("POST", "/v1/chat/completions", 200)
    assert exchange["seconds"] == 1
    assert "data_url" in json.dumps(exchange["body"])
    assert [file.read_bytes() for file in data.glob("*.png")] == [b"\x89PNG..."]
    expected = json.loads((data / "expected.json").read_text("utf-8"))
    assert (expected["type"], expected["function"]) == (
        "foureyes.exceptions:ServerReplyError",
        "ServerHttp._object",
    )


def test_where_the_innermost_call_cannot_be_made_the_one_around_it_is(tmp_path: Path) -> None:
    """The check of the model's name got a function made on the spot; the call that made it is tried instead."""
    done = reproduced(tmp_path, asked(1, 200, {"model": "other"}))
    assert done.verdict.outcome is Outcome.REPRODUCED
    assert "WrongModelError in check_same" in done.verdict.reason
    assert "by calling Engine.chat, around it" in done.verdict.reason


def fixed_copy(folder: Path, file: str, before: str, after: str) -> Path:
    """A copy of the package in which one text is another one."""
    source = Path(package.__file__).parent
    shutil.copytree(source, folder / "foureyes", ignore=shutil.ignore_patterns("__pycache__"))
    changed = folder / "foureyes" / file
    text = changed.read_text("utf-8")
    assert before in text
    changed.write_text(text.replace(before, after), "utf-8")
    return folder


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test of a fault in `backoff_s`."""
    done = reproduced(tmp_path_factory.mktemp("hurt"), caught(backoff_s, 3, first_s="one", cap_s=9.0))
    assert done.verdict.outcome is Outcome.REPRODUCED
    assert done.test_file is not None
    return done.test_file


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of the package."""
    folder = tmp_path_factory.mktemp("copy")
    source = Path(package.__file__).parent
    shutil.copytree(source, folder / "foureyes", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize(
    ("change", "outcome", "is_green", "said"),
    [
        ("first_s = 1.0\n    return min(", Outcome.NOT_REPRODUCED, True, "went well"),
        (
            "raise UsageError('one')\n    return min(",
            Outcome.NOT_REPRODUCED,
            True,
            "instead foureyes.exceptions:U",
        ),
        ("_unrelated = 1\n    return min(", Outcome.REPRODUCED, False, "TypeError in backoff_s"),
        ("return undefined + min(", Outcome.NOT_REPRODUCED, False, "instead builtins:NameError in backoff_s"),
        ("return (min(", Outcome.NOT_REPRODUCED, False, "SyntaxError"),
    ],
    ids=["fix", "error of ours", "unrelated", "another fault", "broken"],
)
def test_another_copy_of_the_package_is_judged(
    hurt: Path, copy: Path, change: str, outcome: Outcome, *, is_green: bool, said: str
) -> None:
    """Green where the fault is mended, be it an error that callers expect now; red where it is not, or broken."""
    text = (Path(package.__file__).parent / "backoff.py").read_text("utf-8")
    assert "return min(" in text
    text = text.replace("return min(", change)
    text = text.replace("import random", "import random\nfrom foureyes.exceptions import UsageError")
    (copy / "foureyes" / "backoff.py").write_text(text, "utf-8")
    verdict = asyncio.run(run(hurt, package_root=copy))
    assert (verdict.outcome, verdict.is_green) == (outcome, is_green)
    assert said in verdict.reason


def test_a_fix_in_who_calls_is_a_fix(tmp_path: Path, copy: Path) -> None:
    """Where the fault is no bug of the innermost function, the call around it goes well once it is mended."""
    done = reproduced(tmp_path, caught(decode, encode_png(np.zeros((1, 9000, 3), np.uint8))))
    assert done.test_file is not None
    assert done.verdict.calls == (0, 1, 2)
    assert "PictureTooLargeError in check_size" in done.verdict.reason
    text = (Path(package.__file__).parent / "picture.py").read_text("utf-8")
    assert "    measured(data)\n" in text
    (copy / "foureyes" / "picture.py").write_text(text.replace("    measured(data)\n", "    _ = data\n"), "utf-8")
    assert asyncio.run(run(done.test_file, package_root=copy)).is_green
    assert asyncio.run(run(done.test_file)).outcome is Outcome.REPRODUCED


def test_the_test_can_be_called_in_process(hurt: Path) -> None:
    """`check` raises the fault itself, `main` returns its exit code."""
    data = hurt.parents[1] / "data" / hurt.stem.removeprefix("test_reproduction_")
    assert main(data) == 1
    with pytest.raises(TypeError):
        check(data)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: ServerDownError("it died"), "never raised but only reported"),
        (lambda: raised(ValueError("of a test")), "outside of every function of FourEyes"),
    ],
    ids=["reported", "foreign"],
)
def test_what_is_no_call_of_ours_says_so(tmp_path: Path, make: Callable[[], Exception], why: str) -> None:
    """There is a platform all the same, whose test is never green."""
    done = reproduced(tmp_path, make())
    assert done.verdict.outcome is Outcome.NOT_REPRODUCIBLE
    assert why in done.verdict.reason
    assert done.test_file is not None
    assert not asyncio.run(run(done.test_file)).is_green


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: caught(write_whole, Path(os.devnull) / "x", b""), "it would make a folder"),
        (lambda: caught(backoff_s, lambda: 1, first_s=1, cap_s=1), "the argument 'attempt' was not kept"),
    ],
    ids=["writes", "lambda"],
)
def test_what_cannot_be_tried_says_why(tmp_path: Path, make: Callable[[], Exception], why: str) -> None:
    """A call that would change the world, an argument that could not be kept."""
    found = seen(tmp_path, make())
    assert (found.outcome, found.is_green) == (Outcome.NOT_REPRODUCIBLE, False)
    assert why in found.reason


def test_arguments_that_are_gone_are_the_reason(tmp_path: Path) -> None:
    """A process that was killed, or a folder that is too old: the verdict says so."""
    captured(tmp_path, caught(backoff_s, 3, first_s="one", cap_s=9.0))
    shutil.rmtree(tmp_path / "errors" / "arguments")
    done = made(tmp_path, events(tmp_path)[0])
    assert done.verdict.outcome is Outcome.NOT_REPRODUCIBLE
    assert "lost before it was on disk" in done.verdict.reason


HOSTILE = '"""); import os; os.system("touch pwned"); ("""\n\x00\ud800${HOME}`id`{0}%s'


def test_r33_a_hostile_message_is_data_in_every_file(tmp_path: Path) -> None:
    """The generated file is the same whatever a fault says; it compiles, and what it says is never run."""
    with recording(tmp_path) as running:
        for error in (caught(backoff_s, 1, first_s=HOSTILE, cap_s=1), raised(PictureError(HOSTILE))):
            assert running.recorder.record_now(error, "test", within_s=10)
    files = [made(tmp_path, event).test_file for event in events(tmp_path)]
    texts = {file.read_text("utf-8") for file in files if file is not None}
    assert texts == {platform.TEST}
    ast.parse(platform.TEST)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    "hostile", ["../../evil", "..", "", "a" * 36, EVENT.upper(), f"{EVENT}\n", f"{EVENT}/../x"]
)
def test_r33_a_hostile_id_is_no_file(tmp_path: Path, hostile: str) -> None:
    """An id that we did not give out names nothing, and nothing is written."""
    captured(tmp_path, caught(backoff_s, 3, first_s="one", cap_s=9.0))
    document = events(tmp_path)[0]
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UnknownFaultError):
        made(tmp_path, {**document, "id": hostile})
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("while True: pass", "did not end within 0.5 s"),
        ("x = bytearray(10**9)", "MemoryError"),
        ("import sys; sys.stdout.write('x' * 10**7 + 'last'); sys.exit(9)", "exit code 9 and no verdict"),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
        ('print(\'foureyes-verdict {"outcome": "fine"}\')', "no verdict"),
        (
            "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(9); os._exit(0)\nprint('gone')",
            "dict: gone",
        ),
        ("import os; print(sorted(os.environ))", "no verdict: ['HOME', 'LANG', 'PATH'"),
    ],
    ids=["endless", "memory", "output", "killed", "forged", "left behind", "environment"],
)
def test_a_run_is_bounded_and_has_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str
) -> None:
    """Time, memory, output and environment; what ends without a verdict is never green."""
    for name in set(os.environ) - {"PATH", "HOME"}:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("LM_API_TOKEN", "secret-of-somebody")
    file = tmp_path / "test_it.py"
    file.write_text(body, "utf-8")
    verdict = asyncio.run(run(file, limits=Limits(timeout_s=0.5 if "while" in body else 60, memory_mb=500)))
    assert (verdict.outcome, verdict.is_green) == (Outcome.NOT_REPRODUCIBLE, False)
    assert said in verdict.reason
    assert "LM_API_TOKEN" not in verdict.reason


def test_platforms_are_removed_when_they_are_old_or_too_much(tmp_path: Path) -> None:
    """Test and data go together, the oldest first; another file there stays."""
    ids = [f"{EVENT[:-1]}{number}" for number in range(3)]
    document = {"fingerprint": "1-a", "message": "no"}
    for number, event_id in enumerate(ids):
        each = platform.platform_of(tmp_path, event_id)
        platform.write(each, {**document, "id": event_id}, None, None, "nothing")
        os.utime(each.data, (number, number))
    (tmp_path / "T00L5ET" / "data" / "mine").mkdir()
    assert platform.remove_old(tmp_path, oldest_s=1, max_bytes=10**6) == 1
    assert platform.remove_old(tmp_path, oldest_s=0, max_bytes=100) == 2
    assert list((tmp_path / "T00L5ET" / "tests").iterdir()) == []
    assert [folder.name for folder in (tmp_path / "T00L5ET" / "data").iterdir()] == ["mine"]


def test_a_case_is_platform_ready_before_it_is_handed_over(tmp_path: Path) -> None:
    """With nobody to hand it to, the case stands at its reproduction and says how to run it."""
    forge = Forge(tmp_path, reproduction={})
    record(tmp_path, [caught_failure()])
    outcome = forge.run()
    case = forge.case()
    assert [each.id for each in outcome.reproduced] == [case.id]
    assert case.state is CaseState.PLATFORM_READY
    assert case.reproduction is not None
    assert case.how_to_run[-1][-1] == case.platform_path
    assert forge.run().reproduced == []


def caught_failure() -> Exception:
    """A final failure whose cause came from a function of ours."""
    final = final_failure()
    final.__cause__ = caught(ServerHttp("s", "http://x", Clients())._object, b"no json")
    return final


def test_the_limit_of_an_hour_holds_and_holds_nothing_up(tmp_path: Path) -> None:
    """Who gets no reproduction is counted once and handed over without it."""
    forge = Forge(tmp_path, folder=tmp_path / "inbox", reproduction={"most_an_hour": 1})
    record(tmp_path, [final_failure("task red could not be read"), final_failure("task blue could not be read")])
    forge.run()
    assert [case.state for case in forge.cases()] == [CaseState.HANDED_OVER] * 2
    assert sum(case.reproduction is not None for case in forge.cases()) == 1
    assert forge.left_out == {"triage/reproduction_limit": 1}


def test_a_platform_that_cannot_be_written_does_not_hold_a_hand_over_up(tmp_path: Path) -> None:
    """A file in the place of its folder: the case says so, and goes on."""
    (tmp_path / "T00L5ET").write_text("in the way", "utf-8")
    forge = Forge(tmp_path, folder=tmp_path / "inbox", reproduction={})
    record(tmp_path, [final_failure()])
    forge.run()
    case = forge.case()
    assert (case.state, case.platform_path) == (CaseState.HANDED_OVER, None)
    assert case.reproduction is not None
    assert "no test could be written" in case.reproduction.reason


def test_a_hand_over_waits_for_a_reproduction_only_for_a_while(tmp_path: Path) -> None:
    """A case that has none is due once it is old enough, be the maker stuck for ever."""
    record(tmp_path, [final_failure()])
    Forge(tmp_path).run()  # nobody to hand it to, and none is made
    forge = Forge(tmp_path, folder=tmp_path / "inbox", reproduction={"hand_over_after_s": 60})
    dispatch = forge.triage()._dispatch
    assert asyncio.run(dispatch.hand_over()) == []
    forge.ahead = timedelta(seconds=61)
    (case,) = asyncio.run(dispatch.hand_over())
    assert (case.state, case.reproduction) == (CaseState.HANDED_OVER, None)


def test_one_group_is_reproduced_on_demand(tmp_path: Path) -> None:
    """`forge run GROUP` makes it anew, case or not, and says the verdict; an unknown one is an error."""
    (group,) = record(tmp_path, [caught(backoff_s, 3, first_s="one", cap_s=9.0)])
    where = ("--state-dir", str(tmp_path))
    done = foureyes("forge", "run", group.fingerprint, "--json", *where)
    said = json.loads(done.stdout)
    assert (said["outcome"], done.returncode) == ("reproduced", 0)
    assert Path(said["test_file"]).is_file()
    told = foureyes("forge", "run", group.fingerprint, *where).stdout
    _, _, command = told.strip().partition("run it with: ")
    assert subprocess.run(shlex.split(command), capture_output=True, check=False).returncode == 1
    refused = foureyes("forge", "run", "nothing", *where)
    assert refused.returncode == 1
    assert "no fault is known" in refused.stderr


def test_what_a_page_tells_to_run_runs_as_it_is_printed(tmp_path: Path) -> None:
    """The reproduction is red, a fix is looked for, and the group is resolved, from wherever they are started."""
    with recording(tmp_path) as running:
        assert running.recorder.record_now(caught_failure(), "task:spins", within_s=10)
    Forge(tmp_path, reproduction={}).run()
    page = foureyes("errors", "show", Forge(tmp_path).case().fingerprint, "--state-dir", os.path.relpath(tmp_path))
    lines = [line for line in page.stdout.splitlines() if " -P " in line or line.startswith("foureyes ")]
    reproduction, verify, resolve = (shlex.split(line) for line in lines)
    assert subprocess.run(reproduction, capture_output=True, check=False).returncode == 1
    assert "fix.patch cannot be read" in foureyes(*verify[1:]).stderr
    assert "is resolved" in foureyes(*resolve[1:]).stdout


def test_a_fault_of_which_no_event_is_kept_cannot_be_replayed(tmp_path: Path) -> None:
    """A full spool keeps a group longer than its events: that is a sentence, no traceback."""
    (group,) = record(tmp_path, [final_failure()])
    with Spool(spool_file(tmp_path)) as spool, spool.writing() as connection:
        connection.execute("DELETE FROM events")
    done = foureyes("errors", "replay", group.fingerprint, "--state-dir", str(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "none of the events" in done.stderr


def test_one_reproduction_is_made_at_a_time(tmp_path: Path) -> None:
    """While another process makes one a command says so, and triage takes its turn later."""
    (group,) = record(tmp_path, [final_failure()])
    forge = Forge(tmp_path, reproduction={})
    with claimed(make_lock(tmp_path), "a test"):
        done = foureyes("forge", "run", group.fingerprint, "--state-dir", str(tmp_path))
        assert (done.returncode, "another process" in done.stderr) == (3, True)
        assert forge.run().reproduced == []
    assert len(forge.run().reproduced) == 1


@pytest.mark.parametrize(
    "does",
    [
        lambda file: file.write_text("other", "utf-8"),
        lambda file: file.chmod(0o600),
        lambda file: os.utime(file, (1, 1)),
        lambda file: file.rename(file.with_name("other")),
        lambda file: file.unlink(),
        lambda file: os.spawnv(os.P_WAIT, "/bin/rm", ["rm", str(file)]),  # noqa: S606 - it is refused
        lambda _file: socket.getaddrinfo("localhost", 80),
    ],
    ids=["write", "mode", "time", "move", "remove", "program", "name"],
)
def test_a_reproduction_leaves_the_world_as_it_is(tmp_path: Path, does: Callable[[Path], object]) -> None:
    """What would change a file or ask the network is refused, and said."""
    file = tmp_path / "file"
    file.write_text("as it is", "utf-8")
    before = file.stat()
    with guarded() as refused, pytest.raises(GuardedError):
        does(file)
    assert len(refused) == 1
    assert (file.stat().st_mode, file.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)


async def waits_for_what_never_comes() -> None:
    await asyncio.Event().wait()


async def waits_again_and_again() -> None:
    while True:  # noqa: ASYNC110 - the point
        await asyncio.sleep(1)


@pytest.mark.parametrize("waits", [waits_for_what_never_comes, waits_again_and_again])
def test_a_call_that_never_ends_is_left_at_once(waits: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the virtual clock nobody waits: what cannot come, or comes without end, is no reproduction."""
    clock = VirtualClock(1000.0, 1_800_000_000.0)
    loop = VirtualLoop(clock)
    with contextlib.closing(loop), clock.in_place():
        waiting = loop.create_task(waits())
        with pytest.raises(NeverEndsError):
            loop.run_until_complete(waiting)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(waiting)
