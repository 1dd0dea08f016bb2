"""The editor of mappings: from the cause of a dead letter to its delivery, and what keeps a draft a draft."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import MAPPING, SEED, Service, service_in

FIXED = MAPPING.replace("apply: [number], required: true", "apply: [number], default: 0")


def editor(page: Page) -> Locator:
    """The text in the editor, as far as it is drawn."""
    return page.locator(".editor-box .cm-content")


def first_line(page: Page) -> Locator:
    """Of the text in the editor."""
    return editor(page).locator(".cm-line").first


def write(console: Console, text: str) -> None:
    """Replace the draft, as a person would who pastes a file."""
    box = console.page.get_by_role("textbox", name="Mapping")
    box.click()
    console.page.keyboard.press("Control+a")
    console.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    console.page.keyboard.press("Control+v")


def checked(console: Console, words: str = "checks") -> None:
    """Wait for the verdict on the draft."""
    expect(console.page.locator(".workbench-head [role=status]")).to_contain_text(words)


def strange_marks(page: Page) -> list[str]:
    """Marks that style sheets draw by characters which are not in every font."""
    usual = "▸▾…·×✕✓"
    marks = page.evaluate(
        "() => [...document.querySelectorAll('*')].flatMap((element) => "
        "['::before', '::after'].map((name) => getComputedStyle(element, name).content))"
    )
    return sorted({mark for mark in marks if any(ord(char) > 126 and char not in usual for char in mark)})


@pytest.fixture
def seeded(browser: Browser, tmp_path: Path) -> Iterator[Console]:
    with service_in(tmp_path / "service", seed=SEED) as service, console_of(browser, service) as console:
        yield console


def test_a_problem_is_marked_and_keeps_the_draft_from_being_active(console: Console) -> None:
    """In the editor and below it, with a way to its line; a failing test too."""
    console.open("#/mappings/shop")
    write(console, MAPPING.replace("track: ORDER_COMPLETED\n", "trakc: ORDER_COMPLETED\n", 1))
    checked(console, "problem")
    page = console.page
    expect(page.locator(".findings")).to_contain_text("trakc")
    expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
    page.locator(".findings .link").first.click()
    expect(page.locator(".cm-activeLine")).to_contain_text("trakc")
    console.shot("mapping-problem")
    write(console, MAPPING.replace("    track: ORDER_COMPLETED\n", "    track: PAID\n", 1))
    checked(console, "problem")
    page.get_by_role("tab", name="Tests 0/1").click()
    expect(page.locator(".tests")).to_contain_text("expected")
    expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
    assert (console.service.folder / "shop.yaml").read_text(encoding="utf-8") == MAPPING


def test_two_tabs_never_overwrite_each_other(browser: Browser, seeded: Console) -> None:
    """The second is told, sees the differences, and keeps its draft."""
    with console_of(browser, seeded.service) as other:
        for console in (seeded, other):
            console.open("#/mappings/shop")
        write(other, f"# mine\n{MAPPING}")
        checked(other)
        write(seeded, f"# theirs\n{MAPPING}")
        checked(seeded)
        seeded.page.get_by_role("button", name="Activate…").click()
        seeded.page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(seeded.page.get_by_text("is active.")).to_be_visible()
        other.expected.append("412")
        other.page.get_by_role("button", name="Activate…").click()
        other.page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(other.page.get_by_role("dialog")).to_contain_text("Nothing was overwritten")
        expect(other.page.get_by_role("dialog")).to_contain_text("by console 127.0.0.1")
        other.page.get_by_role("button", name="See the differences").click()
        theirs, mine = (other.page.locator("dialog figure").nth(n) for n in (0, 1))
        for figure, side in ((theirs, "# theirs"), (mine, "# mine")):
            expect(figure.locator(".cm-merge-a")).to_contain_text("version: 1")
            expect(figure.locator(".cm-merge-a")).not_to_contain_text("#")
            expect(figure.locator(".cm-merge-b")).to_contain_text(side)
        assert strange_marks(other.page) == []
        other.shot("mapping-conflict")
        assert (seeded.service.folder / "shop.yaml").read_text(encoding="utf-8").startswith("# theirs")
        other.page.get_by_role("button", name="Keep my draft").click()
        expect(other.page.get_by_text("The file was changed since your draft was begun")).to_be_visible()
        expect(first_line(other.page)).to_have_text("# mine")
        # It was seen what is replaced, and the history keeps it.
        checked(other)
        other.page.get_by_role("button", name="Activate…").click()
        other.page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(other.page.get_by_text("is active.")).to_be_visible()
        expect(other.page.get_by_text("The file was changed since your draft was begun")).not_to_be_visible()
    assert (seeded.service.folder / "shop.yaml").read_text(encoding="utf-8").startswith("# mine")
    assert len(seeded.service.ask("/api/mapping/history?source=shop")["versions"]) == 3


def test_a_draft_is_offered_again(console: Console) -> None:
    """Until it is discarded."""
    console.open("#/mappings/shop")
    write(console, f"# a draft\n{MAPPING}")
    checked(console)
    console.page.reload()
    console.ready()
    expect(console.page.get_by_text("Your draft of")).to_be_visible()
    # What is typed before the decision takes the place of nothing: both are offered, the newest first.
    write(console, f"# another\n{MAPPING}")
    checked(console)
    console.page.reload()
    console.ready()
    for first in ("# another", "# a draft", "# another"):
        console.page.get_by_role("button", name="Go on").click()
        expect(first_line(console.page)).to_have_text(first)
    console.page.get_by_role("button", name="Discard it").click()
    expect(console.page.get_by_text("Your draft of")).not_to_be_visible()
    console.page.reload()
    console.ready()
    console.page.get_by_role("button", name="Discard it").click()
    expect(first_line(console.page)).to_have_text("version: 1")
    console.page.reload()
    console.ready()
    expect(console.page.get_by_text("Your draft of")).not_to_be_visible()


def test_the_drafts_of_two_tabs_are_both_kept(browser: Browser, service: Service) -> None:
    """Each tab keeps its own, whichever wrote last; a draft that one tab has discarded stays discarded."""
    with console_of(browser, service) as first:
        second = replace(first, page=first.context.new_page())
        for tab, name in ((first, "# one"), (second, "# two"), (first, "# three")):
            if name != "# three":
                tab.open("#/mappings/shop")
            tab.page.bring_to_front()
            write(tab, f"{name}\n{MAPPING}")
            checked(tab)
        second.page.reload()
        second.ready()
        for name in ("# three", "# two"):
            second.page.get_by_role("button", name="Go on").click()
            expect(first_line(second.page)).to_have_text(name)
            second.page.get_by_role("button", name="Undo all").click()
            expect(second.page.get_by_role("button", name="Undo all")).to_have_count(0)
        expect(second.page.get_by_text("Your draft of")).to_have_count(0)
        first.page.close()
        second.page.reload()
        second.ready()
        expect(second.page.get_by_text("Your draft of")).to_have_count(0)


def test_a_file_that_cannot_be_written_gives_a_patch(console: Console, tmp_path: Path) -> None:
    """It says why from the beginning; the patch is one that git takes."""
    console.open("#/mappings/app")
    page = console.page
    expect(page.get_by_text("it comes with the adapter")).to_be_visible()
    expect(page.get_by_role("button", name="Activate…")).not_to_be_visible()
    before = console.service.ask("/api/mapping?source=app")
    changed = before["text"].replace("version: 1\n", "version: 1  # mine\n", 1)
    write(console, changed)
    checked(console)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download patch").click()
    patch = Path(download.value.path()).read_text(encoding="utf-8")
    file = tmp_path / before["file"].lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_text(before["text"], encoding="utf-8")
    (tmp_path / "mapping.patch").write_text(patch, encoding="utf-8")
    subprocess.run(["git", "apply", "--unsafe-paths", "mapping.patch"], cwd=tmp_path, check=True)
    assert file.read_text(encoding="utf-8") == changed
    console.shot("mapping-read-only")


def test_words_names_and_paths_are_completed(console: Console) -> None:
    """By the schema, and by what was seen."""
    console.open("#/mappings/shop")
    page = console.page
    options = page.locator(".cm-tooltip-autocomplete li")
    write(console, f"{MAPPING}\n")
    page.keyboard.press("Control+End")
    page.keyboard.type("pri")
    expect(options.first).to_contain_text("privacy")
    page.keyboard.press("Escape")
    write(console, "version: 1\nrules:\n  - when: {type: track}\n    track: X\n    properties:\n      total: ")
    page.keyboard.type("properties.t")
    expect(options.first).to_contain_text("properties.total")


def test_the_keyboard_alone_reaches_everything(console: Console) -> None:
    """Escape then Tab leaves the editor; F8 goes to a problem."""
    console.open("#/mappings/shop")
    page = console.page
    page.get_by_role("textbox", name="Mapping").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_count(1)
    expect(page.locator(".cm-editor :focus")).to_have_count(0)


def test_the_history_compares_and_rolls_back(seeded: Console) -> None:
    """To any version that was active."""
    page = seeded.page
    seeded.open("#/mappings/shop")
    write(seeded, FIXED)
    checked(seeded)
    page.get_by_role("button", name="Activate…").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.get_by_text("is active.")).to_be_visible()
    page.get_by_role("tab", name="History").click()
    rows = page.locator(".history li")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("console 127.0.0.1")
    rows.nth(1).get_by_role("button", name="Compare").click()
    expect(page.locator(".merge .cm-mergeView")).to_be_visible()
    seeded.shot("mapping-history")
    rows.nth(1).get_by_role("button", name="Roll back…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Compare with recorded events").click()
    expect(dialog.get_by_role("status").filter(has_text="different")).to_contain_text(re.compile(r"[1-9]\d* different"))
    expect(dialog.get_by_role("cell", name="refused")).to_be_visible()
    seeded.shot("mapping-roll-back")
    assert seeded.violations() == []
    dialog.get_by_role("button", name="Roll back").click()
    expect(rows).to_have_count(3)
    assert (seeded.service.folder / "shop.yaml").read_text(encoding="utf-8") == MAPPING
    # The list of files says who did it last.
    seeded.open("#/mappings")
    row = page.locator("tr[data-row]").filter(has=page.get_by_role("link", name="shop.yaml"))
    expect(row.locator("td").last).to_have_text(re.compile("rollback of .*, console 127.0.0.1"))
    seeded.shot("mappings-rolled-back")


def test_a_test_of_an_event_holds_no_personal_data(console: Console) -> None:
    """Ids, addresses and names are examples; the draft passes the test that it was given."""
    service: Service = console.service
    order = service.events(outcome="delivered", user="u-1042", name="Order Completed")[0]["id"]
    console.open(f"#/mappings/shop?events={order}")
    page = console.page
    page.locator(".previewed summary").first.click()
    page.get_by_role("button", name="Add a test of it").click()
    text = page.get_by_label("The test as YAML")
    expect(text).to_have_value(re.compile("given:.*Order Completed", re.DOTALL))
    expect(text).not_to_have_value(re.compile("u-1042"))
    page.get_by_role("button", name="Add to the draft").click()
    checked(console)
    expect(page.get_by_role("tab", name="Tests 2/2")).to_be_visible()
