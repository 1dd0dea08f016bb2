"""Every recipe of the mapping guide works as it is copied, and becomes what the page says."""

import pytest

from adapter.files.document import read_document
from adapter.files.finding import Severity, as_text
from adapter.mapping.load import check
from adapter.service.mappings import read_message
from tests.docs.pages import PAGES, blocks
from tests.docs.recipes import GUIDE, Recipe, recipes

RECIPES = list(recipes())
EACH_RECIPE = pytest.mark.parametrize(
    "recipe", RECIPES, ids=[f"{number} {recipe.question[:40]}" for number, recipe in enumerate(RECIPES)]
)


@EACH_RECIPE
def test_a_recipe_passes_its_tests(recipe: Recipe) -> None:
    """No error, no warning, and no rule that its own tests leave out."""
    findings = check(recipe.mapping, file=GUIDE, read=read_message)
    shown = [as_text(found) for found in findings if found.severity is not Severity.NOTE]
    shown += [found.message for found in findings if "no test reaches" in found.message]
    assert shown == []


@EACH_RECIPE
def test_a_recipe_has_tests(recipe: Recipe) -> None:
    """Every recipe is tested."""
    assert read_document(recipe.mapping, file=GUIDE).data["tests"]


def test_every_block_is_a_recipe() -> None:
    """No YAML of the guide stands outside, where nothing would try it."""
    assert [recipe.mapping for recipe in RECIPES] == blocks(PAGES[GUIDE], "yaml")
