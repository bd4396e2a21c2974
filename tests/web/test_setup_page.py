"""Set-up by pointing in a real Chromium: what is drawn is read, seen as a difference, approved and in force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from parts.browser import Browser
from parts.pointed import GRAND, Pointed, pointed
from playwright.sync_api import Locator, Page, expect

HOSTILE = '<img src=x onerror="window.hit=1">'
expect.set_options(timeout=30_000)
SERIOUS = {"serious", "critical"}


@dataclass
class Operated:
    """The daemon, and a browser in front of it."""

    till: Pointed
    browser: Browser

    def page(self, width: int = 1280, **context: Any) -> Page:
        """The page's set-up, once it shows the live picture."""
        page = self.browser.page(f"{self.till.daemon.url}/", width, **context)
        setup(page).scroll_into_view_if_needed()
        expect(setup(page).locator("figcaption")).to_contain_text("captured at")
        return page

    def written(self) -> str:
        return self.till.file.read_text("utf-8")


@pytest.fixture
def page(operated: Operated) -> Iterator[Page]:
    """The page of an operator who has not shown the token."""
    page = operated.page()
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def operated(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Operated]:
    with pointed(tmp_path_factory.mktemp("setup")) as till:
        yield Operated(till, browser)
        assert browser.faults == []


def setup(page: Page) -> Locator:
    return page.locator("#setup")


def button(page: Page, name: str) -> Locator:
    return setup(page).get_by_role("button", name=name)


def found(page: Page) -> Locator:
    """What is read in the region."""
    return setup(page).locator(".found").first


def outcome(page: Page) -> Locator:
    return setup(page).locator(".changes .outcome")


def draw(page: Page, region: list[float]) -> None:
    """Draw with the mouse from one corner to the other."""
    surface = setup(page).locator(".surface")
    surface.evaluate("each => each.scrollIntoView({block: 'center'})")
    box = surface.bounding_box()
    assert box is not None
    x, y, width, height = region
    corners = [(x, y), (x + width / 2, y + height), (x + width, y + height)]
    points = [(box["x"] + right * box["width"], box["y"] + down * box["height"]) for right, down in corners]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def give_token(page: Page, till: Pointed) -> None:
    dialog = page.locator("#token")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Token", exact=True).fill((till.daemon.state_dir / "web-token").read_text("ascii").strip())
    dialog.get_by_role("button", name="Go on").click()


def corners(page: Page) -> list[float]:
    inputs = setup(page).locator("[data-corner]")
    return [float(inputs.nth(index).input_value()) for index in range(4)]


def test_a_region_drawn_is_read_approved_and_in_force(operated: Operated, page: Page) -> None:
    """A region drawn on the live picture is read at once, shown as a diff, saved with the token, and in force."""
    before = operated.written()
    draw(page, GRAND)
    expect(found(page).locator(".value")).to_have_text("1785.42")
    expect(found(page)).to_contain_text("Grand $1,785.42")
    button(page, "Use this region").click()
    added = setup(page).locator(".difference .more")
    expect(added).to_have_count(2)
    expect(added.last).to_contain_text("grand: [")
    assert operated.written() == before
    button(page, "Approve and save").click()
    give_token(page, operated.till)
    expect(outcome(page)).to_have_text("config.yaml is saved, and in force.")
    after = operated.written()
    assert set(before.splitlines()) < set(after.splitlines())
    region = yaml.safe_load(after)["tasks"]["amounts"]["regions"]["grand"]
    assert region == pytest.approx(GRAND, abs=0.01)
    assert operated.till.daemon.get("/api/setup")["tasks"]["amounts"]["regions"]["grand"] == region
    assert "page" in {each["who"] for each in operated.till.daemon.audited()}
    expect(setup(page).locator(".at")).to_have_text("grand")


def test_a_region_is_made_by_keys_and_by_numbers(page: Page) -> None:
    """Arrows move it, Shift with arrows changes its size, numbers place it, Escape takes it away; each is read."""
    setup(page).locator(".surface").focus()
    page.keyboard.press("Enter")
    start = corners(page)
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert corners(page) == pytest.approx([start[0] - 0.5, start[1] - 0.5, start[2] + 0.5, start[3] + 0.5])
    for name, value in zip(("Left", "Top", "Width", "Height"), ("4", "52", "60", "15"), strict=True):
        setup(page).get_by_label(f"{name} %").fill(value)
    setup(page).locator("#setup-field").select_option("balance")
    expect(found(page).locator(".value")).to_have_text("12.50")
    setup(page).locator(".surface").focus()
    page.keyboard.press("Escape")
    expect(setup(page).locator(".drawn")).to_be_hidden()
    expect(button(page, "Use this region")).to_be_disabled()


