"""Which events arrived: by source, type and name, with the types of their values and the rule that matches them now.
Pure.

Shows no value of an event, only where values are and of what type.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, TypeAlias

from adapter.console import serialize
from adapter.console.console import NAMED_EVENTS, Events
from adapter.console.pagination import Cursor
from adapter.console.serialize import Entry
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Dropped, Event, JsonObject, Refused
from adapter.queue.records import RejectionRecord
from adapter.wire.instants import instant_text

MAX_PATHS = 200
"""Paths of one name; the values of further paths are not counted."""
MAX_NAMES = 1_000
"""Names in one answer; an event name made of ids would otherwise fill it."""
MAX_NAME = 1_000
"""Characters of a name; longer names have no entry of their own."""
MAX_VALUES = 1_000
"""Values of one event whose types are counted, in each of `properties`, `traits` and `context`. A body may have
hundreds of thousands, and 2,000 such events would take minutes.
"""
MAX_PATH_CHARS = 2_000_000
"""Characters of all paths in one answer."""
_MAX_DEPTH = 6
_MAX_ITEMS = 20
_MAX_MEMBER = 200
"""Characters of one member's name in a path."""
_CUT = "more"
"""Replaces a type: the values below are not counted."""
_IN = ("properties", "traits", "context")
"""Counted and shown in this order: what a platform adds to each event must not displace what a sender wrote."""

RulesetOf: TypeAlias = Callable[[str], Ruleset | None]
"""The active ruleset of a source; None if it is not available."""


PageOf: TypeAlias = Callable[[Events], tuple[Sequence[Entry], Cursor | None]]
"""A page of the selected entries, newest first, and the next cursor."""


def count_names(wanted: Events, page_of: PageOf, ruleset_of: RulesetOf) -> JsonObject:
    """The answer of `Console.names`."""
    tally = NameTally()
    while tally.events < NAMED_EVENTS:
        page, after = page_of(wanted)
        tally.add(page)
        wanted = replace(wanted, before=None if after is None else str(after))
        if after is None or not page:
            break
    return {
        "events": tally.events,
        "names": tally.as_json(ruleset_of),
        "otherNames": tally.other_names,
        "downTo": None if tally.down_to is None else instant_text(tally.down_to),
        "next": wanted.before,
    }


def add_up(pages: Iterable[JsonObject]) -> list[JsonObject]:
    """The `names` of several pages, newest page first, as one list: most frequent first."""
    found: dict[tuple[str, str, str], JsonObject] = {}
    for name in (name for page in pages for name in page["names"]):
        key = name["source"], name["type"] or "", name["name"] or ""
        known = found.setdefault(key, {**name, "events": 0, "paths": []})
        types = {path["path"]: Counter(path["types"]) for path in known["paths"]}
        for path in name["paths"]:
            types.setdefault(path["path"], Counter()).update(path["types"])
        paths = [
            {"path": path, "types": dict(counts.most_common())} for path, counts in sorted(types.items(), key=_place)
        ]
        # The rule is that of the newest event, which is on the first page.
        known.update(events=known["events"] + name["events"], first=name["first"], paths=paths)
    return sorted(found.values(), key=lambda name: -name["events"])


@dataclass(slots=True)
class _Name:
    """The counts of one name. Entries arrive newest first."""

    newest: Entry
    events: int = 0
    first_at: datetime | None = None
    paths: dict[str, Counter[str]] = field(default_factory=dict)
    has_more: bool = False
    """Whether a limit left out a path or a value."""


