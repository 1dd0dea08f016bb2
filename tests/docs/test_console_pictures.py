"""The pictures of docs/console.md are those that `make pictures` takes, and small."""

import re

from tests.browser.documented import FOLDER, MAX_BYTES, PAGES
from tests.docs.pages import ROOT


def test_the_command_takes_the_pictures_that_are_shown() -> None:
    """Each is shown once, and no other is kept."""
    text = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(console/(\w+)\.webp\)", text)
    assert sorted(shown) == sorted(PAGES)
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.webp" for name in PAGES}


def test_together_they_are_small() -> None:
    """A clone stays small, however often they are taken again."""
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) <= MAX_BYTES
