"""A compiled mapping: what an event becomes. Immutable, safe for threads, and nothing an event holds makes it raise.

Rules are asked in the order of the file, but only those that could fit: dispatch answers the `type` and `event` that a
condition pins by two look-ups, so that a thousand rules for a thousand names cost what ten cost.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from msgspec.structs import replace

from adapter.files.finding import nearest
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.call_block import NO_ID, CallBlock, Make, UnkeyedCall
from adapter.mapping.run.frame import Frame, Get, Holds
from adapter.mapping.run.guarding import Guard, GuardMessage, guard, made_private, prepare
from adapter.mapping.run.naming import fold
from adapter.mapping.run.scalars import text_of
from adapter.model import (
    MAX_WARNINGS,
    Call,
    Calls,
    Dropped,
    Event,
    EventWarning,
    Privacy,
    PrivateEvent,
    Problem,
    Reason,
    Refused,
    Rendered,
    Unmatched,
    WarningKind,
)
from adapter.wire.ids import NO_IDS, is_no_id
from adapter.wire.integrations import is_switched_on

RuleAction: TypeAlias = Callable[[Frame], Rendered]
MAX_PROBLEMS: Final = 20
"""Different problems of a refused event that are kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `holds` is what is left to ask once `types` and `events` (None: any) are answered; None: nothing."""

    number: int
    name: str
    line: int
    types: frozenset[str] | None
    events: frozenset[str] | None
    holds: Holds | None
    act: RuleAction


@dataclass(frozen=True, slots=True)
class _ByName:
    """The rules that could fit events of one type: by event name, and for all other names.

    Where names are folded, `names` has them folded and as the file spells them: those are found without folding.
    """

    names: Mapping[str, Sequence[Rule]]
    others: Sequence[Rule]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file says of itself: its name in `integrations`, how names are compared, and the files of its tables."""

    integration: str | None
    folds_names: bool
    table_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the settings of a source say: whether it makes identify calls, texts that are no ids, and how old an event
    may be at its receipt.
    """

    identify: bool = True
    no_ids: frozenset[str] = NO_IDS
    max_age_s: float | None = None


class Ruleset:
    """One mapping, ready to work. `version` is 12 hexadecimal digits that change with what it does; `guards` are those
    of its `privacy` block, `prepared` what its `prepare` block does.
    """

    def __init__(
        self,
        *,
        version: str,
        rules: Sequence[Rule],
        guards: Sequence[Guard],
        prepared: Sequence[GuardMessage] = (),
        facts: FileFacts,
        source: SourceOptions,
    ) -> None:
        self.version = version
        self.no_ids = source.no_ids
        self.rules = tuple(rules)
        self.guards = tuple(guards)
        self._prepared = tuple(prepared)
        self.folds_names = facts.folds_names
        self.integration = facts.integration
        self.table_files = facts.table_files
        self._max_age = None if source.max_age_s is None else timedelta(seconds=source.max_age_s)
        self._identify = source.identify
        types = {name for rule in rules if rule.types is not None for name in rule.types}
        spell = fold if facts.folds_names else str
        self._by_type = {name: _by_name([rule for rule in rules if _takes(rule.types, name)], spell) for name in types}
        self._other_types = _by_name([rule for rule in rules if rule.types is None], spell)

    def render(self, event: Event) -> Rendered:
        """What the event becomes. Never raises and changes nothing in the event."""
        if self.integration is not None and _is_switched_off(event, self.integration):
            return Dropped(Reason.INTEGRATIONS, "", f"the sender switched {self.integration} off")
        if self._max_age is not None and event.received_at - event.timestamp > self._max_age:
            return Dropped(Reason.TOO_OLD, "", "it happened longer before its receipt than `max_age` of its source")
        frame = Frame(event, event.body, event.user_id, event.anonymous_id)
        if self.guards:
            guard(frame, self.guards)
        if self._prepared:
            prepare(frame, self._prepared)
        _leave_out_no_ids(frame, self.no_ids)
        for rule in self._candidates(frame.body.get("type"), frame.body.get("event")):
            if rule.holds is None or rule.holds(frame):
                rendered = rule.act(frame)
                return rendered if self._identify else without_identify(rendered, rule.name)
        return Unmatched()

    def hint(self, event: Event) -> str:
        """For an unmatched event: the rule whose event name is nearest, or nothing."""
        name = event.body.get("event")
        rules = {pinned: rule for rule in reversed(self.rules) for pinned in rule.events or ()}
        meant = nearest(name, rules) if type(name) is str else None
        return f"'{meant}' of '{rules[meant].name}' (line {rules[meant].line}) is near" if meant is not None else ""

    def made_private(self, event: Event, privacy: Privacy) -> tuple[PrivateEvent, Sequence[EventWarning]]:
        """The event as a private source stores it, through every guard that `privacy` does not name, and what steps of
        them could not do. Changes nothing in the event.
        """
        private, warnings = made_private(event, self.guards, privacy)
        name = self.integration
        if name is not None and _is_switched_off(event, name) and not _is_switched_off(private, name):
            # Privacy took away by whom the event may be seen; that Browsee may not must still be known at delivery.
            left = private.body.get("integrations")
            kept = {**(left if type(left) is dict else {}), name: False}
            private = replace(private, body={**private.body, "integrations": kept})
        return private, warnings

    def _candidates(self, kind: Any, name: Any) -> Sequence[Rule]:
        rules = self._by_type.get(kind, self._other_types) if type(kind) is str else self._other_types
        if type(name) is not str or not rules.names:
            return rules.others
        found = rules.names.get(name)
        if found is None:
            found = rules.names.get(fold(name), rules.others) if self.folds_names else rules.others
        return found


def _takes(wanted: frozenset[str] | None, name: str) -> bool:
    return wanted is None or name in wanted


def _by_name(rules: Sequence[Rule], spell: Callable[[str], str]) -> _ByName:
    others = [rule for rule in rules if rule.events is None]
    named: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in {spell(name) for name in rule.events or ()}:
            named.setdefault(name, []).append(rule)
    merged = {
        name: _until_certain(sorted([*some, *others], key=lambda rule: rule.number)) for name, some in named.items()
    }
    spelled = {name: merged[spell(name)] for rule in rules for name in rule.events or ()}
    return _ByName({**merged, **spelled}, _until_certain(others))


def _until_certain(rules: Sequence[Rule]) -> Sequence[Rule]:
    """Rules up to the first that takes every event that gets there; none after it is ever asked."""
    for place, rule in enumerate(rules):
        if rule.holds is None:
            return tuple(rules[: place + 1])
    return tuple(rules)


def _is_switched_off(event: Event, integration: str) -> bool:
    return is_switched_on(event.body.get("integrations"), integration) is False


def _leave_out_no_ids(frame: Frame, no_ids: frozenset[str]) -> None:
    """Take an event's own id away if it is none. Ingest does so too, but the list of such texts may be newer."""
    if frame.user_id is not None and is_no_id(frame.user_id, no_ids):
        frame.user_id = None
        frame.warnings.append(EventWarning(WarningKind.ID, "userId", NO_ID))
    if frame.anonymous_id is not None and is_no_id(frame.anonymous_id, no_ids):
        frame.anonymous_id = None
        frame.warnings.append(EventWarning(WarningKind.ID, "anonymousId", NO_ID))


