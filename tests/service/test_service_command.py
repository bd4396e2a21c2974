"""`foureyes service` from outside: what it asks of systemctl, what it writes, and when it refuses."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from parts.auditing import audited
from parts.fake_systemctl import FakeSystemctl
from parts.foureyes import foureyes

from foureyes.exceptions import ServiceError
from foureyes.service.scope import SYSTEM, Scope
from foureyes.service.systemctl import Systemctl
from foureyes.service.systemd import Systemd

Run = Callable[..., subprocess.CompletedProcess[str]]
RUNNING = """LoadState=loaded
UnitFileState=enabled
ActiveState=active
SubState=running
MainPID=4711
NRestarts=2
StatusText=watching main
Result=success
"""


@pytest.fixture
def systemctl(tmp_path: Path) -> FakeSystemctl:
    """A systemctl that notes what it is asked."""
    return FakeSystemctl(tmp_path / "bin")


@pytest.fixture
def service(tmp_path: Path, systemctl: FakeSystemctl) -> Run:
    """`foureyes service ... --user` of a user with a home of their own."""
    environment = {
        "PATH": systemctl.path(),
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "FOUREYES_STATE_DIR": str(tmp_path / "state"),
    }
    return lambda *words, user="--user": foureyes("service", *words, user, **environment)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Where that user's unit is written to."""
    return tmp_path / "config" / "systemd" / "user" / "foureyes.service"


def test_install_writes_the_unit_and_starts_it(service: Run, systemctl: FakeSystemctl, unit: Path) -> None:
    """The unit holds this installation's own command; systemd reads it, and starts it now and always."""
    done = service("install")
    assert done.returncode == 0, done.stderr
    assert systemctl.calls() == [
        ["--user", "daemon-reload"],
        ["--user", "enable", "--now", "--quiet", "foureyes.service"],
    ]
    [start] = [line for line in unit.read_text().splitlines() if line.startswith("ExecStart=")]
    program = Path(start.removeprefix("ExecStart=").split()[0])
    assert program.is_absolute()
    assert program.is_file()
    assert start.endswith(" run")
    for said in (str(unit), "journalctl --user -u foureyes -f", "config/foureyes/environment"):
        assert said in done.stdout


def test_install_again_changes_nothing(service: Run, systemctl: FakeSystemctl, unit: Path) -> None:
    """A second install finds the same unit, and restarts nothing."""
    service("install")
    before = unit.read_text()
    systemctl.forget()
    done = service("install")
    assert done.returncode == 0
    assert "as it should be" in done.stdout
    assert unit.read_text() == before
    assert "try-restart" not in json.dumps(systemctl.calls())


def test_another_configuration_restarts_what_runs(
    service: Run, systemctl: FakeSystemctl, unit: Path, tmp_path: Path
) -> None:
    """An install with another configuration writes it with its absolute path, and restarts a running service."""
    service("install")
    systemctl.forget()
    config = tmp_path / "a config.yaml"
    config.write_text(foureyes("config", "show").stdout)
    done = service("install", "--config", str(config))
    assert done.returncode == 0, done.stderr
    assert f'run --config "{config}"' in unit.read_text()
    verbs = [call[1] for call in systemctl.calls()]
    assert verbs == ["daemon-reload", "try-restart", "enable"]


def test_who_installs_it_and_who_removes_it_stands_in_the_audit_file(service: Run, tmp_path: Path) -> None:
    """Each of both is one line in the state folder of the service; what was only shown is none."""
    for words in (["install", "--dry-run"], ["install"], ["uninstall"]):
        done = service(*words)
        assert done.returncode == 0, done.stderr
    installed, removed = audited(tmp_path / "state")
    assert [installed["what"], removed["what"]] == ["service install", "service uninstall"]
    assert installed["after"][-1] == "run"
    assert installed["who"].startswith("command ")


def test_a_dry_run_shows_all_and_does_nothing(service: Run, systemctl: FakeSystemctl, unit: Path) -> None:
    """--dry-run prints the unit and the commands, and what would hinder it."""
    systemctl.answer(state="offline")
    done = service("install", "--dry-run")
    assert done.returncode == 0
    assert "\nExecStart=/" in done.stdout
    assert "systemctl --user enable --now --quiet foureyes.service" in done.stdout
    assert "would be refused: no systemd runs here" in done.stdout
    assert systemctl.calls() == []
    assert not unit.exists()


def test_uninstall_takes_all_back(service: Run, systemctl: FakeSystemctl, unit: Path) -> None:
    """Uninstalled, nothing of it is left with systemd; and once more is no error."""
    service("install")
    systemctl.forget()
    done = service("uninstall")
    assert done.returncode == 0, done.stderr
    assert systemctl.calls() == [["--user", "disable", "--now", "foureyes.service"], ["--user", "daemon-reload"]]
    assert not unit.exists()
    again = service("uninstall")
    assert again.returncode == 0
    assert "nothing to uninstall" in again.stdout


def test_status_is_what_systemd_says(service: Run, systemctl: FakeSystemctl) -> None:
    """Text for people and JSON for scripts, from one question; exit code 0 where it runs."""
    systemctl.answer(show=RUNNING)
    shown = service("status")
    assert shown.returncode == 0
    for part in ("active (running)", "enabled", "restarted 2 times", "4711", "watching main"):
        assert part in shown.stdout
    found = json.loads(service("status", "--json").stdout)
    assert found == {
        "manager": "systemd, user",
        "installed": True,
        "enabled": True,
        "active": True,
        "state": "active (running)",
        "pid": 4711,
        "restarts": 2,
        "text": "watching main",
    }


