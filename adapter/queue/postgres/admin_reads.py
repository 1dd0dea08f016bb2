"""The half of `QueueAdmin` that reads: each method of `adapter.queue.admin` is documented there."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import orjson

from adapter.model import Event, Reason
from adapter.queue.activations import Activation
from adapter.queue.codec import ID_BYTES, from_us, is_of_user, plain_digest, to_us
from adapter.queue.contract import Deletion
from adapter.queue.copies import event_of
from adapter.queue.postgres.admin_writes import ADMIN
from adapter.queue.postgres.connect import PostgresSession
from adapter.queue.postgres.erase import lanes_of
from adapter.queue.postgres.message_row import packed, shown
from adapter.queue.postgres.record_rows import deletion_of, event_record, has_cause, is_wanted, rejection_record
from adapter.queue.postgres.samples import samples
from adapter.queue.postgres.state import SQL
from adapter.queue.record_rows import activation_of, cause_group, failed_call, queue_position
from adapter.queue.records import (
    CauseGroup,
    EventRecord,
    FailedCall,
    Filter,
    QueuePosition,
    RecordPage,
    RejectionRecord,
)
from adapter.queue.samples import MinuteSample

_WINDOW = 10_000
"""Seqs looked through in one read."""
_WINDOWS_IN_A_LOOK = 10
"""So one page takes a fraction of a second, however rare the selected events are."""
_AT_ONCE = 100
_NO_END = 2**63 - 1
_UNAUTHORISED = Reason.DELETION_UNAUTHORISED.value


class PostgresAdminReads:
    """The reading methods. Changes nothing."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session
        self._run = session.run

    def page_before(self, wanted: Filter, *, limit: int, before: int) -> RecordPage:
        found: list[EventRecord] = []
        bottom = before
        for start, stop in islice(self._windows_down(before, wanted.after), _WINDOWS_IN_A_LOOK):
            found += islice(self._matching(wanted, start, stop), limit - len(found))
            bottom = start
            if len(found) >= limit:
                bottom = found[-1].seq
                break
        is_all = next(self._windows_down(bottom, wanted.after), None) is None
        last = self._run(ADMIN["received_from"], {"seq": bottom}).fetchone()
        return RecordPage(tuple(found), bottom, is_all, down_to=None if last is None else from_us(last[0]))

    def _matching(self, wanted: Filter, start: int, stop: int) -> Iterator[EventRecord]:
        """The events of a window that are wanted, newest first."""
        values = {
            "start": start,
            "stop": stop,
            "since_us": to_us(wanted.since),
            "until_us": to_us(wanted.until),
            "source": wanted.source,
            "outcomes": list(wanted.outcomes) or None,
            "type": packed(wanted.type),
            "rule": None if wanted.rule is None else shown(wanted.rule),
            "users": [packed(user) for user in wanted.users] or None,
            "user_in_json": orjson.dumps(wanted.users[0]) if wanted.users else None,
            "name_in_json": None if wanted.name is None else orjson.dumps(wanted.name),
            "warned": wanted.warned,
        }
        rows = self._run(ADMIN["messages_between"], values).fetchall()
        seqs = [seq for seq, *why in rows if has_cause(wanted, why)]
        for at in range(0, len(seqs), _AT_ONCE):
            for record in self._records(seqs[at : at + _AT_ONCE]):
                if is_wanted(record.event, wanted):
                    yield record

    def newest_seq(self) -> int:
        return self._number("newest_seq")

    def since(self, seq: int, *, limit: int) -> list[EventRecord]:
        found = self._run(ADMIN["messages_after"], {"seq": seq, "limit": limit}).fetchall()
        return self._records([seq for (seq,) in found])

    def of_message(self, message_id: str) -> list[EventRecord]:
        seqs: set[int] = set()
        for (name,) in self._run(ADMIN["sources"]).fetchall():
            first = plain_digest(source=name, message_id=message_id)[:ID_BYTES]
            rest = 16 - ID_BYTES
            bounds = {"first": first + bytes(rest), "last": first + b"\xff" * rest}
            seqs.update(seq for (seq,) in self._run(SQL["with_id"], bounds).fetchall())
        # A seq below 0 is the number of a rejection.
        found = self._records(sorted(seq for seq in seqs if seq > 0))
        # The ids seen lead there at once; only an event that is kept longer than its id is looked for among all.
        return found or self._looked_up(message_id)

    def event(self, seq: int) -> EventRecord | None:
        return next(iter(self._records([seq])), None)

    def position(self, record: EventRecord) -> QueuePosition | None:
        lanes = lanes_of(record.event)
        for lane in lanes:
            head = self._run(ADMIN["head_of"], {"lane": lane}).fetchone()
            if head is None:
                continue
            seq = head[0]
            waiting = self._run(ADMIN["place_in_waiting"], {"lane": lane, "seq": record.seq}).fetchone()
            ahead = 0 if waiting is None else int(waiting[0])
            if seq == record.seq or ahead:
                return queue_position(head, ahead=ahead, parked=lane in lanes[2:])
        return None

    def failures(self, seq: int) -> list[FailedCall]:
        return [failed_call(row) for row in self._run(ADMIN["failures"], {"seq": seq}).fetchall()]

    def unmatched(self) -> Iterator[list[int]]:
        for start, stop in self._windows_down(self.newest_seq() + 1):
            found = self._run(ADMIN["unmatched_between"], {"start": start, "stop": stop}).fetchall()
            yield [seq for (seq,) in found]

    def groups(self) -> list[CauseGroup]:
        groups = [cause_group(row, rejected=False) for row in self._run(ADMIN["dead_groups"]).fetchall()]
        groups += [cause_group(row, rejected=True) for row in self._run(ADMIN["rejection_groups"]).fetchall()]
        return sorted(groups, key=lambda group: -group.count)

    def members(self, groups: Iterable[CauseGroup]) -> tuple[list[int], list[int]]:
        wanted = {(group.rejected, group.reason, group.detail) for group in groups}
        seqs, numbers = (
            [ident for ident, *cause in self._run(ADMIN[statement]).fetchall() if (rejected, *cause) in wanted]
            for statement, rejected in (("dead_causes", False), ("rejection_causes", True))
        )
        return seqs, numbers

    def dead(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[EventRecord]:
        values = {"after": after, "limit": limit, "reason": reason, "detail": detail}
        return self._records([seq for (seq,) in self._run(ADMIN["dead_after"], values).fetchall()])

    def rejections(
        self, *, after: int = 0, limit: int = 500, reason: str | None = None, detail: str | None = None
    ) -> list[RejectionRecord]:
        values = {"after": after, "limit": limit, "reason": reason, "detail": detail}
        return [rejection_record(row) for row in self._run(ADMIN["rejections_after"], values).fetchall()]

    def newest_rejections(
        self, *, limit: int, before: int | None = None, source: str | None = None
    ) -> list[RejectionRecord]:
        values = {"limit": limit, "before": _NO_END if before is None else before, "source": source}
        return [rejection_record(row) for row in self._run(ADMIN["newest_rejections"], values).fetchall()]

    def rejection(self, number: int) -> RejectionRecord | None:
        found = self._run(ADMIN["rejections"], {"ids": [number]}).fetchone()
        return None if found is None else rejection_record(found)

    def copied_event(self, kept: RejectionRecord) -> Event | None:
        found = self._run(ADMIN["copy_facts"], {"id": kept.number}).fetchone()
        return None if found is None else event_of(kept.rejection, found[0], received_us=found[1])

    def rejections_of(self, message_id: str) -> list[RejectionRecord]:
        numbers = self._run(ADMIN["rejections_of"], {"message_id": packed(message_id)}).fetchall()
        found = self._run(ADMIN["rejections"], {"ids": [number for (number,) in numbers]}).fetchall()
        return [rejection_record(row) for row in found]

    def deletions(self, *, limit: int, user: str | None = None) -> list[Deletion]:
        found = self._run(ADMIN["newest_deletions"], {"user": packed(user), "limit": limit}).fetchall()
        return [deletion_of(row) for row in found]

    def deletions_waiting(self) -> dict[str, int]:
        found = self._run(SQL["waiting_deletions"], {"reason": _UNAUTHORISED}).fetchall()
        return {str(name): int(n) for name, n in found}

    def seqs_of_user(self, user: str) -> Iterator[list[int]]:
        wanted = Filter(users=(user,))
        of_user = {"user": packed(user), "user_in_json": orjson.dumps(user)}
        for start, stop in self._windows_down(self.newest_seq() + 1):
            values = {"start": start, "stop": stop, **of_user}
            found = [seq for (seq,) in self._run(ADMIN["seqs_of_user_between"], values).fetchall()]
            seqs = [record.seq for record in self._records(found) if is_wanted(record.event, wanted)]
            if seqs:
                yield seqs

    def rejections_of_user(self, user: str) -> Iterator[list[int]]:
        after = 0
        while page := self.rejections(after=after):
            after = page[-1].number
            yield [kept.number for kept in page if is_of_user(kept.rejection.body, user)]

    def activations(self, name: str, *, limit: int, before: int | None = None) -> list[Activation]:
        values = {"name": name, "limit": limit, "before": _NO_END if before is None else before}
        return [activation_of(row) for row in self._run(ADMIN["activations"], values).fetchall()]

    def activated_text(self, id_: int) -> str | None:
        found = self._run(ADMIN["activated_text"], {"id": id_}).fetchone()
        return None if found is None else str(found[0])

    def mapping(self, version: str) -> str | None:
        return self._text("mapping", version)

    def last_mapping(self, name: str) -> str | None:
        return self._text("last_mapping", name)

    def samples(self, *, since: int, until: int, source: str | None = None) -> list[MinuteSample]:
        return samples(self._run, since=since, until=until, source=source)

    def _text(self, statement: str, key: str) -> str | None:
        found = self._run(SQL[statement], {"key": key}).fetchone()
        return None if found is None else str(found[0])

    def _looked_up(self, message_id: str) -> list[EventRecord]:
        seqs: list[int] = []
        for start, stop in self._windows_down(self.newest_seq() + 1):
            values = {"start": start, "stop": stop, "message_id": packed(message_id)}
            seqs += [seq for (seq,) in self._run(ADMIN["seqs_of_message_between"], values).fetchall()]
        return self._records(sorted(seqs))

    def _windows_down(self, end: int, after: int = 0) -> Iterator[tuple[int, int]]:
        """From seq `end` down to what comes after `after`: starts and stops, the stop not included."""
        oldest = max(after + 1, self._number("oldest_seq"))
        for stop in range(end, oldest, -_WINDOW):
            yield max(oldest, stop - _WINDOW), stop

    def _records(self, seqs: Sequence[int]) -> list[EventRecord]:
        """The events of these seqs that are still kept, in this order."""
        if not seqs:
            return []
        found = {row[0]: row for row in self._run(ADMIN["events"], {"seqs": list(seqs)}).fetchall()}
        keys: dict[int, list[str]] = {}
        for seq, key in self._run(SQL["sent_of"], {"seqs": list(seqs)}).fetchall():
            keys.setdefault(seq, []).append(key.decode())
        return [event_record(found[seq], tuple(keys.get(seq, ()))) for seq in seqs if seq in found]

    def _number(self, statement: str) -> int:
        return int((self._run(ADMIN[statement]).fetchone() or (0,))[0])
