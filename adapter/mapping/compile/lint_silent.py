"""Words of a file that are allowed and never do what they seem to. Each is (code, place, message)."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from adapter.files.document import DocumentPath
from adapter.files.finding import nearest
from adapter.mapping.compile.pins import Pinned
from adapter.mapping.language.paths import EventPath, parse_path
from adapter.mapping.language.words import JOINED

TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")
_OTHER_TYPES: Final = ("record", "merge", "audiencelist", "extract", "delete")
"""Further types of RudderStack, and Segment's deletion requests."""
_NAMELESS: Final = frozenset({"identify", "page", "group", "alias"})
_TO_TEXT: Final = frozenset({"trim", "lower", "upper", "title", "snake", "kebab"})
_TO_NUMBER: Final = frozenset({"number", "integer", "round", "times", "plus", "sum", "count"})

_COMPARISON: Final = re.compile(r"\s*(>=|<=|!=|==|>|<)\s*(.+)")
_OPERATORS: Final = {">": "above", ">=": "at_least", "<": "below", "<=": "at_most", "!=": "not", "==": "is"}
_NETWORK: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}/[0-9]{1,2}|[0-9a-fA-F:]+::?/[0-9]{1,3}")
_CODES: Final = frozenset({"NO", "ON"})
"""Norway and Ontario."""
_YES_NO: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}
NAMED_BLOCKS: Final = frozenset({"properties", "traits", "fields", "map", "shared", "derived"})
"""Blocks whose lines begin with names that the author chose; a name may be equal to a word."""
_CONSTANTS: Final = frozenset({"default", "value", "text"})

Silent = tuple[str, DocumentPath, str]


def misspelt_types(path: DocumentPath, condition: Mapping[str, Any]) -> Iterator[Silent]:
    """Types that no message has: ingest converts them to lower case, and libraries send six."""
    for place, text in _texts((*path, "type"), condition.get("type")):
        if text not in TYPES and text not in _OTHER_TYPES:
            meant = nearest(text, TYPES)
            known = f"did you mean `{meant}`?" if meant else f"libraries send {', '.join(TYPES)}"
            yield "W210", place, f"no message has the type `{text}`; {known}"


def odd_texts(path: DocumentPath, condition: Mapping[str, Any]) -> Iterator[Silent]:
    """Constants of checks that are a comparison or a path in other languages, and plain text here."""
    for line, check in condition.items():
        if line in JOINED.words or line == "type":
            continue
        for place, text in _texts((*path, line), check):
            comparison = _COMPARISON.match(text)
            if comparison is not None:
                word = _OPERATORS[comparison[1]]
                yield "W214", place, f"`{text}` is compared as text; for a comparison write {{{word}: {comparison[2]}}}"
            elif _is_path(text):
                yield (
                    "W208",
                    place,
                    f"`{text}` is constant text here; a check compares with a constant, not with a path",
                )
            elif text.lower() in _YES_NO and text not in _CODES:
                yield "W214", place, f"`{text}` is text; for a boolean write {_YES_NO[text.lower()]}"
            elif _NETWORK.fullmatch(text):
                yield "W214", place, f"`{text}` is compared as text; for a network write {{in_net: {text}}}"
            elif "*" in text:
                yield "W214", place, f"`{text}` is compared as text; for a pattern write {{like: {text}}}"
        yield from _odd_patterns((*path, line), check)


def _odd_patterns(path: DocumentPath, check: Any) -> Iterator[Silent]:
    """Patterns in the spelling of another operator or language."""
    if type(check) is not dict:
        return
    for place, text in _texts_of(path, check, "regex"):
        if text.startswith("/") and text.rstrip("gimsuy").endswith("/") and len(text) > 2:
            yield "W214", place, "the slashes are part of the pattern; leave them out, and write `ignore_case` for `i`"
    for place, text in _texts_of(path, check, "contains"):
        if "*" in text:
            yield "W214", place, f"`contains` has no `*`; for a pattern write {{like: {text}}}"
    for place, text in _texts_of(path, check, "like"):
        if text.startswith("^") or (text.startswith("%") and text.endswith("%")):
            yield "W214", place, f"`like` has `*` and `?` only, and matches the whole text; `{text[0]}` is plain text"


def _texts_of(path: DocumentPath, check: Mapping[str, Any], word: str) -> Iterator[tuple[DocumentPath, str]]:
    """The texts of one operator, also within `not`."""
    if word in check:
        yield from _texts((*path, word), check[word])
    if type(check.get("not")) is dict:
        yield from _texts_of((*path, "not"), check["not"], word)


def paths_as_text(path: DocumentPath, value: Any) -> Iterator[Silent]:
    """Constants that look like a path, in any value below `path`."""
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        if key in NAMED_BLOCKS and type(member) is dict:
            for name, part in member.items():
                yield from paths_as_text((*path, key, name), part)
        elif key == "get" and type(member) is str and _is_path(member):
            yield "W208", (*path, key), f"`get: {member}` is a name; for the name at that path write {{from: {member}}}"
        elif key in _CONSTANTS and type(member) is str and _is_path(member):
            remedy = "{first: […]} of values" if key == "default" else f"{{from: {member}}}"
            yield "W208", (*path, key), f"`{key}: {member}` is constant text; for the path write {remedy}"
        elif key not in {"when", "value", "with", "find"}:
            yield from paths_as_text((*path, key), member)


def _is_path(text: str) -> bool:
    """Whether it begins with a root and goes below it, as a path does and almost no text."""
    read = parse_path(text)
    return isinstance(read, EventPath) and bool(read.segments)


def _texts(path: DocumentPath, check: Any) -> Iterator[tuple[DocumentPath, str]]:
    if type(check) is str:
        yield path, check
    elif type(check) is list:
        for place, member in enumerate(check):
            yield from _texts((*path, place), member)
    elif type(check) is dict:
        for word in ("is", "in", "not"):
            if word in check and not (word == "in" and type(check[word]) is str):
                yield from _texts((*path, word), check[word])


def nameless_types(place: int, pinned: Pinned) -> Iterator[Silent]:
    """A rule for the event names of messages without one."""
    if pinned.events and pinned.types and pinned.types <= _NAMELESS:
        kinds = ", ".join(sorted(pinned.types))
        yield "W211", ("rules", place, "when", "event"), f"{kinds} messages have no `event`, so this rule takes none"


def numbers_made_text(path: DocumentPath, value: Any) -> Iterator[Silent]:
    """A step on text right after a step that returns a number, in any list of steps below `path`."""
    members = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, member in members:
        if key == "value":
            continue  # a constant, even if it looks like a list of steps
        if key in NAMED_BLOCKS and type(member) is dict:
            for name, part in member.items():
                yield from numbers_made_text((*path, key, name), part)
            continue
        if key in {"apply", "do"} and type(member) is list:
            names = [next(iter(step), "") if type(step) is dict else step for step in member]
            for number, (before, name) in enumerate(pairwise(names), 1):
                if before in _TO_NUMBER and name in _TO_TEXT:
                    yield "W212", (*path, key, number), f"`{name}` makes text of the number that `{before}` gives"
        yield from numbers_made_text((*path, key), member)
