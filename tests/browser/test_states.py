"""What the page shows when things go wrong, elsewhere than usual, or against it."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.pages import Console, console_of, needs_chromium
from tests.browser.proxy import proxy_under
from tests.browser.running import SETTINGS, TOKEN, Service, lasting_port, service_in, track

_TRANSFERS = """() => [
  performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')
].map((entry) => [entry.name, entry.transferSize])"""
MOST_BYTES = 60_000
"""Of the first page over the wire, without the editor and the chart."""


def test_the_first_page_is_light(console: Console) -> None:
    """The overview is there after at most 60 KB, and shows its numbers before any chart is loaded."""
    console.open()
    found = console.page.evaluate(_TRANSFERS)
    later = ("/api/", "/session", "/chart.js", "/uplot.js", "/uplot.css")
    code = [(name, size) for name, size in found if not any(part in name for part in later)]
    assert not any("editor" in name for name, _ in code)
    assert sum(size for _, size in code) <= MOST_BYTES, code


def test_charts_appear_once_there_are_figures(console: Console) -> None:
    """Within seconds, and not only when the page asks for the next minute."""
    page = console.page
    asked = "**/console/api/series?*step=60"
    empty: dict[str, list[str | None]] = {
        name: values if name == "at" else [None] * len(values)
        for name, values in console.service.ask("/api/series").items()
    }
    page.clock.install()
    page.route(asked, lambda route: route.fulfill(json=empty))
    console.open()
    expect(page.get_by_text("Figures of each minute appear here.")).to_be_visible()
    page.unroute(asked)
    with page.expect_response(asked, timeout=10_000):
        page.clock.run_for(4_000)
    expect(page.locator(".chart canvas")).to_have_count(3)


def test_a_service_that_is_lost_comes_back(browser: Browser, own_service: Service) -> None:
    """A killed service: the page says so and keeps its data; when it is back, it catches up by itself."""
    own_service.send(track("Product Added", "u-before", sku="S"))
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.expected += ["ERR_", "Failed to load"]
        console.open("#/events")
        page = console.page
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        own_service.stop(signal.SIGKILL)
        expect(page.get_by_text("Not connected, trying again")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="u-before")).to_be_visible()
        own_service.start(port=urlsplit(own_service.url).port or 0)
        own_service.send(track("Product Added", "u-after", sku="S"))
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="u-after")).to_be_visible()


def test_under_a_prefix_that_a_proxy_strips(browser: Browser, service: Service) -> None:
    """Behind a proxy that takes `/some/prefix` away, the page loads, signs in, follows and shows an event."""
    with proxy_under("/some/prefix", service.url) as url:
        behind = Service(service.folder, url=f"{url}/some/prefix")
        with console_of(browser, behind) as console:
            console.open("#/events")
            expect(console.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
            service.send(track("Product Added", "u-prefix", sku="S"))
            console.page.get_by_role("row").filter(has_text="u-prefix").get_by_role("link").click()
            expect(console.page.get_by_role("heading", level=1)).to_have_text("track Product Added")


def test_the_bars(browser: Browser, tmp_path: Path) -> None:
    """A sandbox and a queue in memory are said on every page."""
    settings = SETTINGS.replace("sqlite:///adapter.db", "'memory:'")
    with (
        service_in(tmp_path / "memory", settings=settings, seed=(), port=lasting_port()) as service,
        console_of(browser, service) as console,
    ):
        console.open()
        expect(console.page.get_by_text("Nothing here reaches Browsee.")).to_be_visible()
        expect(console.page.get_by_text("What is pending is lost when the service stops.")).to_be_visible()
        expect(console.page.get_by_text("No event yet")).to_be_visible()
        console.shot("overview-empty")
        assert console.violations() == []
        # A new connection begins with a message that names no event, and nothing was received by that.
        console.expected += ["ERR_", "Failed to load"]
        service.stop(signal.SIGKILL)
        expect(console.page.get_by_text("Not connected, trying again")).to_be_visible()
        service.start(port=urlsplit(service.url).port or 0)
        expect(console.page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        expect(console.page.get_by_text("No event yet")).to_be_visible()
        service.send(track("Product Added", "u-1", sku="S"))
        expect(console.page.get_by_text("Most frequent causes").first).to_be_visible()


def test_a_pause_of_delivery_is_said_on_every_page(browser: Browser, own_service: Service) -> None:
    """With its cause, and beside each event that waits for it."""
    own_service.ask("/api/sandbox", method="PUT", body={"script": "- status: 401\n"})
    own_service.send(track("Order Completed", "u-1", total=1))
    with console_of(browser, own_service) as console:
        page = console.page
        console.open("#/deletions")
        expect(page.get_by_text("Delivery is paused.")).to_be_visible()
        console.open()
        expect(page.locator("main").get_by_text("Delivery is paused.")).to_be_visible()
        event = own_service.events(limit=1)[0]["id"]
        console.open(f"#/events/{event}")
        expect(page.locator(".step", has_text="Waiting")).to_contain_text("401")
        console.shot("event-paused")
        assert console.violations() == []


def test_a_service_that_cannot_read_its_queue_says_so(console: Console) -> None:
    """In the place of what it cannot show, with a way to ask again."""
    console.expected.append("503")
    body = {"success": False, "code": "queue_failed", "message": "the queue's file cannot be read"}
    # The stream is not answered: its beginning would have the list loaded again.
    console.page.route("**/console/api/stream*", lambda _: None)
    console.page.route("**/console/api/events*", lambda route: route.fulfill(status=503, json=body))
    console.open("#/events")
    failure = console.page.get_by_role("alert")
    expect(failure).to_contain_text("The queue's file cannot be read")
    assert console.violations() == []
    console.page.unroute("**/console/api/events*")
    failure.get_by_role("button", name="Try again").click()
    expect(console.page.get_by_role("table", name="Events, newest first")).to_be_visible()


def test_too_many_requests_are_asked_again_by_the_page(console: Console) -> None:
    """It says in how many seconds, and needs no click."""
    console.expected.append("429")
    body = {"success": False, "code": "rate_limited", "message": "more than 20 requests in a second"}
    busy = [True]

    def answer(route: Route) -> None:
        if busy:
            route.fulfill(status=429, json=body, headers={"Retry-After": "1"})
        else:
            route.continue_()

    console.page.route("**/console/api/deletions*", answer)
    console.open("#/deletions")
    expect(console.page.get_by_role("alert")).to_contain_text("Asking again in 1 s.")
    busy.clear()
    expect(console.page.get_by_text("No platform has asked to delete anybody's data")).to_be_visible()


def test_a_deletion_that_is_not_done_waits(console: Console) -> None:
    """Until then nothing is counted."""
    request = {
        "id": "1",
        "source": "shop",
        "userId": "u-gone",
        "messageId": "delete-1",
        "receivedAt": "2026-11-23T09:00:00.000Z",
        "doneAt": None,
        "events": 0,
        "rejections": 0,
    }
    console.page.route("**/console/api/deletions*", lambda route: route.fulfill(json={"deletions": [request]}))
    console.open("#/deletions")
    expect(console.page.get_by_role("row").filter(has_text="u-gone")).to_contain_text("waiting")
    assert console.violations() == []


def test_a_refused_origin_says_what_differs(signed_out: Console) -> None:
    """As behind a proxy that changes the host name: the page shows what the service says of it."""
    console = signed_out
    console.expected.append("403")
    message = "the page is of https://example.com and the service is asked as 127.0.0.1: set trusted_proxies"
    body = {"success": False, "code": "cross_origin", "message": message}
    console.page.route(
        "**/console/session",
        lambda route: route.fulfill(status=403, json=body) if route.request.method == "POST" else route.continue_(),
    )
    console.page.goto(console.service.console)
    console.page.get_by_label("Admin token").fill(TOKEN)
    console.page.get_by_role("button", name="Sign in").click()
    expect(console.page.get_by_role("alert")).to_contain_text("set trusted_proxies")
    assert console.violations() == []


@pytest.mark.parametrize("address", ["#/", "#/events", "#/users/u-1042"])
def test_forced_colours_and_zoom(console: Console, address: str) -> None:
    """In forced colours a page passes axe, and at 200 % of a small window nothing scrolls sideways."""
    console.open(address)
    console.page.emulate_media(forced_colors="active")
    assert console.violations() == []
    console.page.set_viewport_size({"width": 640, "height": 400})
    console.drawn()
    assert console.overflow() == []


@pytest.mark.parametrize("address", ["#/nowhere", "#/events/%E0%A4%A", "#/events/999999", "#/users/nobody"])
def test_what_is_not_there(console: Console, address: str) -> None:
    """An address that leads nowhere says so, and where to go."""
    console.expected.append("404")
    console.open(address)
    expect(console.page.locator("main")).to_contain_text(
        re.compile("no such page|Nothing is kept|No event of this user")
    )
    # After another page: neither its title stays nor the focus on what led here.
    console.open("#/events")
    console.page.evaluate("(address) => { location.hash = address }", address)
    expect(console.page).not_to_have_title("Events – browsee-adapter")
    expect(console.page.locator("h1")).to_be_focused()
    assert console.violations() == []


HOSTILE = {
    "html": track(
        "<img src=x onerror=alert(1)><b>bold</b>", "<script>alert(2)</script>", a="</script><script>alert(3)</script>"
    ),
    "controls": track("bell\x07\x1b[31mred", "u-\x1b]8;;http://evil/\x07", a="\x00"),
    "bidi": track("pay\u202egnp.exe\u2066", "u-\u202eabc", a="\u2067x"),
    "long": track("n" * 5_000, "u" * 450, a="x" * 400_000),
    "keys": track("Many keys", "u-keys", **{f"k{n}": n for n in range(900)}),
    "names": track("__proto__", "constructor", __proto__={"x": 1}, toString="y"),
    "deep": track("Deep", "u-deep", a=json.loads("[" * 40 + "]" * 40)),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that received hostile messages."""
    needs_chromium()
    with service_in(tmp_path_factory.mktemp("hostile"), seed=()) as service:
        service.send(*HOSTILE.values(), source="app")
        service.send(
            rb'{"type": "track", "event": "\ud800 lone", "userId": "\udfff", "properties": {"a": "\ud83d"}}',
            source="app",
        )
        service.send(b'{"type": "track", "event": {"<i>": 1}, "userId": ["<u>"]}', b"not json <b>", source="app")
        service.settle_soon()
        yield service


def test_hostile_values_are_text(browser: Browser, hostile: Service) -> None:
    """Whatever events hold appears as text, on every page that shows it, and makes no page wide."""
    with console_of(browser, hostile) as console:
        page = console.page
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        console.fit(width=320, theme="light")
        entries = hostile.events(limit=50)
        assert len(entries) >= len(HOSTILE)
        addresses = ["#/", "#/events", "#/dead", *(f"#/events/{entry['id']}" for entry in entries)]
        users = {entry["userId"] for entry in entries if entry.get("userId")}
        addresses += [f"#/users/{quote(user.encode(errors='replace'), safe='')}" for user in users]
        for address in addresses:
            console.open(address)
            page.evaluate("() => document.querySelectorAll('details').forEach((each) => (each.open = true))")
            console.drawn()
            expect(page.locator("main :is(script, img, b, i, u)"), address).to_have_count(0)
            assert console.overflow() == [], address
        console.open("#/events")
        expect(page.get_by_role("link", name="<img src=x onerror=alert(1)>")).to_be_visible()
