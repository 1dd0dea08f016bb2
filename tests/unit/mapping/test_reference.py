"""The reference page: its tables are the words, its examples are files that work, and no word lacks one."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from adapter.mapping.language import words
from adapter.mapping.load import check
from adapter.mapping.reference import TABLES, renewed
from tests.unit.mapping.reading import parsed, read
from tests.unit.mapping.test_cases import ROOT

PAGE = ROOT / "docs/mapping.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


def keys_in(value: Any) -> Iterator[str]:
    """Every word used anywhere in a file."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        if isinstance(key, str):
            yield key
        yield from keys_in(member)


def test_the_tables_are_the_words() -> None:
    """The page shows each table as the language has it now; renew it with `adapter.mapping.reference.renewed`."""
    page = PAGE.read_text()
    assert page == renewed(page)
    # The words of other languages have a page of their own.
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in page] == ["foreign"]


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_example_works(text: str) -> None:
    """An example on the page is a whole file without error or warning that passes its own tests."""
    findings = check(text, file="docs/mapping.md", read=read)
    assert [finding.headline for finding in findings if finding.severity != "note"] == []


@pytest.mark.parametrize(
    "block",
    [words.FILE, words.SETTINGS, words.RULE, words.CALL, words.VALUE, words.CHECK, words.JOINED, words.GUARD,
     words.TEST, words.ENDING],
    ids=lambda block: block.called,
)  # fmt: skip
def test_every_word_has_an_example(block: words.Block) -> None:
    """Each word of each block is used in an example that runs."""
    used = {key for text in EXAMPLES for key in keys_in(parsed(text))}
    assert set(block.words) - used == set()
