"""What a change of a mapping would do to events: pure comparison of two rulesets, and a summary of equal changes.

A change is a place, with its values before and after. Equal changes of many events are shown once, with the number of
events and an example. A summary takes any number of events in bounded memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from adapter.mapping.compile.filetests import outcome_text
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.run.scalars import json_of, same
from adapter.model import Call, Calls, Event, JsonObject, Rendered
from adapter.printable import printable

MAX_EXAMPLES: Final = 3
"""Message ids that are kept for each kind of change."""
MAX_KINDS: Final = 1_000
"""Kinds of change that are counted separately; event names made of ids would otherwise fill the memory."""
MAX_CHARS: Final = 200
"""Characters of a value, a name or a kind that are shown."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `call` is the number of the call, 0 for the outcome; `place` is the field in it, or empty.

    `before` and `after` are JSON text or words; None if there was no value.
    """

    call: int
    place: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        before, after = self.before or "(absent)", self.after or "(absent)"
        if self.place:
            return f"call {self.call} {self.place}: {before} -> {after}"
        where = f"call {self.call}: " if self.call else ""
        lines = [f"- {where}{self.before}" if self.before else "", f"+ {where}{self.after}" if self.after else ""]
        return "\n".join(filter(None, lines))


def compare(old: Ruleset, new: Ruleset, event: Event) -> Sequence[Change]:
    """The differences of one event; empty if there are none."""
    before, after = old.render(event), new.render(event)
    calls_before, calls_after = _calls(before), _calls(after)
    changes = []
    if _ending(before) != _ending(after):
        changes.append(Change(0, "", _ending(before), _ending(after)))
    for number, (one, other) in enumerate(_paired(calls_before, calls_after), 1):
        changes += _call_changes(number, one, other)
    return changes


def _calls(rendered: Rendered) -> Sequence[Call]:
    return rendered.calls if isinstance(rendered, Calls) else ()


def _ending(rendered: Rendered) -> str:
    return "sent" if isinstance(rendered, Calls) else printable(outcome_text(rendered))


def _paired(before: Sequence[Call], after: Sequence[Call]) -> Sequence[tuple[Call | None, Call | None]]:
    """Pairs of calls to compare: by position if there are as many on both sides, else by key."""
    if len(before) == len(after):
        return list(zip(before, after, strict=True))
    old = {call.key: call for call in before}
    new = {call.key: call for call in after}
    keys = dict.fromkeys([*old, *new])
    return [(old.get(key), new.get(key)) for key in keys]


def _call_changes(number: int, before: Call | None, after: Call | None) -> Sequence[Change]:
    if before is None or after is None:
        return [Change(number, "", _named(before), _named(after))]
    fields_before, fields_after = _fields(before), _fields(after)
    changes = []
    for place in fields_before | fields_after:
        one, other = fields_before.get(place, ABSENT), fields_after.get(place, ABSENT)
        # Most values are the event's own and so the same object on both sides.
        if one is not other and not same(one, other):
            changes.append(Change(number, place, _json(one), _json(other)))
    return changes


def _named(call: Call | None) -> str | None:
    return None if call is None else f"{call.kind} {printable(call.body.get('event', ''))}".strip()


def _fields(call: Call) -> JsonObject:
    """Every word of a body and every field in its properties or traits, by place."""
    fields: JsonObject = {"kind": call.kind}
    for word, value in call.body.items():
        if word in {"properties", "traits"}:
            fields |= {f"{word}.{name}": member for name, member in value.items()}
        else:
            fields[word] = value
    return fields


def _json(value: Any) -> str | None:
    return None if value is ABSENT else str(json_of(value))


# Summary


@dataclass(slots=True)
class ChangeGroup:
    """Events with the same kind of change, `what`: their number, the ids of the first few, and the first in full.

    `of` is the type and the name of the first event; `changes` are its changes of this kind.
    """

    what: str
    of: str
    changes: Sequence[Change]
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def lines(self) -> Sequence[str]:
        """For people: the kind, the first event with its values, the ids of others."""
        first, *others = map(printable, self.examples)
        changes = "\n".join(map(str, self.changes)).splitlines()
        also = [f"    also {', '.join(others)}"] if others else []
        return [
            f"{_events(self.count)}: {self.what}",
            f"    {first}  {self.of}",
            *(f"      {line}" for line in changes),
            *also,
        ]


@dataclass(slots=True)
class Summary:
    """A running count of differences; add events one by one, in any number.

    `beyond` counts changes of kinds that came after MAX_KINDS others.
    """

    same: int = 0
    different: int = 0
    beyond: int = 0
    groups: dict[str, ChangeGroup] = field(default_factory=dict)

    def add(self, event: Event, changes: Sequence[Change]) -> None:
        """Count one event with its changes."""
        if not changes:
            self.same += 1
            return
        self.different += 1
        for what, alike in _by_kind(changes).items():
            self._count(what, event, alike)

    def _count(self, what: str, event: Event, changes: Sequence[Change]) -> None:
        group = self.groups.get(what)
        if group is None and len(self.groups) == MAX_KINDS:
            self.beyond += 1
            return
        if group is None:
            group = self.groups[what] = ChangeGroup(what, _named_event(event), [_short(change) for change in changes])
        group.count += 1
        if len(group.examples) < MAX_EXAMPLES:
            group.examples.append(event.message_id)

    def ordered(self) -> Sequence[ChangeGroup]:
        """The groups, largest first."""
        return sorted(self.groups.values(), key=lambda group: (-group.count, group.what))

    def lines(self) -> Sequence[str]:
        """For people: the groups, largest first, and the totals."""
        shown = [line for group in self.ordered() for line in group.lines()]
        if self.beyond:
            shown.append(f"{self.beyond} changes more, of other kinds than these {MAX_KINDS}")
        total = self.same + self.different
        return [*map(printable, shown), f"{_events(total)}: {self.same} the same, {self.different} different"]

    def as_json(self) -> JsonObject:
        """The same as data."""
        return {
            "events": self.same + self.different,
            "same": self.same,
            "different": self.different,
            "beyond": self.beyond,
            "changes": [
                {
                    "events": group.count,
                    "what": group.what,
                    "examples": group.examples,
                    "of": group.of,
                    "first": [asdict(change) for change in group.changes],
                }
                for group in self.ordered()
            ],
        }


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _named_event(event: Event) -> str:
    name = event.body.get("event")
    return _cut(printable(f"{event.type} {name}" if isinstance(name, str) else event.type))


def _short(change: Change) -> Change:
    before, after = change.before and _cut(change.before), change.after and _cut(change.after)
    return replace(change, place=_cut(printable(change.place)), before=before, after=after)


def _by_kind(changes: Sequence[Change]) -> dict[str, list[Change]]:
    kinds: dict[str, list[Change]] = {}
    for what, alike in _kinds(changes):
        kinds.setdefault(_cut(printable(what)), []).extend(alike)
    return kinds


def _kinds(changes: Sequence[Change]) -> Iterator[tuple[str, Sequence[Change]]]:
    """The changes of one event without values. A removed and an added field with the same value are a renaming."""
    gone: dict[tuple[int, str | None], list[Change]] = {}
    for change in changes:
        if change.place and change.after is None:
            gone.setdefault((change.call, change.before), []).append(change)
    listed = set()
    for change in changes:
        alike = gone.get((change.call, change.after)) if change.place and change.before is None else None
        if alike:
            old = alike.pop(0)
            yield f"call {change.call} {old.place} → {_new_name(old.place, change.place)}", (old, change)
            listed |= {id(old), id(change)}
    for change in changes:
        if id(change) not in listed:
            yield _kind(change), (change,)


def _new_name(old: str, new: str) -> str:
    """The new place without the first word that it shares with the old one, usually `properties`."""
    word = f"{old.partition('.')[0]}."
    return new.removeprefix(word)


def _kind(change: Change) -> str:
    if not change.place:
        where = f"call {change.call}: " if change.call else ""
        return f"{where}{change.before or 'no call'} → {change.after or 'no call'}"
    what = "added" if change.before is None else "gone" if change.after is None else "changed"
    return f"call {change.call} {change.place} {what}"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else text[: MAX_CHARS - 1] + "…"
