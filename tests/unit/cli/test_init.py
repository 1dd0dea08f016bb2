"""First files are written once, and they work."""

import json

from adapter.settings.load import load_settings
from tests.unit.cli.conftest import Shell


def test_first_files_are_sound(shell: Shell) -> None:
    """Settings and mapping pass `check` without an error; the one warning is about the key that is not set yet."""
    result = shell.run("init", "shop")
    assert result.exit_code == 0, result.output
    assert "Next: cd shop && browsee-adapter check" in result.stdout
    checked = shell.run("check", "--format", "json", "shop/adapter.yaml", "shop/mappings/shop.yaml")
    assert checked.exit_code == 0
    findings = json.loads(checked.stdout)["findings"]
    assert [found["code"] for found in findings if found["severity"] != "note"] == ["W304"]


def test_first_settings_lead_to_the_first_mapping(shell: Shell) -> None:
    """Paths in the file count from the file, so the folder can be moved and mounted."""
    shell.run("init", "shop")
    settings = load_settings(file=None, environ={"BROWSEE_API_KEY": "k"}, folder=shell.folder / "shop")
    assert settings.sources[0].name == "shop"
    assert settings.sources[0].mapping == shell.folder / "shop/mappings/shop.yaml"


def test_nothing_is_written_over(shell: Shell) -> None:
    """A second call keeps what is there, says so, and writes what is missing."""
    shell.run("init")
    (shell.folder / "adapter.yaml").write_text("mine")
    (shell.folder / "compose.yaml").unlink()
    result = shell.run("init")
    assert result.exit_code == 0
    assert (shell.folder / "adapter.yaml").read_text() == "mine"
    assert (shell.folder / "compose.yaml").exists()
    assert "kept  adapter.yaml" in result.stdout
    assert "wrote compose.yaml" in result.stdout


def test_a_place_that_cannot_be_written_is_named(shell: Shell) -> None:
    """The operator learns which file could not be written, and why."""
    shell.write("shop", "a file where the folder should be")
    assert shell.run("init", "shop").exit_code == 2
    shell.write("mappings", "another")
    result = shell.run("init")
    assert result.exit_code == 2
    assert "cannot write mappings/shop.yaml" in result.stderr
