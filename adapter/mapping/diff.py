"""What a change of a mapping would do to events: pure comparison of two rulesets, and a summary of equal changes.

A change is a place and what stood there before and after. Changes that are alike over many events are told once, with
how many events they concern.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from adapter.mapping.absent import ABSENT
from adapter.mapping.document import printable
from adapter.mapping.filetests import outcome_text
from adapter.mapping.ruleset import Ruleset
from adapter.mapping.scalars import json_of, same
from adapter.model import Call, Calls, Event, JsonObject, Rendered

MAX_EXAMPLES: Final = 3
"""Message ids that are kept for each group of changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `call` is the number of the call, 0 for the outcome; `place` is the field in it, or empty.

    `before` and `after` are JSON text or words; None where there was nothing.
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
    """What is different for one event; empty if nothing is."""
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
    """Calls that are meant to be the same: by place if there are as many, else by key."""
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
    return [
        Change(number, place, _json(fields_before.get(place, ABSENT)), _json(fields_after.get(place, ABSENT)))
        for place in dict.fromkeys([*fields_before, *fields_after])
        if not same(fields_before.get(place, ABSENT), fields_after.get(place, ABSENT))
    ]


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
class Group:
    """Events that have the same kind of change, and the first few of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Summary:
    """A running count of differences; add events one by one, in any number."""

    same: int = 0
    different: int = 0
    groups: dict[str, Group] = field(default_factory=dict)

    def add(self, event: Event, changes: Sequence[Change]) -> None:
        """Count one event with its changes."""
        if not changes:
            self.same += 1
            return
        self.different += 1
        for kind in Counter(_kinds(changes)):
            group = self.groups.setdefault(kind, Group())
            group.count += 1
            if len(group.examples) < MAX_EXAMPLES:
                group.examples.append(event.message_id)

    def lines(self) -> Sequence[str]:
        """The groups, largest first, and the totals."""
        ordered = sorted(self.groups.items(), key=lambda named: (-named[1].count, named[0]))
        shown = [
            f"{_events(group.count)}: {kind}  ({', '.join(map(printable, group.examples))})" for kind, group in ordered
        ]
        total = self.same + self.different
        return [*shown, f"{_events(total)}: {self.same} the same, {self.different} different"]


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _kinds(changes: Sequence[Change]) -> Iterable[str]:
    """The changes of one event without its values; a field gone and one come with the same value is a renaming."""
    gone = {change.before: change for change in changes if change.place and change.after is None}
    renamed = [
        (gone[change.after], change)
        for change in changes
        if change.place and change.before is None and change.after in gone and gone[change.after].call == change.call
    ]
    for old, new in renamed:
        yield f"call {new.call} {old.place} → {new.place.rpartition('.')[2]}"
    told = {id(change) for pair in renamed for change in pair}
    for change in changes:
        if id(change) not in told:
            yield _kind(change)


def _kind(change: Change) -> str:
    if not change.place:
        where = f"call {change.call}: " if change.call else ""
        return f"{where}{change.before or 'no call'} → {change.after or 'no call'}"
    what = "added" if change.before is None else "gone" if change.after is None else "changed"
    return f"call {change.call} {change.place} {what}"
