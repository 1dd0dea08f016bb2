"""The recipes in mappings/recipes: each works, is tested, and is on its page; `init --recipe` writes it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from adapter.cli.main import main
from adapter.files.finding import Severity, as_text
from adapter.mapping.load import check_with_tests
from adapter.service.mappings import read_message
from tests.docs.recipe_files import FOLDER, RecipeFile, recipe_files

RECIPES = list(recipe_files())


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.name for recipe in RECIPES])
def test_a_recipe_passes_its_tests_without_a_warning(recipe: RecipeFile) -> None:
    """As it is copied."""
    checked = check_with_tests(recipe.mapping, file=recipe.name, read=read_message)
    assert [as_text(found) for found in checked.findings if found.severity is not Severity.NOTE] == []
    assert checked.passed > 0


def test_every_recipe_has_its_place_on_the_page() -> None:
    """Every file is named by a section, or readers would not find it."""
    assert sorted(recipe.name for recipe in RECIPES) == sorted(file.stem for file in FOLDER.glob("*.yaml"))


def test_a_recipe_is_written_and_nothing_else(tmp_path: Path) -> None:
    """Into the folder of mappings, and not over a file that is there."""
    written = CliRunner().invoke(main, ["init", str(tmp_path), "--recipe", "utm", "--recipe", "dates"])
    assert written.exit_code == 0
    assert sorted(str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.yaml")) == [
        "mappings/dates.yaml",
        "mappings/utm.yaml",
    ]
    assert (tmp_path / "mappings/utm.yaml").read_bytes() == (FOLDER / "utm.yaml").read_bytes()
    again = CliRunner().invoke(main, ["init", str(tmp_path), "--recipe", "utm"])
    assert "was there already" in again.stdout


@pytest.mark.parametrize(("name", "helps"), [("utn", "did you mean `utm`?"), ("../default", "there are app-version")])
def test_an_unknown_recipe_is_an_error(tmp_path: Path, name: str, helps: str) -> None:
    """With the names that there are, and nothing is written."""
    result = CliRunner().invoke(main, ["init", str(tmp_path), "--recipe", name])
    assert result.exit_code == 2
    assert helps in " ".join(result.stderr.split())
    assert list(tmp_path.iterdir()) == []
