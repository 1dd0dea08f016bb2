"""Each page in each size and theme: no violation of axe's rules, no sideways scroll, no error, nothing refused."""

import pytest
from playwright.sync_api import expect

from tests.browser.pages import THEMES, WIDTHS, Console, Theme
from tests.browser.running import address

PAGES = {
    "overview": "#/",
    "events": "#/events",
    "event-delivered": "#/events/{delivered}",
    "event-dead": "#/events/{dead}",
    "event-rejected": "#/events/{rejected}",
    "timeline": "#/users/u-1042",
    "dead": "#/dead",
    "names": "#/names",
    "sources": "#/sources",
    "mappings": "#/mappings",
    "mapping": "#/mappings/shop",
    "deletions": "#/deletions",
    "settings": "#/settings",
}
"""The main states; `test_states.py` has the others."""


@pytest.mark.parametrize("name", PAGES)
def test_in_every_size_and_theme(console: Console, name: str) -> None:
    """A page reads, fits and passes axe from 1360 to 320 px, light and dark."""
    console.open(address(console.service, PAGES[name]))
    wrong = []
    for theme in THEMES:
        for width in WIDTHS:
            console.fit(width=width, theme=theme)
            console.shot(f"{name}-{theme}-{width}")
            wrong += [(width, theme, found) for found in [*console.overflow(), *console.violations()]]
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("width", WIDTHS)
def test_sign_in(signed_out: Console, width: int, theme: Theme) -> None:
    """So does the page that asks for the token."""
    signed_out.fit(width=width, theme=theme)
    signed_out.open()
    signed_out.shot(f"sign-in-{theme}-{width}")
    expect(signed_out.page.get_by_label("Admin token")).to_be_visible()
    assert signed_out.overflow() == []
    assert signed_out.violations() == []
