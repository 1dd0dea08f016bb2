"""What a draft of a mapping would do: its findings, its tests, and what it makes of recorded events. Sends nothing."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Final

from adapter.console.wording import result_word
from adapter.files.finding import as_json
from adapter.mapping import explain
from adapter.mapping.diff import Change, Summary, compare
from adapter.mapping.load import Examined
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Event, JsonObject
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import EventRecord, Filter

MAX_COMPARED: Final = 2_000
"""Events of one request of a comparison; the client adds up the results."""
MAX_PREVIEWED: Final = 50
MAX_NAMES: Final = 200
"""Event names of one request that no rule matched before and one matches now."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as the mapping of one source, beside its active mapping."""

    source: str
    examined: Examined
    active: Ruleset
    active_privacy: Any


def checked_json(draft: Draft, events: Sequence[tuple[str, Event]], *, began_s: float) -> JsonObject:
    """The answer of a check: findings, rules, tests, guards, and the results for `events`, by their ids."""
    examined = draft.examined
    after = examined.compiled
    guards, guards_before = set(guards_of(examined.privacy)), set(guards_of(draft.active_privacy))
    return {
        "version": None if examined.ruleset is None else examined.ruleset.version,
        "findings": [as_json(finding) for finding in examined.findings],
        "rules": [] if after is None else [{"name": rule.name, "line": rule.line} for rule in after.rules],
        "tests": [
            {"name": test.name, "line": test.line, "passed": not test.difference, "difference": test.difference or None}
            for test in examined.tests
        ],
        "guards": {
            "gone": [] if after is None else sorted(guards_before - guards),
            "new": [] if after is None else sorted(guards - guards_before),
        },
        "events": [previewed(id_, event, draft.active, after) for id_, event in events],
        "ms": round((perf_counter() - began_s) * 1000, 1),
    }


def previewed(id_: str, event: Event, before: Ruleset, after: Ruleset | None) -> JsonObject:
    """What `before` and `after` make of one event, as an answer of a check has it; without `after` only the first."""
    name = event.body.get("event")
    return {
        "id": id_,
        "type": event.type,
        "event": name if isinstance(name, str) else None,
        "was": explain.as_json(before.render(event), before.hint(event)),
        "now": None if after is None else explain.as_json(after.render(event), after.hint(event)),
        "changes": [] if after is None else [_change(change) for change in compare(before, after, event)],
    }


def _change(change: Change) -> JsonObject:
    return {"call": change.call, "path": change.place, "before": change.before, "after": change.after}


def compared_json(
    admin: QueueAdmin,
    draft: Draft,
    *,
    wanted: Filter,
    before: int,
    limit: int,
    go_on: Callable[[], None],
) -> JsonObject:
    """The answer of a comparison: `limit` recorded events before seq `before`, by the active mapping and by the draft.

    Pending events count too, because the draft maps them once it is active.
    """
    after = draft.examined.compiled
    if after is None:
        raise ValueError("a draft with errors cannot be compared")
    summary, outcomes, taken = Summary(), Counter[tuple[str, str]](), Counter[str]()
    pending, reached, is_all, down_to = 0, before, False, None
    left = limit
    while left > 0 and not is_all:
        go_on()
        page = admin.page_before(wanted, limit=min(_PAGE, left), before=reached)
        for record in page.records:
            go_on()
            if not record.event.body:
                continue
            changes = compare(draft.active, after, record.event)
            summary.add(record.event, changes)
            pending += record.ended_at is None
            if changes:
                pair = result_word(draft.active.render(record.event)), result_word(after.render(record.event))
                outcomes[pair] += 1
                if pair[0] == "unmatched" != pair[1] and (len(taken) < MAX_NAMES or _name(record) in taken):
                    taken[_name(record)] += 1
        left -= max(len(page.records), 1)
        reached, is_all, down_to = page.bottom, page.is_all, page.down_to or down_to
    found = summary.as_json()
    return {
        **{name: found[name] for name in ("events", "same", "different", "changes")},
        "outcomes": [{"from": one, "to": other, "events": n} for (one, other), n in outcomes.most_common()],
        "unmatchedTaken": [{"name": name, "events": n} for name, n in taken.most_common()],
        "pending": pending,
        "next": None if is_all else str(reached),
        "downTo": down_to,
    }


def _name(record: EventRecord) -> str:
    name = record.event.body.get("event")
    return name[:200] if isinstance(name, str) else record.event.type


def guards_of(privacy: Any) -> Iterable[str]:
    """The lines of a `privacy` block, as people read them: `traits.email: hash`."""
    if isinstance(privacy, dict):
        for name, value in privacy.items():
            for line in guards_of(value):
                yield f"{name}: {line}" if line else str(name)
    elif isinstance(privacy, list):
        for value in privacy:
            yield from guards_of(value)
    elif privacy is not None:
        yield "" if privacy is True else str(privacy)
