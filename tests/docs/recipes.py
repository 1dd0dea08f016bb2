"""The recipes of docs/mapping-guide.md: whole mappings, each followed by what becomes of its first test's event."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from adapter.files.document import read_document
from adapter.mapping.compile.filetests import BASE, DEMO_KEY
from adapter.mapping.explain import as_text
from adapter.mapping.load import load
from adapter.service.mappings import read_message
from tests.docs.pages import PAGES

GUIDE = "docs/mapping-guide.md"

_RECIPE = re.compile(r"(^```yaml\n)(.*?)(^```\n)(\n```text\n.*?^```\n)?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A mapping of the guide, below the question that it answers."""

    question: str
    mapping: str


def recipes() -> Iterator[Recipe]:
    """Every mapping of the guide."""
    for part in re.split(r"(?m)^## ", PAGES[GUIDE])[1:]:
        for found in _RECIPE.finditer(part):
            yield Recipe(part.partition("\n")[0], found[2])


def becomes(mapping: str) -> str:
    """What `explain` shows of the event of the mapping's first test."""
    ruleset = load(mapping, file=GUIDE, read=read_message, hash_key=DEMO_KEY)
    given = read_document(mapping, file=GUIDE).data["tests"][0]["given"]
    event = read_message({**BASE, **given})
    return as_text(ruleset.render(event), ruleset.hint(event))


def renewed(page: str) -> str:
    """The page with the result below each mapping as it is now."""
    return _RECIPE.sub(lambda found: f"{found[1]}{found[2]}{found[3]}\n```text\n{becomes(found[2])}\n```\n", page)
