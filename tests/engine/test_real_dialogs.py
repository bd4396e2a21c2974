"""Dialogs that nobody here drew: message boxes of GTK, Qt and Tk, and pages of a browser."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest
from parts.dialogs import DIALOGS, Dialog, captured_dialogs, shot
from parts.program import Program, find, free_port, wait_until
from parts.signalled import seen
from parts.state_screens import screen
from parts.xvfb import Xvfb

from foureyes.engine.labels import folded
from foureyes.engine.ocr import Ocr
from foureyes.picture import Pixels

MODAL = """<body style="font-family:sans-serif"><h1>Orders</h1><p>Order 1042 of today</p><p>Order 1043 of today</p>
<div style="position:fixed;inset:0;background:rgba(0,0,0,.5)"><div style="position:absolute;left:300px;top:200px;
width:420px;padding:24px;background:#fff;border-radius:8px"><p>The order could not be sent: error 17.</p>
<button style="font-size:18px;padding:6px 24px">Cancel</button>
<button style="font-size:18px;padding:6px 24px">Try again</button></div></div></body>"""
CALM = """<body style="font-family:sans-serif"><h1>Settings</h1><p><input type=checkbox checked> Play sounds</p>
<p><input type=checkbox> Start with the system</p><p>Errors: 0</p><p>Connection: good</p>
<p style="margin-top:300px"><button style="font-size:18px">Cancel</button>
<button style="font-size:18px">OK</button></p></body>"""
DARK = """<meta charset=utf-8><style>body{font-family:sans-serif;background:#16181d;color:#ddd}
div{display:inline-block;margin:12px;padding:16px;background:#23262e;border:1px solid #445}
button{font-size:16px;padding:6px 20px} td{padding:6px 12px}</style><h1>Devices</h1>"""
CARDS = f"""{DARK}<div><b>Camera 1</b><p>Last seen 3 min ago</p><button>Close</button></div>
<div><b>Front door</b><p>Last seen 9 min ago</p><button>Close</button></div><br>
<div><b>Camera 2</b><p>Last seen 2 h ago</p><button>Reconnect</button></div>"""
TABLE = f"""{DARK}<div><table><tr><td>Ada wants to see order 1042<td><button>Accept</button>
<tr><td>Bruno wants to see order 1043<td><button>Accept</button>
<tr><td>Clara wants to see order 1044<td><button>Accept</button></table></div>"""
FORM = f"""{DARK}<div><b>New customer</b><p>First name <input value=Ada size=30></p>
<p>Town <input size=30></p><button>OK</button> <button>Cancel</button></div>"""
BAD_GATEWAY = "<center><h1>502 Bad Gateway</h1></center><hr><center>nginx</center>"
PAGES = {
    "/modal": (200, MODAL),
    "/calm": (200, CALM),
    "/cards": (200, CARDS),
    "/table": (200, TABLE),
    "/form": (200, FORM),
    "/gateway": (502, BAD_GATEWAY),
}


@pytest.fixture(scope="module")
def boxes() -> dict[Dialog, Pixels]:
    """Each message box, captured from one X server."""
    return captured_dialogs()


@pytest.mark.parametrize("dialog", DIALOGS, ids=lambda dialog: f"{dialog.toolkit} {dialog.kind}")
def test_a_real_dialog_is_found_where_it_stands(ocr: Ocr, boxes: dict[Dialog, Pixels], dialog: Dialog) -> None:
    """A box over a program is a dialog, and what it says is the error's text where it says one."""
    over = screen("application", "list", 3, 1)[:340, :640]
    found = seen(ocr, pasted(boxes[dialog], over, (100, 180), 80)).values
    assert found["popup"] is True
    said = folded(found["error_text"] or "")
    assert said == (folded(dialog.text) if dialog.is_error else "")


def pasted(box: Pixels, under: Pixels, at: tuple[int, int], quality: int) -> Pixels:
    """A box over a screen, as a JPEG shows it."""
    over, (x, y) = under.copy(), at
    over[y : y + box.shape[0], x : x + box.shape[1]] = box
    _, data = cv2.imencode(".jpg", over, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(
    ("toolkit", "kind", "under", "quality"),
    [
        ("qt", "question", screen("wizard", "done", 167, 0)[380:, 338:978], 90),
        ("tk", "showerror", screen("application", "report", 4068, 0)[231:571, 117:757], 60),
    ],
    ids=["grey on nearly the same grey", "its edge nicked by JPEG"],
)
def test_a_dialog_is_found_where_its_edge_is_hard_to_see(
    ocr: Ocr, boxes: dict[Dialog, Pixels], toolkit: str, kind: str, under: Pixels, quality: int
) -> None:
    """A window in nearly the page's colour, or with letters so near its edge that they are one in the capture."""
    box = next(boxes[dialog] for dialog in DIALOGS if (dialog.toolkit, dialog.kind) == (toolkit, kind))
    assert seen(ocr, pasted(box, under, (60, 60), quality)).values["popup"] is True


class _Pages(BaseHTTPRequestHandler):
    """Serves the pages; anything else is the 404 page of Python's own server."""

    def do_GET(self) -> None:
        if self.path not in PAGES:
            self.send_error(404)
            return
        status, page = PAGES[self.path]
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """Where the pages are."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        Thread(target=partial(server.serve_forever, poll_interval=0.05), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browsed(url: str, folder: Path) -> Pixels:
    """A page in Chromium, as it looks."""
    picture = folder / "page.png"
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={folder}/profile",
    ]
    subprocess.run(
        [find("chromium", "chromium"), *options, "--window-size=1000,560", f"--screenshot={picture}", url],
        check=True,
        capture_output=True,
        timeout=90,
    )
    return np.asarray(cv2.imread(str(picture)), np.uint8)


@pytest.mark.parametrize(
    ("page", "signs"),
    [
        ("/gateway", (False, "502 Bad Gateway")),
        ("/absent", (False, "404")),
        ("/modal", (True, "The order could not be sent: error 17.")),
        ("/calm", (False, None)),
        ("/cards", (False, None)),
        ("/table", (False, None)),
        ("/form", (False, None)),
    ],
    ids=["502", "404", "overlay", "settings page", "cards with buttons", "rows with buttons", "a form"],
)
def test_a_browser_shows_an_error(
    ocr: Ocr, site: str, tmp_path: Path, page: str, signs: tuple[bool, str | None]
) -> None:
    """An error page tells its error, an overlay is a dialog; settings, cards, rows and forms are not."""
    popup, said = signs
    found = seen(ocr, browsed(site + page, tmp_path)).values
    assert found["popup"] is popup
    assert (found["error_text"] is None) is (said is None)
    assert folded(said or "") in folded(found["error_text"] or "")


def test_a_browser_that_reaches_nobody_shows_an_error(ocr: Ocr, tmp_path: Path) -> None:
    """The browser's own page for an address where nobody listens is an error and a lost connection, no dialog."""
    url = f"http://127.0.0.1:{free_port()}/"
    options = ["--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={tmp_path}/profile"]
    window = ["--window-position=0,0", "--window-size=900,560", f"--app={url}"]
    with Xvfb(900, 560) as display:
        browser = Program([find("chromium", "chromium"), *options, *window], tmp_path / "log", display.env())
        shown: list[Pixels] = []

        def said() -> bool:
            """Read only what has come to rest, since reading costs more than looking."""
            shown.append(shot(display))
            still = len(shown) > 1 and np.array_equal(shown[-1], shown[-2]) and len(np.unique(shown[-1])) > 8
            return bool(still) and seen(ocr, shown[-1]).values["error_text"] is not None

        try:
            wait_until(said, 60, "the browser's page for an address that cannot be reached")
        finally:
            browser.end()
    found = seen(ocr, shown[-1]).values
    assert (found["popup"], found["disconnected"]) == (False, True)
