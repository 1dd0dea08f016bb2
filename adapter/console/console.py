"""What an operator asks and does: one interface, at the queue's file (`admin_console`) or over HTTP (`cli/remote`).

Answers are JSON objects; `schemas/openapi.yaml` has the shape of each, and a contract test holds both to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, get_args

from adapter.console.drafts import Draft
from adapter.console.last_events import LastLook
from adapter.console.series import Span
from adapter.model import Event, JsonObject
from adapter.queue.records import Outcome

MAX_PAGE = 500
NAMED_EVENTS = 2_000
"""Events whose names one page of `names` counts."""
MAX_MAPPED = 200
"""Events on a page that has the calls of each."""
MAX_WATCHED = 500
"""Pending events whose end one look of `tail` waits for; of a larger backlog the latest."""

REJECTED = "rejected"
OUTCOMES = (*get_args(Outcome), REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Which events and rejections: of a source, of some outcomes, a user, a name, a type, taken by a rule, of a cause
    (text that is in it), and received from `since` until before `until`; with `warned` only events that have warnings.
    `text` is in some value of the body, in letters of either case; `where` is a path in the body and the value there.
    `before` is the `next` of an earlier page. With `mapped` each event has its calls.
    """

    source: str | None = None
    outcome: tuple[str, ...] = ()
    user: str | None = None
    name: str | None = None
    type: str | None = None
    rule: str | None = None
    cause: str | None = None
    text: str | None = None
    where: tuple[str, str] | None = None
    mapped: bool = False
    warned: bool = False
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 20
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which dead letters and rejections: those of `ids`, those whose cause has `cause` in it, or `everything`; or
    `unmatched`, the events that no rule took. Exactly one of these. With `exact` those of the one cause that `causes`
    lists as `cause`, or that begins with it, as a request takes 500 characters.
    """

    ids: tuple[str, ...] = ()
    cause: str | None = None
    exact: bool = False
    everything: bool = False
    unmatched: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """`pages` of lines, and how many rejections are left out because they are no JSON object."""

    left_out: int
    pages: Iterator[Sequence[bytes]] = field(repr=False)


class Console(Protocol):
    """Every method raises QueueError if the queue fails, and ConfigError for what only the operator can fix."""

    def events(self, wanted: Events) -> JsonObject:
        """A page of events and rejections together, newest first: `entries`, `next` and `newest`.

        A page may be short or empty and yet have a `next`: so far one look went. `newest` is where `tail` goes on.
        """
        ...

    def names(
        self, *, source: str | None = None, since: datetime | None = None, before: str | None = None
    ) -> JsonObject:
        """`names`: the event names of a page of `NAMED_EVENTS` events and rejections, newest first, with counts,
        types of values and the rule of the active mapping that takes them. `next` is `before` of the next page.
        """
        ...

    def tail(self, after: str | None, watch: Sequence[str] = ()) -> JsonObject:
        """What is new since `after`.

        | member | what it is |
        |---|---|
        | `entries` | what was received since, as it came, and those of `watch` (ids of pending events) that ended |
        | `pending` | ids to give as `watch` next time |
        | `next` | what to give as `after` next time |

        Without `after` there are no entries.
        """
        ...

    def event(self, ident: str) -> JsonObject:
        """`found`: all about each that `ident` means: a seq, `r` and the number of a rejection, or a message id."""
        ...

    def where(self, ident: str) -> JsonObject:
        """`found`: where each is that `ident` means, and a `line` that says it."""
        ...

    def deletions(self, user: str | None = None, *, limit: int = 20) -> JsonObject:
        """`deletions`: the requests of platforms to delete a user's data, newest first; of one user, if it is given."""
        ...

    def dead(self, *, cause: str | None = None, limit: int = 100, after: str | None = None) -> JsonObject:
        """A page of dead letters and rejections, oldest first: `entries` and `next`, as `events`."""
        ...

    def causes(self, *, limit: int) -> JsonObject:
        """`causes` of dead letters and of rejections, most first, each with how many there are; `unmatched` counts the
        events that no rule took.
        """
        ...

    def requeue(self, which: Selection, *, dry_run: bool = False, preview: bool = False) -> JsonObject:
        """Make them pending again, behind live traffic; or only say how many are meant, and with `preview` what the
        active mapping would make of the first 1,000 events.
        """
        ...

    def try_mapping(self, source: str, ids: Sequence[str], *, text: str | None = None) -> JsonObject:
        """`events`: what the active mapping of a source makes of the events of `ids`, 50 at most (`was`), and what
        `text` in its place would (`now`; null without it). Sends nothing; raises ConfigError, with every problem, if
        `text` cannot be used.
        """
        ...

    def mapping_history(self, source: str, *, limit: int, before: int | None = None) -> JsonObject:
        """`versions`: the activations of the source's mapping file, newest first, and `next`."""
        ...

    def mapping_version(self, source: str, id_: int) -> JsonObject | None:
        """One of these with its `text`; None if it is not kept."""
        ...

    def discard(self, which: Selection, *, dry_run: bool = False, count: int | None = None) -> JsonObject:
        """Forget them for good; or only say how many are meant. With `count` nothing goes unless exactly so many are
        meant: what came since somebody counted stays.
        """
        ...

    def export(self, cause: str | None = None) -> Export:
        """Dead letters and rejections as lines that `send` takes, oldest first."""
        ...

    def purge(self, user: str, *, dry_run: bool = False) -> JsonObject:
        """Take a user's data away from everything that is kept; or only say of how much."""
        ...


class QueueConsole(Console, Protocol):
    """A console at a queue, with what is not asked over HTTP: the API itself works on it."""

    def last_entry(self, source: str, last: LastLook | None) -> tuple[JsonObject | None, LastLook]:
        """The newest event or rejection of a source, None if none is kept; and what to give as `last` next time."""
        ...

    def mapping_text(self, source: str, *, version: str) -> str | None:
        """The newest text with that version in the history of the source's mapping file; None if none is kept."""
        ...

    def series(self, span: Span, source: str | None) -> JsonObject:
        """Columns of figures for each step of a span, of all sources or of one."""
        ...

    def recorded(self, ids: Sequence[str]) -> Sequence[tuple[str, Event]]:
        """The events of these ids that are kept and have a body, with their ids: for the preview of a draft."""
        ...

    def compared(
        self, draft: Draft, *, since: datetime | None = None, before: str | None = None, limit: int
    ) -> JsonObject:
        """What a draft would do to recorded events of its source, newest first; `next` where to go on."""
        ...
