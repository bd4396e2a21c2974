"""FourEyes as a service of Windows, through pywin32: `pip install foureyes[service]`.

Written against pywin32 312 and checked against its type stubs; it has not been run on Windows yet. What it rests
on (`hosted.py`, `parent.py`) is tested on Linux.

A service runs in session 0, where no user's screen can be seen: it is for OBS and model servers over the network.
Its secrets come from the environment of the machine, or from the value `Environment` of its registry key.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

assert sys.platform == "win32", "only Windows has such services"  # mypy does not look behind it elsewhere

import pywintypes  # noqa: E402
import servicemanager  # noqa: E402
import win32service  # noqa: E402
import win32serviceutil  # noqa: E402
import winerror  # noqa: E402

from foureyes.exceptions import ServiceError  # noqa: E402
from foureyes.service.hosted import Hosted  # noqa: E402
from foureyes.service.manager import ServiceStatus  # noqa: E402

_NAME = "FourEyes"
_DESCRIPTION = "Watches a screen through OBS and reads it with local models."
_CLASS = "foureyes.service.windows.FourEyesService"
_COMMAND = "command"
_STOP_WAIT_S = 30
_RESTART_AFTER_MS = 10_000
_FORGET_FAILURES_S = 24 * 3600
_STATES = {
    win32service.SERVICE_STOPPED: "stopped",
    win32service.SERVICE_START_PENDING: "starting",
    win32service.SERVICE_STOP_PENDING: "stopping",
    win32service.SERVICE_RUNNING: "running",
}


class FourEyesService(win32serviceutil.ServiceFramework):
    """What Windows starts: it holds the daemon as a child, whose end is its own."""

    _svc_name_ = _NAME
    _svc_display_name_ = _NAME
    _svc_description_ = _DESCRIPTION

    def __init__(self, args: Sequence[str]) -> None:
        super().__init__(args)
        self._hosted: Hosted | None = None
        self._stopping = False

    def SvcDoRun(self) -> None:  # noqa: N802 - pywin32's name
        """Run the daemon; its failure is ours, so that Windows starts the service again."""
        self._hosted = Hosted(json.loads(win32serviceutil.GetServiceCustomOption(_NAME, _COMMAND)))
        if self._stopping:  # asked before there was a child
            self._hosted.ask_to_end()
        code = self._hosted.wait()
        if code != 0 and not self._stopping:
            failure = f"FourEyes ended with code {code}\n{self._hosted.last_words()}"
            servicemanager.LogErrorMsg(failure)
            raise ServiceError(failure)

    def SvcStop(self) -> None:  # noqa: N802
        """Begin the end of the daemon."""
        self._stopping = True
        self.ReportServiceStatus(win32service.SERVICE_STOP_PENDING, waitHint=_STOP_WAIT_S * 1000)
        if self._hosted is not None:
            self._hosted.ask_to_end()

    def SvcShutdown(self) -> None:  # noqa: N802
        """The machine goes down."""
        self.SvcStop()


class WindowsServices:
    """The service manager of Windows; what is done is told through `say`."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self._say = say

    def install(self, command: Sequence[str]) -> None:
        """Make the service, or change it, and start it; Windows restarts it ten seconds after a failure."""
        with _explained():
            if self.status().installed:
                win32serviceutil.StopServiceWithDeps(_NAME, waitSecs=_STOP_WAIT_S)
                win32serviceutil.RemoveService(_NAME)
            win32serviceutil.InstallService(
                _CLASS,
                _NAME,
                _NAME,
                startType=win32service.SERVICE_AUTO_START,
                description=_DESCRIPTION,
                delayedstart=True,
            )
            win32serviceutil.SetServiceCustomOption(_NAME, _COMMAND, json.dumps([*command, "--parent-pipe"]))
            _restart_after_failures()
            win32serviceutil.StartService(_NAME)
        self._say("FourEyes runs as a service of Windows, and is started again with the machine")
        self._say("secrets belong into the machine's environment (FOUREYES_OBS_PASSWORD)")
        self._say(f"why it ended, when it did: the event log, source {_NAME}")

    def preview(self, command: Sequence[str]) -> str:
        """The service, its class and its command."""
        line = json.dumps([*command, "--parent-pipe"])
        return f"service {_NAME}, started with the machine, restarted after a failure\n{_CLASS} runs {line}"

    def uninstall(self) -> None:
        """Stop the service and remove it; what it has stored stays."""
        if not self.status().installed:
            self._say(f"there is no service {_NAME}: nothing to uninstall")
            return
        with _explained():
            win32serviceutil.StopServiceWithDeps(_NAME, waitSecs=_STOP_WAIT_S)
            win32serviceutil.RemoveService(_NAME)
        self._say(f"stopped, and service {_NAME} removed; what it has stored stays")

    def status(self) -> ServiceStatus:
        """What Windows says of the service."""
        try:
            state = win32serviceutil.QueryServiceStatus(_NAME)[1]
        except pywintypes.error as error:
            if error.winerror == winerror.ERROR_SERVICE_DOES_NOT_EXIST:
                return ServiceStatus("windows", installed=False, enabled=False, active=False, state="absent")
            raise _service_error(error) from error
        active = state == win32service.SERVICE_RUNNING
        word = _STATES.get(state, f"state {state}")
        return ServiceStatus("windows", installed=True, enabled=True, active=active, state=word)


def _restart_after_failures() -> None:
    """Have Windows restart it, also when it ended by itself with an error."""
    restart = (win32service.SC_ACTION_RESTART, _RESTART_AFTER_MS)
    actions = {"ResetPeriod": _FORGET_FAILURES_S, "RebootMsg": "", "Command": "", "Actions": [restart] * 3}
    manager = win32service.OpenSCManager(None, None, win32service.SC_MANAGER_ALL_ACCESS)
    try:
        service = win32service.OpenService(manager, _NAME, win32service.SERVICE_ALL_ACCESS)
        try:
            win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS, actions)
            win32service.ChangeServiceConfig2(service, win32service.SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, True)
        finally:
            win32service.CloseServiceHandle(service)
    finally:
        win32service.CloseServiceHandle(manager)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what Windows refuses into one of our errors."""
    try:
        yield
    except pywintypes.error as error:
        raise _service_error(error) from error


def _service_error(error: pywintypes.error) -> ServiceError:
    if error.winerror == winerror.ERROR_ACCESS_DENIED:
        return ServiceError("only an administrator may change services; start the console as administrator")
    return ServiceError(f"Windows refused: {error.strerror} ({error.funcname}, code {error.winerror})")
