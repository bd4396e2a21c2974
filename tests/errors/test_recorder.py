"""The recorder from outside: storms, kills, a disk that refuses, and faults of the recording itself."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from parts.faulty import events, groups, raised, recording, storm_program
from parts.program import wait_until

from foureyes.config.settings import Errors
from foureyes.errors import recorder as recorder_module
from foureyes.errors.database import MIGRATIONS
from foureyes.errors.spool import spool_file
from foureyes.exceptions import InferenceError
from foureyes.picture import Picture, digest, encode_png

TESTS = Path(__file__).parents[1]
STORM = 3500
SAMPLES = [1, 10, 100, 1000, 2000, 3000]
GROWTH_BYTES = 40_000_000


@contextlib.contextmanager
def no_file_grows() -> Iterator[None]:
    """No file of this process can grow, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_fault_is_on_disk_when_record_now_returns(tmp_path: Path) -> None:
    """What is kept says what happened, where, in which context, on which machine."""
    with recording(tmp_path, always={"config_digest": "abc"}) as running:
        error = raised(InferenceError("task 'ocr' could not be read"))
        assert running.recorder.record_now(error, "task:ocr", task="ocr", obs={"password": "hunter22"})
        (event,) = events(tmp_path)
    assert (event["type"], event["component"], event["pid"]) == ("InferenceError", "task:ocr", os.getpid())
    assert (event["severity"], event["bug_class"], event["resolved"]) == ("high", "VisionInference", False)
    context = event["context"]
    assert (context["task"], context["config_digest"], context["obs"]) == (
        "ocr",
        "abc",
        {"password": "[REDACTED]"},
    )
    assert [kept.id for kept in running.kept] == [event["id"]]
    assert running.counted == {("task:ocr", "high"): 1}


def test_a_fault_that_was_recorded_before_is_on_disk_when_record_now_returns(tmp_path: Path) -> None:
    """Handed over twice, an exception is recorded once, and whoever waits for it is not kept waiting in vain."""
    with recording(tmp_path) as running:
        error = raised(ValueError("once"))
        running.recorder.record(error, "test")
        assert running.recorder.record_now(error, "test", within_s=5)


def test_r32_a_storm_is_one_group_with_counts_and_samples(tmp_path: Path) -> None:
    """R32: thousands of alike faults are one group, a handful of events, and no memory to speak of."""
    with recording(tmp_path) as running:
        running.recorder.record_now(raised(ValueError("frame 0 failed")), "storm")
        before_bytes = psutil.Process().memory_info().rss
        for number in range(1, STORM):
            running.recorder.record(raised(ValueError(f"frame {number} failed")), "storm", blob="b" * 5000)
        growth_bytes = psutil.Process().memory_info().rss - before_bytes
        running.wait_count(STORM)
    (group,) = groups(tmp_path)
    assert group.count == STORM
    assert [event["occurrence"] for event in events(tmp_path)] == SAMPLES
    assert spool_file(tmp_path).stat().st_size < 500_000
    assert growth_bytes < GROWTH_BYTES
    assert not running.dropped


def test_a_storm_that_was_quiet_for_a_window_begins_anew(tmp_path: Path) -> None:
    """After the window without a fault the next one is kept in full again, in the same group."""
    with recording(tmp_path, Errors(window_s=1)) as running:
        for _ in range(3):
            running.recorder.record_now(raised(ValueError("no")), "storm")
        threading.Event().wait(1.1)  # the window itself, the least that may be set
        running.recorder.record_now(raised(ValueError("no")), "storm")
    assert [event["occurrence"] for event in events(tmp_path)] == [1, 1]
    assert [group.count for group in groups(tmp_path)] == [4]


