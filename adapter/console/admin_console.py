"""The console at a queue: calls the queue's admin, and makes words and pages of the results.

Long work is done in steps, so that the service gets its turn between them, and checks before each step whether to
continue.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from adapter.console import detail, serialize
from adapter.console.admin_mappings import AdminMappings
from adapter.console.console import MAX_MAPPED, MAX_PAGE, MAX_WATCHED, REJECTED, Events, Export, Selection
from adapter.console.detail import Private, SourceMappings
from adapter.console.names import count_names
from adapter.console.narrowing import has_content, is_by_content, is_wanted, queue_filter
from adapter.console.ndjson import line_of_entry, lines_down
from adapter.console.pagination import Cursor, Stream, merge, number_of
from adapter.console.preview import would_become
from adapter.console.selection import choose, has_cause, letters_in_pages, merged, unmatched_kept
from adapter.console.serialize import Entry, PauseText
from adapter.console.series import Span, columns
from adapter.errors import ConfigError
from adapter.model import Event, JsonObject, Rejection
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import RejectionRecord, Retention

_STEP = 500
"""Dead letters changed in one transaction."""


class AdminConsole(AdminMappings):
    """See `adapter.console.console`. `read` reads a rejection by the current schemas. `go_on` raises to stop long work.
    `pause_text` says why delivery of a source is paused. `retention` is how long ended events are kept.
    """

    def __init__(
        self,
        admin: QueueAdmin,
        *,
        mappings: SourceMappings,
        private: Private,
        read: Callable[[Rejection], Event | Rejection],
        go_on: Callable[[], None] = lambda: None,
        pause_text: PauseText,
        retention: Retention,
    ) -> None:
        super().__init__(admin, mappings, go_on)
        self._private = private
        self._read = read
        self._pause_text = pause_text
        self._retention = retention

    # -- looking ---------------------------------------------------------------------------------------------------

    def events(self, wanted: Events) -> JsonObject:
        newest = self._newest()
        limit = min(wanted.limit, MAX_MAPPED if wanted.mapped else MAX_PAGE)
        page, after = self._page_down(wanted, newest, limit)
        rows = self._rows(page)
        if wanted.mapped:
            rows = [row | detail.calls_of(entry, self._rulesets) for row, entry in zip(rows, page, strict=True)]
        return {"entries": rows, "next": None if after is None else str(after), "newest": str(newest)}

    def names(
        self, *, source: str | None = None, since: datetime | None = None, before: str | None = None
    ) -> JsonObject:
        newest = self._newest()

        def page_of(wanted: Events) -> tuple[Sequence[Entry], Cursor | None]:
            self._go_on()
            return self._page_down(wanted, newest, MAX_PAGE)

        return count_names(Events(source=source, since=since, before=before), page_of, self._rulesets.of)

    def _page_down(self, wanted: Events, newest: Cursor, limit: int) -> tuple[Sequence[Entry], Cursor | None]:
        """Entries before `wanted.before`, newest first, and the next cursor."""
        end = Cursor(newest.seq + 1, newest.number + 1)
        before = end if wanted.before is None else Cursor(*map(min, end, _cursor(wanted.before)))
        return merge(
            self._stories_down(wanted, before.seq, limit),
            self._rejections_down(wanted, before.number, limit),
            limit=limit,
            newest_first=True,
        )

    def series(self, span: Span, source: str | None) -> JsonObject:
        return columns(self._admin.samples(since=span.minutes.start, until=span.minutes.stop, source=source), span)

    def tail(self, after: str | None, watch: Sequence[str] = ()) -> JsonObject:
        if after is None:
            return {"entries": [], "pending": [], "next": str(self._newest())}
        seq, number = _cursor(after)
        watched = [self._admin.event(_seq(ident)) for ident in watch[-MAX_WATCHED:]]
        still = [record for record in watched if record is not None and record.outcome == "pending"]
        ended = [record for record in watched if record is not None and record.outcome != "pending"]
        records = self._admin.since(seq, limit=MAX_PAGE)
        kept = self._admin.rejections(after=number, limit=MAX_PAGE)
        pending = [*still, *(record for record in records if record.outcome == "pending")][-MAX_WATCHED:]
        reached = Cursor(records[-1].seq if records else seq, kept[-1].number if kept else number)
        if not records and not kept:
            # A cursor of a queue that was replaced may lie beyond everything that arrives for a long time.
            reached = Cursor(*map(min, reached, self._newest()))
        return {
            "entries": self._rows([*ended, *records, *kept]),
            "pending": [serialize.id_of(record) for record in pending],
            "next": str(reached),
        }

    def event(self, ident: str) -> JsonObject:
        return {
            "found": [
                detail.whole(
                    entry,
                    self._admin,
                    self._mappings,
                    self._private,
                    self._pause_text,
                    retention=self._retention,
                )
                for entry in self._found_by(ident)
            ]
        }

    def where(self, ident: str) -> JsonObject:
        return {"found": [detail.where(entry, self._admin, self._pause_text) for entry in self._found_by(ident)]}

    def deletions(self, user: str | None = None, *, limit: int = 20) -> JsonObject:
        users = [None] if user is None else self._private.same_ids(user)
        found = [request for ident in users for request in self._admin.deletions(limit=limit, user=ident)]
        newest = sorted(found, key=lambda request: request.number, reverse=True)[:limit]
        return {"deletions": [serialize.deletion_as_json(request) for request in newest]}

    def dead(
        self, *, cause: str | None = None, exact: bool = False, limit: int = 100, after: str | None = None
    ) -> JsonObject:
        seq, number = Cursor(0, 0) if after is None else _cursor(after)
        records = self._admin.dead(after=seq, limit=MAX_PAGE)
        kept = self._admin.rejections(after=number, limit=MAX_PAGE)
        streams = [_stream(looked, start, cause, exact=exact) for looked, start in ((records, seq), (kept, number))]
        page, onwards = merge(*streams, limit=min(limit, MAX_PAGE), newest_first=False)
        return {"entries": self._rows(page), "next": None if onwards is None else str(onwards)}

    def causes(self, *, limit: int) -> JsonObject:
        causes = merged(self._admin.groups(), self._rulesets)[:limit]
        return {"causes": causes, "unmatched": unmatched_kept(self._admin, self._go_on)}

    def export(self, cause: str | None = None, *, exact: bool = False) -> Export:
        def pages() -> Iterator[list[bytes | None]]:
            for page in letters_in_pages(self._admin):
                self._go_on()
                chosen = [entry for entry in page if has_cause(entry, cause, exact=exact)]
                yield [line_of_entry(entry, self._private.mark_of) for entry in chosen]

        # Counted beforehand, because a stream of lines has no room for the count.
        left_out = sum(page.count(None) for page in pages())
        return Export(left_out, ([line for line in page if line is not None] for page in pages()))

    def export_events(self, *, source: str | None = None, since: datetime | None = None) -> Export:
        wanted = queue_filter(Events(source=source, since=since), ())
        return Export(None, lines_down(self._admin, wanted, mark_of=self._private.mark_of, go_on=self._go_on))

    # -- changing --------------------------------------------------------------------------------------------------

    def requeue(self, which: Selection, *, dry_run: bool = False, preview: bool = False) -> JsonObject:
        chosen = choose(self._admin, which, outcomes=("dead", "unmatched"))
        events = 0 if dry_run else self._in_steps(self._admin.requeue, chosen.seqs)
        became, still = (Counter[str](), Counter[str]()) if dry_run else self._read_anew(chosen.numbers)
        would = would_become(self._admin, self._rulesets, chosen.seqs, go_on=self._go_on) if preview else None
        return {
            **({} if would is None else {"would": would}),
            "chosen": {"events": len(chosen.seqs), "rejections": len(chosen.numbers)},
            "missing": chosen.missing,
            "events": events,
            "rejections": became["pending"] + became["deletion"],
            "duplicates": became["duplicate"],
            "stillRejected": [{"count": count, "cause": cause} for cause, count in still.most_common()],
        }

    def discard(self, which: Selection, *, dry_run: bool = False, count: int | None = None) -> JsonObject:
        chosen = choose(self._admin, which)
        dry_run = dry_run or count not in (None, len(chosen.seqs) + len(chosen.numbers))
        return {
            "chosen": {"events": len(chosen.seqs), "rejections": len(chosen.numbers)},
            "missing": chosen.missing,
            "events": 0 if dry_run else self._in_steps(self._admin.discard, chosen.seqs),
            "rejections": 0 if dry_run else self._in_steps(self._admin.discard_rejections, chosen.numbers),
        }

    def purge(self, user: str, *, dry_run: bool = False) -> JsonObject:
        ids = self._private.same_ids(user)
        seqs = sorted({seq for ident in ids for page in self._admin.seqs_of_user(ident) for seq in page})
        numbers = sorted({number for ident in ids for page in self._admin.rejections_of_user(ident) for number in page})
        events = 0 if dry_run else self._in_steps(self._admin.erase, seqs)
        rejections = 0 if dry_run else self._in_steps(self._admin.discard_rejections, numbers)
        return {
            "chosen": {"events": len(seqs), "rejections": len(numbers)},
            "events": events,
            "rejections": rejections,
            "erasedFromDisk": None if dry_run else self._admin.erase_from_disk(),
        }

    def _in_steps(self, change: Callable[[list[int]], int], ids: list[int]) -> int:
        changed = 0
        for start in range(0, len(ids), _STEP):
            self._go_on()
            changed += change(ids[start : start + _STEP])
        return changed

    def _read_anew(self, numbers: Sequence[int]) -> tuple[Counter[str], Counter[str]]:
        """The results for the rejections that can be read now, and why the others cannot."""
        became, still = Counter[str](), Counter[str]()
        for number in numbers:
            self._go_on()
            kept = self._admin.rejection(number)
            if kept is None:
                continue
            read = self._admin.copied_event(kept) or self._read(kept.rejection)
            if isinstance(read, Event):
                became[self._admin.requeue_rejection(number, read)] += 1
            else:
                still[RejectionRecord(number, read).cause] += 1
        return became, still

    # -- finding ---------------------------------------------------------------------------------------------------

    def _found_by(self, ident: str) -> list[Entry]:
        found: list[Entry | None] = []
        if ident.isascii() and ident.isdigit():
            found.append(self._admin.event(_seq(ident)))
        if ident[:1] == "r" and ident[1:].isascii() and ident[1:].isdigit():
            found.append(self._admin.rejection(_seq(ident[1:])))
        for message_id in self._private.same_ids(ident):
            found += self._admin.of_message(message_id)
            found += self._admin.rejections_of(message_id)
        return list({serialize.id_of(entry): entry for entry in found if entry is not None}.values())

    def _rows(self, page: Sequence[Entry]) -> list[JsonObject]:
        return [serialize.as_json(entry, self._pause_text) for entry in page]

    def _newest(self) -> Cursor:
        number = max((kept.number for kept in self._admin.newest_rejections(limit=1)), default=0)
        return Cursor(self._admin.newest_seq(), number)

    def _stories_down(self, wanted: Events, before: int, limit: int) -> Stream:
        if wanted.outcome == (REJECTED,):
            return Stream([], before, before, is_all=True)
        users = () if wanted.user is None else tuple(self._private.same_ids(wanted.user))
        by_content = is_by_content(wanted)
        most = MAX_PAGE if by_content else limit
        looked = self._admin.page_before(queue_filter(wanted, users), limit=most, before=before)
        found = [record for record in looked.records if not by_content or has_content(record.event.body, wanted)]
        if len(found) > limit:
            return Stream(found[:limit], before, found[limit - 1].seq, False, found[limit - 1].event.received_at)
        return Stream(found, before, looked.bottom, looked.is_all, looked.down_to)

    def _rejections_down(self, wanted: Events, before: int, limit: int) -> Stream:
        if wanted.warned or wanted.type or wanted.rule or (wanted.outcome and REJECTED not in wanted.outcome):
            return Stream([], before, before, is_all=True)
        looked = self._admin.newest_rejections(limit=MAX_PAGE, before=before, source=wanted.source)
        found = [
            kept
            for kept in looked
            if is_wanted(kept.rejection, wanted) and has_cause(kept, wanted.cause, exact=wanted.exact)
        ]
        if not looked:
            return Stream([], before, before, is_all=True)
        if len(found) > limit:
            found = found[:limit]
            return Stream(found, before, found[-1].number, False, found[-1].rejection.received_at)
        return Stream(found, before, looked[-1].number, len(looked) < MAX_PAGE, looked[-1].rejection.received_at)


def _cursor(text: str) -> Cursor:
    cursor = Cursor.read(text)
    if cursor is None:
        raise ConfigError("the cursor is not one that an earlier page named as next")
    return cursor


def _seq(digits: str) -> int:
    return int(digits[:18]) if digits.isascii() and digits.isdigit() else 0


def _stream(looked: Sequence[Entry], start: int, cause: str | None, *, exact: bool) -> Stream:
    """A page of dead letters, those that `has_cause` takes; after a full page there may be more."""
    if not looked:
        return Stream([], start, start, is_all=True)
    found = [entry for entry in looked if has_cause(entry, cause, exact=exact)]
    return Stream(found, start, number_of(looked[-1]), len(looked) < MAX_PAGE, serialize.received_at(looked[-1]))
