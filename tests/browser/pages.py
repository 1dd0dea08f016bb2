"""What a test of the page needs besides Playwright: a watched page, axe, sizes and themes, pictures."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.browser.running import TOKEN, Service, until
from tests.clients.installed import chromium, needs

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
WIDTHS = (1360, 390, 320)
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
SHOTS = Path(__file__).with_name("shots")
PATIENCE_MS = 30_000
"""For an action, and for what is expected of a page: a machine that is busy draws late. Playwright's own is 5 s."""

expect.set_options(timeout=PATIENCE_MS)


@dataclass(slots=True)
class Console:
    """The page of `service` in a browser of its own, and what it complained about."""

    page: Page
    service: Service
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Parts of complaints that a test causes on purpose."""

    def open(self, address: str = "#/") -> None:
        """Go to a page by its hash, and wait until its heading and its data are there."""
        self.page.goto(self.service.console + address)
        self.ready()

    def ready(self) -> None:
        """Wait until the heading is there and nothing is loading."""
        # A change of the hash alone leaves the page before on the screen until the next frame.
        self.drawn()
        self.page.locator("h1").first.wait_for()
        self.page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")

    def fit(self, *, width: int, theme: Theme, height: int = 900) -> None:
        """The size of the window and the scheme of colours."""
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=theme)
        self.drawn()

    def drawn(self) -> None:
        """Wait until the page has reacted to what was done to it: observers of sizes and addresses act in a frame."""
        self.page.evaluate(_FRAMES)

    def copied(self, button: Locator) -> str:
        """Press `button`, and give what it puts into the clipboard."""
        self.page.evaluate("() => navigator.clipboard.writeText('')")
        button.click()
        return str(until(lambda: self.page.evaluate("() => navigator.clipboard.readText()"), PATIENCE_MS / 1000))

    def violations(self) -> list[str]:
        """What axe finds, by all of its rules."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]})
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found.response["violations"]
            for node in violation["nodes"]
        ]

    def overflow(self) -> list[str]:
        """Elements that make the page scroll sideways; empty if it does not."""
        return cast("list[str]", self.page.evaluate(_OVERFLOW))

    def shot(self, name: str) -> None:
        """A picture in `shots/`, where SHOTS is set."""
        if os.environ.get("SHOTS"):
            SHOTS.mkdir(exist_ok=True)
            self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True, animations="disabled")

    def check(self) -> None:
        """Fail if the page wrote an error or its policy refused something."""
        left = [text for text in self.complaints if not any(part in text for part in self.expected)]
        assert left == []


_FRAMES = """() => new Promise((done) => {
  const frame = (after) => requestAnimationFrame(() => setTimeout(after));
  frame(() => frame(done));
})"""
_OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((element) => !element.closest('.side nav, .table-box, pre'))
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .map((element) => `${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}`);
}"""


def needs_chromium() -> None:
    """Skip the test where there is no Chromium; in CI that is a failure."""
    needs("" if chromium() else "chromium is not installed: scripts/install-test-tools does it as root")


@contextmanager
def console_of(browser: Browser, service: Service, *, signed_in: bool = True) -> Iterator[Console]:
    """A page with cookies of its own, signed in or not; its complaints are looked at after the block."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce", locale="en-GB")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=service.url)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    console = Console(page, service, context)

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            console.complaints.append(message.text)

    page.on("console", hear)
    page.on("pageerror", lambda error: console.complaints.append(str(error)))
    try:
        if signed_in:
            sign_in(console)
        yield console
        console.check()
    finally:
        context.close()


def sign_in(console: Console) -> None:
    """Sign in as the page itself would, without showing it."""
    answer = console.context.request.post(
        f"{console.service.url}/console/session",
        data={"token": TOKEN},
        headers={"Sec-Fetch-Site": "same-origin", "Origin": console.service.url},
    )
    assert answer.status == 204, answer.text()
