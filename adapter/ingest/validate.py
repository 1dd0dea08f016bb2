"""Checks a message by the schema of its type, and words its problems. Pure: the schemas come in as values.

`jsonschema-rs` gives the verdict, a hundred times faster than `jsonschema`. Only messages that it refuses are checked
by `jsonschema`, the authority. A wording names the type of the value that was found and never quotes it: the value is
the sender's, private, and of any size.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

from adapter.model import JsonObject, Problem

COMMON = "common"
"""The schema of every message whose type has none of its own."""

_BASE = "https://schemas.invalid/event/"
"""The base of the schemas' addresses, so that they may refer to each other as the files do: `common.json`. Never
fetched.
"""

_Words = Callable[[ValidationError], str]


class Validator:
    """The schemas of events, compiled once.

    `schemas` has them by name, `common` among them; one refers to another as `name.json`. Raises KeyError without
    `common`, and the exceptions of the two libraries for an invalid schema, which is a bug in the adapter.
    """

    def __init__(self, schemas: Mapping[str, JsonObject]) -> None:
        places = {f"{_BASE}{name}.json": schema for name, schema in schemas.items()}
        for schema in schemas.values():
            Draft202012Validator.check_schema(schema)
        fast = jsonschema_rs.Registry(list(places.items()))
        worded: Registry[Any] = EMPTY_REGISTRY.with_resources(
            (place, Resource.from_contents(schema, default_specification=DRAFT202012))
            for place, schema in places.items()
        )
        self._fast = {name: jsonschema_rs.Draft202012Validator(_reference(name), registry=fast) for name in schemas}
        self._worded = {name: Draft202012Validator(_reference(name), registry=worded) for name in schemas}
        self._common = self._fast[COMMON]

    def problems(self, kind: str, message: object) -> tuple[Problem, ...]:
        """The problems of `message` as one of type `kind`, in the order of the schema; empty if it is valid."""
        if self._fast.get(kind, self._common).is_valid(message):
            return ()
        return self.explain(kind, message)

    def explain(self, kind: str, message: object) -> tuple[Problem, ...]:
        """The same by `jsonschema` alone: slow, and what the fast verdict is tested against."""
        validator = self._worded.get(kind, self._worded[COMMON])
        found = [problem for error in validator.iter_errors(message) for problem in _problems(error)]
        return tuple(dict.fromkeys(found))


def _reference(name: str) -> JsonObject:
    return {"$ref": f"{_BASE}{name}.json"}


def pointer(path: Iterator[str | int] | tuple[str | int, ...]) -> str:
    """The JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _problems(error: ValidationError) -> Iterator[Problem]:
    path = tuple(error.absolute_path)
    keyword = str(error.validator)
    if keyword == "required":
        # The pointer names the missing member; that of jsonschema names the object that lacks it.
        for name in _limit(error):
            if isinstance(error.instance, Mapping) and name not in error.instance:
                yield Problem(pointer((*path, name)), keyword, "is required")
        return
    yield Problem(pointer(path), keyword, _WORDS.get(keyword, _other)(error))


def _type(error: ValidationError) -> str:
    limit = _limit(error)
    allowed = limit if isinstance(limit, list) else [limit]
    if _schema(error).get("maxItems") == 0:
        allowed = [name for name in allowed if name != "array"]
    wanted = " or ".join(_NAMES.get(name, name) for name in allowed)
    return f"must be {wanted}, not {kind_of(error.instance)}"


def _max_items(error: ValidationError) -> str:
    most = _limit(error)
    if most == 0:
        return "must be an object; only an empty array is taken for one"
    return f"must have at most {most} members, not more"


def _other(error: ValidationError) -> str:
    """A wording for any keyword, from the schema alone."""
    return f"must satisfy {error.validator}: {json.dumps(_limit(error))[:200]}"


_WORDS: Mapping[str, _Words] = {
    "type": _type,
    "maxItems": _max_items,
    "pattern": lambda _: "must be text that is not blank",
}


def _limit(error: ValidationError) -> Any:
    """The value of the schema's keyword."""
    return error.validator_value


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


_NAMES: Mapping[str, str] = {
    "object": "an object",
    "array": "an array",
    "string": "text",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def kind_of(value: object) -> str:
    """The JSON type of `value`, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an array" if isinstance(value, list) else "an object"
