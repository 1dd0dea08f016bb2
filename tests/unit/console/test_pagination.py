"""Pages of two streams are the whole of both, whatever their size and however far each was looked through."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapter.console.pagination import Cursor, Stream, merge, number_of
from adapter.console.serialize import Entry
from adapter.queue.records import EventRecord, RejectionRecord
from tests.fakes import RECEIVED_AT, make_event, make_rejection

SECONDS = st.lists(st.integers(0, 50), max_size=12)
"""When each was received, mostly in order of its number."""


def record(number: int, second: int) -> EventRecord:
    event = replace(make_event(f"m-{number}"), received_at=RECEIVED_AT + timedelta(seconds=second))
    return EventRecord(number, event, "pending", "", "", "", 0, "", None, ())


def rejected(number: int, second: int) -> RejectionRecord:
    return RejectionRecord(number, replace(make_rejection(), received_at=RECEIVED_AT + timedelta(seconds=second)))


def looked(kept: list[Entry], *, after: int, reach: int) -> Stream:
    """The entries after number `after`, of which one look goes through `reach`."""
    rest = [entry for entry in kept if number_of(entry) > after]
    seen = rest[:reach]
    if not seen:
        return Stream([], after, after, is_all=True)
    last = seen[-1]
    until = last.event.received_at if isinstance(last, EventRecord) else last.rejection.received_at
    # Every third is not what was asked for.
    found = [entry for entry in seen if number_of(entry) % 3]
    return Stream(found, after, number_of(last), len(seen) == len(rest), until)


@given(SECONDS, SECONDS, st.integers(1, 5), st.integers(1, 4))
def test_pages_are_the_whole(records: list[int], kept: list[int], limit: int, reach: int) -> None:
    """Each entry once, none left out, and it comes to an end."""
    events: list[Entry] = [record(n, at) for n, at in enumerate(sorted(records), 1)]
    rejections: list[Entry] = [rejected(n, at) for n, at in enumerate(sorted(kept), 1)]
    found: list[Entry] = []
    place: Cursor | None = Cursor(0, 0)
    for _ in range(100):
        if place is None:
            break
        streams = (
            looked(events, after=place.seq, reach=reach),
            looked(rejections, after=place.number, reach=reach),
        )
        page, place = merge(*streams, limit=limit, newest_first=False)
        assert len(page) <= limit
        found += page
    assert place is None
    wanted = [entry for entry in [*events, *rejections] if number_of(entry) % 3]
    assert sorted(map(repr, found)) == sorted(map(repr, wanted))
    times = [
        entry.event.received_at if isinstance(entry, EventRecord) else entry.rejection.received_at for entry in found
    ]
    assert times == sorted(times)


@given(st.text(max_size=12))
def test_only_what_was_written_is_read(text: str) -> None:
    """A place is two numbers and nothing else."""
    cursor = Cursor.read(text)
    assert cursor is None or Cursor(*map(int, text.split("."))) == cursor
    assert Cursor.read(str(Cursor(4711, 12))) == Cursor(4711, 12)
