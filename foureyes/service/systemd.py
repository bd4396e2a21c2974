"""FourEyes as a service of systemd: its unit written and started, stopped and removed, asked how it stands."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from foureyes.exceptions import ServiceError
from foureyes.service.manager import ServiceStatus
from foureyes.service.scope import Scope, hidden, is_root, of_this_installation
from foureyes.service.systemctl import Systemctl
from foureyes.service.unit import MARK, shipped_unit, unit_for

UNIT = "foureyes.service"
_SHOWN = ("LoadState", "UnitFileState", "ActiveState", "SubState", "MainPID", "NRestarts", "StatusText", "Result")


class Systemd:
    """The service in one scope of systemd; what is done is told through `say`."""

    def __init__(
        self,
        scope: Scope,
        *,
        say: Callable[[str], None],
        systemctl: Systemctl | None = None,
        root: Callable[[], bool] = is_root,
    ) -> None:
        self._scope = scope
        self._say = say
        self._systemctl = systemctl or Systemctl(scope.options)
        self._root = root
        self._file = scope.folder / UNIT

    def install(self, command: Sequence[str]) -> None:
        """Write the unit and have it started, now and always; one that runs another unit is restarted."""
        self._refuse([*self._hindrances(), *self._unseen(command)])
        replaced = self._write(self._unit(command))
        self._say("starting it, which lasts until the models are loaded")
        self._systemctl.do("daemon-reload")
        if replaced:
            self._systemctl.do("try-restart", UNIT)
        self._systemctl.do("enable", "--now", "--quiet", UNIT)
        self._say(f"FourEyes runs as a service of the {self._scope.name}, and is started again {self._scope.when}")
        self._say(f"secrets belong into {self._scope.environment} (FOUREYES_OBS_PASSWORD=...), mode 600")
        self._say(f"follow it: {self._journal('-f')}")

    def preview(self, command: Sequence[str]) -> str:
        """The unit, the commands, and what would hinder them."""
        commands = [
            self._systemctl.line("daemon-reload"),
            self._systemctl.line("enable", "--now", "--quiet", UNIT),
        ]
        hindrances = [f"# would be refused: {text}" for text in (*self._hindrances(), *self._unseen(command))]
        return "\n".join([f"# {self._file}", self._unit(command), *commands, *hindrances])

    def uninstall(self) -> None:
        """Stop it and remove its unit; its state folder and its environment file stay."""
        self._refuse(self._hindrances())
        if not self._file.exists():
            self._say(f"there is no {self._file}: nothing to uninstall")
            return
        self._systemctl.do("disable", "--now", UNIT)
        self._file.unlink()
        self._systemctl.do("daemon-reload")
        self._say(f"stopped, and {self._file} removed; what it has stored, and {self._scope.environment}, stay")

    def status(self) -> ServiceStatus:
        """What `systemctl show` says of the unit."""
        self._refuse(self._away())
        shown = self._systemctl.do("show", UNIT, f"--property={','.join(_SHOWN)}")
        values = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        return ServiceStatus(
            manager=f"systemd, {self._scope.name}",
            installed=values.get("LoadState", "not-found") != "not-found",
            enabled=values.get("UnitFileState") == "enabled",
            active=values.get("ActiveState") in {"active", "reloading"},
            state=_state(values),
            pid=int(values.get("MainPID") or 0) or None,
            restarts=int(values["NRestarts"]) if values.get("NRestarts", "").isdigit() else None,
            text=values.get("StatusText") or None,
        )

    @staticmethod
    def _refuse(hindrances: Sequence[str]) -> None:
        if hindrances:
            raise ServiceError("; ".join(hindrances))

    def _hindrances(self) -> list[str]:
        """Why nothing can be changed here."""
        found = self._away()
        if self._scope.as_root and not self._root():
            found.append("only root may change services of the system; use sudo, or --user")
        if self._file.exists() and MARK not in self._file.read_text("utf-8", "replace"):
            found.append(f"{self._file} was not written by `foureyes service install`; move it away first")
        return found

    def _away(self) -> list[str]:
        if (state := self._systemctl.absence()) is None:
            return []
        what = f"no systemd runs here as the manager of the {self._scope.name} (it is {state})"
        return [f"{what}; start `foureyes run` in another way"]

    def _unseen(self, command: Sequence[str]) -> list[str]:
        """What the service is to run, and could not see."""
        wanted = [*of_this_installation(), *(Path(word) for word in command if word.startswith("/"))]
        if not (places := hidden(wanted, self._scope)):
            return []
        return [f"a system service cannot see {places[0]}; have it elsewhere (/opt, /etc/foureyes), or use --user"]

    def _unit(self, command: Sequence[str]) -> str:
        return unit_for(shipped_unit(self._scope.template), command)

    def _write(self, text: str) -> bool:
        """Whether another unit was there before."""
        before = self._file.read_text("utf-8") if self._file.exists() else None
        if before == text:
            self._say(f"{self._file} is as it should be")
            return False
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ServiceError(f"{self._file} cannot be written: {error.strerror}") from error
        self._say(f"{self._file} written")
        return before is not None

    def _journal(self, option: str) -> str:
        return shlex.join(["journalctl", *self._scope.options, "-u", "foureyes", option])


def _state(values: dict[str, str]) -> str:
    state = f"{values.get('ActiveState', 'unknown')} ({values.get('SubState', 'unknown')})"
    result = values.get("Result", "success")
    return state if result in {"", "success"} else f"{state}, last: {result}"
