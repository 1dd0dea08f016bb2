"""The structure of a settings file, from its JSON Schema: problems in words, defaults, and values read. Pure.

The schema is the one authority: it has every setting, its default, whether it is secret, and in `title` the sentence
about what is allowed. Nothing here repeats a setting's name, and no message quotes a value.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator, ValidationError

from adapter.errors import ConfigError
from adapter.files.document import DocumentPath
from adapter.files.finding import did_you_mean
from adapter.model import JsonObject

ValueReader: TypeAlias = Callable[[str], object]
"""Reads a text that fits its schema; raises ValueError or ConfigError with what is allowed."""


_LOGIN = re.compile("://.*@|[?&](ssl)?password=", re.DOTALL)


def has_login(value: object) -> bool:
    """Whether the value is a URL that may contain a password, such as that of a database or a proxy. A password may
    hold a slash that should have been escaped.
    """
    return isinstance(value, str) and _LOGIN.search(value) is not None


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """One problem with the value at `path`, or with its key. `code` is the finding's."""

    code: str
    path: DocumentPath
    message: str
    at_key: bool = False


class SettingsShape:
    """The schema, prepared for use. Never changes."""

    def __init__(self, schema: JsonObject) -> None:
        self._validator = Draft202012Validator(schema)
        self._definitions: JsonObject = schema["$defs"]
        self._root: JsonObject = schema

    def problems(self, data: object) -> list[SettingProblem]:
        """Everything in `data` that the schema refuses, one problem for each place, in the order of the file."""
        found: dict[DocumentPath, SettingProblem] = {}
        for error in self._validator.iter_errors(data):
            for problem in self._worded(error):
                found.setdefault(problem.path, problem)
        return list(found.values())

    def is_secret(self, path: DocumentPath) -> bool:
        """Whether the value at `path` is or may contain a secret; true for a place that the schema does not know."""
        node = self._at(path)
        return node is None or self._holds_secret(node)

    def is_group(self, path: DocumentPath) -> bool:
        """Whether `path` holds names and their values."""
        node = self._at(path)
        return node is not None and node.get("type") == "object"

    def defaults(self) -> JsonObject:
        """Every default outside of sources, nested as in a file."""
        return self._defaults(self._root)

    def source_defaults(self) -> JsonObject:
        """The defaults of one source."""
        return self._defaults(self._definitions["source"])

    def paths(self, source: str | None = None) -> Iterator[DocumentPath]:
        """Every setting outside of sources, or those of one source."""
        if source is None:
            yield from self._paths(self._root, ())
        else:
            yield from self._paths(self._definitions["source"], ("sources", source))

    def _paths(self, node: JsonObject, path: DocumentPath) -> Iterator[DocumentPath]:
        for key, part in node["properties"].items():
            if "properties" in part:
                yield from self._paths(part, (*path, key))
            elif self._resolved(part).get("type") != "object":
                yield (*path, key)

    def read(self, data: JsonObject, readers: Mapping[str, ValueReader]) -> tuple[JsonObject, list[SettingProblem]]:
        """`data`, which fits the schema, with each text of a definition in `readers` read; and those that could not be
        read.
        """
        problems: list[SettingProblem] = []
        return self._read(self._root, data, (), readers, problems), problems

    def _read(
        self,
        node: JsonObject,
        value: Any,
        path: DocumentPath,
        readers: Mapping[str, ValueReader],
        problems: list[SettingProblem],
    ) -> Any:
        if isinstance(value, dict):
            return {
                key: self._read(self._below(node, key) or {}, inner, (*path, key), readers, problems)
                for key, inner in value.items()
            }
        if isinstance(value, list):
            items = self._resolved(node.get("items", {}))
            return tuple(self._read(items, inner, (*path, i), readers, problems) for i, inner in enumerate(value))
        reader = readers.get(_definition(node))
        if reader is None or not isinstance(value, str):
            return value
        try:
            return reader(value)
        except (ValueError, ConfigError) as cause:
            problems.append(SettingProblem("E302", path, str(cause)))
            return None

    def _worded(self, error: ValidationError) -> Iterator[SettingProblem]:
        path: DocumentPath = tuple(error.absolute_path)
        instance: Any = error.instance
        if error.validator == "additionalProperties":
            known: JsonObject = error.schema["properties"] if isinstance(error.schema, dict) else {}
            for key in instance:
                if key not in known:
                    yield _unknown((*path, key), known)
        elif "propertyNames" in error.absolute_schema_path:
            yield SettingProblem("E302", (*path, str(instance)), _allowed(error.schema), at_key=True)
        else:
            yield SettingProblem("E302", path, f"{_dotted(path)}: {_allowed(error.schema)}")

    def _at(self, path: DocumentPath) -> JsonObject | None:
        node: JsonObject | None = self._root
        for key in path:
            node = None if node is None else self._below(node, key)
        return node

    def _below(self, node: JsonObject, key: str | int) -> JsonObject | None:
        if isinstance(key, int):
            return self._resolved(node["items"]) if "items" in node else None
        if key in node.get("properties", {}):
            return self._resolved(node["properties"][key])
        others = node.get("additionalProperties")
        return self._resolved(others) if isinstance(others, dict) else None

    def _resolved(self, node: JsonObject) -> JsonObject:
        # Keywords beside the reference override it; the reference stays, because it names the definition.
        return {**self._definitions.get(_definition(node), {}), **node}

    def _holds_secret(self, node: JsonObject) -> bool:
        node = self._resolved(node)
        if node.get("writeOnly") is True:
            return True
        inner = [*node.get("properties", {}).values(), node.get("additionalProperties"), node.get("items")]
        return any(self._holds_secret(part) for part in inner if isinstance(part, dict))

    def _defaults(self, node: JsonObject) -> JsonObject:
        filled: JsonObject = {}
        for key, part in node["properties"].items():
            if "default" in part:
                filled[key] = part["default"]
            elif "properties" in part:
                filled[key] = self._defaults(part)
        return filled


def _unknown(path: DocumentPath, known: Mapping[str, object]) -> SettingProblem:
    place = f"a setting of {_dotted(path[:-1])}" if len(path) > 1 else "a setting"
    near = did_you_mean(str(path[-1]), known)
    hint = near or f"; there are {', '.join(known)}"
    return SettingProblem("E301", path, f"`{path[-1]}` is not {place}{hint}", at_key=True)


def _definition(node: JsonObject) -> str:
    # Not every editor shows a description beside `$ref`, so it is beside an `allOf` with that alone.
    (reference,) = node.get("allOf", [node])
    return str(reference.get("$ref", "")).rpartition("/")[2]


def _allowed(schema: object) -> str:
    if not isinstance(schema, dict):
        return "nothing is allowed here"
    if "properties" in schema and schema["type"] == "object":
        return f"a group of settings: {', '.join(schema['properties'])}"
    return str(schema["title"])


def _dotted(path: DocumentPath) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).lstrip(".") or "the file"
