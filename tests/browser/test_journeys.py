"""What people do with the console: sign in, look for events, follow them live, and have dead ones tried again."""

import re
from textwrap import indent

from playwright.sync_api import Browser, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import SETTLED_S, TOKEN, Service, track, until


def test_the_link_signs_in_and_leaves_no_token(signed_out: Console) -> None:
    """The link that `serve` prints opens the overview; neither the address nor the history keeps the token."""
    page = signed_out.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{signed_out.service.console}#/sign-in?token={TOKEN}")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page).not_to_have_url(re.compile(TOKEN))
    page.go_back(wait_until="commit")
    expect(page).not_to_have_url(re.compile(TOKEN))
    assert not any(TOKEN in url for url in asked)


def test_a_wrong_token_is_said(signed_out: Console) -> None:
    """A token that is not the one is answered in words, and the right one then opens the page that was asked for."""
    page = signed_out.page
    page.goto(f"{signed_out.service.console}#/events?outcome=dead")
    page.get_by_label("Admin token").fill("not-the-token-of-anybody")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("That is not the token.")
    page.get_by_label("Admin token").fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/events\?outcome=dead$"))


def test_too_many_tries_wait(browser: Browser, own_service: Service) -> None:
    """A client that tries tokens is asked to wait, with the seconds."""
    with console_of(browser, own_service, signed_in=False) as console:
        console.expected += ["401", "429"]
        page = console.page
        page.goto(console.service.console)
        said = page.get_by_role("alert")
        for n in range(40):
            page.get_by_label("Admin token").fill(f"a-wrong-token-{n}")
            with page.expect_response("**/console/session") as answer:
                page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
            if answer.value.status == 429:
                break
        expect(said).to_have_text(re.compile(r"Too many tries\. Try again in \d+ s\."))


def test_a_session_that_ends_comes_back_to_its_page(console: Console) -> None:
    """A page whose session is gone asks for the token, and goes on where it was."""
    console.expected.append("401")
    console.open("#/dead")
    console.context.clear_cookies()
    console.page.goto(f"{console.service.console}#/events?outcome=unmatched")
    console.page.get_by_label("Admin token").fill(TOKEN)
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", name="Events")).to_be_visible()
    expect(console.page).to_have_url(re.compile(r"#/events\?outcome=unmatched$"))


def test_signing_out(console: Console) -> None:
    """Signing out shows the page that asks for the token."""
    console.open()
    console.page.get_by_role("button", name="Sign out").click()
    expect(console.page.get_by_label("Admin token")).to_be_visible()


def test_events_appear_live_and_can_be_paused(console: Console) -> None:
    """New events come on top by themselves; paused, they are announced and wait."""
    console.open("#/events")
    page = console.page
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    console.service.send(track("Product Added", "u-live-1", sku="SKU-1"))
    row = page.get_by_role("row").filter(has_text="u-live-1")
    expect(row).to_contain_text("delivered")
    expect(row).to_contain_text("A product was added")
    page.get_by_role("button", name="Pause").click()
    console.service.send(track("Product Added", "u-live-2", sku="SKU-2"))
    page.get_by_role("button", name="1 new event").click()
    expect(page.get_by_role("row").filter(has_text="u-live-2")).to_be_visible()


def test_two_tabs_see_the_same(console: Console) -> None:
    """Two tabs of one browser both follow, with one session."""
    second = console.context.new_page()
    for page in (console.page, second):
        page.goto(f"{console.service.console}#/events")
        expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    console.service.send(track("Product Added", "u-two-tabs", sku="SKU-3"))
    for page in (console.page, second):
        page.bring_to_front()
        expect(page.get_by_role("row").filter(has_text="u-two-tabs")).to_be_visible()


def test_filters_are_in_the_address(console: Console) -> None:
    """A filter changes the address, the way back undoes it, and an empty list names what was looked for."""
    console.open("#/events")
    page = console.page
    page.get_by_label("Outcome").select_option("unmatched")
    expect(page).to_have_url(re.compile("#/events\\?outcome=unmatched$"))
    expect(page.get_by_role("row").filter(has_text="Subscription Started").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="delivered")).to_have_count(0)
    page.get_by_label("Event name").fill("Nobody Sends This")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Looked for outcome unmatched, name Nobody Sends This.")).to_be_visible()
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page).to_have_url(re.compile("#/events$"))
    page.go_back()
    expect(page.get_by_label("Outcome")).to_have_value("unmatched")


def test_a_message_id_finds_its_event(console: Console) -> None:
    """A message id, as a log line has it, is one paste away from its event; anything else is taken for a user."""
    console.service.send({**track("Order Completed", "u-paste", total=1, order_id="o-1"), "messageId": "m-to-paste"})
    console.open("#/events")
    field = console.page.get_by_label("User, message id or event id")
    field.fill("m-to-paste")
    console.page.keyboard.press("Enter")
    expect(console.page.get_by_role("heading", level=1)).to_have_text("track Order Completed")
    console.open("#/events")
    console.expected.append("404")
    field.fill("u-paste")
    console.page.keyboard.press("Enter")
    expect(console.page).to_have_url(re.compile("user=u-paste"))


def test_older_events(browser: Browser, own_service: Service) -> None:
    """A list shows fifty, and older ones on demand."""
    own_service.send([track("Product Added", f"u-{n}", sku="SKU") for n in range(70)])
    own_service.settle_soon()
    with console_of(browser, own_service) as console:
        console.open("#/events")
        rows = console.page.locator("tr[data-row]")
        expect(rows).to_have_count(50)
        console.page.get_by_role("button", name="Older").click()
        expect(rows).to_have_count(70)
        expect(console.page.get_by_role("button", name="Older")).to_have_count(0)


