"""The operator's page in a real Chromium, over a real daemon whose screen and models the test steers."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from parts.browser import Browser
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon
from parts.watched import DrawnScreen, FakeEngine, drawn, task
from playwright.sync_api import Page, expect

from foureyes.telemetry.words import MEANINGS, Word

HOSTILE = '<img src=x onerror="window.hit=1"> \u202egnorw\u0007 <script>window.hit=1</script>'
REGIONS = {"amount": [0.05, 0.1, 0.4, 0.2]}
WITHIN_MS = 30_000
NAME = "at => at.id || at.name || at.className || (at.labels?.[0] ?? at).innerText.trim()"
LARGEST_BYTES = 200_000


@dataclass
class Shown:
    """The daemon, what it looks at and is read by, and the browser."""

    daemon: RunningDaemon
    screen: DrawnScreen
    near: FakeEngine
    far: FakeEngine
    browser: Browser

    def health(self) -> dict[str, Any]:
        return dict(self.daemon.get("/health"))

    def page(self, width: int, **context: Any) -> Page:
        """The page anew, once it shows a picture and a reading."""
        page = self.browser.page(f"{self.daemon.url}/", width, **context)
        expect(page.locator(".picture[data-live]").first).to_be_visible(timeout=WITHIN_MS)
        expect(value(page, "number")).not_to_be_empty(timeout=WITHIN_MS)
        return page


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Shown]:
    """Two servers: `read` may be read by both, `note` by the first one alone."""
    folder = tmp_path_factory.mktemp("page")
    models = ["first", "second", "note"]
    with (
        DrawnScreen() as screen,
        FakeEngine(folder / "a", models) as near,
        FakeEngine(folder / "b", models) as far,
    ):
        near.control("first", values={"number": 17, "amount": "1785.42"}, evidence=evidence())
        far.control("second", values={"number": 17, "amount": "1785.42"})
        near.control("note", values={"note": HOSTILE})
        config = folder / "config.yaml"
        config.write_text(json.dumps(document(screen, near, far)), encoding="utf-8")
        with RunningDaemon(folder, "--config", str(config)) as daemon:
            found = Shown(daemon.wait_ready(), screen, near, far, browser)
            yield found
            found.near.end()


@pytest.fixture(scope="module")
def page(shown: Shown) -> Page:
    """One page that most tests look at, as an operator does."""
    return shown.page(1280)


def document(screen: DrawnScreen, near: FakeEngine, far: FakeEngine) -> dict[str, Any]:
    text = {"type": "object", "properties": {"note": {"type": ["string", "null"]}}, "required": ["note"]}
    addresses = {"near": near.url, "far": far.url}
    return {
        "sources": [screen.source(fps=3)],
        "servers": [{"id": name, "kind": "engine", "url": url, "check_s": 1} for name, url in addresses.items()],
        "alerts": {"rules": {"server_down": {"hold_s": 1, "recover_s": 0.5}}},
        "models": {
            "first": {"server": "near", "model_id": "first"},
            "second": {"server": "far", "model_id": "second"},
            "note": {"server": "near", "model_id": "note"},
        },
        "tasks": {
            "read": task(models=["first", "second"], regions=REGIONS),
            "note": {**task(models=["note"]), "schema": text},
        },
        "log": {"level": "debug"},
    }


def evidence() -> dict[str, Any]:
    """A value that was seen in its region, which begins at 16, 16 pixels."""
    return {"amount": {"text": "1,785.42", "box": [10, 8, 60, 14], "picture": 0, "reads": 2}}


def value(page: Page, field: str) -> Any:
    """The cell of a field's value."""
    return page.locator(".readings tbody tr", has=page.get_by_role("rowheader", name=field)).locator(".value bdi")


def fingerprint(page: Page) -> str:
    """The pixels of the live picture, in short."""
    return str(page.locator(".picture canvas").first.evaluate("canvas => canvas.toDataURL()"))


