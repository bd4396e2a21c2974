"""A real Chromium, driven by playwright: pages of a size and a scheme of colours, and what went wrong on them."""

from __future__ import annotations

from typing import Any, Self

from playwright.sync_api import Page, Request, sync_playwright

from parts.program import find

_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
_WAIT_MS = 30_000


class Browser:
    """One Chromium. Not beside tests that have an event loop: playwright's own is there while it runs."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        """What scripts raised on any page."""
        self.requests: list[Request] = []
        """Everything that any page asked for."""

    def __enter__(self) -> Self:
        """Raises MissingProgramError where there is no Chromium."""
        program = find("chromium", "chromium")
        self._playwright = sync_playwright().start()
        self._browser = self._playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS])
        return self

    def __exit__(self, *_: object) -> None:
        self._browser.close()
        self._playwright.stop()

    def page(self, url: str, width: int = 1280, height: int = 900, *, script: str = "", **context: Any) -> Page:
        """Open a page in a context of its own with these options; `script` runs before the page's own."""
        page = self._browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
        page.set_default_timeout(_WAIT_MS)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - no builtin is taken
        page.add_init_script(script)
        page.goto(url)
        return page
