"""A service that stops while calls are under way, and one that is asked to delete: seen from the page."""

import json
import signal
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from tests.browser.pages import console_of
from tests.browser.running import SETTINGS, SETTLED_S, Service, service_in, track, until


def test_a_service_that_stops_says_so(browser: Browser, own_service: Service) -> None:
    """While calls under way end; what the page shows stays, and the bar goes when the service is back."""
    own_service.ask("/api/sandbox", method="PUT", body={"script": "- delay_s: 60\n"})
    own_service.send(track("Product Added", "u-stop", sku="S"))
    under_way = '"calls_under_way": 1'
    until(lambda: under_way in json.dumps(own_service.ask("/api/summary")), SETTLED_S)
    with console_of(browser, own_service) as console:
        console.expected += ["ERR_", "503"]
        page = console.page
        console.open("#/events")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
        assert own_service.process is not None
        own_service.process.send_signal(signal.SIGTERM)
        expect(page.get_by_role("alert").filter(has_text="The service is stopping.")).to_be_visible()
        expect(page.get_by_role("row").filter(has_text="u-stop")).to_be_visible()
        console.shot("events-stopping")
        assert console.violations() == []
        own_service.stop(signal.SIGKILL)
        own_service.start(port=urlsplit(own_service.url).port or 0)
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible(timeout=30_000)
        expect(page.get_by_text("The service is stopping.")).to_have_count(0)


def test_deletions_that_platforms_asked_for(browser: Browser, tmp_path: Path) -> None:
    """Each with its user, when it came, what went and whether it is done; those of one user."""
    settings = SETTINGS.replace("mapping: shop.yaml,", "mapping: shop.yaml, deletions: on,")
    asked = {"type": "delete", "messageId": "delete-1", "userId": "u-gone"}
    with service_in(
        tmp_path / "service", settings=settings, seed=(track("Product Added", "u-gone", sku="S"),)
    ) as service:
        service.send(asked)
        service.send({**asked, "messageId": "delete-2", "userId": "u-other"})
        until(lambda: all(one["doneAt"] for one in service.ask("/api/deletions")["deletions"]), SETTLED_S)
        with console_of(browser, service) as console:
            page = console.page
            console.open("#/deletions")
            rows = page.get_by_role("table", name="Deletion requests").locator("tr[data-row]")
            expect(rows).to_have_count(2)
            done = rows.filter(has_text="u-gone")
            expect(done).to_contain_text("done")
            expect(done.locator("td.number").first).to_have_text("1")
            expect(rows.filter(has_text="u-other").locator("td.number").first).to_have_text("0")
            console.shot("deletions-requests")
            assert console.violations() == []
            for width in (390, 320):
                console.fit(width=width, theme="dark")
                assert console.overflow() == []
            page.get_by_label("User id in the request").fill("u-gone")
            page.keyboard.press("Enter")
            expect(rows).to_have_count(1)
            page.get_by_label("User id in the request").fill("nobody")
            page.keyboard.press("Enter")
            expect(page.get_by_text("No request for this user")).to_be_visible()
            # The event itself says what became of it.
            console.open("#/events?outcome=delivered")
            page.locator("tr[data-row] a").first.click()
            expect(page.get_by_text("Its user's data was deleted.").first).to_be_visible()