def test_status_of_what_is_not_there_is_exit_code_1(service: Run, systemctl: FakeSystemctl) -> None:
    """A service that is not installed, or failed, is said so, with exit code 1."""
    absent = service("status")
    assert absent.returncode == 1
    assert "not installed" in absent.stdout
    failed = RUNNING.replace("active", "failed").replace("=success", "=watchdog")
    systemctl.answer(show=failed.replace("MainPID=4711", "MainPID=0"))
    dead = service("status")
    assert dead.returncode == 1
    assert "failed (running), last: watchdog" in dead.stdout


@pytest.mark.parametrize("verb", ["install", "uninstall", "status"])
def test_without_systemd_each_command_is_a_sentence(service: Run, systemctl: FakeSystemctl, verb: str) -> None:
    """Where systemd does not run, nothing is written or asked, and one sentence says what to do instead."""
    systemctl.answer(state="offline")
    done = service(verb)
    assert done.returncode == 1
    assert done.stderr.startswith("foureyes: no systemd runs here as the manager of the user (it is offline)")
    assert "foureyes run" in done.stderr
    assert systemctl.calls() == []


def test_without_systemctl_it_is_a_sentence(tmp_path: Path) -> None:
    """A machine without systemctl: the same sentence, no traceback."""
    done = foureyes("service", "status", "--user", PATH=str(tmp_path), HOME=str(tmp_path))
    assert done.returncode == 1
    assert "no systemd runs here" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_that_fails_says_what_systemd_said(service: Run, systemctl: FakeSystemctl) -> None:
    """Where systemctl fails, its command and its own first line are told."""
    systemctl.answer(fail="enable")
    done = service("install")
    assert done.returncode == 1
    said = "`systemctl --user enable --now --quiet foureyes.service` failed: Job for foureyes.service failed"
    assert said in done.stderr


def test_a_unit_of_somebody_else_is_left_alone(service: Run, systemctl: FakeSystemctl, unit: Path) -> None:
    """A foureyes.service that was written by hand is neither overwritten nor removed."""
    unit.parent.mkdir(parents=True)
    unit.write_text("[Service]\nExecStart=/bin/true\n")
    for verb in ("install", "uninstall"):
        done = service(verb)
        assert done.returncode == 1
        assert "was not written by `foureyes service install`" in done.stderr
    assert unit.read_text() == "[Service]\nExecStart=/bin/true\n"
    assert systemctl.calls() == []


def test_a_bad_configuration_is_not_installed(service: Run, unit: Path, tmp_path: Path) -> None:
    """A configuration with a fault is refused as `run` refuses it, and nothing is written."""
    config = tmp_path / "bad.yaml"
    config.write_text("{tasks: 7, models: {}}\n")
    done = service("install", "--config", str(config))
    assert done.returncode == 2
    assert "bad.yaml has" in done.stderr
    assert not unit.exists()


def system(folder: Path, systemctl: FakeSystemctl, said: list[str], *, root: bool, **changes: object) -> Systemd:
    """The system's service, with its unit in a folder of the test's."""
    scope: Scope = dataclasses.replace(SYSTEM, folder=folder / "system", **changes)
    program = Systemctl(scope.options, str(systemctl.program))
    return Systemd(scope, say=said.append, systemctl=program, root=lambda: root)


def test_the_system_s_unit_is_the_hardened_one(tmp_path: Path, systemctl: FakeSystemctl) -> None:
    """As root the hardened unit is written and systemctl is asked without --user."""
    said: list[str] = []
    services = system(tmp_path, systemctl, said, root=True, hides=())
    services.install(["/opt/foureyes/bin/foureyes", "run"])
    text = (tmp_path / "system" / "foureyes.service").read_text()
    assert "ExecStart=/opt/foureyes/bin/foureyes run\n" in text
    assert "DynamicUser=yes" in text
    assert systemctl.calls() == [["daemon-reload"], ["enable", "--now", "--quiet", "foureyes.service"]]
    assert "follow it: journalctl -u foureyes -f" in said


def test_only_root_changes_the_system(tmp_path: Path, systemctl: FakeSystemctl) -> None:
    """Anybody else is told to use sudo or --user, and nothing is written."""
    services = system(tmp_path, systemctl, [], root=False, hides=())
    with pytest.raises(ServiceError, match="only root"):
        services.install(["/opt/foureyes/bin/foureyes", "run"])
    assert not (tmp_path / "system").exists()


def test_what_the_hardened_service_cannot_see_is_refused(tmp_path: Path, systemctl: FakeSystemctl) -> None:
    """A configuration or a program in a home is invisible to the system's service: it is refused beforehand."""
    services = system(tmp_path, systemctl, [], root=True, hides=(Path("/home"),))
    with pytest.raises(ServiceError, match=r"cannot see /home/me/f\.yaml"):
        services.install(["/opt/foureyes/bin/foureyes", "run", "--config", "/home/me/f.yaml"])
    assert not (tmp_path / "system").exists()
