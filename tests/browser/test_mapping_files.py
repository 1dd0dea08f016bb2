"""The editor over files with CRLF, changed meanwhile, with problems or of a ConfigMap; a rule that is handed over."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import MAPPING, SETTLED_S, Service, until
from tests.browser.test_mapping import checked, editor, first_line, write

RULE = "  - name: A started subscription\n    when: {type: track, event: Subscription Started}\n    track: SUBSCRIBED\n"
ONCE = re.compile(r"\A(?!.*SUBSCRIBED.*SUBSCRIBED).*SUBSCRIBED", re.DOTALL)


@pytest.fixture
def with_crlf(browser: Browser, own_service: Service) -> Iterator[Console]:
    (own_service.folder / "shop.yaml").write_bytes(MAPPING.replace("\n", "\r\n").encode())
    until(lambda: "\r\n" in own_service.ask("/api/mapping?source=shop")["text"], SETTLED_S)
    with console_of(browser, own_service) as console:
        yield console


def test_a_file_with_crlf_stays_one(with_crlf: Console) -> None:
    """An undone draft is none, and what is activated differs from the file in the edited line alone."""
    page, file = with_crlf.page, with_crlf.service.folder / "shop.yaml"
    with_crlf.open("#/mappings/shop")
    write(with_crlf, f"# mine\n{MAPPING}")
    checked(with_crlf)
    page.get_by_role("button", name="Undo all").click()
    checked(with_crlf)
    expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
    expect(page.get_by_role("button", name="Undo all")).not_to_be_visible()
    write(with_crlf, f"# mine\n{MAPPING}")
    checked(with_crlf)
    page.get_by_role("button", name="Activate…").click()
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.get_by_text("is active.")).to_be_visible()
    assert file.read_bytes() == f"# mine\n{MAPPING}".replace("\n", "\r\n").encode()


def test_a_file_that_changes_beneath_the_editor_is_not_overwritten(browser: Browser, own_service: Service) -> None:
    """Neither the file nor the draft is lost; who starts from the file on disk edits that."""
    file = own_service.folder / "shop.yaml"
    with console_of(browser, own_service) as console:
        page = console.page
        console.open("#/mappings/shop")
        write(console, f"# mine\n{MAPPING}")
        checked(console)
        file.write_text(f"# by hand\n{MAPPING}", encoding="utf-8")
        console.expected.append("412")
        page.get_by_role("button", name="Activate…").click()
        page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(page.get_by_role("dialog")).to_contain_text("Nothing was overwritten")
        assert file.read_text(encoding="utf-8") == f"# by hand\n{MAPPING}"
        expect(page.get_by_role("dialog")).to_contain_text("by file")
        page.get_by_role("button", name="Start from theirs").click()
        expect(page.locator(".cm-line").first).to_have_text("# by hand")
        checked(console)


def test_a_file_that_does_not_check_is_opened_with_its_problems(browser: Browser, own_service: Service) -> None:
    """The page says that another version is active; a draft that checks can be activated."""
    file = own_service.folder / "shop.yaml"
    file.write_text(MAPPING.replace("rules:", "rulez:"), encoding="utf-8")
    until(lambda: own_service.ask("/api/mapping?source=shop")["problem"], SETTLED_S)
    with console_of(browser, own_service) as console:
        page = console.page
        console.open("#/mappings/shop")
        expect(page.get_by_text("The file on disk has problems.")).to_be_visible()
        expect(page.locator(".findings")).to_contain_text("rulez")
        expect(page.locator(".workbench-head")).to_contain_text("on disk, not active")
        console.shot("mapping-file-with-problems")
        write(console, MAPPING)
        checked(console)
        expect(page.get_by_role("button", name="Activate…")).to_be_enabled()
        page.get_by_role("button", name="Activate…").click()
        page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
        expect(page.get_by_text("The file on disk has problems.")).not_to_be_visible()
        assert file.read_text(encoding="utf-8") == MAPPING


def test_a_file_of_a_config_map_cannot_be_written(browser: Browser, own_service: Service) -> None:
    """It says so from the beginning, and the draft can be tried all the same."""
    folder = own_service.folder
    data = folder / "..2026_11_28"
    data.mkdir()
    (data / "shop.yaml").write_text(MAPPING, encoding="utf-8")
    (folder / "..data").symlink_to(data.name)
    (folder / "shop.yaml").unlink()
    (folder / "shop.yaml").symlink_to("..data/shop.yaml")
    with console_of(browser, own_service) as console:
        console.open("#/mappings/shop")
        expect(console.page.get_by_text("This file cannot be written here")).to_contain_text("ConfigMap")
        expect(console.page.get_by_role("button", name="Activate…")).not_to_be_visible()
        draft = f'# it\'s mine: "$HOME" `id` \\\n{MAPPING}'
        write(console, draft)
        checked(console)
        expect(console.page.get_by_role("button", name="Download patch")).to_be_enabled()
        command = console.copied(console.page.get_by_role("button", name="Copy for kubectl"))
        console.shot("mapping-config-map")
    # A shell hands the patch over as it was written; kubectl itself is stood in for.
    shell = 'kubectl() { printf "%s\\n" "$*"; cat "${@: -1}"; }\n'
    done = subprocess.run(["bash", "-c", shell + command], check=True, capture_output=True, text=True)
    arguments, patch = done.stdout.split("\n", 1)
    assert arguments == "patch configmap browsee-adapter-mappings --type merge --patch-file /dev/stdin"
    assert json.loads(patch) == {"data": {"shop.yaml": draft}}


def test_the_text_of_a_file_that_is_gone_can_be_had(browser: Browser, own_service: Service) -> None:
    """The page says what is gone and what goes on; with the file there again it is as before."""
    file = own_service.folder / "shop.yaml"
    file.unlink()
    with console_of(browser, own_service) as console:
        page = console.page
        console.expected.append("404")
        console.open("#/mappings/shop")
        expect(page.locator(".failure")).to_contain_text("There is no file shop.yaml")
        console.shot("mapping-file-gone")
        assert console.violations() == []
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the active text").click()
        assert Path(download.value.path()).read_text(encoding="utf-8") == MAPPING
        file.write_text(MAPPING, encoding="utf-8")
        page.get_by_role("button", name="Try again").click()
        checked(console)
        expect(page.get_by_role("button", name="Download the active text")).not_to_be_visible()


def test_a_suggested_rule_is_inserted_once(browser: Browser, own_service: Service) -> None:
    """Not again after a reload, and not into the file that was activated with it."""
    with console_of(browser, own_service) as console:
        page = console.page
        console.open(f"#/mappings/shop?{urlencode({'insert': RULE})}")
        checked(console)
        expect(editor(page)).to_have_text(ONCE)
        expect(page).not_to_have_url(re.compile("insert="))
        page.get_by_role("button", name="Activate…").click()
        page.get_by_role("dialog").get_by_role("button", name="Activate").click()
        expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
        checked(console)
        expect(editor(page)).to_have_text(ONCE)
        expect(page.get_by_role("button", name="Activate…")).to_be_disabled()
        assert (own_service.folder / "shop.yaml").read_text(encoding="utf-8").count("SUBSCRIBED") == 1


def test_a_rule_that_is_handed_over_joins_the_draft(console: Console) -> None:
    """A draft that was kept is not lost to it."""
    console.open("#/mappings/shop")
    write(console, f"# a draft\n{MAPPING}")
    checked(console)
    console.open(f"#/mappings/shop?{urlencode({'insert': RULE})}")
    console.page.reload()
    console.ready()
    checked(console)
    expect(console.page.get_by_text("The rule was added to your draft")).to_be_visible()
    expect(first_line(console.page)).to_have_text("# a draft")
    expect(editor(console.page)).to_have_text(ONCE)
    console.page.get_by_role("button", name="Undo all").click()


def test_a_roll_back_says_which_guards_go(browser: Browser, own_service: Service) -> None:
    """Of a version that guards less and was never opened as a draft; so does undoing."""
    own_service.replace_mapping(
        MAPPING.replace("\nrules:", "\nprivacy:\n  - named: [email]\n    do: [lower]\n\nrules:")
    )
    with console_of(browser, own_service) as console:
        console.open("#/mappings/shop")
        console.page.get_by_role("tab", name="History").click()
        console.page.get_by_role("button", name="Roll back…").click()
        dialog = console.page.get_by_role("dialog")
        expect(dialog.get_by_role("alert")).to_contain_text("It no longer guards personal data")
        expect(dialog.get_by_role("alert")).to_contain_text("email")
        dialog.get_by_role("button", name="Not yet").click()
