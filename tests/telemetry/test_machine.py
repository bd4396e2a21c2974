"""What the machine and its processes use, measured on real processes, control groups and a made-up card."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from parts import fake_nvml
from parts.program import MissingProgramError, Program, wait_until

from foureyes.telemetry.cgroup import MemoryBounds, memory_bounds
from foureyes.telemetry.machine import Machine
from foureyes.telemetry.resources import available_bytes, job_root, process_use, total_bytes

BURNT_S = 0.4
ASK_CARDS = (
    "import dataclasses, json; from foureyes.telemetry.gpu import Gpus; uses = Gpus().uses(); "
    "print(json.dumps(uses and [dataclasses.asdict(use) for use in uses]))"
)


@pytest.fixture
def burner(tmp_path: Path) -> Iterator[Program]:
    """A shell whose child keeps one processor busy."""
    command = ["sh", "-c", f"'{sys.executable}' -c 'while True: pass'; true"]
    program = Program(command, tmp_path / "burner.log")
    yield program
    program.kill()


def burn(program: Program) -> None:
    """Wait until its tree has used some time since now."""
    before_s = process_use(program.process.pid).cpu_s
    wait_until(
        lambda: process_use(program.process.pid).cpu_s > before_s + BURNT_S, 30, "the burner to use a processor"
    )


def test_a_busy_tree_is_others_until_it_is_ours(burner: Program) -> None:
    """The same child of a shell counts as other programs, or as a server of ours where its root is named."""
    machine, root = Machine(), {"burner": burner.process.pid}
    burn(burner)
    machine.sample({})
    burn(burner)
    stranger = machine.sample({})
    machine.sample(root)
    burn(burner)
    ours = machine.sample(root)
    assert stranger.cpu_percent >= stranger.others_percent > 0
    assert ours.trees["burner"].cpu_percent > 0
    assert ours.others_percent <= ours.cpu_percent - ours.trees["burner"].cpu_percent + 0.1


def test_a_server_is_not_counted_with_the_daemon_that_started_it(burner: Program) -> None:
    """Of two trees, one inside the other, each process is in one: the burner's time is not ours as well."""
    burn(burner)
    trees = Machine().sample({"daemon": os.getpid(), "burner": burner.process.pid}).trees
    assert trees["burner"].cpu_s >= BURNT_S
    assert trees["daemon"].cpu_s <= process_use(os.getpid()).cpu_s - BURNT_S


def test_the_first_sample_has_a_sample_before_it(burner: Program) -> None:
    """Shares count from when the machine began to be watched, so that the first figure is no zero."""
    machine = Machine()
    burn(burner)
    assert machine.sample({}).cpu_percent > 0


def test_a_tree_that_ended_makes_nothing_negative(burner: Program) -> None:
    """Processes take their times along when they end; no share falls below zero for that."""
    machine, root = Machine(), {"burner": burner.process.pid}
    burn(burner)
    machine.sample(root)
    burner.kill()
    use = machine.sample(root)
    assert (use.trees["burner"].cpu_percent, use.trees["burner"].rss_bytes) == (0.0, 0)
    assert 0 <= use.others_percent <= use.cpu_percent <= 100


def test_the_workers_of_a_job_are_its_listeners_own(tmp_path: Path) -> None:
    """A program of several processes is one job, whichever of them listens; our own job is nobody's but ours."""
    script = "sleep 60 & sleep 60 & wait"
    with contextlib.ExitStack() as undo:
        job = Program(["sh", "-c", script], tmp_path / "job.log")
        undo.callback(job.kill)
        wait_until(lambda: len(psutil.Process(job.process.pid).children()) == 2, 60, "both workers")
        workers = psutil.Process(job.process.pid).children()
        assert {job_root(worker.pid) for worker in workers} == {job.process.pid}
        ours = subprocess.Popen(["sleep", "60"])
        undo.callback(ours.wait)
        undo.callback(ours.kill)
        assert job_root(ours.pid) == ours.pid
    assert job_root(ours.pid) == ours.pid


def test_memory_is_no_more_than_the_machine_has() -> None:
    """What is available is part of what there is, and both are the machine's or less."""
    memory = psutil.virtual_memory()
    assert 0 < available_bytes() <= total_bytes() <= memory.total


