"""The pages of the documentation as the tests read them: blocks of code, headings, links, and their order."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}
"""Text of every page, by its path from the root of the project."""

INDEX = "docs/README.md"

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text: str, *languages: str) -> list[str]:
    """The code blocks of a page in one of these languages; "" stands for those that name none."""
    return [code for tag, code in _FENCED.findall(text) if tag in languages]


def prose(text: str) -> str:
    """The page without its code blocks."""
    return _FENCED.sub("", text)


def headings(text: str) -> set[str]:
    """The anchors of a page's headings, spelt as GitHub does; of equal ones the second ends with -1, and so on."""
    anchors: set[str] = set()
    for title in re.findall(r"(?m)^#+ (.*)$", prose(text)):
        named = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        anchor = re.sub(r"[^\w\- ]", "", named.lower()).replace(" ", "-")
        numbered = (f"{anchor}-{number}" if number else anchor for number in range(len(anchors) + 1))
        anchors.add(next(name for name in numbered if name not in anchors))
    return anchors


def title(text: str) -> str:
    """The first heading."""
    found = re.search(r"(?m)^# (.*)$", text)
    assert found is not None
    return found[1]


def links(text: str) -> Iterator[str]:
    """What the links of a page lead to, but for addresses elsewhere."""
    for target in re.findall(r"\]\(([^)]+)\)", prose(text)):
        if not re.match(r"https?:", target):
            yield target


def reading_order() -> list[str]:
    """The pages in the order in which the index names them."""
    return [f"docs/{name}" for name in re.findall(r"(?m)^(?:\d+\.|-) \[[^\]]+\]\(([\w-]+\.md)\)", PAGES[INDEX])]
