"""The operations of an operator: one interface, at the queue (`admin_console`) or over HTTP (`cli/remote`).

Results are JSON objects; `schemas/openapi.yaml` has the shape of each, and a contract test holds both implementations
to it.
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
"""Events on one page of `names`."""
MAX_MAPPED = 200
"""Events on a page with the calls of each."""
MAX_WATCHED = 500
"""Pending events whose end one `tail` waits for; of a larger backlog, the latest."""

REJECTED = "rejected"
OUTCOMES = (*get_args(Outcome), REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Which events and rejections: by source, outcomes, user, name, type, rule, cause (a part of its text, or with
    `exact` as `Selection`), and by receipt in [`since`, `until`). `warned`: only events with warnings. `text` is a part
    of some value of the body, without regard to case; `where` is a path in the body and the value there. `before` is
    the `next` of an earlier page. With `mapped` each event has its calls.
    """

    source: str | None = None
    outcome: tuple[str, ...] = ()
    user: str | None = None
    name: str | None = None
    type: str | None = None
    rule: str | None = None
    cause: str | None = None
    exact: bool = False
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
    """Which dead letters and rejections: those of `ids`, those with `cause` in their cause, `everything`, or
    `unmatched` (events that no rule matched). Exactly one of these. With `exact`, those of the one cause that `causes`
    lists as `cause`, or that begins with it, because a request may have 500 characters.
    """

    ids: tuple[str, ...] = ()
    cause: str | None = None
    exact: bool = False
    everything: bool = False
    unmatched: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """`pages` of lines, and how many rejections are left out because they are not JSON objects; None without any."""

    left_out: int | None
    pages: Iterator[Sequence[bytes]] = field(repr=False)


class Console(Protocol):
    """Every method raises QueueError if the queue fails, and ConfigError for what only the operator can fix."""

    def events(self, wanted: Events) -> JsonObject:
        """A page of events and rejections together, newest first: `entries`, `next` and `newest`.

        A page may be short or empty and yet have a `next`, because one call reads a bounded number of events. `newest`
        is the `after` for `tail`.
        """
        ...

    def names(
        self, *, source: str | None = None, since: datetime | None = None, before: str | None = None
    ) -> JsonObject:
        """`names`: the event names of a page of `NAMED_EVENTS` events and rejections, newest first, with counts, types
        of values and the rule of the active mapping that matches them. `next` is `before` of the next page.
        """
        ...

    def tail(self, after: str | None, watch: Sequence[str] = ()) -> JsonObject:
        """What is new since `after`.

        | member | what it is |
        |---|---|
        | `entries` | messages received since, in order, and those of `watch` (ids of pending events) that ended |
        | `pending` | ids for the next `watch` |
        | `next` | the next `after` |

        Without `after` there are no entries.
        """
        ...

    def event(self, ident: str) -> JsonObject:
        """`found`: everything about each match of `ident`: a seq, `r` and the number of a rejection, or a message
        id.
        """
        ...

    def where(self, ident: str) -> JsonObject:
        """`found`: where each match of `ident` is, and a `line` that says so."""
        ...

    def deletions(self, user: str | None = None, *, limit: int = 20) -> JsonObject:
        """`deletions`: the requests of platforms to delete a user's data, newest first; of one user if given."""
        ...

    def dead(
        self, *, cause: str | None = None, exact: bool = False, limit: int = 100, after: str | None = None
    ) -> JsonObject:
        """A page of dead letters and rejections, oldest first: `entries` and `next`, as `events`. `exact` as in
        `Selection`.
        """
        ...

    def causes(self, *, limit: int) -> JsonObject:
        """`causes` of dead letters and of rejections, most frequent first, each with its count; `unmatched` counts the
        unmatched events.
        """
        ...

    def requeue(self, which: Selection, *, dry_run: bool = False, preview: bool = False) -> JsonObject:
        """Make them pending again, behind live traffic; or only count them, and with `preview` say what the active
        mapping would make of the first 1,000 events.
        """
        ...

    def try_mapping(self, source: str, ids: Sequence[str], *, text: str | None = None) -> JsonObject:
        """`events`: what the active mapping of a source makes of the events of `ids`, 50 at most (`was`), and what
        `text` would make of them (`now`; null without it). Sends nothing; raises ConfigError, with every problem, if
        `text` cannot be used.
        """
        ...

    def mapping_history(self, source: str, *, limit: int, before: int | None = None) -> JsonObject:
        """`versions`: the activations of the source's mapping file, newest first, and `next`."""
        ...

    def mapping_version(self, source: str, id_: int) -> JsonObject | None:
        """One of these activations with its `text`; None if it is not kept."""
        ...

    def discard(self, which: Selection, *, dry_run: bool = False, count: int | None = None) -> JsonObject:
        """Delete them for good; or only count them. With `count` nothing is deleted unless exactly so many are
        selected, so that dead letters that arrived since the count stay.
        """
        ...

    def export(self, cause: str | None = None, *, exact: bool = False) -> Export:
        """Dead letters and rejections as lines for `send`, oldest first. `exact` as in `Selection`."""
        ...

    def export_events(self, *, source: str | None = None, since: datetime | None = None) -> Export:
        """Events with their messages as lines for `send`, newest first: of a source, received since then. Erased
        bodies are left out.
        """
        ...

    def purge(self, user: str, *, dry_run: bool = False) -> JsonObject:
        """Erase a user's data from everything that is kept; or only count it."""
        ...


class QueueConsole(Console, Protocol):
    """A console at a queue, with methods that have no HTTP operation of the same form: the API itself uses it."""

    def last_entry(self, source: str, last: LastLook | None) -> tuple[JsonObject | None, LastLook]:
        """The newest event or rejection of a source, None if none is kept; and the next `last`."""
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
        """What a draft would make of recorded events of its source, newest first; `next` is the next `before`."""
        ...
