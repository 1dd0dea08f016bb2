"""Selects events and rejections: by what the queue knows, and by the contents of bodies. Pure."""

from collections.abc import Iterator
from typing import Any, get_args

import orjson

from adapter.console.console import Events
from adapter.model import JsonObject, Rejection
from adapter.queue.codec import is_of_user
from adapter.queue.records import Filter, Outcome, is_named


def queue_filter(wanted: Events, users: tuple[str, ...]) -> Filter:
    """The part of the filter that the queue applies; `users` are the stored forms of the user's id."""
    outcomes: tuple[Outcome, ...] = tuple(word for word in get_args(Outcome) if word in wanted.outcome)
    times = {name: at for name in ("since", "until") if (at := getattr(wanted, name)) is not None}
    return Filter(
        source=wanted.source,
        outcomes=outcomes,
        users=users,
        name=wanted.name,
        type=wanted.type,
        rule=wanted.rule,
        cause=wanted.cause,
        exact=wanted.exact,
        warned=wanted.warned,
        **times,
    )


def is_by_content(wanted: Events) -> bool:
    """Whether bodies must be read."""
    return wanted.text is not None or wanted.where is not None


def has_content(body: JsonObject, wanted: Events) -> bool:
    """Whether a value of `body`, at any depth, contains `text`, and a value at the path of `where` is its value."""
    return _has_text(body, wanted.text) and _has_value(body, wanted.where)


def is_wanted(rejection: Rejection, wanted: Events) -> bool:
    """Whether the rejection is selected, apart from its cause."""
    at = rejection.received_at
    return (
        (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
        and (wanted.user is None or is_of_user(rejection.body, wanted.user))
        and (wanted.name is None or is_named(rejection, wanted.name))
        and (not is_by_content(wanted) or has_content(_message(rejection), wanted))
    )


def split_where(text: str) -> tuple[str, str] | None:
    """Path and value of `properties.order_id=o-777`; None if it has another form."""
    path, sign, value = text.partition("=")
    return (path, value) if sign and all(path.split(".")) else None


def _message(rejection: Rejection) -> JsonObject:
    try:
        message = orjson.loads(rejection.body)
    except orjson.JSONDecodeError:
        message = None
    # A body that is not an object can be searched for text all the same.
    return message if isinstance(message, dict) else {"": rejection.body.decode("utf-8", "replace")}


def _has_text(body: JsonObject, text: str | None) -> bool:
    if text is None:
        return True
    plain = text.casefold()
    return any(plain in _text(value).casefold() for value in _scalars(body))


def _has_value(body: JsonObject, where: tuple[str, str] | None) -> bool:
    if where is None:
        return True
    path, wanted = where
    values: list[Any] = [body]
    for name in path.split("."):
        # A name below a list applies to each of its members.
        members = (inner for value in values for inner in (value if isinstance(value, list) else [value]))
        values = [inner[name] for inner in members if isinstance(inner, dict) and name in inner]
    return any(_text(scalar) == wanted for value in values for scalar in _scalars(value))


def _scalars(value: Any) -> Iterator[Any]:
    """The texts, numbers, booleans and nulls of `value`; a body may be nested deeper than calls may."""
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            left += value.values()
        elif isinstance(value, list):
            left += value
        else:
            yield value


def _text(value: Any) -> str:
    """A value as written in JSON, without quotation marks."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
