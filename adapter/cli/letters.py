"""Chooses among what did not get through: by id, by cause, or all of it. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from adapter.cli.entries import Entry
from adapter.queue.desk import Desk
from adapter.queue.stories import Group, Outcome, Rejected, Story

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: those of `idents`, those whose cause has `cause` in it, those that no rule took, or all.

    `outcomes` are those of events that may be named in `idents`.
    """

    idents: tuple[str, ...]
    cause: str | None
    unmatched: bool = False
    outcomes: tuple[Outcome, ...] = ("dead",)

    def takes(self, kept: Entry | Group) -> bool:
        """Whether its cause is meant; letters of either case."""
        return self.cause is None or self.cause.casefold() in kept.cause.casefold()


class Chosen(NamedTuple):
    """Receipts of events and numbers of rejections, oldest first, and the idents that mean nothing."""

    receipts: list[int]
    numbers: list[int]
    missing: list[str]


def choose(desk: Desk, wanted: Wanted) -> Chosen:
    """What `wanted` means in this queue now."""
    if wanted.idents:
        return _named(desk, wanted)
    if wanted.unmatched:
        return Chosen(sorted(chain.from_iterable(desk.unmatched())), [], [])
    chosen = Chosen([], [], [])
    for group in desk.groups():
        if wanted.takes(group):
            (chosen.numbers if group.rejected else chosen.receipts).extend(desk.members(group))
    return Chosen(sorted(chosen.receipts), sorted(chosen.numbers), [])


def _named(desk: Desk, wanted: Wanted) -> Chosen:
    chosen = Chosen([], [], [])
    for ident in dict.fromkeys(wanted.idents):
        digits = ident.removeprefix("r")
        number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else 0
        found = desk.rejection(number) if ident.startswith("r") else desk.story(number)
        if isinstance(found, Rejected):
            chosen.numbers.append(number)
        elif found is not None and found.outcome in wanted.outcomes:
            chosen.receipts.append(number)
        else:
            chosen.missing.append(ident)
    return Chosen(sorted(chosen.receipts), sorted(chosen.numbers), chosen.missing)


def letters(desk: Desk) -> Iterator[Story]:
    """Every dead letter, the oldest first."""
    after = 0
    while page := desk.dead(after=after, limit=_PAGE):
        yield from page
        after = page[-1].receipt


def rejections(desk: Desk) -> Iterator[Rejected]:
    """Every rejection, the oldest first."""
    after = 0
    while page := desk.rejections(after=after, limit=_PAGE):
        yield from page
        after = page[-1].number
