"""From a cause to its events: exactly those, and none of a cause whose text contains it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import MAPPING, Service, track
from tests.browser.test_mapping import checked, write

SHORT, LONG = "no such project", "no such project in this region"
SCRIPT = "".join(
    f"- when: {{event: {event}}}\n  status: 400\n  body: {{status: failure, message: {message}}}\n"
    for event, message in (("ORDER_COMPLETED", SHORT), ("PRODUCT_ADDED", LONG))
)


def order(user: str) -> dict[str, Any]:
    """An event that dies by the short cause."""
    return track("Order Completed", user, order_id="o-1", total=1)


def other(user: str) -> dict[str, Any]:
    """An event that dies by the long cause."""
    return track("Product Added", user, sku="S")


@pytest.fixture
def two_causes(own_service: Service) -> Service:
    """A service with an event of each of two causes, and a rejection of each of two."""
    own_service.ask("/api/sandbox", method="PUT", body={"script": SCRIPT})
    own_service.send(order("u-short"), other("u-long"))
    own_service.send({"type": "track", "userId": "u-1"}, {"type": "track"})
    own_service.settle()
    return own_service


def test_a_cause_shows_its_own_events(browser: Browser, two_causes: Service) -> None:
    """From the list of causes and from the overview, live, and in the editor."""
    with console_of(browser, two_causes) as console:
        page = console.page
        rows = page.locator("tr[data-row]")
        for outcome, whole in (("dead", f"{SHORT}$"), ("rejected", "is required$")):
            console.open("#/dead")
            heading = page.get_by_role("heading", name=re.compile(whole))
            cause = page.locator(".cause", has=heading).filter(has_text=outcome)
            cause.get_by_role("link", name="Show them").click()
            expect(rows).to_have_count(1)
        console.open()
        page.get_by_role("table", name="Most frequent causes").get_by_text(re.compile(f"{SHORT}$")).click()
        expect(rows).to_have_count(1)
        two_causes.send(other("u-other"), order("u-next"))
        expect(rows).to_have_count(2)
        expect(rows.filter(has_text="u-next")).to_be_visible()
        page.get_by_role("button", name="Remove the filter cause").click()
        expect(rows.filter(has_text="u-other")).to_be_visible()
        expect(page).not_to_have_url(re.compile("exact"))
        console.open(f"#/mappings/shop?cause=refused: {SHORT}&exact=true")
        expect(page.locator(".previewed")).to_have_count(2)


def test_a_draft_with_a_failing_test_is_previewed(console: Console) -> None:
    """The preview and the comparison work; only activation has to wait."""
    page = console.page
    dead = console.service.events(outcome="dead", name="Order Completed", user="u-2077")[0]["id"]
    sent = console.service.events(outcome="delivered", name="Order Completed", user="u-1042")[0]["id"]
    console.open(f"#/mappings/shop?events={dead},{sent}")
    swapped = MAPPING.replace("from: properties.total", "from: properties.sum").replace(", required: true", "", 1)
    swapped = swapped.replace("currency: properties.currency", "currency: {from: properties.rate, required: true}")
    write(console, swapped)
    checked(console, "1 problem")
    words = page.locator(".previewed-words")
    expect(words.filter(has_text=re.compile("sent.*→.*refused", re.DOTALL))).to_have_count(1)
    expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
    page.get_by_role("tab", name="Changes").click()
    page.get_by_role("button", name="Compare with recorded events").click()
    expect(page.get_by_text(re.compile(r"[1-9]\d* different"))).to_be_visible()
    page.get_by_role("tab", name="Preview").click()
    # An error leaves nothing to preview, and the page says so.
    write(console, swapped.replace("rules:", "rulez:"))
    checked(console, "problem")
    expect(page.get_by_text("The draft has errors")).to_be_visible()
    # The dialog repeats what the preview shows.
    write(console, swapped[: swapped.index("tests:")])
    checked(console)
    page.get_by_role("button", name="Activate…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".becoming li")).to_have_text(re.compile("sent.*→.*refused.*1 event", re.DOTALL))
    assert console.violations() == []
    console.shot("mapping-activate")
    dialog.get_by_role("button", name="Not yet").click()


def test_a_long_name_of_a_test_stands_beside_its_badge(console: Console) -> None:
    """Its lines begin beside the badge, and not below it, on a phone too."""
    name = "An order with a total that is written as text and has " + "a very long reason, " * 8 + "w" * 90
    write_to = MAPPING.replace("name: An order with its total", f"name: {name}")
    console.open("#/mappings/shop")
    write(console, write_to)
    checked(console)
    page = console.page
    page.get_by_role("tab", name="Tests").click()
    expect(page.locator(".tests .link")).to_be_visible()
    for width in (1360, 390):
        console.fit(width=width, theme="light")
        badge, link = page.locator(".tests .badge").bounding_box(), page.locator(".tests .link").bounding_box()
        assert badge is not None
        assert link is not None
        assert link["x"] >= badge["x"] + badge["width"]
        assert abs(link["y"] - badge["y"]) < badge["height"]
        assert console.overflow() == []
