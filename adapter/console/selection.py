"""Selects dead letters, rejections and unmatched events: by id, by cause, or all. Changes nothing."""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from adapter.console.console import REJECTED, Selection
from adapter.console.detail import ActiveRulesets
from adapter.console.serialize import Entry
from adapter.model import JsonObject, Reason
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import CauseGroup, Outcome, RejectionRecord, is_cause
from adapter.wire.instants import instant_text

_PAGE = 500
_MAX_UNMATCHED = 100_000
"""Unmatched events are counted up to this number."""
_BY_RULE = re.compile(r".*\(rule '(.*)'\)\Z", re.DOTALL)
"""How the cause of an event that its mapping refused ends: with the rule, whatever its problems quote before."""


class Selected(NamedTuple):
    """Seqs of events and numbers of rejections, oldest first, and ids without a match."""

    seqs: list[int]
    numbers: list[int]
    missing: list[str]


def has_cause(kept: Entry | CauseGroup, cause: str | None, *, exact: bool = False) -> bool:
    """Whether `cause` is a part of its cause, as stored or as `causes` lists it; without regard to case, and with or
    without the backticks around names. With `exact`: whether `causes` lists it as `cause`, or as a longer text of which
    `cause` is the first `MAX_CAUSE` characters.
    """
    return cause is None or is_cause(cause, (kept.cause, kept.common_cause), exact=exact)


def choose(admin: QueueAdmin, which: Selection, *, outcomes: tuple[Outcome, ...] = ("dead",)) -> Selected:
    """What `which` selects in this queue now; `outcomes` are those of events that may be named by id."""
    if which.ids:
        return _named(admin, which.ids, outcomes)
    if which.unmatched:
        return Selected(sorted(chain.from_iterable(admin.unmatched())), [], [])
    cause = which.cause
    groups = [group for group in admin.groups() if has_cause(group, cause, exact=which.exact)]
    seqs, numbers = admin.members(groups)
    return Selected([*seqs], [*numbers], [])


def _named(admin: QueueAdmin, idents: tuple[str, ...], outcomes: tuple[Outcome, ...]) -> Selected:
    chosen = Selected([], [], [])
    for ident in dict.fromkeys(idents):
        digits = ident.removeprefix("r")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
        found = admin.rejection(number) if ident.startswith("r") else admin.event(number)
        if isinstance(found, RejectionRecord):
            chosen.numbers.append(number)
        elif found is not None and found.outcome in outcomes:
            chosen.seqs.append(number)
        else:
            chosen.missing.append(ident)
    return Selected(sorted(chosen.seqs), sorted(chosen.numbers), chosen.missing)


def merged(groups: Iterable[CauseGroup], rulesets: ActiveRulesets) -> list[JsonObject]:
    """The causes of `groups` as the API lists them, most frequent first: one for all that differ in ids only.

    `rulesets` find the line of a rule that refused events.
    """
    found: dict[tuple[bool, str], list[CauseGroup]] = {}
    for group in groups:
        found.setdefault((group.rejected, group.common_cause), []).append(group)
    causes = [
        {
            "count": sum(group.count for group in same),
            "outcome": REJECTED if rejected else "dead",
            "cause": cause if len(same) > 1 else same[0].cause,
            "oldest": f"{'r' if rejected else ''}{min(group.first for group in same)}",
            "reason": same[0].reason,
            "sources": sorted({source for group in same for source in group.sources}),
            "first": instant_text(min(group.since for group in same)),
            "last": instant_text(max(group.until for group in same)),
            **_rule_of(max(same, key=lambda group: group.until), rulesets),
        }
        for (rejected, cause), same in found.items()
    ]
    return sorted(causes, key=lambda cause: -cause["count"])


def unmatched_kept(admin: QueueAdmin, go_on: Callable[[], None]) -> JsonObject:
    """How many unmatched events are kept, and when the first and the last of them were received."""
    count = lowest = highest = 0
    for seqs in admin.unmatched():
        go_on()
        if not seqs:
            continue
        count += len(seqs)
        lowest = min([*seqs, lowest or seqs[0]])
        highest = max(highest, *seqs)
        if count >= _MAX_UNMATCHED:
            break
    return {
        "count": count,
        "isAll": count < _MAX_UNMATCHED,
        "first": _received_at(admin, lowest),
        "last": _received_at(admin, highest),
    }


def _received_at(admin: QueueAdmin, seq: int) -> str | None:
    record = admin.event(seq) if seq else None
    return None if record is None else instant_text(record.event.received_at)


def _rule_of(group: CauseGroup, rulesets: ActiveRulesets) -> JsonObject:
    """The rule that refused the events of a cause, with its file and line; null for other causes."""
    found = _BY_RULE.search(group.detail) if group.reason == Reason.REFUSED_BY_MAPPING else None
    if found is None:
        return {"rule": None, "file": None, "line": None}
    file, line = rulesets.place(group.sources[0], version=group.mapping, rule=found[1])
    return {"rule": found[1], "file": file, "line": line}


def letters_in_pages(admin: QueueAdmin) -> Iterator[list[Entry]]:
    """Every dead letter, then every rejection, oldest first."""
    seq = number = 0
    while records := admin.dead(after=seq, limit=_PAGE):
        seq = records[-1].seq
        yield [*records]
    while kept := admin.rejections(after=number, limit=_PAGE):
        number = kept[-1].number
        yield [*kept]
