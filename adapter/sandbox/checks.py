"""Checks a call by `schemas/browsee/*.json`, which state what Browsee documents. Reads no file, stores no call."""

from collections.abc import Callable, Mapping
from typing import Any

import jsonschema
import jsonschema_rs

from adapter.model import JsonObject, Kind

# jsonschema's errors are typed Any: their contents depend on the keyword, the key of the table.
_ARTICLES = {"object": "an object", "array": "a list", "string": "a string"}


def _missing_id(_: Any) -> str:
    return "at least one of userId and anonymousId is required"


def _missing(error: Any) -> str:
    absent = next(name for name in error.validator_value if name not in error.instance)
    return f"{absent} is required"


def _wrong_type(error: Any) -> str:
    return f"{_place(error)} must be {_ARTICLES[error.validator_value]}"


_WORDINGS: Mapping[str, Callable[[Any], str]] = {
    "anyOf": _missing_id,
    "required": _missing,
    "type": _wrong_type,
    "minLength": lambda error: f"{_place(error)} must not be empty",
    "pattern": lambda error: f"{_place(error)} must be an ISO-8601 date and time",
}


class Checks:
    """Decides whether a call is as Browsee documents it. `schemas`: a Draft 2020-12 schema for each kind of call."""

    def __init__(self, schemas: Mapping[Kind, JsonObject]) -> None:
        self._quick = {kind: jsonschema_rs.Draft202012Validator(schema) for kind, schema in schemas.items()}
        self._wordy = {kind: jsonschema.Draft202012Validator(schema) for kind, schema in schemas.items()}

    def problem(self, kind: Kind, body: Any) -> str | None:
        """The first problem of `body`, in words that quote no value; None if there is none."""
        if self._quick[kind].is_valid(body):
            return None
        error = min(self._wordy[kind].iter_errors(body), key=_order)
        return _WORDINGS[str(error.validator)](error)


def _order(error: Any) -> tuple[int, bool, str]:
    """Missing members come before wrong ones, outer ones before inner ones."""
    return len(error.absolute_path), error.validator != "required", str(error.absolute_path)


def _place(error: Any) -> str:
    return "/".join(str(step) for step in error.absolute_path) or "the body"
