"""Which mapping file is used follows from one rule, and never from a guess."""

from pathlib import Path

import pytest

from adapter.bundled import bundled
from adapter.errors import ConfigError
from adapter.settings.mapping_choice import MappingChoice, found_mapping, named_mapping


def with_files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text("version: 1\n")
    return folder


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["shop.yaml"], "shop.yaml"),
        (["shop.yml"], "shop.yml"),
        (["default.yaml", "shop.yaml"], "default.yaml"),
        (["shop.yaml", ".hidden.yaml", "notes.txt"], "shop.yaml"),
    ],
    ids=["the only one", "short suffix", "default among others", "what is no mapping"],
)
def test_the_file_that_was_mounted_is_found(tmp_path: Path, files: list[str], chosen: str) -> None:
    """A container needs no name for the one mapping it is given."""
    assert found_mapping(with_files(tmp_path, *files)) == MappingChoice(tmp_path / chosen)


def test_the_file_of_make_run_is_found(tmp_path: Path) -> None:
    """A command beside `make run` maps as the service does; a folder that was mounted goes first."""
    own = tmp_path / "data/mapping.yaml"
    nowhere = tmp_path / "nowhere"
    assert found_mapping(nowhere, own=own).file == bundled("mappings/default.yaml")
    own.parent.mkdir()
    own.write_text("")
    assert found_mapping(nowhere, own=own) == MappingChoice(own)
    mounted = with_files(tmp_path / "mounted", "shop.yaml")
    assert found_mapping(mounted, own=own) == MappingChoice(mounted / "shop.yaml")


def test_several_without_a_name_are_listed(tmp_path: Path) -> None:
    """Two mappings and no choice is an error that names both and the way to choose."""
    with_files(tmp_path, "b.yaml", "a.yaml")
    with pytest.raises(ConfigError, match=r"none is named default\.yaml: a\.yaml, b\.yaml; name one with ADAPTER_MAP"):
        found_mapping(tmp_path)


@pytest.mark.parametrize("missing", [True, False], ids=["no folder", "empty folder"])
def test_without_any_the_shipped_one_is_used_and_reported(tmp_path: Path, missing: bool) -> None:
    """The first minutes need no mapping, but the operator sees which one is active."""
    choice = found_mapping(tmp_path / "nowhere" if missing else tmp_path)
    assert choice.file == bundled("mappings/default.yaml")
    assert str(choice.file) in choice.note


def test_a_name_is_a_path_first(tmp_path: Path) -> None:
    """A file beside the settings goes before one of the mappings folder."""
    here = with_files(tmp_path / "here", "shop.yaml")
    mounted = with_files(tmp_path / "mounted", "shop.yaml", "app.yaml")
    assert named_mapping("shop.yaml", folder=here, mappings=mounted) == here / "shop.yaml"
    assert named_mapping("app.yaml", folder=here, mappings=mounted) == mounted / "app.yaml"
    assert named_mapping(str(mounted / "app.yaml"), folder=here, mappings=here) == mounted / "app.yaml"


def test_a_plain_word_is_a_shipped_mapping(tmp_path: Path) -> None:
    """Somebody who installed a wheel need not know where its files lie."""
    assert named_mapping("default", folder=tmp_path, mappings=tmp_path) == bundled("mappings/default.yaml")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shop.yaml", r"no mapping file .*/shop\.yaml"),
        (
            "shop",
            r"no mapping called shop comes with the adapter; there are .*default.* A file of your own: shop\.yaml",
        ),
        ("there.json", r"no mapping called there\.json .* The file of that name here: \./there\.json"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    """A misspelt mapping is never replaced by another."""
    with_files(tmp_path, "there.json")
    with pytest.raises(ConfigError, match=text):
        named_mapping(name, folder=tmp_path, mappings=tmp_path)
