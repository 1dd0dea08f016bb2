"""The schema carries what the code needs of it: words for people, defaults that are valid, secrets that are marked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from adapter.model import JsonObject
from adapter.settings.build import readers
from adapter.settings.load import settings_schema
from adapter.settings.shape import SettingsShape

SCHEMA = settings_schema()
SHAPE = SettingsShape(SCHEMA)


def settings_of(node: JsonObject, name: str = "") -> Iterator[tuple[str, JsonObject]]:
    for key, inner in node.get("properties", {}).items():
        yield f"{name}{key}", inner
        yield from settings_of(inner, f"{name}{key}.")


SETTINGS = [*settings_of(SCHEMA), *settings_of(SCHEMA["$defs"]["source"], "source.")]


def test_it_is_a_schema() -> None:
    """Editors and the adapter read the same valid Draft 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("name", "node"), SETTINGS, ids=[name for name, _ in SETTINGS])
def test_every_setting_is_described(name: str, node: JsonObject) -> None:
    """An editor shows for every setting what it does, in a sentence."""
    assert node.get("description", "").endswith((".", "?")), name


@pytest.mark.parametrize(("name", "node"), SETTINGS, ids=[name for name, _ in SETTINGS])
def test_every_setting_says_what_is_allowed(name: str, node: JsonObject) -> None:
    """A refusal is worded from the title, or from the names of a group."""
    (found,) = node.get("allOf", [node])
    if "$ref" in found:
        found = SCHEMA["$defs"][found["$ref"].rpartition("/")[2]]
    assert "title" in found or "properties" in found, name


def test_the_defaults_are_settings_themselves() -> None:
    """What is in force without a file could be written into one."""
    defaults = {**SHAPE.defaults(), "sources": {"shop": SHAPE.source_defaults()}}
    assert SHAPE.problems(defaults) == []
    _, problems = SHAPE.read(defaults, readers(folder=Path(), mappings=Path()))
    assert problems == []


def test_every_definition_of_a_text_is_read() -> None:
    """No text passes from the file into the settings unread."""
    texts = {name for name, node in SCHEMA["$defs"].items() if node["type"] == "string"}
    assert texts == set(readers(folder=Path(), mappings=Path()))


@pytest.mark.parametrize(
    "path",
    [
        ("hash_key",),
        ("admin_token",),
        *[("sources", "a", name) for name in ("keys", "signing_secrets", "browsee_api_key")],
    ],
    ids=".".join,
)
def test_secrets_are_marked(path: tuple[str, ...]) -> None:
    """Every place of a secret is known as one, and so is every unknown place."""
    assert SHAPE.is_secret(path)
    assert SHAPE.is_secret((*path[:-1], "misspelt"))
