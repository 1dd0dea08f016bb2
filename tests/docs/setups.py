"""The set-ups of docs/setups.md: a message of each source, and what the named mapping makes of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from adapter.mapping.compile.filetests import DEMO_KEY
from adapter.mapping.explain import as_text
from adapter.mapping.load import load
from adapter.model import JsonObject
from adapter.service.mappings import read_message
from tests.docs.pages import PAGES, ROOT

PAGE: Final = "docs/setups.md"
_SETUP = re.compile(
    r"(^```json\n)(.*?)(^```\n\nWith the mapping `([\w/]+)`:\n\n```text\n)(.*?)(^```\n)", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Setup:
    """A message and the mapping that takes it, below the heading `source`."""

    source: str
    message: JsonObject
    mapping: str


def setups() -> Iterator[Setup]:
    """Every set-up of the page, in order."""
    for part in re.split(r"(?m)^## ", PAGES[PAGE])[1:]:
        for found in _SETUP.finditer(part):
            yield Setup(part.partition("\n")[0], json.loads(found[2]), found[4])


def becomes(message: JsonObject, mapping: str) -> str:
    """What `explain` shows of `message`."""
    file = f"mappings/{mapping}.yaml"
    ruleset = load((ROOT / file).read_text(encoding="utf-8"), file=file, read=read_message, hash_key=DEMO_KEY)
    event = read_message(message)
    return as_text(ruleset.render(event), ruleset.hint(event))


def renewed(page: str) -> str:
    """The page with each result as it is now."""
    return _SETUP.sub(
        lambda found: f"{found[1]}{found[2]}{found[3]}{becomes(json.loads(found[2]), found[4])}\n{found[6]}", page
    )