def test_regions_are_suggested_and_left_out_again(page: Page) -> None:
    """What is suggested comes with the value read there; all go into one difference, and can be left out."""
    button(page, "Suggest regions").click()
    expect(setup(page).locator(".offers .value")).to_have_text(["1785.42", "12.50"])
    button(page, "Use them all").click()
    expect(setup(page).locator(".difference")).to_contain_text("balance: [")
    for _ in range(2):
        button(page, "Leave out").first.click()
    expect(setup(page).locator(".wanted")).to_contain_text("Nothing is to be changed yet")
    expect(setup(page).locator(".difference")).to_be_hidden()


def test_a_state_is_taught_with_one_click(operated: Operated, page: Page) -> None:
    """One click teaches what is shown; the task tells it from then; one more forgets it."""
    setup(page).locator("#setup-task").select_option("room")
    cellar = setup(page).locator(".teach", has_text="cellar")
    cellar.click()
    give_token(page, operated.till)
    expect(cellar).to_contain_text("1 taught")
    readings = operated.till.daemon.readings
    operated.till.daemon.wait(
        lambda: {"name": "cellar"} in [each["values"] for each in readings() if each["task"] == "room"],
        "the taught state is told",
    )
    button(page, "Forget the last one (cellar)").click()
    expect(cellar).to_contain_text("0 taught")


def test_a_schema_is_tried_and_hostile_text_is_text(page: Page) -> None:
    """What a task would read with another schema is shown; markup in a field's name, or a prompt, stays text."""
    schema = f'{{"type": "object", "properties": {{{HOSTILE!r}: 1}}}}'
    setup(page).get_by_label("Schema of the answer").fill(schema)
    button(page, "Try on the live picture").click()
    expect(setup(page).locator(".found").last).to_contain_text("no JSON")
    title = HOSTILE.replace('"', "'")
    setup(page).get_by_label("Schema of the answer").fill(
        f'{{"type": "object", "properties": {{"{title}": {{"type": ["string", "null"], "title": "Balance", '
        '"format": "money"}}}'
    )
    button(page, "Try on the live picture").click()
    expect(setup(page).locator(".found").last.locator(".value")).to_have_text("12.50")
    expect(setup(page).locator(".found").last.locator("dt")).to_have_text(title)
    setup(page).locator("#setup-task").select_option("room")
    setup(page).get_by_label("Prompt").fill(HOSTILE)
    button(page, "Use this prompt and schema").click()
    expect(setup(page).locator(".difference")).to_contain_text(HOSTILE)
    assert page.evaluate("window.hit") is None


def test_a_file_that_changed_meanwhile_is_shown_anew(operated: Operated, page: Page) -> None:
    """Who approves what is no longer so is told, sees the difference as it is now, and nothing was written."""
    draw(page, [0.05, 0.5, 0.5, 0.2])
    setup(page).locator("#setup-field").select_option("balance")
    button(page, "Use this region").click()
    expect(button(page, "Approve and save")).to_be_enabled()
    operated.till.file.write_text(operated.written() + "# by hand\n", "utf-8")
    button(page, "Approve and save").click()
    give_token(page, operated.till)
    expect(outcome(page)).to_contain_text("look at it again")
    assert "balance: [" not in operated.written()
    expect(button(page, "Approve and save")).to_be_enabled()


@pytest.mark.parametrize(("width", "scheme"), [(400, "dark"), (1920, "light")])
def test_everybody_can_use_it(operated: Operated, width: int, scheme: str) -> None:
    """With a region drawn and a difference shown axe finds nothing serious, and nothing sticks out of the page."""
    page = operated.page(width, color_scheme=scheme)
    draw(page, [0.05, 0.5, 0.5, 0.2])
    expect(found(page).locator("dd")).to_be_visible()
    button(page, "Use this region").click()
    expect(setup(page).locator(".difference")).to_be_visible()
    violations = Axe().run(page, context="#setup").response["violations"]
    assert [each["id"] for each in violations if each["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.context.close()
