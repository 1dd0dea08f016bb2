"""What a rule does with an event: drops or refuses it, samples, or makes its calls."""

import hashlib
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final, TypeAlias, TypeVar

from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.call_block import CallBlock, Make, UnkeyedCall
from adapter.mapping.run.frame import Frame, Get
from adapter.mapping.run.scalars import text_of
from adapter.model import MAX_WARNINGS, Call, Calls, Dropped, Problem, Reason, Refused, Rendered

RuleAction: TypeAlias = Callable[[Frame], Rendered]
MAX_PROBLEMS: Final = 20
"""Different problems that are kept of a refused event."""


_Said = TypeVar("_Said")


def _merged(said: Sequence[_Said], *, at_most: int = MAX_WARNINGS) -> tuple[_Said, ...]:
    """Each problem once, in order; an `each` over many members repeats one."""
    return tuple(islice(dict.fromkeys(said), at_most)) if said else ()


def dropping(rule: str, *, text: str) -> RuleAction:
    """The event is dropped."""
    dropped = Dropped(Reason.BY_RULE, rule, text)
    return lambda _frame: dropped


def rejecting(rule: str, *, text: str) -> RuleAction:
    """The event is refused."""
    problem = Problem("", "reject", text)
    return lambda frame: Refused(rule, (problem,), _merged(frame.warnings))


def calling(rule: str, blocks: Sequence[CallBlock], *, max_calls: int) -> RuleAction:
    """The calls of `blocks`, in order; more than `max_calls` refuse the event, so that no event is half delivered."""
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
    """The one call that almost every rule makes, without the bookkeeping for several."""

    def act(frame: Frame) -> Rendered:
        made = make(frame)
        if made is None or frame.problems:
            return Refused(rule, _merged(frame.problems, at_most=MAX_PROBLEMS), _merged(frame.warnings))
        kind, name, body = made
        warnings = _merged(frame.warnings) if frame.warnings else ()
        return Calls((Call(f"{kind}/{name}/0", kind, body, rule),), warnings)

    return act


def _keyed(made: Sequence[UnkeyedCall], rule: str) -> tuple[Call, ...]:
    counts: dict[str, int] = {}
    calls = []
    for kind, name, body in made:
        named = f"{kind}/{name}"
        before = counts.get(named, 0)
        counts[named] = before + 1
        calls.append(Call(f"{named}/{before}", kind, body, rule))
    return tuple(calls)


def sampling(rule: str, share: float, act: RuleAction, *, by: Get | None = None) -> RuleAction:
    """`act` for a share of the events, chosen by message id, so that retries of an event decide the same way. With `by`
    all events with the same value decide the same way; an event without the value is kept.
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
    """The calls without identify, if identify calls are off."""
    if not isinstance(rendered, Calls) or all(call.kind != "identify" for call in rendered.calls):
        return rendered
    kept = tuple(call for call in rendered.calls if call.kind != "identify")
    if not kept:
        return Dropped(Reason.IDENTIFY_OFF, rule, "identify calls are switched off by the settings")
    return Calls(kept, rendered.warnings)