class Groups:
    """A mount of control groups and the line that says in which one a process is."""

    def __init__(self, folder: Path) -> None:
        self.own, self.mount = folder / "own", folder / "mount"
        self.mount.mkdir()

    def v1(self, path: str, limit: int, used: int, inactive: int) -> None:
        self._write(
            self.mount / "memory" / path,
            {
                "memory.limit_in_bytes": str(limit),
                "memory.usage_in_bytes": str(used),
                "memory.stat": f"cache 7\ntotal_inactive_file {inactive}\n",
            },
        )

    def v2(self, path: str, limit: str, used: int, inactive: int) -> None:
        self._write(
            self.mount / path,
            {
                "memory.max": limit,
                "memory.current": str(used),
                "memory.stat": f"anon 7\ninactive_file {inactive}\n",
            },
        )

    @staticmethod
    def _write(folder: Path, files: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text + "\n", encoding="utf-8")

    def bounds(self, line: str) -> MemoryBounds | None:
        self.own.write_text(line + "\n", encoding="utf-8")
        return memory_bounds(self.own, self.mount)


@pytest.fixture
def groups(tmp_path: Path) -> Groups:
    return Groups(tmp_path)


def test_a_limit_of_v2_counts_without_what_the_kernel_would_give_back(groups: Groups) -> None:
    """Of 1,000 bytes 700 are used, 200 of them for files nobody looked at: 500 are available."""
    groups.v2("system.slice/foureyes.service", "1000", 700, 200)
    assert groups.bounds("0::/system.slice/foureyes.service") == MemoryBounds(1000, 500)


def test_the_tightest_group_around_a_process_counts(groups: Groups) -> None:
    """A slice may leave less than the unit in it was promised, and a unit without a limit has its slice's."""
    groups.v2("a.slice", "2000", 1900, 0)
    groups.v2("a.slice/b.service", "5000", 100, 0)
    groups.v2("a.slice/c.service", "max", 100, 0)
    assert groups.bounds("0::/a.slice/b.service") == MemoryBounds(2000, 100)
    assert groups.bounds("0::/a.slice/c.service") == MemoryBounds(2000, 100)


def test_a_limit_of_v1_counts(groups: Groups) -> None:
    """The memory controller's own line is the one that matters; its huge number for no limit is none."""
    groups.v1("docker/abc", 4000, 3000, 500)
    groups.v1("", 9223372036854771712, 10**12, 0)
    assert groups.bounds("9:cpu,cpuacct:/elsewhere\n4:memory:/docker/abc") == MemoryBounds(4000, 1500)


def test_inside_a_container_the_mount_itself_is_the_group(groups: Groups) -> None:
    """The path may be the host's, or lead outside of what is mounted: then the top counts."""
    groups.v1("", 4000, 1000, 0)
    assert groups.bounds("4:memory:/docker/abc") == MemoryBounds(4000, 3000)
    assert groups.bounds("4:memory:/../../other") == MemoryBounds(4000, 3000)


def test_no_limit_is_none(groups: Groups) -> None:
    """Without a limit, without the files, and off Linux there are no bounds."""
    groups.v2("a", "max", 100, 0)
    assert groups.bounds("0::/a") is None
    assert groups.bounds("0::/absent") is None
    assert memory_bounds(groups.mount / "no such file", groups.mount) is None


def cards(first: str = "", **extra: str) -> object:
    """What a process of its own says of the graphics cards."""
    done = subprocess.run(
        [sys.executable, "-c", first + ASK_CARDS],
        env={**os.environ, **extra},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    pytest.importorskip("pynvml", reason="the extra gpu is not installed")
    try:
        return fake_nvml.build(tmp_path_factory.mktemp("nvml"))
    except MissingProgramError as error:
        pytest.skip(str(error))


def test_a_card_that_answers_is_seen(driver: dict[str, str]) -> None:
    """Its name, how busy it is and its memory come from the driver's library."""
    assert cards(**driver) == [
        {
            "name": fake_nvml.NAME,
            "busy_percent": fake_nvml.BUSY_PERCENT,
            "used_bytes": fake_nvml.USED_BYTES,
            "total_bytes": fake_nvml.TOTAL_BYTES,
        }
    ]


def test_a_card_that_does_not_answer_is_no_fault(driver: dict[str, str], tmp_path: Path) -> None:
    """Without the bindings, without a driver, and with one that lost its card, there is nothing to show."""
    assert cards("import sys; sys.modules['pynvml'] = None; ") is None
    assert cards(LD_LIBRARY_PATH=str(tmp_path)) is None
    assert cards(**driver, TEST_CARD_LOST="1") is None
