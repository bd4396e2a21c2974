"""Real message boxes of GTK, Qt and Tk, captured from an X server of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mss
import numpy as np

from foureyes.picture import Box, Pixels
from parts.program import Program, find, wait_until
from parts.xvfb import Xvfb

SYSTEM_PYTHON = "/usr/bin/python3"
"""Debian's tkinter and PyQt are for Debian's Python."""
_TK = """
import sys, tkinter, tkinter.messagebox
root = tkinter.Tk()
root.withdraw()
getattr(tkinter.messagebox, sys.argv[1])("Orderdesk", sys.argv[2])
"""
_QT = """
import sys
from PyQt5.QtWidgets import QApplication, QMessageBox
app = QApplication(sys.argv[:1])
getattr(QMessageBox, sys.argv[1])(None, "Orderdesk", sys.argv[2])
"""


@dataclass(frozen=True)
class Dialog:
    """A message box: who draws it, what it says, and whether that tells an error."""

    toolkit: str
    kind: str
    text: str
    is_error: bool

    @property
    def command(self) -> list[str]:
        """The argument list that shows it."""
        if self.toolkit == "gtk":
            return [find("zenity", "zenity"), f"--{self.kind}", f"--text={self.text}"]
        script = {"tk": _TK, "qt": _QT}[self.toolkit]
        return [SYSTEM_PYTHON, "-c", script, self.kind, self.text]


_FAILED = "The file could not be saved: error 28, no space left on device."
_REFUSED = "Login failed: the password has expired."
_LOST = "Connection lost. Try again later."
_ASKED = "Do you want to save the changes to this order?"
DIALOGS: Sequence[Dialog] = (
    Dialog("gtk", "error", _FAILED, is_error=True),
    Dialog("gtk", "warning", _LOST, is_error=True),
    Dialog("gtk", "question", _ASKED, is_error=False),
    Dialog("qt", "critical", _FAILED, is_error=True),
    Dialog("qt", "warning", _REFUSED, is_error=True),
    Dialog("qt", "question", _ASKED, is_error=False),
    Dialog("tk", "showerror", _REFUSED, is_error=True),
    Dialog("tk", "showwarning", _LOST, is_error=True),
    Dialog("tk", "askyesno", _ASKED, is_error=False),
)


def shot(screen: Xvfb) -> Pixels:
    """The whole screen, BGR."""
    with mss.MSS(display=screen.display) as grabber:
        grabbed = grabber.grab(grabber.monitors[0])
    return np.ascontiguousarray(np.asarray(grabbed, np.uint8)[:, :, :3])


def window(picture: Pixels, empty: Pixels) -> Box:
    """Where a picture differs from the empty screen; nothing of it is zero wide."""
    rows, columns = np.nonzero((picture != empty).any(axis=2))
    if not rows.size:
        return Box(0, 0, 0, 0)
    left, top = int(columns.min()), int(rows.min())
    return Box(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)


def captured_dialogs(dialogs: Sequence[Dialog] = DIALOGS) -> dict[Dialog, Pixels]:
    """Show each box alone on a screen without a window manager, and cut it out of what is seen."""
    with Xvfb(900, 600) as screen:
        empty = shot(screen)
        return {dialog: _captured(dialog, screen, empty) for dialog in dialogs}


def _captured(dialog: Dialog, screen: Xvfb, empty: Pixels) -> Pixels:
    seen: list[Pixels] = []

    def settled() -> bool:
        seen.append(shot(screen))
        drawn = len(seen) > 1 and bool(np.array_equal(seen[-1], seen[-2]))
        return drawn and len(np.unique(window(seen[-1], empty).cut(seen[-1]).reshape(-1, 3), axis=0)) > _COLOURS

    with tempfile.TemporaryDirectory(prefix="foureyes-dialog-") as folder:
        program = Program(dialog.command, Path(folder) / "log", screen.env() | {"NO_AT_BRIDGE": "1"})
        try:
            wait_until(settled, 60, f"the {dialog.toolkit} dialog to be drawn")
        finally:
            program.end()
    wait_until(lambda: bool(np.array_equal(shot(screen), empty)), 60, "the dialog to go")
    return window(seen[-1], empty).cut(seen[-1]).copy()


_COLOURS = 20
"""A window with fewer colours has no text yet."""
