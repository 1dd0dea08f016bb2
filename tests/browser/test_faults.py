"""What a page does when answers are slow, broken or too many, and when its operator goes elsewhere meanwhile."""

import re
from typing import Any

from playwright.sync_api import Browser, Route, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import TOKEN, Service, track, until

BEGINNING = 'id: 1.1\nevent: events\ndata: {"entries": [], "next": "1.1"}\n\n'
RESYNC = "event: resync\ndata: {}\n\n"


def test_a_slow_answer_is_waited_for(console: Console) -> None:
    """A page that asks often has one request on its way, shows its answer, and then asks once more."""
    asked: list[Route] = []

    def hold_the_first(route: Route) -> None:
        asked.append(route)
        if len(asked) > 1:
            route.continue_()

    console.page.clock.install()
    console.page.route("**/console/api/sources", hold_the_first)
    console.page.goto(f"{console.service.console}#/sources")
    expect(console.page.get_by_role("heading", name="Sources")).to_be_visible()
    until(lambda: console.page.evaluate("1") and asked, 30)
    console.page.clock.run_for(20_000)
    [first] = asked
    with console.page.expect_request("**/console/api/sources"):
        first.continue_()
    expect(console.page.get_by_role("heading", name="shop")).to_be_visible()


def test_an_answer_that_is_no_json_is_said(console: Console) -> None:
    """A proxy's page in place of the service's answer; asking again helps."""
    console.page.route("**/console/api/settings", lambda route: route.fulfill(body="<h1>Welcome</h1>"))
    console.page.goto(f"{console.service.console}#/settings")
    failure = console.page.get_by_role("alert").filter(has_text="a proxy answered")
    expect(failure).to_be_visible()
    console.page.unroute("**/console/api/settings")
    failure.get_by_role("button", name="Try again").click()
    expect(failure).not_to_be_visible()


def test_a_start_that_failed_is_tried_again(console: Console) -> None:
    """Without a click: the service may be starting."""
    console.expected.append("ERR_FAILED")
    console.page.clock.install()
    console.page.route("**/console/session", lambda route: route.abort())
    console.page.goto(console.service.console)
    expect(console.page.get_by_text("The service does not answer")).to_be_visible()
    console.page.unroute("**/console/session")
    console.page.clock.run_for(6_000)
    expect(console.page.get_by_role("heading", name="Overview")).to_be_visible()


def test_a_failure_of_a_button_is_shown(console: Console) -> None:
    """Also where the button has no place of its own for it."""
    console.open("#/mappings/shop")
    console.expected.append("503")
    console.page.route(
        "**/mapping/version*", lambda route: route.fulfill(status=503, json={"message": "the queue does not answer"})
    )
    console.page.get_by_role("tab", name="History").click()
    console.page.get_by_role("button", name="Compare", exact=True).first.click()
    failure = console.page.get_by_role("alert").filter(has_text="The queue does not answer")
    failure.get_by_role("button", name="Close").click()
    expect(failure).not_to_be_visible()


def test_a_paused_list_stays_when_much_is_new(console: Console) -> None:
    """The page reports new events while it is paused, shows the newest on request, and then reports no more of them."""
    page = console.page
    left: list[str] = []
    streams = "**/console/api/stream?after=1.1"

    def answer(route: Route) -> None:
        # Taken first: while one answer is on its way the next request may be here.
        body = BEGINNING + "".join(left)
        left.clear()
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/console/api/stream*", answer)
    # The second stream: what the first one has the page load again is under way or there.
    with page.expect_request(streams):
        console.open("#/deletions")
    console.open("#/events")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    console.service.send(track("Product Added", "u-much", sku="S"))
    row = page.get_by_role("row").filter(has_text="u-much")
    left.append(RESYNC)
    much = page.get_by_role("button", name="Many new events")
    expect(much).to_be_visible()
    expect(row).to_have_count(0)
    much.click()
    expect(row).to_be_visible()
    for _ in range(2):
        with page.expect_request_finished(lambda request: "/stream?after=1.1" in request.url):
            pass
    console.drawn()
    expect(much).to_have_count(0)


def test_a_message_that_nobody_can_read_does_not_end_the_news(console: Console) -> None:
    """Nor does a proxy that asks for a password: the page says that it hears nothing, and tries again."""
    page = console.page
    console.expected += ["JSON", "401"]
    answers: list[dict[str, Any]] = [{"body": f"{BEGINNING}event: events\ndata: {{\n\n"}]
    page.route("**/console/api/stream*", lambda route: route.fulfill(content_type="text/event-stream", **answers[0]))
    page.goto(f"{console.service.console}#/events")
    state = page.locator("p.live")
    expect(state).to_have_text("○ Not connected, trying again")
    answers[0] = {"body": BEGINNING}
    expect(state).to_have_text("● Live")
    answers[0] = {"status": 401, "body": "<h1>Who are you?</h1>"}
    expect(state).to_have_text("○ Not connected, trying again")
    page.unroute("**/console/api/stream*")
    expect(state).to_have_text("● Live")


def test_a_type_is_a_filter(console: Console) -> None:
    """As names without a name link to it."""
    console.open("#/events?type=page")
    expect(console.page.get_by_role("row").filter(has_text="page")).not_to_have_count(0)
    expect(console.page.get_by_role("row").filter(has_text="track")).to_have_count(0)
    console.page.get_by_role("button", name="Remove the filter type").click()
    expect(console.page.get_by_role("row").filter(has_text="track")).not_to_have_count(0)


def test_a_user_may_have_a_number_for_an_id(console: Console) -> None:
    """Of which there is no event."""
    console.expected.append("404")
    console.service.send(track("Product Added", "99001122", sku="SKU-9"))
    console.open("#/events")
    search = console.page.get_by_label("User, message id or event id")
    search.fill("99001122")
    search.press("Enter")
    console.page.wait_for_url("**/#/events?user=99001122")
    expect(console.page.get_by_role("row").filter(has_text="99001122")).to_have_count(1)


def test_a_link_signs_in_where_the_page_is_open(signed_out: Console) -> None:
    """Pasted into the tab that asks for the token; the address keeps nothing of it."""
    page = signed_out.page
    page.goto(signed_out.service.console)
    expect(page.get_by_label("Admin token")).to_be_visible()
    page.evaluate("(token) => { location.hash = `#/sign-in?token=${token}` }", TOKEN)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page).not_to_have_url(re.compile(TOKEN))


def test_a_dialog_ends_with_its_page_and_gives_the_focus_back(console: Console) -> None:
    """A dialog that was open on another page does not come up again."""
    page = console.page
    console.open("#/events?outcome=dead")
    console.open("#/dead")
    requeue = page.locator(".cause").first.get_by_role("button", name="Requeue")
    requeue.click()
    page.get_by_role("dialog").get_by_role("button", name="Not yet").click()
    expect(requeue).to_be_focused()
    requeue.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page.get_by_role("dialog")).not_to_be_visible()


def test_the_first_command_goes_where_senders_come_in(browser: Browser, own_service: Service) -> None:
    """Not to the operators' address, where the page may be."""
    with console_of(browser, own_service) as console:
        console.open()
        expect(console.page.locator("pre")).to_contain_text(f"{own_service.url}/webhooks/shop/")
        own = own_service.ask("/api/sources")
        console.page.route("**/console/api/sources", lambda route: route.fulfill(json={**own, "adminListen": True}))
        console.page.reload()
        expect(console.page.locator("pre")).to_contain_text("https://adapter.example.com/webhooks/")
