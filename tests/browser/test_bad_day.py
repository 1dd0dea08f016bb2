"""The page on a bad day: many causes with long names, a session that ends elsewhere, a slow answer, an upgrade."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.browser.pages import Console, console_of, needs_chromium
from tests.browser.running import MAPPING, SETTINGS, TOKEN, Service, service_in, track
from tests.browser.test_mapping import checked, write

CAUSES = 60
WORD = "W" * 190
HOSTILE = f"zero\u200bwidth {WORD}"
SEEN = "() => document.dispatchEvent(new Event('visibilitychange'))"
"""What a browser says of a tab that is looked at again."""


def rule(n: int) -> str:
    """A rule that refuses its event, by a cause of its own; the first has a name that is one long word."""
    name = json.dumps(WORD if n == 0 else f"Rule {n}")
    return (
        f"  - name: {name}\n    when: {{type: track, event: Event {n}}}\n    track: EVENT_{n}\n"
        f"    properties:\n      total: {{from: properties.field_{n}, required: true}}\n"
    )


@pytest.fixture(scope="module")
def bad_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with dead letters of many causes; the rarest cause is also the newest."""
    needs_chromium()
    rules = "".join(rule(n) for n in range(CAUSES))
    with service_in(tmp_path_factory.mktemp("bad"), settings=SETTINGS, seed=()) as service:
        service.replace_mapping(MAPPING.replace("\ntests:", f"\n{rules}\ntests:"))
        for start in range(0, 600, 200):
            service.send([track(f"Event {n % (CAUSES - 1)}", f"u-{n}") for n in range(start, start + 200)])
        service.send(track(f"Event {CAUSES - 1}", "u-rare"), track(f"Event {CAUSES - 1}", HOSTILE))
        service.settle()
        yield service


def test_many_causes_with_long_names(browser: Browser, bad_day: Service) -> None:
    """No name makes a page wide, at any width; each page begins at its top, with its place in the navigation seen."""
    with console_of(browser, bad_day) as console:
        page = console.page
        for width in (1360, 320):
            console.fit(width=width, theme="dark")
            for address in ("#/", "#/dead", "#/events", "#/names", "#/mappings/shop"):
                console.open(address)
                assert console.overflow() == [], (width, address)
        console.open("#/dead")
        expect(page.locator(".cause")).to_have_count(CAUSES)
        assert console.violations() == []
        console.shot("dead-many")
        page.locator(".cause").last.get_by_role("link", name="Show them").click()
        expect(page.get_by_role("heading", name="Events", level=1)).to_be_in_viewport()
        console.open("#/settings")
        expect(page.get_by_role("navigation").get_by_role("link", name="Dead letters")).to_contain_text("602")
        console.drawn()
        expect(page.get_by_role("navigation").get_by_role("link", name="Settings")).to_be_in_viewport(ratio=1)


def test_what_cannot_be_seen_is_spelled_out(browser: Browser, bad_day: Service) -> None:
    """A name with a character of no width differs from the name without it."""
    with console_of(browser, bad_day) as console:
        console.open("#/events")
        expect(console.page.get_by_text("zero⟨U+200B⟩width").first).to_be_visible()


def test_the_rarest_cause_is_counted_to_its_end(browser: Browser, bad_day: Service) -> None:
    """However many older letters of other causes there are."""
    with console_of(browser, bad_day) as console:
        page = console.page
        console.open("#/dead")
        cause = page.locator(".cause", has_text=f"Rule {CAUSES - 1},")
        cause.get_by_role("button", name="Requeue 2…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Requeue 2", exact=True).click()
        expect(dialog.get_by_text("2 dead again")).to_be_visible()
        expect(dialog.get_by_text("of the first")).to_have_count(0)
        dialog.get_by_role("button", name="Done").click()


def test_a_session_that_ends_or_begins_in_another_tab(browser: Browser, service: Service) -> None:
    """A tab that is looked at again is where the browser is: signed out, or back at the page it showed."""
    with console_of(browser, service) as first:
        first.expected.append("401")
        second = replace(first, page=first.context.new_page())
        first.open("#/dead")
        second.open("#/events")
        first.page.get_by_role("button", name="Sign out").click()
        expect(first.page.get_by_label("Admin token")).to_be_visible()
        second.page.evaluate(SEEN)
        second.page.get_by_label("Admin token").fill(TOKEN)
        second.page.get_by_role("button", name="Sign in").click()
        expect(second.page.get_by_role("heading", name="Events", level=1)).to_be_visible()
        first.page.evaluate(SEEN)
        expect(first.page.get_by_role("heading", name="Dead letters", level=1)).to_be_visible()
        second.page.close()


