"""The parameters of API requests: queries and bodies → values, or what is wrong with them. Pure.

An unknown name is refused: a mistyped filter must not show everything, or change everything.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from adapter.console.console import MAX_PAGE, MAX_WATCHED, OUTCOMES, Events, Selection
from adapter.console.narrowing import split_where
from adapter.console.pagination import Cursor
from adapter.model import JsonObject
from adapter.wire.instants import parse_instant

MAX_TEXT = 500
"""Characters of one value; ids and names of events are far shorter."""
MAX_USER = 500_000
MAX_IDS = 10_000

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)

Parse: TypeAlias = Callable[[str], Any]


class BadRequest(ValueError):  # noqa: N818 - said to the operator, not a fault
    """An invalid request. The text says where the error is and what is allowed, never the value that was given."""


def events(query: Sequence[tuple[str, str]]) -> Events:
    """The parameters of `GET /api/events`. Raises BadRequest."""
    outcomes = dict.fromkeys(_outcome(value) for name, value in query if name == "outcome")
    texts = dict.fromkeys(("source", "user", "name", "type", "rule", "cause", "text"), text)
    others: dict[str, Parse] = {
        "where": where,
        "since": instant,
        "until": instant,
        "exact": _true,
        "warned": _true,
        "mapped": _true,
        "limit": limit,
        "before": cursor,
    }
    rest = [(name, value) for name, value in query if name != "outcome"]
    return Events(outcome=tuple(outcomes), **read(rest, {**texts, **others}))


def read(query: Sequence[tuple[str, str]], known: Mapping[str, Parse], *, needed: Collection[str] = ()) -> JsonObject:
    """The values of a query by name, each read by its function in `known`. Raises BadRequest."""
    found: JsonObject = {}
    for name, value in query:
        if name not in known:
            raise BadRequest(f"the query takes {', '.join(known) or 'nothing'}, and no other name")
        if name in found:
            raise BadRequest(f"{name}: given twice")
        if not _is_text(value):
            raise BadRequest(f"{name}: text of 1 to {MAX_TEXT} characters, without the character NUL")
        try:
            found[name] = known[name](value)
        except BadRequest as exc:
            raise BadRequest(f"{name}: {exc}") from None
    for name in needed:
        if name not in found:
            raise BadRequest(f"{name}: is needed")
    return found


def of_cause(query: Sequence[tuple[str, str]], **more: Parse) -> JsonObject:
    """The parameters `cause` and `exact` of dead letters, and `more`. Raises BadRequest."""
    return read(query, {"cause": text, "exact": _true, **more})


def where(value: str) -> tuple[str, str]:
    """A path in the body and the value there. Raises BadRequest."""
    found = split_where(value)
    if found is None:
        raise BadRequest("a path, = and a value, such as properties.order_id=o-777")
    return found


def preview(body: JsonObject) -> bool:
    """Whether a requeue is to be previewed; removes the member from `body`. Raises BadRequest."""
    wanted = _flag(body, "preview")
    body.pop("preview", None)
    return wanted


def count(body: JsonObject) -> int | None:
    """The expected number of a discard, if there is one; removes the member from `body`. Raises BadRequest."""
    value = body.pop("count", None)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise BadRequest("count: how many the answer to a dryRun counted")
    return value


def which(body: JsonObject, *, unmatched: bool) -> tuple[Selection, bool]:
    """The selection of a change, and whether it is only to be counted. Raises BadRequest."""
    choices = ("ids", "cause", "all", *(("unmatched",) if unmatched else ()))
    _only(body, (*choices, *(("exact",) if "cause" in body else ()), "dryRun"))
    given = [word for word in choices if word in body]
    if len(given) != 1:
        raise BadRequest(f"the body says which by exactly one of {', '.join(choices)}")
    [word] = given
    value = body[word]
    dry_run = _flag(body, "dryRun")
    if word == "ids":
        if not isinstance(value, list) or not 0 < len(value) <= MAX_IDS or not all(map(_is_text, value)):
            raise BadRequest(f"ids: a list of 1 to {MAX_IDS} texts")
        return Selection(ids=tuple(value)), dry_run
    if word == "cause":
        if not _is_text(value):
            raise BadRequest(f"cause: text of 1 to {MAX_TEXT} characters, without the character NUL")
        return Selection(cause=value, exact=_flag(body, "exact")), dry_run
    if value is not True:
        raise BadRequest(f"{word}: true, or leave it out")
    return Selection(everything=word == "all", unmatched=word == "unmatched"), dry_run


def user(body: JsonObject) -> tuple[str, bool]:
    """The user whose data is to be erased, and whether it is only to be counted. Raises BadRequest."""
    _only(body, ("user", "dryRun"))
    # As long as senders write ids, so that every stored user can be erased.
    if not _is_text(body.get("user"), most=MAX_USER):
        raise BadRequest(f"user: text of 1 to {MAX_USER} characters, without the character NUL")
    return body["user"], _flag(body, "dryRun")


def text(value: str) -> str:
    """The value unchanged."""
    return value


def limit(value: str) -> int:
    """The largest number of entries. Raises BadRequest."""
    if not (value.isascii() and value.isdigit() and len(value) < 9 and 0 < int(value) <= MAX_PAGE):
        raise BadRequest(f"a number from 1 to {MAX_PAGE}")
    return int(value)


def number(value: str) -> int:
    """The id of an activation. Raises BadRequest."""
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise BadRequest("a number, as an earlier answer gave it")
    return int(value)


def cursor(value: str) -> str:
    """A cursor. Raises BadRequest."""
    if Cursor.read(value) is None:
        raise BadRequest("what an earlier answer gave as `next` or `newest`")
    return value


def watched(value: str) -> tuple[str, ...]:
    """Seqs of events. Raises BadRequest."""
    idents = tuple(value.split(","))
    if len(idents) > MAX_WATCHED or not all(ident.isascii() and ident.isdigit() for ident in idents):
        raise BadRequest(f"1 to {MAX_WATCHED} seqs, with commas between")
    return idents


def instant(value: object) -> Any:
    """An instant as in RFC 3339. Raises BadRequest."""
    # RFC 3339 only: elsewhere a bare number is an instant too, but here it is a mistake.
    at = parse_instant(value) if isinstance(value, str) and _RFC_3339.fullmatch(value) else None
    if at is None:
        raise BadRequest("an instant, such as 2026-11-23T06:35:36Z")
    return at


def _true(value: str) -> bool:
    if value != "true":
        raise BadRequest("true, or leave it out")
    return True


def _outcome(value: str) -> str:
    if value not in OUTCOMES:
        raise BadRequest(f"outcome: one of {', '.join(OUTCOMES)}")
    return value


def _only(body: JsonObject, known: Collection[str]) -> None:
    if body.keys() - set(known):
        raise BadRequest(f"the body takes {', '.join(known)}, and no other name")


def _flag(body: JsonObject, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: true or false")
    return value


def _is_text(value: object, *, most: int = MAX_TEXT) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= most or "\0" in value:
        return False
    # Bytes that are not UTF-8 arrive as lone surrogates, which no column can hold.
    return not any("\ud800" <= char <= "\udfff" for char in value)
