"""Dead letters in a browser: what a requeue would do, what became of it, discarding, and the states without any."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import MAPPING, SETTINGS, Service, service_in, track

NO_TOTAL = track("Order Completed", "u-1", order_id="o-1", currency="EUR")
LENIENT = MAPPING.replace(", required: true", "")


def test_a_requeue_says_what_it_would_do_and_what_it_did(browser: Browser, own_service: Service) -> None:
    """By the active mapping: refused before it is fixed, sent after it; then counted as the events end."""
    own_service.send(NO_TOTAL, track("Order Completed", "u-2", order_id="o-2"))
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.open("#/dead")
        cause = console.page.locator(".cause", has_text="is required and absent")
        expect(cause.get_by_text("shop.yaml:13")).to_be_visible()
        cause.get_by_role("button", name="Requeue 2…").click()
        dialog = console.page.get_by_role("dialog")
        dialog.get_by_text("2 still refused").wait_for()
        dialog.get_by_role("button", name="Not yet").click()
        own_service.replace_mapping(LENIENT)
        cause.get_by_role("button", name="Requeue 2…").click()
        dialog.get_by_text("2 would be sent").wait_for()
        assert console.violations() == []
        console.shot("dead-requeue")
        dialog.get_by_role("button", name="Requeue 2", exact=True).click()
        dialog.get_by_text("2 delivered").wait_for()
        dialog.get_by_text("0 pending").wait_for()
        dialog.get_by_role("button", name="Done").click()
        console.page.get_by_text("Nothing failed").wait_for()


def test_discarding_needs_the_number(browser: Browser, own_service: Service) -> None:
    """Until it is typed the button does nothing; a rejection that still does not fit says why."""
    own_service.send(NO_TOTAL, {"type": "track", "userId": "u-4"})
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.open("#/dead")
        rejected = console.page.locator(".cause", has_text="/event is required")
        rejected.get_by_role("button", name="Read again 1…").click()
        dialog = console.page.get_by_role("dialog")
        dialog.get_by_role("button", name="Requeue 1", exact=True).click()
        dialog.get_by_text("These rejections still do not fit").wait_for()
        dialog.get_by_role("button", name="Done").click()
        console.page.locator(".cause", has_text="is required and absent").get_by_role("button", name="Discard…").click()
        discard = dialog.get_by_role("button", name="Discard 1", exact=True)
        expect(discard).to_be_disabled()
        dialog.get_by_label("Type 1 to confirm").fill("2")
        console.drawn()
        expect(discard).to_be_disabled()
        dialog.get_by_label("Type 1 to confirm").fill("1")
        console.shot("dead-discard")
        # Another one dies before the press: the operator has not seen its number.
        own_service.send(NO_TOTAL)
        own_service.settle()
        console.expected.append("409")
        discard.click()
        dialog.get_by_text("1 were counted, and now there are 2").wait_for()
        dialog.get_by_label("Type 2 to confirm").fill("2")
        discard = dialog.get_by_role("button", name="Discard 2", exact=True)
        discard.click()
        dialog.get_by_text("2 events discarded").wait_for()


def test_the_last_row_is_what_no_rule_took(console: Console) -> None:
    """With a way to a rule, and to the events; and an export of each cause."""
    console.open("#/dead")
    last = console.page.locator(".cause").last
    expect(last.get_by_text("No rule took them")).to_be_visible()
    expect(last.get_by_role("link", name="Suggest a rule")).to_have_attribute("href", "#/names")
    with console.page.expect_download() as download:
        console.page.get_by_role("link", name="Export", exact=True).first.click()
    assert download.value.suggested_filename == "dead-letters.ndjson"
    assert b"Order Completed" in Path(str(download.value.path())).read_bytes()
    console.page.get_by_role("link", name="Show them").last.click()
    console.page.wait_for_url(re.compile("#/events.*outcome=unmatched"))


def test_an_empty_queue_in_memory_says_so_everywhere(browser: Browser, tmp_path: Path) -> None:
    """Each page has words for nothing, and a bar says that the queue does not outlive the service."""
    memory = SETTINGS.replace("sqlite:///adapter.db", '"memory:"')
    with service_in(tmp_path / "service", settings=memory, seed=()) as service, console_of(browser, service) as console:
        for page, words in {
            "#/dead": "Nothing failed",
            "#/names": "No event",
            "#/deletions": "No platform has asked to delete anybody's data",
            "#/sources": "waiting for its first event",
        }.items():
            console.open(page)
            console.page.get_by_text(words).first.wait_for()
            assert console.violations() == []
        console.page.get_by_text("The queue is in memory.").wait_for()


def test_deleting_a_user_needs_the_user_typed(browser: Browser, own_service: Service) -> None:
    """The count comes first."""
    own_service.send(NO_TOTAL)
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.open("#/deletions")
        console.page.get_by_role("button", name="Delete a user's data…").click()
        dialog = console.page.get_by_role("dialog")
        dialog.get_by_label("User id or anonymous id").fill("u-1")
        dialog.get_by_role("button", name="Count").click()
        dialog.get_by_text("1 event", exact=True).wait_for()
        console.shot("deletions-user")
        expect(dialog.get_by_role("button", name="Delete")).to_be_disabled()
        dialog.get_by_label("Type the user id to confirm").fill("u-1")
        dialog.get_by_role("button", name="Delete").click()
        dialog.get_by_role("button", name="Done").wait_for()
    assert own_service.events()[0]["deleted"] is True
