"""The units as systemd's own tools see them: valid, and the system's one well hardened."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from parts.program import MissingProgramError, find

from foureyes.service.manager import installed_command
from foureyes.service.unit import command_line, shipped_unit, unit_for

REPOSITORY = Path(__file__).resolve().parent.parent.parent
MOST_EXPOSED = 3.0


@pytest.fixture(scope="module")
def analyze() -> str:
    """systemd-analyze, which works where no systemd runs."""
    try:
        return find("systemd-analyze", "systemd")
    except MissingProgramError as error:
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(str(error))
        pytest.skip(str(error))


def run(*arguments: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("name", "manager"), [("foureyes.service", "--system"), ("foureyes-user.service", "--user")]
)
def test_systemd_finds_no_fault(analyze: str, tmp_path: Path, name: str, manager: str) -> None:
    """`systemd-analyze verify` says nothing, about the committed unit and about the one that is installed."""
    written = tmp_path / "foureyes.service"
    config = '/etc/foureyes/odd "name" 100% $HOME; \\.yaml'
    written.write_text(unit_for(shipped_unit(name), [*installed_command(), "run", "--config", config]))
    for unit in (REPOSITORY / "systemd" / name, written):
        done = run(analyze, manager, "verify", "--man=no", unit, folder=tmp_path)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_fault_would_be_found(analyze: str, tmp_path: Path) -> None:
    """The same tool does object to a key that it does not know: the test above can fail."""
    unit = tmp_path / "foureyes.service"
    unit.write_text(shipped_unit("foureyes.service").replace("KillMode=mixed", "KillMood=mixed"))
    done = run(analyze, "--system", "verify", "--man=no", unit, folder=tmp_path)
    assert "KillMood" in done.stderr


def test_the_system_s_unit_is_hardly_exposed(analyze: str, tmp_path: Path) -> None:
    """`systemd-analyze security` gives it under 3 of 10."""
    unit = REPOSITORY / "systemd" / "foureyes.service"
    done = run(analyze, "security", "--offline=true", "--no-pager", unit, folder=tmp_path)
    found = re.search(r"Overall exposure level for foureyes\.service: ([0-9.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) < MOST_EXPOSED


@pytest.mark.parametrize("name", ["foureyes.service", "foureyes-user.service"])
def test_no_secret_has_a_place_in_a_unit(name: str) -> None:
    """Secrets come from the environment file; no unit sets a FOUREYES_ variable."""
    text = shipped_unit(name)
    assert "EnvironmentFile=-" in text
    assert not re.search(r"^Environment=.*FOUREYES_", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["/usr/bin/foureyes", "run"], "/usr/bin/foureyes run"),
        (["/a b/foureyes", "it's"], '"/a b/foureyes" "it\'s"'),
        (["/x", "100%"], "/x 100%%"),
        (["/x", "$HOME", ";"], '/x "$$HOME" ";"'),
        (["/x", 'a"b\\c'], '/x "a\\"b\\\\c"'),
        (["/x", "a\nExecStartPre=/bin/evil"], '/x "a\\x0aExecStartPre=/bin/evil"'),
        (["/x", ""], '/x ""'),
        (["/x", "grün"], '/x "grün"'),
    ],
)
def test_each_word_stays_one_word(command: list[str], line: str) -> None:
    """Blanks, quotes, percents, dollars and line breaks in a path mean nothing to systemd."""
    assert command_line(command) == line
