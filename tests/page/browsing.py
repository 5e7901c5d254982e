"""A browser as people have one, and what a test may ask of what it shows.

Whatever a test does, no script may fail, no policy be broken and nothing be asked of a strange place: that is looked at
when each window is closed.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.eventually import PATIENCE

ZONE = "Europe/Berlin"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}

_ANSWERS = "Failed to load resource"
"""What Chromium logs of a 4xx, which a test may well ask for."""

POLICY_BROKEN = "the policy is broken:"
"""What a window's tabs say of what their Content-Security-Policy has refused."""

_TELL = f"""addEventListener('securitypolicyviolation', ({{ effectiveDirective, blockedURI, sample }}) =>
  console.error('{POLICY_BROKEN}', effectiveDirective, blockedURI, sample))"""

_WHO = re.compile(r"//[^/@]*@")
"""Who asks, in an address."""

expect.set_options(timeout=PATIENCE * 1000)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Debian's Chromium; skip where there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium here: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Window:
    """A window of a browser of its own, with its tabs, at one server's page."""

    url: str
    context: BrowserContext
    troubles: list[str] = field(default_factory=list)

    def open(self, address: str = "", *, now: datetime | None = None) -> Page:
        """Open a tab at an address of the page, such as `jobs`; `now` is what its clock says."""
        tab = self.context.new_page()
        tab.set_default_timeout(PATIENCE * 1000)
        tab.on("pageerror", lambda error: self.troubles.append(str(error)))
        tab.on("console", self._listen)
        tab.on("request", self._watch)
        if now is not None:
            tab.clock.set_fixed_time(now)
        tab.goto(f"{self.url}/webui/#/{address}")
        return tab

    def _listen(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith(_ANSWERS):
            self.troubles.append(message.text)

    def _watch(self, request: Any) -> None:
        asked = _WHO.sub("//", request.url, count=1)
        if not asked.startswith((self.url, "data:", "blob:")):
            self.troubles.append(f"asks {request.url}")


@contextmanager
def window(browser: Browser, url: str, **settings: Any) -> Iterator[Window]:
    """Have a window while the block lasts; `settings` are those of a context of Playwright's."""
    said = {"viewport": DESK, "timezone_id": ZONE, "locale": "en-GB", **settings}
    context = browser.new_context(**said)
    context.add_init_script(_TELL)
    opened = Window(url, context)
    try:
        yield opened
    finally:
        context.close()
    assert opened.troubles == [], opened.troubles


def button(within: Page | Locator, name: str) -> Locator:
    """Return the button of exactly this name: one that only has it in its own would be another one."""
    return within.get_by_role("button", name=name, exact=True)


def link(within: Page | Locator, name: str) -> Locator:
    """Return the link of exactly this name."""
    return within.get_by_role("link", name=name, exact=True)


_FRAMES = """() => new Promise((done) => {
  let left = 10;
  const frame = () => (left-- ? requestAnimationFrame(frame) : done());
  frame();
})"""


def settled(tab: Page) -> None:
    """Return when some frames were drawn, in which what a change sets off has come to its end."""
    tab.evaluate(_FRAMES)


def pictures() -> Path:
    """Return the folder for what a test has seen; git ignores it."""
    folder = Path(__file__).parents[2] / "pictures"
    folder.mkdir(exist_ok=True)
    return folder
