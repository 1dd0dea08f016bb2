"""The list of events and one of them: news, any span of time, names that are offered, what a schema refused."""

import json
import re

from playwright.sync_api import Browser, expect

from tests.browser.pages import THEMES, Console, console_of
from tests.browser.running import SETTLED_S, Service, track, until


def test_news_are_spoken_once_in_ten_seconds(console: Console) -> None:
    """A screen reader hears the first of them, and then the number of all that came in ten seconds."""
    page = console.page
    page.clock.install()
    console.open("#/events?source=app")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    spoken = page.locator("[data-spoken]")
    expect(spoken).to_have_text("")
    # So far ahead that it is not past when the browser hears of it.
    page.clock.pause_at(page.evaluate("() => Date.now() + 60_000"))
    console.service.send(track("First", "u-spoken"), source="app")
    expect(spoken).to_have_text("1 new event")
    console.service.send(*(track("Next", f"u-spoken-{n}") for n in range(3)), source="app")
    last = page.get_by_role("row").filter(has_text="u-spoken-2")

    def is_drawn() -> bool:
        # The page draws as its clock goes; less than ten seconds of it pass here.
        page.clock.run_for(20)
        return last.count() > 0

    until(is_drawn, SETTLED_S)
    expect(spoken).to_have_text("1 new event")
    page.clock.run_for(10_000)
    expect(spoken).to_have_text("3 new events")


def test_an_older_event_that_ends_stays_in_its_place(browser: Browser, own_service: Service) -> None:
    """It is no new event: it is listed with the older ones, once."""
    own_service.send([track("Product Added", f"u-{n}", sku="S") for n in range(60)])
    ended = {"entries": own_service.events(limit=60)[-1:], "next": "1.1"}
    body = f"id: 1.1\nevent: events\ndata: {json.dumps(ended)}\n\n"
    with console_of(browser, own_service) as console:
        page = console.page
        page.route("**/console/api/stream*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        with page.expect_request("**/console/api/stream?after=1.1"):
            console.open("#/deletions")
        console.open("#/events")
        rows = page.locator("tr[data-row]")
        expect(rows).to_have_count(50)
        for _ in range(2):
            with page.expect_request_finished(lambda request: "/stream?after=1.1" in request.url):
                pass
        console.drawn()
        expect(rows).to_have_count(50)
        page.get_by_role("button", name="Older").click()
        expect(rows).to_have_count(60)
        expect(rows.last).to_contain_text("u-0")


def test_any_time_can_be_chosen(console: Console) -> None:
    """Since and until are instants in the address; an event outside of them is not listed."""
    console.open("#/events")
    page = console.page
    rows = page.locator("tr[data-row]")
    page.get_by_label("Received").select_option("1h")
    page.get_by_label("Received").select_option("custom")
    expect(page).to_have_url(re.compile(r"span=custom&since=20\d\d-"))
    expect(page.get_by_label("Since")).to_have_value(re.compile("^20"))
    expect(rows.first).to_be_visible()
    page.get_by_label("Until").fill("2020-02-03T04:05:06")
    page.keyboard.press("Tab")
    expect(page).to_have_url(re.compile("until=2020-02-03T"))
    expect(page.get_by_text(re.compile("Looked for since .*, until 3 Feb 2020, 04:05:06"))).to_be_visible()
    assert console.violations() == []
    page.reload()
    expect(page.get_by_label("Until")).to_have_value("2020-02-03T04:05:06")
    page.get_by_label("Received").select_option("")
    expect(page).to_have_url(re.compile("#/events$"))
    expect(rows.first).to_be_visible()


def test_names_that_were_seen_are_offered(console: Console) -> None:
    """In the field for a name, once it is used; any other name can be typed."""
    console.open("#/events")
    field = console.page.get_by_label("Event name")
    expect(console.page.locator("datalist option")).to_have_count(0)
    field.focus()
    offers = "(field) => [...(field.list?.options ?? [])].some((option) => option.value === 'Order Completed')"
    console.page.wait_for_function(offers, arg=field.element_handle())


def test_a_rejection_marks_what_its_schema_refused(browser: Browser, own_service: Service) -> None:
    """Each member in the message with what was said of it; a missing one at the place where it should be."""
    properties = {f"<b>{n}": n for n in range(20)}
    own_service.send({"type": "track", "userId": "u-1", "properties": properties, "context": ["<b>"]})
    with console_of(browser, own_service) as console:
        page = console.page
        [refused] = (entry["id"] for entry in own_service.events(outcome="rejected"))
        console.open(f"#/events/{refused}")
        shown = page.get_by_role("region", name="Where it does not fit")
        expect(shown.locator("mark").first).to_have_text("{")
        expect(shown).to_contain_text("← event is required")
        expect(shown.locator("mark").last).to_have_text('"context": [')
        expect(shown).not_to_contain_text("<b>9")
        expect(shown.locator("b")).to_have_count(0)
        console.shot("event-rejected-marked")
        for theme in THEMES:
            console.fit(width=320, theme=theme)
            assert (console.overflow(), console.violations()) == ([], [])


def test_an_event_leads_to_those_before_and_after_it(browser: Browser, own_service: Service) -> None:
    """Of its user and source, in the order of receipt."""
    own_service.send(*(track(name, "u-1") for name in ("First", "Second", "Third")), track("Other", "u-2"))
    with console_of(browser, own_service) as console:
        facts = console.page.locator(".event-facts")
        second = own_service.events(name="Second")[0]["id"]
        console.open(f"#/events/{second}")
        expect(facts.get_by_role("link", name="track Third")).to_be_visible()
        facts.get_by_role("link", name="track First").click()
        expect(console.page.get_by_role("heading", level=1)).to_have_text("track First")
        expect(facts.locator("dt:has-text('Earlier') + dd")).to_have_text("none")
        expect(facts.locator("dt:has-text('Later') + dd")).to_have_text("track Second")