@pytest.mark.parametrize("after", [5, 200, 600])
def test_a_kill_in_a_storm_loses_no_fault_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    """Whatever was said to be on disk is there after kill -9, and the spool is whole."""
    with subprocess.Popen(
        storm_program(tmp_path), cwd=TESTS, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as storm:
        assert storm.stdout is not None
        acknowledged = [storm.stdout.readline().strip() for _ in range(after)]
        os.killpg(storm.pid, signal.SIGKILL)
        acknowledged += [line.strip() for line in storm.stdout if line.endswith("\n")]
    assert len(acknowledged) >= after
    kept = {event["id"] for event in events(tmp_path)}
    assert not set(acknowledged) - kept
    with recording(tmp_path) as running:
        assert running.recorder.record_now(raised(ValueError("after the kill")), "test")


def test_a_full_disk_is_survived_and_nothing_waiting_is_lost(tmp_path: Path) -> None:
    """While nothing can be written faults wait, and trouble says so; with room again they are all there."""
    with recording(tmp_path) as running:
        assert running.recorder.record_now(raised(KeyError("before")), "test")
        with no_file_grows():
            assert not running.recorder.record_now(raised(ValueError("while it is full")), "test", within_s=0.2)
            wait_until(lambda: running.recorder.trouble is not None, 60, "the trouble is told")
            assert "cannot be used" in str(running.recorder.trouble)
        running.wait_count(2)
        wait_until(lambda: running.recorder.trouble is None, 60, "the trouble is over")
    assert {event["type"] for event in events(tmp_path)} == {"KeyError", "ValueError"}
    assert set(running.dropped) <= {"errors/arguments"}  # what the calls were made with is not waited for


def test_a_locked_spool_delays_nobody_who_records(tmp_path: Path) -> None:
    """While somebody else holds the spool, recording goes on: a bounded number waits, the rest is counted."""
    with recording(tmp_path) as running:
        assert running.recorder.record_now(raised(KeyError("before")), "test")
        with contextlib.closing(sqlite3.connect(spool_file(tmp_path), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            for number in range(1100):
                word = "".join(chr(ord("g") + int(digit)) for digit in str(number))
                running.recorder.record(raised(ValueError(word)), "test")
            assert running.dropped["errors/queue_full"] > 0
            holder.execute("ROLLBACK")
        wait_until(lambda: len(groups(tmp_path)) >= 1001, 60, "what waited is written")


def test_a_damaged_spool_is_set_aside_and_the_damage_is_a_fault(tmp_path: Path) -> None:
    """The daemon begins a new spool beside the damaged one, which is kept; the damage itself is recorded."""
    file = spool_file(tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"no database " * 1000)
    with recording(tmp_path) as running:
        assert running.recorder.record_now(raised(ValueError("no")), "test", within_s=5)
        running.wait_count(2)
    assert {group.type for group in groups(tmp_path)} == {"SpoolCorruptError", "ValueError"}
    (kept,) = file.parent.glob("spool.db.corrupt-*Z")
    assert kept.read_bytes().startswith(b"no database")


def test_a_newer_spool_is_left_alone_and_what_is_lost_is_counted(tmp_path: Path) -> None:
    """Faults cannot be kept in what a newer FourEyes wrote: that is told, and each one lost is counted."""
    with recording(tmp_path) as running:
        running.recorder.record_now(raised(ValueError("no")), "test")
    with contextlib.closing(sqlite3.connect(spool_file(tmp_path))) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with recording(tmp_path) as running:
        assert not running.recorder.record_now(raised(ValueError("no")), "test", within_s=0.5)
        assert "install the newer FourEyes" in str(running.recorder.trouble)
    assert running.dropped["errors/unwritable"] == 1


def test_a_picture_is_kept_beside_its_fault_by_digest(tmp_path: Path) -> None:
    """The frame is a file next to the spool; the event has its digest, not its bytes."""
    pixels = np.random.default_rng(1).integers(0, 255, (40, 60, 3), np.uint8)
    with recording(tmp_path) as running:
        running.recorder.record_now(
            raised(ValueError("no")),
            "task:ocr",
            picture=Picture(encoded=encode_png(pixels)),
            frame={"id": "main-1"},
        )
        running.recorder.record_now(raised(KeyError("no")), "task:ocr", picture=Picture(encoded=b"no picture"))
    first, second = (event["context"]["frame"] for event in events(tmp_path))
    file = running.recorder.pictures.find(first["digest"])
    odd = running.recorder.pictures.find(second["digest"])
    assert first == {"id": "main-1", "digest": digest(pixels)}
    assert file is not None
    assert file.read_bytes() == encode_png(pixels)
    assert odd is not None


def test_no_picture_is_kept_where_that_is_forbidden(tmp_path: Path) -> None:
    """Where pictures may not be written the event has none, and no file is made."""
    with recording(tmp_path, keep_pictures=False) as running:
        picture = Picture(pixels=np.zeros((8, 8, 3), np.uint8))
        running.recorder.record_now(raised(ValueError("no")), "test", picture=picture)
    kept = [path.name for path in spool_file(tmp_path).parent.rglob("*") if path.is_file()]
    assert {name for name in kept if not name.startswith("spool.db")} == {"arguments.json"}


class TalkativeError(Exception):
    """An exception whose words report another fault, as an unlucky library's might."""

    recorder: recorder_module.FaultRecorder

    def __str__(self) -> str:
        self.recorder.record(ValueError("inside"), "test")
        return "said"


class UnmarkableError(Exception):
    __slots__ = ()

    def __getattribute__(self, name: str) -> object:
        if name == "__dict__":
            raise RuntimeError("no dict")
        return super().__getattribute__(name)


def test_recording_never_calls_itself(tmp_path: Path) -> None:
    """A fault that is reported while another one is being recorded is counted, and does not recurse."""
    with recording(tmp_path) as running:
        error = TalkativeError()
        error.recorder = running.recorder
        assert running.recorder.record_now(raised(error), "test")
    assert running.dropped["errors/recursion"] > 0
    assert [group.message for group in groups(tmp_path)] == ["said"]


def test_a_fault_in_recording_goes_to_stderr_and_a_counter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where recording itself fails the caller is not bothered: one line on stderr, one count."""
    with recording(tmp_path) as running:
        assert running.recorder.record(raised(UnmarkableError("no")), "test") == ""
        assert running.recorder.record_now(raised(ValueError("the next one")), "test")
    assert running.dropped["errors/handler_failed"] == 1
    assert "UnmarkableError in test could not be recorded" in capsys.readouterr().err


def test_the_same_exception_is_recorded_once(tmp_path: Path) -> None:
    """An exception that passes several who report it is one fault; also inside a group that a task group made."""
    with recording(tmp_path) as running:
        error = raised(ValueError("no"))
        first = running.recorder.record(error, "inner")
        assert running.recorder.record(error, "outer") == first
        assert running.recorder.record(ExceptionGroup("tasks", [error]), "daemon") == first
    assert [group.count for group in groups(tmp_path)] == [1]


def test_what_waits_at_the_end_is_written(tmp_path: Path) -> None:
    """Closing writes what is queued; what comes later is nobody's."""
    with recording(tmp_path) as running:
        for number in range(50):
            running.recorder.record(raised(ValueError(f"no {number}")), "test")
    assert [group.count for group in groups(tmp_path)] == [50]


def test_many_threads_lose_no_count(tmp_path: Path) -> None:
    """Faults of many threads at once are all counted."""

    def fail_often(recorder: recorder_module.FaultRecorder) -> None:
        for number in range(100):
            recorder.record(raised(ValueError(f"no {number}")), "test")

    with recording(tmp_path) as running:
        threads = [threading.Thread(target=fail_often, args=(running.recorder,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [group.count for group in groups(tmp_path)] == [800]
