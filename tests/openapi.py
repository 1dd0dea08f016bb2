"""The description of the API, and whether an answer is as it says."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from adapter.model import JsonObject

FILE = Path(__file__).parents[1] / "schemas" / "openapi.yaml"


@cache
def description() -> JsonObject:
    found: JsonObject = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return found


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = {"$ref": f"#/components/schemas/{name}", "components": description()["components"]}
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def shaped(shown: Any, name: str) -> JsonObject:
    """`shown`, which is as the schema `name` says."""
    problems = [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(shown)]
    assert problems == []
    found: JsonObject = shown
    return found