def test_the_live_picture_moves_with_its_frame_and_age(shown: Shown, page: Page) -> None:
    """What the screen shows now is on the page soon, under another frame's id, regions and boxes drawn over it."""
    before, frame = fingerprint(page), page.locator("figcaption .link").inner_text()
    shown.screen.show(drawn("moved"))
    page.wait_for_function(
        "before => document.querySelector('.picture canvas').toDataURL() !== before", arg=before
    )
    expect(page.locator("figcaption .link")).not_to_have_text(frame)
    expect(page.locator(".source figcaption")).to_contain_text("pictures a second")
    expect(page.locator(".overlay .region")).to_have_count(1)
    box = page.locator(".overlay [data-key='read/amount'] rect")
    assert [float(box.get_attribute(name) or "") for name in ("x", "y", "width", "height")] == [26, 24, 60, 14]


def test_a_reading_has_its_value_evidence_provenance_and_history(shown: Shown, page: Page) -> None:
    """A new value comes by itself, with who read it, how surely, from how old a picture, and its steps."""
    shown.near.control("first", values={"number": 23, "amount": "1785.42"}, evidence=evidence())
    shown.screen.show(drawn("23"))
    expect(value(page, "number")).to_have_text("23", timeout=WITHIN_MS)
    block = page.locator(".task", has=page.get_by_role("heading", name="read"))
    expect(block.locator(".by")).to_contain_text(re.compile(r"first on near.*confidence 0\.\d.*from a picture of"))
    expect(block).to_contain_text("read 2\N{MULTIPLICATION SIGN}")
    assert "1 change" in str(block.locator("tr", has_text="number").locator(".sketch").get_attribute("aria-label"))
    steps = shown.daemon.get("/api/history?task=read")[0]["steps"]
    assert [step["values"]["number"] for step in steps][-2:] == [17, 23]


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    """Markup is letters, what cannot be seen or turns the writing stands as its code, and no script has run."""
    cell = value(page, "note")
    expect(cell).to_contain_text("<img src=x onerror=")
    expect(cell).to_contain_text("\\u202egnorw\\u0007")
    assert cell.locator("*").count() == 0
    assert page.evaluate("window.hit") is None


def test_a_server_that_is_gone_shows_as_such_and_recovers(shown: Shown, page: Page) -> None:
    """Its tasks are read by the next model or are blind, each with why; page and /health use the same words."""
    shown.near.end()
    shown.screen.show(drawn("gone"))
    server = page.get_by_role("article", name="server near")
    expect(server.locator(".word")).to_have_text(re.compile("recovering|degraded"), timeout=WITHIN_MS)
    expect(server.locator(".healing")).to_contain_text("restart the server")
    read, note = (page.get_by_label(f"task {name}") for name in ("read", "note"))
    expect(read.locator(".word").first).to_contain_text("fallback", timeout=WITHIN_MS)
    expect(read.locator(".why")).to_contain_text("'second' reads it")
    expect(note.locator(".word").first).to_contain_text("blind")
    expect(page.locator("#status-word")).to_contain_text(shown.health()["status"])
    expect(page.locator("#status-since")).to_contain_text("since")
    expect(page.locator("#alerts-active")).to_contain_text("because of server:near", timeout=WITHIN_MS)
    expect(page.locator("#alerts-last")).to_contain_text("near", timeout=WITHIN_MS)
    shown.near = shown.near.again()
    shown.near.control("first", values={"number": 17, "amount": "1785.42"}, evidence=evidence())
    shown.near.control("note", values={"note": HOSTILE})
    expect(server.locator(".word")).to_contain_text("ok", timeout=WITHIN_MS)
    shown.screen.show(drawn("back"))
    expect(read.locator(".word").first).to_contain_text("ok", timeout=WITHIN_MS)
    expect(page.locator("#alerts-last")).to_contain_text("recovered", timeout=WITHIN_MS)
    fault_is_shown(page)


def fault_is_shown(page: Page) -> None:
    """The loss is a group of faults, with its verdict and commands to copy."""
    fault = page.locator(".fault", has_text="ServerDownError in server:near").last
    expect(fault).to_be_visible(timeout=WITHIN_MS)
    fault.locator("summary").first.press("Enter")
    expect(fault.locator(".fault-body")).to_contain_text("reproduction")
    expect(fault.locator("code").first).to_contain_text("foureyes errors show")


