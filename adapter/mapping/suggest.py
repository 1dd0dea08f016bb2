"""Event names that were seen and that no rule names, with a mapping to start from. Pure: events in, text out."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from adapter.mapping.naming import fold, nfc, snake
from adapter.mapping.ruleset import Ruleset
from adapter.mapping.words import VERSION
from adapter.model import Event
from adapter.observe.printable import escape_unprintable

MAX_LENGTH: Final = 300
MAX_NAMES: Final = 1_000
"""Names that are counted; an event name made of ids would otherwise fill the memory."""

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _-]*[A-Za-z0-9]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_OWN_MEANING: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`names` are the track events that no rule names, most frequent first. `uncounted` events have names that
    came after MAX_NAMES others, or that no file can hold.

    `types` counts the messages of types that no rule handles, of the first MAX_NAMES types.
    """

    names: Sequence[tuple[str, int]]
    types: Sequence[tuple[str, int]]
    uncounted: int

    def mapping(self) -> str:
        """A mapping file that names them, with a test; empty text if there is nothing to name."""
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
            *(f"    {_quoted(name)}: {_quoted(called)}    # seen {count} times" for name, called, count in entries),
            "",
            "rules:",
            "  - name: Names that we agreed on",
            "    when: {type: track, event: {in: event_names}}",
            "    track: {from: event, apply: [{lookup: event_names}]}",
            "",
            "tests:",
            "  - name: the most frequent one",
            f"    given: {{type: track, event: {_quoted(first)}}}",
            f"    expect: [{{track: {_quoted(called)}}}]",
        ]
        return "\n".join(lines) + "\n"


def suggest(events: Iterable[Event], rules: Ruleset | None = None) -> Suggestion:
    """Look through events for what `rules`, if there are any yet, do not name."""
    spell = fold if rules is not None and rules.folds_names else str
    named = frozenset(spell(name) for rule in (rules.rules if rules else ()) for name in rule.events or ())
    handled = [rule.types for rule in (rules.rules if rules else ())]
    names: Counter[str] = Counter()
    types: Counter[str] = Counter()
    uncounted = 0
    for event in events:
        is_handled = rules is None or any(kinds is None or event.type in kinds for kinds in handled)
        if not is_handled and (event.type in types or len(types) < MAX_NAMES):
            types[event.type] += 1
        name = event.body.get("event")
        if event.type != "track" or not isinstance(name, str) or not name.strip() or spell(name) in named:
            continue
        if name in names or (len(names) < MAX_NAMES and _fits_a_table(name)):
            names[name] += 1
        else:
            uncounted += 1
    return Suggestion(_ordered(names), _ordered(types), uncounted)


def _ordered(counts: Counter[str]) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda counted: (-counted[1], counted[0]))


def _quoted(text: str) -> str:
    """The text as YAML reads it back: bare where that is safe."""
    if _PLAIN.fullmatch(text) and text.lower() not in _OWN_MEANING:
        return text
    return escape_unprintable(json.dumps(text, ensure_ascii=False), escape=_yaml_escape)


def _yaml_escape(character: str) -> str:
    return f"\\U{ord(character):08x}"


def _fits_a_table(name: str) -> bool:
    """Short enough for a key of YAML, and without half characters, which no file can hold."""
    return len(name) <= MAX_LENGTH and not _HALVES.search(name)
