"""The commands of the pages: what stands in their code blocks, line by line, and what a test does with each line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tests.docs.pages import PAGES, blocks

WALKED = ("README.md", "docs/start.md")
"""Walked as a whole, from the first line to the last, by tests/docs/test_start.py."""

SHOWN = [page for page in PAGES if page == "README.md" or page.startswith("docs/")]

_TOOLS = re.compile(r"(?:^|[|&(] *)(?:[A-Z_]+=\S+ +)*(browsee-adapter|curl|make|docker|kubectl)\b")

PARSED = MappingProxyType({
    "docker ": "needs the image, which tests/acceptance/test_image.py builds, and runs as README shows",
    "kubectl ": "needs a cluster; tests/docs/test_kubernetes.py holds the files against the schemas of its API",
    "BROWSEE_API_KEY=your-key docker ": "the same; what compose would do is tested there too",
    "browsee-adapter move": "needs a queue in each place; tests/integration/test_moving.py runs it",
    "browsee-adapter chaos": "takes minutes; tests/acceptance/test_chaos.py runs it",
})  # fmt: skip
"""Lines that are not run, by how they begin, and why. `browsee-adapter` parses what they call of it all the same."""

LEFT_OUT = MappingProxyType({
    "make scale": "tests/acceptance/test_cluster.py runs it",
    "make run QUEUE=": "the same",
    "make image": "tests/acceptance/test_image.py runs it",
    "browsee-adapter completion ": "writes into the home of a user; tests/unit/cli/test_completion.py runs the scripts",
    "cloudflared ": "reaches out to the internet",
})  # fmt: skip
"""Lines that are neither run nor parsed, and why. That the target exists is tested in tests/test_docs.py."""

STAYING = re.compile(r"\b(browsee-adapter serve|browsee-adapter sandbox|tail --follow|make run)\b")
"""Commands that go on until they are reported to stop."""


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of one code block that are commands, with `cd` and the like between them."""

    page: str
    number: int
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page} {self.number}: {self.lines[0][:50]}"


def lines_of(code: str) -> list[str]:
    """The lines of a code block, each with what follows a backslash, without comments."""
    joined = code.replace("\\\n", " ")
    return [line for line in (re.sub(r"(^|\s)#\s.*", "", text).strip() for text in joined.splitlines()) if line]


def is_command(line: str) -> bool:
    """It calls one of the tools that the pages are about."""
    return _TOOLS.search(line) is not None


def why_not(line: str, table: Mapping[str, str]) -> str | None:
    """The reason of a table for a line, if it has one."""
    return next((reason for begins, reason in table.items() if line.startswith(begins)), None)


def exported(block: Block) -> Iterator[str]:
    """What the page has set before this block, for the shell that goes on from block to block."""
    for code in blocks(PAGES[block.page], "")[: block.number]:
        yield from (line for line in lines_of(code) if line.startswith("export "))


def shown_blocks(page: str) -> Iterator[Block]:
    """Every code block of a page that has a command in it."""
    for number, code in enumerate(blocks(PAGES[page], "")):
        lines = lines_of(code)
        if any(map(is_command, lines)):
            yield Block(page, number, tuple(lines))
