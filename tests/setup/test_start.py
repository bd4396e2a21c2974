"""scripts/start on machines that lack something: a sentence that says what to install, and nothing half-made."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What scripts/start needs of the repository, somewhere else."""
    folder = tmp_path / "a checkout"  # the blank is meant: paths have blanks
    shutil.copytree(
        REPOSITORY / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("results", "benches")
    )
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def start(checkout: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "scripts" / "start"], env=env, cwd="/", capture_output=True, text=True, check=False, timeout=60
    )


def only(tmp_path: Path, **programs: str) -> str:
    """A PATH on which nothing but these programs can be found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, target in programs.items():
        (folder / name).symlink_to(target)
    return str(folder)


def test_without_any_python_it_says_what_it_needs(checkout: Path, tmp_path: Path) -> None:
    """No Python on the PATH: exit 1 and one sentence that names the version and the package."""
    tools = {name: str(shutil.which(name)) for name in ("dirname", "cat", "sh")}
    done = start(checkout, {"PATH": only(tmp_path, **tools)})
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "apt install python3" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_met_by_the_package_to_install(checkout: Path, tmp_path: Path) -> None:
    """Debian's python3 without python3-venv: the sentence names it, and no broken environment is left."""
    (tmp_path / "ensurepip.py").write_text("raise ImportError('as on a Debian without python3-venv')")
    tools = {name: str(shutil.which(name)) for name in ("dirname", "basename", "cat", "sh")}
    path = only(tmp_path, python3=sys.executable, **tools)
    done = start(checkout, {"PATH": path, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_half_made_environment_is_made_anew(checkout: Path, tmp_path: Path) -> None:
    """An environment whose making was interrupted has no pip; it is replaced by a working one."""
    broken = tmp_path / "broken"
    (broken / "bin").mkdir(parents=True)
    (broken / "pyvenv.cfg").write_text("home = nowhere\n")
    script = '. "$0/scripts/venv.sh"; make_venv "$1" "$2"'
    subprocess.run(["sh", "-euc", script, checkout, sys.executable, broken], check=True, timeout=60)
    subprocess.run([broken / "bin" / "python", "-m", "pip", "--version"], check=True, timeout=60)
