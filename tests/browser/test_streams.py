"""Many tabs, and a service that goes away: what is new reaches every page all the same."""

from contextlib import ExitStack
from http.client import HTTPConnection
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import console_of
from tests.browser.running import TOKEN, Service

CONNECTIONS = 6
"""So many does a browser open to one host."""


def state_of(page: Page) -> Locator:
    return page.locator(".live")


def event(page: Page, name: str) -> Locator:
    return page.get_by_role("link", name=name).first


def a_track(name: str) -> dict[str, object]:
    return {"type": "track", "event": name, "userId": "u-1", "properties": {}}


def test_tabs_share_a_stream(browser: Browser, own_service: Service) -> None:
    """However many there are; when the one that holds it is closed, another goes on without a gap."""
    with console_of(browser, own_service) as console:
        console.open("#/events")
        expect(state_of(console.page)).to_have_text("● Live")
        tabs = [console.context.new_page() for _ in range(CONNECTIONS + 2)]
        for tab in tabs:
            tab.goto(f"{own_service.console}#/events")
            expect(state_of(tab)).to_have_text("● Live")
        own_service.send(a_track("To all tabs"))
        for tab in tabs:
            expect(event(tab, "To all tabs")).to_be_visible()
        console.page.close()
        own_service.send(a_track("After the first tab"))
        for tab in tabs:
            expect(event(tab, "After the first tab")).to_be_visible()
            expect(state_of(tab)).to_have_text("● Live")


def test_where_no_more_streams_are_served_the_page_asks(browser: Browser, own_service: Service) -> None:
    """Every five seconds, and says so; it is live as soon as there is a place."""
    place = urlsplit(own_service.url)
    with ExitStack() as stack:
        streams = [HTTPConnection(place.hostname or "", place.port, timeout=20) for _ in range(8)]
        for stream in streams:
            stream.request("GET", "/api/stream?topics=mappings", headers={"Authorization": f"Bearer {TOKEN}"})
            answer = stack.enter_context(stream.getresponse())
            assert answer.status == 200
            stack.callback(stream.close)
        with console_of(browser, own_service) as console:
            console.expected.append("429")
            console.open("#/events")
            expect(state_of(console.page)).to_have_text("● Live, every 5 s")
            own_service.send(a_track("Asked for"))
            expect(event(console.page, "Asked for")).to_be_visible()
            stack.close()
            expect(state_of(console.page)).to_have_text("● Live")


def test_a_page_catches_up_after_an_outage(browser: Browser, own_service: Service) -> None:
    """It says that it is not connected, keeps what it shows, and lists what came meanwhile."""
    with console_of(browser, own_service) as console:
        console.expected += ["ERR_", "503"]
        console.open("#/events")
        own_service.send(a_track("Before"))
        expect(event(console.page, "Before")).to_be_visible()
        port = int(own_service.url.rpartition(":")[2])
        own_service.stop()
        expect(state_of(console.page)).to_have_text("○ Not connected, trying again")
        expect(event(console.page, "Before")).to_be_visible()
        own_service.start(port=port)
        own_service.send(a_track("After"))
        expect(event(console.page, "After")).to_be_visible()
        expect(state_of(console.page)).to_have_text("● Live")