def test_an_upgraded_service_offers_to_load_the_page_again(console: Console) -> None:
    """The page is of the version before."""
    page = console.page
    console.open("#/events")

    def newer(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "version": "9.9.9"})

    page.route("**/console/session", newer)
    page.evaluate(SEEN)
    expect(page.get_by_text("The adapter is now version 9.9.9")).to_be_visible()
    assert console.violations() == []
    page.unroute("**/console/session")
    page.get_by_role("button", name="Reload").click()
    console.ready()
    expect(page.get_by_text("The adapter is now version")).to_have_count(0)


def test_a_slow_answer_is_not_asked_for_twice(console: Console) -> None:
    """A button that deletes cannot be pressed again until it was answered."""
    page = console.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    console.open("#/deletions")
    page.get_by_role("button", name="Delete a user's data…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("User id or anonymous id").fill("nobody")
    page.route("**/console/api/purge", hold)
    with page.expect_request("**/console/api/purge"):
        dialog.get_by_role("button", name="Count").click()
    expect(dialog.get_by_role("button", name="Count")).to_be_disabled()
    held[0].continue_()
    expect(dialog.get_by_text("Nothing is kept of this user.")).to_be_visible()
    assert len(held) == 1


def test_a_page_that_could_not_be_loaded_comes_when_the_service_is_back(console: Console) -> None:
    """Offline a page that was not opened before says so, and what was loaded stays."""
    page = console.page
    console.expected += ["ERR_", "Failed to load", "dynamically imported"]
    console.open("#/events")
    rows = page.locator("tr[data-row]")
    expect(rows.first).to_be_visible()
    console.context.set_offline(True)
    expect(page.get_by_text("Not connected, trying again")).to_be_visible()
    expect(rows.first).to_be_visible()
    page.get_by_role("link", name="Names").click()
    expect(page.get_by_text("the service does not answer")).to_be_visible()
    console.context.set_offline(False)
    expect(page.get_by_role("heading", name="Names", level=1)).to_be_visible()


def test_the_keyboard_goes_from_cause_to_cause_and_a_dialog_holds_its_text(browser: Browser, bad_day: Service) -> None:
    """However long the cause is."""
    with console_of(browser, bad_day) as console:
        page = console.page
        console.open("#/dead")
        causes = page.locator(".cause")
        for n in (0, 1):
            page.keyboard.press("j")
            expect(causes.nth(n).get_by_role("link", name="Fix the mapping")).to_be_focused()
        console.fit(width=390, theme="light")
        causes.filter(has_text=WORD).get_by_role("button", name="Discard…").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_text("will be gone for good")).to_be_visible()
        body = dialog.locator(".dialog-body")
        assert body.evaluate("(element) => element.scrollWidth <= element.clientWidth")
        console.shot("dead-discard-long")


def test_an_address_with_nothing_behind_it_opens_the_editor(console: Console) -> None:
    """With a line that is not a number and with events that are not kept, which are counted."""
    console.open("#/mappings/shop?line=abc&events=xyz,999999")
    expect(console.page.get_by_role("tab", name="Preview 0")).to_be_visible()
    expect(console.page.get_by_text("2 events can no longer be tried.")).to_be_visible()
    expect(console.page.locator(".cm-content")).to_contain_text("version: 1")


def test_a_draft_written_offline_is_checked_when_the_service_is_back(console: Console) -> None:
    """Until then it has no version, and cannot be activated."""
    page = console.page
    console.expected += ["ERR_", "Failed to load"]
    console.open("#/mappings/shop")
    checked(console)
    console.context.set_offline(True)
    write(console, MAPPING.replace("track: ORDER_COMPLETED", "trakc: ORDER_COMPLETED"))
    head = page.locator(".workbench-head")
    expect(head).to_contain_text("The service does not answer.")
    expect(head.locator(".badge").first).to_have_text(re.compile(r"draft\s*$"))
    expect(page.locator(".live")).to_have_class(re.compile("lost"))
    expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
    console.context.set_offline(False)
    checked(console, "problem")