class NameTally:
    """Counts events by source, type and name."""

    def __init__(self) -> None:
        self.events = 0
        self.other_names = 0
        self.down_to: datetime | None = None
        self._chars_left = MAX_PATH_CHARS
        self._names: dict[tuple[str, str, str], _Name] = {}

    def add(self, entries: Sequence[Entry]) -> None:
        """Count further entries, newest first."""
        for entry in entries:
            self.events += 1
            self.down_to = serialize.received_at(entry)
            key = _key(entry)
            if key not in self._names:
                if len(self._names) >= MAX_NAMES or len(key[2]) > MAX_NAME:
                    self.other_names += 1
                    continue
                self._names[key] = _Name(entry)
            name = self._names[key]
            name.events += 1
            name.first_at = serialize.received_at(entry)
            if not isinstance(entry, RejectionRecord):
                self._count_paths(entry.event, name)

    def _count_paths(self, event: Event, name: _Name) -> None:
        paths = name.paths
        for group in _IN:
            leaves = _leaves(event.body.get(group), group, _MAX_DEPTH)
            # A list has several values at one path: each type counts once for the event.
            for path, type_ in dict.fromkeys(islice(leaves, MAX_VALUES)):
                if type_ == _CUT:
                    name.has_more = True
                elif path in paths:
                    paths[path][type_] += 1
                elif len(paths) < MAX_PATHS and len(path) <= self._chars_left:
                    self._chars_left -= len(path)
                    paths[path] = Counter({type_: 1})
                else:
                    name.has_more = True
            name.has_more = name.has_more or next(leaves, None) is not None

    def as_json(self, ruleset_of: RulesetOf) -> list[JsonObject]:
        """The names, most frequent first."""
        ordered = sorted(self._names.items(), key=lambda item: (-item[1].events, item[0]))
        return [_as_json(key, name, ruleset_of) for key, name in ordered]


def _place(found: tuple[str, Counter[str]]) -> tuple[int, str]:
    """The place of a path in the list, and its types."""
    path, _ = found
    group = path.partition(".")[0].partition("[")[0]
    return (_IN.index(group) if group in _IN else len(_IN)), path


def _key(entry: Entry) -> tuple[str, str, str]:
    if isinstance(entry, RejectionRecord):
        return entry.rejection.source, "", ""
    name = entry.event.body.get("event")
    return entry.event.source, entry.event.type, name if isinstance(name, str) else ""


def _as_json(key: tuple[str, str, str], name: _Name, ruleset_of: RulesetOf) -> JsonObject:
    source, type_, text = key
    taken = _taken(name.newest, ruleset_of)
    return {
        "source": source,
        "type": type_ or None,
        "name": text or None,
        "events": name.events,
        "first": None if name.first_at is None else instant_text(name.first_at),
        "last": instant_text(serialize.received_at(name.newest)),
        "newest": serialize.id_of(name.newest),
        **taken,
        "paths": [
            {"path": path, "types": dict(types.most_common())} for path, types in sorted(name.paths.items(), key=_place)
        ],
        "morePaths": name.has_more,
    }


def _taken(entry: Entry, ruleset_of: RulesetOf) -> JsonObject:
    """What the active mapping makes of the newest event of a name; "unknown" without a body or a mapping."""
    if isinstance(entry, RejectionRecord):
        return {"outcome": "rejected", "rule": None, "ruleLine": None}
    ruleset = None if serialize.is_deleted(entry) else ruleset_of(entry.event.source)
    if ruleset is None:
        return {"outcome": "unknown", "rule": None, "ruleLine": None}
    rendered = ruleset.render(entry.event)
    match rendered:
        case Calls(calls):
            outcome, rule = "mapped", calls[0].rule if calls else None
        case Dropped():
            outcome, rule = "dropped", rendered.rule
        case Refused():
            outcome, rule = "refused", rendered.rule
        case _:
            outcome, rule = "unmatched", None
    line = next((found.line for found in ruleset.rules if found.name == rule), None)
    return {"outcome": outcome, "rule": rule or None, "ruleLine": line}


def _leaves(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value and depth:
        for name, inner in islice(value.items(), MAX_PATHS + 1):
            yield from _leaves(inner, f"{path}.{name[:_MAX_MEMBER]}", depth - 1)
        if len(value) > MAX_PATHS + 1 or any(len(name) > _MAX_MEMBER for name in islice(value, MAX_PATHS + 1)):
            yield path, _CUT
    elif isinstance(value, list) and value and depth:
        for inner in value[:_MAX_ITEMS]:
            yield from _leaves(inner, f"{path}[]", depth - 1)
        if len(value) > _MAX_ITEMS:
            yield path, _CUT
    elif isinstance(value, dict | list) and value:
        yield path, _type(value)
        yield path, _CUT
    elif path not in _IN:
        yield path, _type(value)


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "null"
    return "list" if isinstance(value, list) else "object"
