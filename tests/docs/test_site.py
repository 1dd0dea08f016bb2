"""The pages of docs/ can be read one after the other: the index names each of them, and each leads to the next."""

import re

import pytest

from tests.docs.pages import INDEX, PAGES, ROOT, headings, links, reading_order, title

EACH_PAGE = pytest.mark.parametrize("page", PAGES)
ORDER = reading_order()


@EACH_PAGE
def test_links_lead_somewhere(page: str) -> None:
    """Every link to a file or a heading of this project resolves."""
    for target in links(PAGES[page]):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in headings(file.read_text(encoding="utf-8")), target


def test_the_index_names_every_page() -> None:
    """docs/README.md has a line for each page, once."""
    assert sorted(ORDER) == [page for page in PAGES if page.startswith("docs/") and page != INDEX]


@pytest.mark.parametrize("page", ORDER)
def test_a_page_ends_with_the_next(page: str) -> None:
    """The last line leads on, by the title of the page it leads to; that of the last page leads to the index."""
    following = [*ORDER, INDEX][ORDER.index(page) + 1]
    last = PAGES[page].rstrip().rpartition("\n")[2]
    assert last == f"Next: [{title(PAGES[following])}]({following.removeprefix('docs/')})"


def test_the_index_calls_pages_by_their_titles() -> None:
    """A link of the index leads to the page that it names."""
    named = dict(re.findall(r"(?m)^(?:\d+\.|-) \[([^\]]+)\]\(([\w-]+\.md)\)", PAGES[INDEX]))
    assert {name: f"docs/{file}" for name, file in named.items()} == {title(PAGES[page]): page for page in ORDER}
