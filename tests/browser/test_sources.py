"""Sources, names and settings in a browser: what turns by itself, what is asked again, and hostile names."""

import re

from playwright.sync_api import Browser, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import KEY, TOKEN, Service, track

HOSTILE = "<img src=x onerror=alert(1)>\u202e\x1b[31m"


def test_the_first_event_turns_the_page_by_itself(browser: Browser, own_service: Service) -> None:
    """The command has the key while it is shown. A refused request is said with its reason, and then what came, without
    a reload.
    """
    with console_of(browser, own_service) as console:
        console.open("#/sources")
        shop = console.page.get_by_role("region", name="shop")
        expect(shop.get_by_text("waiting for the first event")).to_be_visible()
        shop.get_by_role("tab", name="curl").click()
        expect(shop.get_by_role("tabpanel")).to_contain_text(f"{own_service.url}/webhooks/shop/<key>")
        shop.get_by_role("button", name="Show key…").click()
        dialog = console.page.get_by_role("dialog")
        dialog.get_by_label("Admin token").fill(TOKEN)
        dialog.get_by_role("button", name="Show key").click()
        expect(shop.get_by_role("tabpanel")).to_contain_text(f"{own_service.url}/webhooks/shop/{KEY}")
        shop.get_by_role("button", name="Hide").click()
        expect(shop.get_by_role("tabpanel")).to_contain_text(f"{own_service.url}/webhooks/shop/<key>")
        own_service.refuse()
        shop.get_by_text("401: no source has its key").wait_for()
        own_service.send(track("Order Completed", "u-1", total=1))
        shop.get_by_role("status").get_by_text("receiving").wait_for()
        shop.get_by_role("link", name="Order Completed").first.click()
        console.page.get_by_role("heading", name="Order Completed", level=1).wait_for()


def test_a_key_is_shown_for_the_token_alone(console: Console) -> None:
    """It is asked for again; a wrong one says so, and nothing is shown."""
    console.expected.append("401")
    console.open("#/sources")
    shop = console.page.get_by_role("region", name="shop")
    assert KEY not in console.page.content()
    shop.get_by_role("button", name="Show key…").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Admin token").fill("wrong")
    dialog.get_by_role("button", name="Show key").click()
    dialog.get_by_text("That is not the token.").wait_for()
    assert console.violations() == []
    console.shot("sources-show-key")
    dialog.get_by_label("Admin token").fill(TOKEN)
    dialog.get_by_role("button", name="Show key").click()
    shop.get_by_text(KEY, exact=True).wait_for()
    shop.get_by_role("button", name="Hide").click()
    expect(shop.get_by_role("button", name="Show key…")).to_be_visible()
    assert KEY not in console.page.content()


def test_the_base_address_is_part_of_every_step(console: Console) -> None:
    """It is an input, and says what platforms need of it."""
    # The steps of a source that sends are closed at first.
    console.service.send(track("Product Added", "u-sends", sku="S"), source="app")
    console.open("#/sources")
    app = console.page.get_by_role("region", name="app")
    app.get_by_text("Set up a sender").click()
    expect(app.get_by_text("need https on a host name")).to_be_visible()
    app.get_by_label("Base address").fill("https://events.example.com/")
    expect(app.get_by_text("https://events.example.com/webhooks/app/<key>")).to_be_visible()
    expect(app.get_by_text("need https on a host name")).to_have_count(0)
    for tab in ("RudderStack", "Library, server", "Library, browser", "curl"):
        app.get_by_role("tab", name=tab).click()
        expect(app.get_by_role("tab", name=tab)).to_have_attribute("aria-selected", "true")
        expect(app.get_by_role("tabpanel")).to_contain_text("https://events.example.com")


