"""A compiled mapping: what an event becomes. Immutable, safe for threads, and no event makes it raise.

Rules are tried in the order of the file, but only those that could match: look-ups evaluate the `type` and `event` that
a condition pins, so a thousand rules for a thousand names cost what ten cost. Names in rules with `like` are looked up
by their beginnings or ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from adapter.files.finding import nearest
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.actions import RuleAction, without_identify
from adapter.mapping.run.affixes import Affix, AffixIndex
from adapter.mapping.run.call_block import NO_ID
from adapter.mapping.run.frame import Frame, Holds, NearMiss
from adapter.mapping.run.guarding import Guard, GuardMessage, guard, made_private, prepare
from adapter.mapping.run.naming import fold
from adapter.mapping.run.places import Locate, nowhere
from adapter.model import (
    Dropped,
    Event,
    EventWarning,
    Privacy,
    PrivateEvent,
    Reason,
    Rendered,
    Unmatched,
    WarningKind,
)
from adapter.wire.ids import NO_IDS, is_no_id
from adapter.wire.integrations import is_switched_on


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `holds` is the rest of its condition after `types` and `events` (None: any); None if there is no rest.

    A name without one of `affixes` (None: any name) never passes `holds`. `near` is about the lines of the condition.
    """

    number: int
    name: str
    line: int
    types: frozenset[str] | None
    events: frozenset[str] | None
    affixes: frozenset[Affix] | None
    holds: Holds | None
    act: RuleAction
    near: tuple[NearMiss, ...] = ()


@dataclass(frozen=True, slots=True)
class _ByName:
    """The rules that could match events of one type: by event name, and for all other names.

    If names are folded, `names` has them folded and as the file spells them, which are found without folding. `affixed`
    has the rules that match only names with an affix; they are in none of the others. None: there are none.
    """

    names: Mapping[str, Sequence[Rule]]
    others: Sequence[Rule]
    affixed: AffixIndex[Rule] | None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The file's own settings: Browsee's name in `integrations`, how names are compared, and the files of its
    tables.
    """

    integration: str | None
    folds_names: bool
    table_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The options of a source: whether identify calls are made, texts that are not ids, the largest age of an event at
    its receipt, and the locations of IP addresses; None: there is no database.
    """

    identify: bool = True
    no_ids: frozenset[str] = NO_IDS
    max_age_s: float | None = None
    locate: Locate | None = None


