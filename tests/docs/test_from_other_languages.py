"""What docs/from-other-languages.md says to write here works as it stands."""

import re

import pytest

from adapter.mapping.load import check
from adapter.service.mappings import read_message
from tests.docs.pages import PAGES

PAGE = PAGES["docs/from-other-languages.md"]
ROWS = re.compile(r"(?m)^\\| (?:`` .*? ``|.*?[^\\\\]) \\| `(.+)` \\|$".replace("\\\\", "\\"))
BLOCKS = ("privacy", "prepare", "derived")
HERE = [found[1] for found in ROWS.finditer(PAGE.partition("## JavaScript")[2].partition("## Words for which")[0])]


def mapping_of(written: str) -> str:
    """A whole mapping with what the table says: a block of the file, a line of a rule, or a value."""
    word = re.match(r"([a-z]+): ", written)
    if word is not None and word[1] in BLOCKS:
        return f"version: 1\nrules: [{{track: T}}]\n{written}\n"
    if word is not None and word[1] in ("drop", "reject"):
        return f"version: 1\nrules:\n  - {written}\n"
    if word is not None:
        return f"version: 1\nrules:\n  - track: T\n    {written}\n"
    return f"version: 1\nrules:\n  - track: T\n    properties:\n      v: {written}\n"


@pytest.mark.parametrize("written", HERE)
def test_what_to_write_here_is_right(written: str) -> None:
    """It has no error; that a list is sent is a warning of its own."""
    for part in written.split("` and `"):
        findings = check(mapping_of(part), file="f.yaml", read=read_message)
        assert [found.message for found in findings if found.blocks] == []


def test_every_table_is_tried() -> None:
    """Each of the five languages has rows that were found."""
    assert len(HERE) >= 45