def test_a_fault_has_the_picture_that_was_looked_at(shown: Shown, page: Page) -> None:
    """A model that refuses a picture is a fault: its group shows that picture, and how to have it read again."""
    shown.near.control("first", fail="refuse", times=1)
    shown.screen.show(drawn("refused"))
    fault = page.locator(".fault", has_text="InferenceError in task:read")
    fault.locator("summary").first.click(timeout=WITHIN_MS)
    picture = fault.locator("img")
    expect(picture).to_be_visible()
    page.wait_for_function("() => [...document.querySelectorAll('.fault img')].every(image => image.naturalWidth)")
    expect(fault.locator("code").filter(has_text="errors replay")).to_have_count(1)
    expect(fault.locator(".fault-body")).to_contain_text("not like this")


def test_a_frame_is_looked_up_by_its_id(shown: Shown, page: Page) -> None:
    """Its steps stand there with their times, and who read what from it; one that is not known is told so."""
    shown.screen.show(drawn("looked up"))
    seen = len(shown.daemon.readings())

    def read() -> dict[str, Any] | None:
        later = shown.daemon.readings()[seen:]
        return next((each for each in later if (each["task"], each["origin"]) == ("read", "inferred")), None)

    shown.daemon.wait(lambda: read() is not None, "a reading of it", 60)
    page.get_by_label("Frame", exact=True).fill(str((read() or {})["frame_id"]))
    page.get_by_role("button", name="Show", exact=True).click()
    way = page.locator("#frame-way")
    expect(way.locator("tbody tr", has_text="request").first).to_contain_text("ms")
    expect(way.locator("li", has_text="read").first).to_contain_text(
        re.compile("inferred by (first on near|second on far)")
    )
    page.get_by_label("Frame", exact=True).fill("main-999999")
    page.keyboard.press("Enter")
    expect(way).to_contain_text("no such frame")


def test_the_log_is_live_and_filtered(shown: Shown, page: Page) -> None:
    """A filter leaves the lines that it names, and a new line that passes it comes by itself."""
    lines = page.locator("#log-lines li")
    expect(lines.filter(has_text="web.listening")).to_have_count(1)
    page.get_by_label("Text", exact=True).fill("CONFIG.")
    expect(lines.filter(has_text="web.listening")).to_have_count(0)
    before = lines.count()
    shown.daemon.process.send_signal(signal.SIGHUP)
    expect(lines.filter(has_text="config.")).not_to_have_count(before, timeout=WITHIN_MS)


def test_pausing_asks_for_the_token_and_is_said_everywhere(shown: Shown, page: Page) -> None:
    """A wrong token is refused, the right one pauses: source, tasks and /health say so; then it resumes."""
    button, dialog = page.locator("#pause"), page.locator("#token")
    button.click()
    for token in ("wrong", (shown.daemon.state_dir / "web-token").read_text("utf-8").strip()):
        expect(dialog).to_be_visible()
        dialog.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        if token == "wrong":  # noqa: S105 - it is none
            expect(page.locator("#token-fault")).to_contain_text("not the token")
    expect(dialog).to_be_hidden()
    source = page.get_by_label("source main")
    expect(source.locator("> header .word")).to_contain_text("paused", timeout=WITHIN_MS)
    expect(page.get_by_label("task read").locator(".word")).to_contain_text("paused")
    expect(page.locator("#status-word")).to_contain_text(shown.health()["status"])
    expect(button).to_have_text("Resume looking")
    button.click()
    expect(source.locator("> header .word")).to_contain_text("ok", timeout=WITHIN_MS)


def test_a_daemon_that_does_not_answer_makes_the_page_blind(shown: Shown, page: Page) -> None:
    """It is said with since when, what is shown is greyed, and all comes back by itself."""
    shown.daemon.process.send_signal(signal.SIGSTOP)
    try:
        expect(page.locator("#status-word")).to_contain_text("blind", timeout=WITHIN_MS)
        expect(page.locator("#status-sentence")).to_contain_text("no answer from the daemon")
        expect(page.locator("#status-since")).to_contain_text("since")
        assert "grayscale" in page.locator("main").evaluate("main => getComputedStyle(main).filter")
    finally:
        shown.daemon.process.send_signal(signal.SIGCONT)
    expect(page.locator("body")).not_to_have_class("cut", timeout=WITHIN_MS)
    expect(page.locator("#status-word")).to_contain_text(shown.health()["status"])