class Ruleset:
    """One compiled mapping. `version` is 12 hexadecimal digits that change with what it does; `guards` are those of its
    `privacy` block, `prepared` are the steps of its `prepare` block.
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
        self._locate = source.locate or nowhere
        self.rules = tuple(rules)
        self.guards = tuple(guards)
        self._prepared = tuple(prepared)
        self.folds_names = facts.folds_names
        self.integration = facts.integration
        self.table_files = facts.table_files
        self._max_age = None if source.max_age_s is None else timedelta(seconds=source.max_age_s)
        self._leaves_out = self.integration is not None or self._max_age is not None
        self._identify = source.identify
        types = {name for rule in rules if rule.types is not None for name in rule.types}
        spell = fold if facts.folds_names else str
        self._by_type = {name: _by_name([rule for rule in rules if _takes(rule.types, name)], spell) for name in types}
        self._other_types = _by_name([rule for rule in rules if rule.types is None], spell)

    def render(self, event: Event) -> Rendered:
        """The calls of the event, or why there are none. Never raises and never changes the event."""
        if self._leaves_out and (left_out := self._left_out(event)) is not None:
            return left_out
        return self._rendered(self._frame(event))

    def render_located(self, event: Event, locate: Locate) -> Rendered:
        """As `render`, with locations by `locate`: for tests in a file."""
        frame = self._frame(event)
        frame.locate = locate
        return self._left_out(event) or self._rendered(frame)

    def _frame(self, event: Event) -> Frame:
        return Frame(event, event.body, event.user_id, event.anonymous_id, locate=self._locate)

    def explain(self, event: Event) -> tuple[Rendered, Mapping[str, Any]]:
        """The result for the event, and the derived values that were read for it, by name; null if there is none."""
        frame = self._frame(event)
        rendered = self._left_out(event) or self._rendered(frame)
        return rendered, {name: None if value is ABSENT else value for name, value in frame.derived.items()}

    def _rendered(self, frame: Frame) -> Rendered:
        if self.guards:
            guard(frame, self.guards)
        if self._prepared:
            prepare(frame, self._prepared)
        no_ids, user_id, anonymous_id = self.no_ids, frame.user_id, frame.anonymous_id
        # Ingest leaves such ids out too, but the list may have been changed since.
        if user_id is not None and is_no_id(user_id, no_ids):
            frame.user_id = None
            frame.warnings.append(EventWarning(WarningKind.ID, "userId", NO_ID))
        if anonymous_id is not None and is_no_id(anonymous_id, no_ids):
            frame.anonymous_id = None
            frame.warnings.append(EventWarning(WarningKind.ID, "anonymousId", NO_ID))
        for rule in self._candidates(frame.body.get("type"), frame.body.get("event")):
            if rule.holds is None or rule.holds(frame):
                rendered = rule.act(frame)
                return rendered if self._identify else without_identify(rendered, rule.name)
        return Unmatched()

    def _left_out(self, event: Event) -> Dropped | None:
        """Why no rule is tried for the event."""
        if self.integration is not None and _is_switched_off(event, self.integration):
            return Dropped(Reason.INTEGRATIONS, "", f"the sender switched {self.integration} off")
        if self._max_age is not None and event.received_at - event.timestamp > self._max_age:
            return Dropped(Reason.TOO_OLD, "", "it happened longer before its receipt than `max_age` of its source")
        return None

    def hint(self, event: Event) -> str:
        """For an unmatched event: the rule that nearly matches and why not, or the one with a similar name, or ""."""
        frame = self._frame(event)
        guard(frame, self.guards)
        prepare(frame, self._prepared)
        for rule in self._candidates(frame.body.get("type"), frame.body.get("event")):
            why = next((why for near in rule.near if (why := near(frame))), "")
            if why:
                return f"'{rule.name}' (line {rule.line}): {why}"
        name = event.body.get("event")
        rules = {pinned: rule for rule in reversed(self.rules) for pinned in sorted(rule.events or ())}
        if type(name) is str and name in rules:
            return f"'{rules[name].name}' (line {rules[name].line}) has this name; another line of it does not match"
        meant = nearest(name, rules) if type(name) is str else None
        return f"'{meant}' of '{rules[meant].name}' (line {rules[meant].line}) is near" if meant is not None else ""

    def made_private(self, event: Event, privacy: Privacy) -> tuple[PrivateEvent, Sequence[EventWarning]]:
        """The event as a private source stores it, after every guard that `privacy` does not name, and the warnings of
        their steps. Never changes the event.
        """
        private, warnings = made_private(event, self.guards, privacy)
        name = self.integration
        if name is not None and _is_switched_off(event, name) and not _is_switched_off(private, name):
            # Guards may remove `integrations`; that Browsee is switched off must still be known at delivery.
            left = private.body.get("integrations")
            kept = {**(left if type(left) is dict else {}), name: False}
            private = replace(private, body={**private.body, "integrations": kept})
        return private, warnings

    def _candidates(self, kind: Any, name: Any) -> Sequence[Rule]:
        rules = self._by_type.get(kind, self._other_types) if type(kind) is str else self._other_types
        if type(name) is not str:
            return rules.others
        found = rules.names.get(name) if rules.names else rules.others
        if found is None:
            found = rules.names.get(fold(name), rules.others) if self.folds_names else rules.others
        if rules.affixed is not None and (affixed := rules.affixed.of(name)):
            return sorted((*found, *affixed), key=_number)
        return found


def _number(rule: Rule) -> int:
    return rule.number


def _takes(wanted: frozenset[str] | None, name: str) -> bool:
    return wanted is None or name in wanted


def _by_name(rules: Sequence[Rule], spell: Callable[[str], str]) -> _ByName:
    others = [rule for rule in rules if rule.events is None and rule.affixes is None]
    named: dict[str, list[Rule]] = {}
    for rule in rules:
        for name in {spell(name) for name in rule.events or ()}:
            named.setdefault(name, []).append(rule)
    merged = {name: _until_certain(sorted([*some, *others], key=_number)) for name, some in named.items()}
    spelled = {name: merged[spell(name)] for rule in rules for name in rule.events or ()}
    filed = [(affix, rule) for rule in rules for affix in rule.affixes or ()]
    return _ByName({**merged, **spelled}, _until_certain(others), AffixIndex(filed) if filed else None)


def _until_certain(rules: Sequence[Rule]) -> Sequence[Rule]:
    """The rules up to the first that matches every remaining event; later ones are never tried."""
    for place, rule in enumerate(rules):
        if rule.holds is None:
            return tuple(rules[: place + 1])
    return tuple(rules)


def _is_switched_off(event: Event, integration: str) -> bool:
    return is_switched_on(event.body.get("integrations"), integration) is False