def test_names_are_text_whatever_they_hold(browser: Browser, own_service: Service) -> None:
    """HTML, marks of direction, 10,000 keys and a megabyte; types are counted, and one click suggests a rule."""
    own_service.send(
        track(HOSTILE, "u-1", total="12"),
        track(HOSTILE, "u-1", total=12),
        track("Wide", "u-1", **{f"key-{n}": n for n in range(10_000)}),
        track("Long", "u-1", text="x" * 400_000),
    )
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.open("#/names")
        table = console.page.get_by_role("table", name="Event names")
        row = table.locator("tr", has_text="<img src=x")
        row.get_by_text("1 of mixed types").click()
        expect(row.get_by_text("1 number, 1 text")).to_be_visible()
        expect(console.page.locator("img[src=x]")).to_have_count(0)
        expect(table.locator("tr", has_text="Wide").get_by_text("200 values")).to_be_visible()
        expect(row.get_by_role("link", name="Suggest a rule")).to_have_attribute("href", re.compile("insert="))
        assert console.violations() == []
        console.shot("names-hostile")
        console.open("#/names?source=app")
        expect(console.page.get_by_text("No event from app")).to_be_visible()


def test_the_stand_in_is_changed_under_settings(browser: Browser, own_service: Service) -> None:
    """A wrong script says where; a right one answers the next call; clearing says how many."""
    with console_of(browser, own_service) as console:
        console.expected.append("400")
        console.open("#/settings")
        card = console.page.get_by_role("region", name="Stand-in for Browsee")
        card.get_by_label("Script of answers").fill("- status: 700\n")
        card.get_by_role("button", name="Apply").click()
        card.get_by_text("script:1:11").wait_for()
        card.get_by_label("Script of answers").fill("- status: 400\n  body: {status: failure, message: not today}\n")
        card.get_by_role("button", name="Apply").click()
        card.get_by_text("It does not answer as Browsee would").wait_for()
        assert console.violations() == []
        console.shot("settings-stand-in")
        own_service.send(track("Order Completed", "u-1", total=1))
        own_service.settle()
        event = own_service.events(limit=1)[0]["id"]
        console.open(f"#/events/{event}")
        answers = console.page.get_by_role("table", name="What the stand-in answered")
        answers.get_by_text("400").wait_for()
        console.open("#/settings")
        card.get_by_role("button", name="Clear calls…").click()
        console.page.get_by_role("dialog").get_by_role("button", name="Clear 1").click()
        card.get_by_text("0 calls").wait_for()


def test_settings_hide_what_is_default_on_demand(console: Console) -> None:
    """And never show a secret."""
    console.open("#/settings")
    expect(console.page.get_by_text("retention.dedup")).to_be_visible()
    console.page.get_by_label("Only what was set").check()
    expect(console.page.get_by_text("retention.dedup")).to_have_count(0)
    expect(console.page.get_by_text("adapter.yaml:4").first).to_be_visible()
    assert KEY not in console.page.content()


def test_a_suggested_rule_opens_as_a_draft_that_checks(browser: Browser, own_service: Service) -> None:
    """One click from a name that no rule takes to a rule that takes it; nothing is written yet."""
    own_service.send(
        track('Plan "Team" started: 50% off', "u-1", seats="12", plan="team"),
        track('Plan "Team" started: 50% off', "u-1", seats=12, plan="solo"),
    )
    own_service.settle()
    with console_of(browser, own_service) as console:
        console.open("#/names")
        console.page.get_by_role("link", name="Suggest a rule").click()
        console.page.get_by_role("heading", name="shop.yaml").wait_for()
        draft = console.page.get_by_role("textbox", name="Mapping")
        expect(draft).to_contain_text("track: PLAN_TEAM_STARTED_50_OFF")
        expect(draft).to_contain_text("seats: {from: properties.seats, apply: [number]}")
        expect(console.page.locator(".workbench-head [role=status]")).to_contain_text("checks")
        expect(console.page.locator(".previewed-words").first).to_contain_text("sent")
        assert "PLAN_TEAM" not in (own_service.folder / "shop.yaml").read_text(encoding="utf-8")
