"""Event names that were seen and that no rule names, with a mapping to start from. Pure: events in, text out."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

from msgspec.structs import replace

from adapter.files.yaml_text import quoted
from adapter.mapping.language.words import VERSION
from adapter.mapping.run.naming import fold, nfc, snake
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, Dropped, Event, Refused, Rendered, Unmatched

MAX_LENGTH: Final = 300
MAX_NAMES: Final = 1_000
"""Names that are counted; an event name made of ids would otherwise fill the memory."""

_NO_NAME: Final = "\x00"
_HALVES: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`names` are the track events that no rule names, most frequent first. `uncounted` events have names that came
    after MAX_NAMES others, or that a file cannot contain.

    `types` counts the messages of types that no rule handles, of the first MAX_NAMES types.
    """

    names: Sequence[tuple[str, int]]
    types: Sequence[tuple[str, int]]
    uncounted: int

    def mapping(self) -> str:
        """A mapping file that names them, with a test; "" if there is nothing to name."""
        if not self.names:
            return ""
        entries = [(name, nfc(snake(name).upper()) if name.strip() else "UNNAMED", count) for name, count in self.names]
        first, called, _ = entries[0]
        lines = [
            "# yaml-language-server: $schema=../schemas/adapter/mapping.json",
            f"version: {VERSION}",
            "",
            "tables:",
            "  event_names:",
            *(f"    {quoted(name)}: {quoted(called)}    # seen {count} times" for name, called, count in entries),
            "",
            "rules:",
            "  - name: Names that we agreed on",
            "    when: {type: track, event: {in: event_names}}",
            "    track: {from: event, apply: [{lookup: event_names}]}",
            "",
            "tests:",
            "  - name: the most frequent one",
            f"    given: {{type: track, event: {quoted(first)}}}",
            f"    expect: [{{track: {quoted(called)}}}]",
        ]
        return "\n".join(lines) + "\n"


def suggest(events: Iterable[Event], rules: Ruleset | None = None) -> Suggestion:
    """Find the event names that `rules`, if there are any, do not name.

    A rule names an event by its exact name, or by any condition on it: `like`, `in`, `regex`. Events that such a rule
    drops are dropped on purpose.
    """
    is_named = _NamedBy(rules) if rules is not None else lambda _: False
    handled = [rule.types for rule in (rules.rules if rules else ())]
    names: Counter[str] = Counter()
    types: Counter[str] = Counter()
    uncounted = 0
    for event in events:
        is_handled = rules is None or any(kinds is None or event.type in kinds for kinds in handled)
        if not is_handled and (event.type in types or len(types) < MAX_NAMES):
            types[event.type] += 1
        name = event.body.get("event")
        if event.type != "track" or not isinstance(name, str) or not name.strip():
            continue
        if name in names:
            names[name] += 1
        elif is_named(event):
            continue
        elif len(names) < MAX_NAMES and _fits_a_table(name):
            names[name] = 1
        else:
            uncounted += 1
    return Suggestion(_ordered(names), _ordered(types), uncounted)


class _NamedBy:
    """Whether one of `rules` names a track event."""

    def __init__(self, rules: Ruleset) -> None:
        self._rules = rules
        self._spell = fold if rules.folds_names else str
        self._exact = frozenset(self._spell(name) for rule in rules.rules for name in rule.events or ())
        self._by_condition: set[str] = set()

    def __call__(self, event: Event) -> bool:
        name = event.body["event"]
        if self._spell(name) in self._exact or name in self._by_condition:
            return True
        # The rule matches this event and not the same event of an unused name, so its condition is on the name.
        nameless = replace(event, body={**event.body, "event": _NO_NAME})
        if _rule_of(self._rules.render(event)) == _rule_of(self._rules.render(nameless)):
            return False
        if len(self._by_condition) < MAX_NAMES:
            self._by_condition.add(name)
        return True


def _rule_of(rendered: Rendered) -> str | None:
    match rendered:
        case Calls(calls):
            return calls[0].rule
        case Dropped() | Refused():
            return rendered.rule
        case Unmatched():
            return None
    assert_never(rendered)


def _ordered(counts: Counter[str]) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))


def _fits_a_table(name: str) -> bool:
    """Whether it is short enough for a key in YAML, and without lone surrogates, which a file cannot contain."""
    return len(name) <= MAX_LENGTH and not _HALVES.search(name)