def test_ages_are_true_where_the_browsers_clock_is_wrong(shown: Shown) -> None:
    """A clock that is a year ahead makes nothing old: ages are counted by the daemon's."""
    page = shown.page(400, script="const now = Date.now; Date.now = () => now() + 365 * 86400 * 1000")
    expect(page.locator("figcaption span").nth(1)).to_have_text(re.compile(r"^\d{1,2}(\.\d)? s old$"))
    page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1920, "light")])
def test_axe_finds_nothing_serious_at_any_width(shown: Shown, width: int, scheme: str) -> None:
    """Neither light nor dark, narrow nor wide; nothing is cut off at the side; the colours are the scheme's."""
    page = shown.page(width, color_scheme=scheme, reduced_motion="reduce")
    found = Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in {"serious", "critical"}]
    assert [(each["id"], node["html"]) for each in serious for node in each["nodes"]] == []
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    red = int(re.findall(r"\d+", page.locator("body").evaluate("body => getComputedStyle(body).color"))[0])
    assert (red > 127) == (scheme == "dark")
    page.context.close()


def test_the_keyboard_reaches_everything(page: Page) -> None:
    """The first stop skips to what is seen; every control has its turn, each with a mark that can be seen."""
    page.reload()
    expect(value(page, "number")).not_to_be_empty(timeout=WITHIN_MS)
    assert stops(page, 1) == ["skip"]
    assert {"pause", "link", "who may read it", "outlines"} <= set(stops(page, 14))
    page.locator("#frame-id").focus()
    assert {"Show", "level", "component", "q", "follow", "log-lines"} <= set(stops(page, 8))
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def stops(page: Page, number: int) -> list[str]:
    """What has the focus after each of so many presses of Tab."""
    names = []
    for _ in range(number):
        page.keyboard.press("Tab")
        names.append(str(page.evaluate(f"({NAME})(document.activeElement)")))
    return names


def test_the_page_is_small_and_asks_nobody_else(shown: Shown) -> None:
    """It is under 200 KB, all that any page here asked for was the daemon's, and no script failed."""
    ours = urlsplit(shown.daemon.url).netloc
    asked = [urlsplit(request.url) for request in shown.browser.requests]
    assert {each.netloc for each in asked if each.scheme.startswith("http")} == {ours}
    parts = {"/", *(each.path for each in asked if each.path.startswith("/static/"))}
    with httpx.Client(base_url=shown.daemon.url, **DIRECT) as client:
        answers = [client.get(path) for path in parts]
    assert sum(len(answer.content) for answer in answers if answer.is_success) < LARGEST_BYTES
    assert shown.browser.faults == []


def test_pictures_are_asked_for_by_format_width_and_etag(shown: Shown) -> None:
    """The picture comes as wide as it is wanted, with its frame and time; one that has not changed is a 304."""
    with httpx.Client(base_url=shown.daemon.url, **DIRECT) as client:
        small = client.get("/api/frame", params={"format": "jpeg", "width": 80})
        assert (small.headers["content-type"], small.headers["x-frame-size"]) == ("image/jpeg", "320x240")
        assert small.headers["x-frame-id"].startswith("main-")
        assert small.headers["x-captured-at"].endswith("Z")
        again = client.get("/api/frame", headers={"If-None-Match": small.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/api/frame?source=nobody").status_code == 404
        assert client.get("/api/frame?width=1").status_code == 400
        assert client.get("/api/errors/pictures/..%2f..%2fspool.db").status_code == 404
        assert client.get("/api/errors/zzzzzzzz").status_code == 404


def test_a_word_has_one_meaning_and_what_is_not_known_is_not_green(shown: Shown) -> None:
    """/api/words is the whole table; every state that /health names is one of them; only ok is green."""
    words = {each["word"]: each for each in shown.daemon.get("/api/words")}
    assert set(words) == {str(word) for word in Word} == {str(word) for word in MEANINGS}
    assert len({each["meaning"] for each in words.values()}) == len(words)
    assert [word for word, each in words.items() if each["tone"] == "good"] == ["ok"]
    assert {part["state"] for part in shown.health()["components"].values()} <= set(words)