# What a rule does


_Said = TypeVar("_Said")


def _merged(said: Sequence[_Said], *, at_most: int = MAX_WARNINGS) -> tuple[_Said, ...]:
    """Each once, in the order in which they were noticed; an `each` over many members repeats one."""
    return tuple(islice(dict.fromkeys(said), at_most)) if said else ()


def dropping(rule: str, *, text: str) -> RuleAction:
    """No call."""
    dropped = Dropped(Reason.BY_RULE, rule, text)
    return lambda _frame: dropped


def rejecting(rule: str, *, text: str) -> RuleAction:
    """The event is refused."""
    problem = Problem("", "reject", text)
    return lambda frame: Refused(rule, (problem,), _merged(frame.warnings))


def calling(rule: str, blocks: Sequence[CallBlock], *, max_calls: int) -> RuleAction:
    """The calls of `blocks`, in order; more than `max_calls` refuse the event, so that nothing is half delivered."""
    if len(blocks) == 1 and blocks[0].each is None and blocks[0].holds is None:
        return _calling_once(rule, blocks[0].make)
    why = "every condition was false or the list empty"

    def act(frame: Frame) -> Rendered:
        made: list[UnkeyedCall] = []
        over = 0
        for block in blocks:
            over += block.add_to(made, frame, max_calls)
        if over:
            text = f"{len(made) + over} calls are more than the {max_calls} that `settings.max_calls` allows an event"
            frame.problems.append(Problem("", "max_calls", text))
        if frame.problems:
            return Refused(rule, _merged(frame.problems, at_most=MAX_PROBLEMS), _merged(frame.warnings))
        if not made:
            return Dropped(Reason.NO_CALLS, rule, why, _merged(frame.warnings))
        return Calls(_keyed(made, rule), _merged(frame.warnings))

    return act


def _calling_once(rule: str, make: Make) -> RuleAction:
    """The one call that nearly every rule makes, without the bookkeeping of several."""

    def act(frame: Frame) -> Rendered:
        made = make(frame)
        if made is None or frame.problems:
            return Refused(rule, _merged(frame.problems, at_most=MAX_PROBLEMS), _merged(frame.warnings))
        kind, name, body = made
        return Calls((Call(f"{kind}/{name}/0", kind, body, rule),), _merged(frame.warnings))

    return act


def _keyed(made: Sequence[UnkeyedCall], rule: str) -> tuple[Call, ...]:
    counts: dict[tuple[str, str], int] = {}
    calls = []
    for kind, name, body in made:
        before = counts.get((kind, name), 0)
        counts[kind, name] = before + 1
        calls.append(Call(f"{kind}/{name}/{before}", kind, body, rule))
    return tuple(calls)


def sampling(rule: str, share: float, act: RuleAction, *, by: Get | None = None) -> RuleAction:
    """`act` for a share of the events, chosen by message id: the same event always has the same fate. With `by` it is
    the value that has the same fate in every event; an event without one is kept.
    """
    dropped = Dropped(Reason.SAMPLED, rule, f"not in the {share:.4g} that are kept")

    def sampled(frame: Frame) -> Rendered:
        chosen = frame.event.message_id if by is None else text_of(by(frame))
        if chosen is ABSENT:
            return act(frame)
        digest = hashlib.blake2b(chosen.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return act(frame) if int.from_bytes(digest) < share * 2**64 else dropped

    return sampled


def without_identify(rendered: Rendered, rule: str) -> Rendered:
    """What is left where identify calls are switched off."""
    if not isinstance(rendered, Calls) or all(call.kind != "identify" for call in rendered.calls):
        return rendered
    kept = tuple(call for call in rendered.calls if call.kind != "identify")
    if not kept:
        return Dropped(Reason.IDENTIFY_OFF, rule, "identify calls are switched off by the settings")
    return Calls(kept, rendered.warnings)
