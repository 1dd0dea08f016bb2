"""docs/recipes.md: every file of mappings/recipes, with its title, its explanation and its mapping."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT

PAGE = "docs/recipes.md"
FOLDER = ROOT / "mappings/recipes"
SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Visits and addresses": ("utm", "channel", "url-ids", "locale", "page-names", "ip-address"),
    "Users and companies": ("person-names", "hashed-email", "yes-and-no", "defaults", "audiences"),
    "Orders and money": (
        "totals", "tiers", "products", "each-product", "currency", "cents", "money-text", "table-of-products", "stripe",
    ),
    "Values, dates and names": (
        "dates", "app-version", "field-names", "json-text", "short-texts", "some-of-a-list", "feature-flags",
    ),
    "Which events": ("tracking-plan", "fields-by-event", "sample-users", "bots-and-devices"),
}  # fmt: skip
"""The recipes by what they are about, in the order of the page."""
_MARKED = re.compile(r"(<!-- recipes -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RecipeFile:
    """A recipe: its first comment line is the title, the others explain."""

    name: str
    title: str
    explained: str
    mapping: str


def recipe_files() -> Iterator[RecipeFile]:
    """Every recipe of `SECTIONS`, in order."""
    for names in SECTIONS.values():
        yield from map(_read, names)


def renewed(page: str) -> str:
    """The page with every recipe as its file is now."""
    parts = []
    for section, names in SECTIONS.items():
        parts.append(f"## {section}\n")
        parts += [_shown(_read(name)) for name in names]
    body = "\n".join(parts)
    return _MARKED.sub(lambda found: f"{found[1]}{body}\n{found[2]}", page)


def _read(name: str) -> RecipeFile:
    text = Path(FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    comments, _, mapping = text.partition("version: 1\n")
    lines = [line.removeprefix("# ") for line in comments.splitlines()]
    return RecipeFile(name, lines[0], " ".join(lines[1:]).strip(), f"version: 1\n{mapping}")


def _shown(recipe: RecipeFile) -> str:
    explained = f"{recipe.explained}\n\n" if recipe.explained else ""
    command = f"`browsee-adapter init --recipe {recipe.name}`"
    return f"### {recipe.title}\n\n{explained}{command}\n\n```yaml\n{recipe.mapping}```\n"