def test_dead_events_are_fixed_and_requeued(browser: Browser, own_service: Service) -> None:
    """Fix the mapping, select the event, requeue: it is delivered. Discarding needs the number typed."""
    own_service.send(track("Order Completed", "u-1", total="1,5"), track("Order Completed", "u-2"))
    own_service.settle()
    mapping = own_service.folder / "shop.yaml"
    before, _, _ = mapping.read_text(encoding="utf-8").partition("tests:")
    fixed = before.replace("{from: properties.total, apply: [number], required: true}", "properties.total")
    with console_of(browser, own_service) as console:
        page = console.page
        console.open("#/events?outcome=dead")
        page.get_by_role("row").filter(has_text="u-1").get_by_role("checkbox").check()
        page.get_by_role("button", name="Requeue…").click()
        dialog = page.get_by_role("dialog", name="Requeue")
        expect(dialog).to_contain_text("1 event will be pending again")
        dialog.get_by_role("button", name="Not yet").click()
        own_service.replace_mapping(fixed)
        page.get_by_role("button", name="Requeue…").click()
        dialog.get_by_role("button", name="Requeue 1").click()
        expect(dialog).to_contain_text("1 event requeued.")
        dialog.get_by_role("button", name="Done").click()
        page.goto(f"{own_service.console}#/events?user=u-1")
        expect(page.get_by_role("row").filter(has_text="u-1")).to_contain_text("delivered")
        page.goto(f"{own_service.console}#/events?user=u-2")
        page.get_by_role("row").filter(has_text="u-2").get_by_role("checkbox").check()
        page.get_by_role("button", name="Discard…").click()
        dialog = page.get_by_role("dialog", name="Discard for good")
        expect(dialog.get_by_role("button", name="Discard 1")).to_be_disabled()
        dialog.get_by_label("Type 1 to confirm").fill("1")
        dialog.get_by_role("button", name="Discard 1").click()
        expect(dialog).to_contain_text("1 event discarded.")


def test_by_keyboard_alone(console: Console) -> None:
    """Pages, rows, the search and the shortcuts need no mouse; a new page has the focus on its heading."""
    console.open()
    page = console.page

    def is_there() -> bool:
        # The second key counts for a second and a half.
        page.keyboard.press("g")
        page.keyboard.press("e")
        return page.url.endswith("#/events")

    until(is_there, SETTLED_S)
    expect(page.get_by_role("heading", name="Events", level=1)).to_be_focused()
    page.locator("tr[data-row]").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[data-row]").nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press(".")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_label("User, message id or event id")).to_be_focused()
    page.keyboard.type("g?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("heading", level=1).focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("#/events/"))
    expect(page.get_by_role("heading", level=1)).to_be_focused()


def test_the_way_of_a_dead_event(console: Console) -> None:
    """One page says what was received, which rule refused it and why, and what to do now."""
    event = console.service.events(outcome="dead", user="u-1042")[0]["id"]
    console.open(f"#/events/{event}")
    main = console.page.locator("main")
    expect(main.locator("ol.way h2")).to_have_text(["Received", "Read", "Refused by A finished order", "Dead"])
    expect(main).to_contain_text(re.compile(r"shop\.yaml:\d+"))
    expect(main).to_contain_text("a text with a comma is not a number")
    expect(main.get_by_role("link", name="Fix the mapping with it")).to_have_attribute(
        "href", re.compile("#/mappings/shop")
    )
    assert '"1,234.50"' in console.copied(main.get_by_role("button", name="Copy the message"))


def test_the_timeline_of_a_user(console: Console) -> None:
    """A user's events are in order, with the time between and what was not delivered in between."""
    console.open("#/users/u-1042")
    steps = console.page.locator("ol.timeline > li.step")
    names = ["identify", "page", "track Product Added", "track Order Completed", "track Order Completed"]
    outcomes = ["delivered", "dropped", "delivered", "dead", "delivered"]
    for n, (name, outcome) in enumerate(zip(names, outcomes, strict=True)):
        expect(steps.nth(n).locator("h2")).to_have_text(name)
        expect(steps.nth(n).locator(".badge")).to_contain_text(outcome)
    expect(console.page.locator(".gap").first).to_have_text(re.compile(r"^[\d.]+ m?s later$"))


def test_an_event_becomes_a_test(console: Console) -> None:
    """Copy as a test gives YAML that passes in the mapping, with personal data replaced by examples."""
    service = console.service
    person = {"name": "Grace Hopper", "email": "grace@navy.example", "phone": "+1 202 555 0100"}
    service.send({"type": "identify", "userId": "u-grace", "traits": person, "context": {"ip": "198.51.100.7"}})
    events = [*service.events(user="u-grace"), *service.events(user="u-1042", limit=20)]
    mapping = service.ask("/api/mapping?source=shop")["text"]
    before = len(service.ask("/api/mapping/check", body={"source": "shop", "text": mapping})["tests"])
    written = ""
    for event in events[:6]:
        console.open(f"#/events/{event['id']}")
        console.page.get_by_role("button", name="Copy as a test…").click()
        dialog = console.page.get_by_role("dialog", name="Copy as a test")
        written += indent(console.copied(dialog.get_by_role("button", name="Copy", exact=True)), "  ")
    assert console.violations() == []
    for private in ("Grace", "grace@", "u-1042", "u-grace", "555", "198.51", "o-77"):
        assert private not in written, private
    checked = service.ask("/api/mapping/check", body={"source": "shop", "text": f"{mapping}\n{written}"})
    assert [test for test in checked["tests"] if not test["passed"]] == [], written
    assert len(checked["tests"]) == before + 6, (checked["findings"], written)
