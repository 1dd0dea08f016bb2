"""Takes the pictures of docs/console.md."""

import base64
import os

import pytest
from playwright.sync_api import expect

from tests.browser.documented import FOLDER, PAGES, SIZE
from tests.browser.pages import Console
from tests.browser.running import SETTLED_S, until

PICTURES = pytest.mark.skipif(not os.environ.get("PICTURES"), reason="make pictures takes them")


@PICTURES
@pytest.mark.parametrize("name", PAGES)
def test_a_picture_is_taken(console: Console, name: str) -> None:
    """Of the service that has met every outcome, in light colours."""
    console.fit(width=SIZE[0], height=SIZE[1], theme="light")
    died = until(lambda: console.service.events(outcome="dead", user="u-1042"), SETTLED_S)
    console.open(PAGES[name].replace("{died}", died[0]["id"]))
    console.page.get_by_text("Live").first.wait_for()
    if name == "overview":
        expect(console.page.get_by_text("being counted")).to_have_count(0)
        expect(console.page.locator(".charts td.time").first).to_be_attached()
        expect(console.page.locator(".chart canvas")).to_have_count(3)
    if name == "requeue":
        console.page.get_by_role("button", name="Requeue").first.click()
        console.page.get_by_text("By the active mapping").wait_for()
    if name == "names":
        console.page.get_by_text("of mixed types").click()
    FOLDER.mkdir(exist_ok=True)
    taken = console.context.new_cdp_session(console.page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": 88}
    )
    (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
