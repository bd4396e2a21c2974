"""A real systemd starts the daemon, kills it when a look never returns, starts it again, and forgets it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from parts.foureyes import foureyes
from parts.program import MissingProgramError, wait_until
from parts.user_systemd import NotAllowedError, UserSystemd
from parts.watched import FakeEngine, drawn, task, write_config

from foureyes.picture import encode_png

QUICK = "[Service]\nWatchdogSec=1\nRestartSec=100ms\n"


@pytest.fixture(scope="module")
def systemd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UserSystemd]:
    """A real manager; where the machine allows none the tests skip, also in CI."""
    try:
        with UserSystemd(tmp_path_factory.mktemp("systemd")) as running:
            dropin = running.units / "foureyes.service.d"
            dropin.mkdir()
            (dropin / "quick.conf").write_text(QUICK)
            yield running
    except (MissingProgramError, NotAllowedError) as error:
        pytest.skip(str(error))


def config_in(folder: Path, engine: FakeEngine, source: dict[str, Any]) -> Path:
    """A configuration whose name systemd would like to read otherwise."""
    document = json.loads(write_config(folder, engine, {"read": task()}, [source]).read_text("utf-8"))
    document["capture"] = {"stall_s": 1}
    file = folder / 'an "odd" $HOME 100%.yaml'
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def shown(systemd: UserSystemd, name: str) -> str:
    return systemd.systemctl("show", "foureyes.service", "--value", f"--property={name}").strip()


def status(systemd: UserSystemd) -> dict[str, Any]:
    return dict(json.loads(foureyes("service", "status", "--user", "--json", **systemd.environment()).stdout))


def test_a_service_lives_from_its_installation_to_its_end(systemd: UserSystemd, tmp_path: Path) -> None:
    """Installed it is ready when the command returns; uninstalled its processes and its unit are gone."""
    with FakeEngine(tmp_path / "engine", ["read"]) as engine:
        config = config_in(tmp_path, engine, {"id": "main", "kind": "demo"})
        done = foureyes("service", "install", "--user", "--config", str(config), **systemd.environment())
        assert done.returncode == 0, done.stderr
        found = status(systemd)
        assert (found["active"], found["enabled"], found["text"]) == (True, True, "watching main")
        daemon = psutil.Process(found["pid"])
        assert daemon.cmdline()[-2:] == ["--config", str(config)]
        removed = foureyes("service", "uninstall", "--user", **systemd.environment())
        assert removed.returncode == 0, removed.stderr
        assert not daemon.is_running()
        assert not status(systemd)["installed"]


def test_a_reload_leaves_the_process_in_place(systemd: UserSystemd, tmp_path: Path) -> None:
    """`systemctl reload` puts a changed file into force: the same process, active again, watching what is new."""
    with FakeEngine(tmp_path / "engine", ["read"]) as engine:
        config = config_in(tmp_path, engine, {"id": "main", "kind": "demo"})
        done = foureyes("service", "install", "--user", "--config", str(config), **systemd.environment())
        assert done.returncode == 0, done.stderr
        pid = shown(systemd, "MainPID")
        document = json.loads(config.read_text("utf-8"))
        document["sources"] = [{"id": "another", "kind": "demo"}]
        config.write_text(json.dumps(document), encoding="utf-8")
        systemd.systemctl("reload", "foureyes.service")
        wait_until(lambda: status(systemd)["text"] == "watching another", 60, "the new source is watched")
        assert (shown(systemd, "ActiveState"), shown(systemd, "MainPID")) == ("active", pid)
        assert shown(systemd, "ReloadResult") == "success"
        foureyes("service", "uninstall", "--user", **systemd.environment())


def test_a_look_that_never_returns_is_ended_by_the_watchdog(systemd: UserSystemd, tmp_path: Path) -> None:
    """The daemon answers over HTTP, but its capture loop stands still: systemd kills it and starts it again."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "1.png").write_bytes(encode_png(drawn("1")))
    os.mkfifo(pictures / "2.png")
    with FakeEngine(tmp_path / "engine", ["read"]) as engine:
        config = config_in(tmp_path, engine, {"id": "main", "kind": "images", "path": str(pictures)})
        done = foureyes("service", "install", "--user", "--config", str(config), **systemd.environment())
        assert done.returncode == 0, done.stderr
        first = shown(systemd, "MainPID")
        wait_until(lambda: shown(systemd, "NRestarts") not in {"", "0"}, 60, "systemd starts it again")
        wait_until(lambda: shown(systemd, "MainPID") not in {first, "0"}, 60, "another process looks")
        foureyes("service", "uninstall", "--user", **systemd.environment())
