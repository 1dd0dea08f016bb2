"""The calls that the sandbox got, in order of arrival: in a SQLite file, or in memory.

Calls that arrive together are written together, on a thread of their own, so that thousands a second are stored and no
event loop waits for a disk. Stores no key: a call's project is named by a short digest. Never drops a call.
"""

import asyncio
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import orjson

from adapter.errors import ConfigError
from adapter.model import JsonObject
from adapter.wire.instants import instant_text

_SCHEMA = """
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY,  -- order of receipt, from 1
    at REAL NOT NULL,            -- seconds since 1970
    kind TEXT NOT NULL,
    event TEXT,
    user TEXT,                   -- userId, else anonymousId
    project TEXT NOT NULL,       -- digest of the key
    status INTEGER NOT NULL,     -- what was answered; 0: the connection was dropped
    message TEXT,
    body BLOB NOT NULL           -- JSON, without the key
);
CREATE INDEX IF NOT EXISTS call_of_user ON call (user, number);
"""
_INSERT = "INSERT INTO call VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SELECT = "SELECT number, at, kind, event, user, project, status, message, body FROM call"
_COUNTS = "SELECT kind, status, event, count(*) FROM call GROUP BY kind, status, event"


@dataclass(frozen=True, slots=True)
class Received:
    """One call and its answer. `body` is JSON without the key; `status` 0 is a dropped connection."""

    number: int
    at_s: float
    kind: str
    event: str | None
    user: str | None
    project: str
    status: int
    message: str | None
    body: bytes

    def as_json(self) -> JsonObject:
        """The call as the sandbox's API shows it."""
        return {
            "number": self.number,
            "at": instant_text(datetime.fromtimestamp(self.at_s, UTC)),
            "kind": self.kind,
            "event": self.event,
            "user": self.user,
            "project": self.project,
            "status": self.status,
            "message": self.message,
            "body": orjson.loads(self.body),
        }

    def as_row(self) -> tuple[Any, ...]:
        return (
            self.number, self.at_s, self.kind, self.event, self.user, self.project, self.status, self.message, self.body
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls to read: numbered above `after` and below `before`, up to `limit` of them, the last ones first if
    `newest_first`.
    """

    after: int = 0
    before: int | None = None
    limit: int = 100
    user: str | None = None
    event: str | None = None
    status: int | None = None
    newest_first: bool = False


_T = TypeVar("_T")
_Group: TypeAlias = Sequence[tuple[Received, asyncio.Future[None]]]


class Recording:
    """Stores calls in `file`, or in memory if there is none. Raises ConfigError if the file cannot be used.

    Belongs to one event loop; `close` ends its thread.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._database = _open(file)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-recording")
        self._waiting: list[tuple[Received, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._last: int = self._database.execute("SELECT coalesce(max(number), 0) FROM call").fetchone()[0]
        self._counts: Counter[tuple[str, int, str | None]] = Counter()
        for kind, status, event, count in self._database.execute(_COUNTS):
            self._counts[kind, status, event] = count

    def next_number(self) -> int:
        """The number of the call that is arriving; to be called once for each."""
        self._last += 1
        return self._last

    async def add(self, call: Received) -> None:
        """Store `call`; on return it would survive a crash of this process, if there is a file.

        Raises sqlite3.Error if it could not be stored.
        """
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_waiting())
        await kept

    async def read(self, wanted: Wanted) -> Sequence[Received]:
        """The selected calls."""
        return await self._on_thread(self._select, wanted)

    async def clear(self) -> None:
        """Delete every call. Numbers are not reused, so that a reader's `after` stays valid."""
        await self._on_thread(self._delete)
        self._counts.clear()

    def summary(self) -> JsonObject:
        """The number of calls by kind, status and event; `last` is the newest number."""
        by_kind, by_status, by_event = Counter[str](), Counter[str](), Counter[str]()
        for (kind, status, event), count in self._counts.items():
            by_kind[kind] += count
            by_status[str(status)] += count
            if event is not None:
                by_event[event] += count
        return {
            "calls": by_kind.total(),
            "last": self._last,
            "kinds": dict(by_kind),
            "statuses": dict(by_status),
            "events": dict(by_event.most_common(100)),
        }

    async def close(self) -> None:
        """Write waiting calls and close the file."""
        if self._writing is not None:
            await self._writing
        await self._on_thread(self._database.close)
        self._thread.shutdown()

    async def _on_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _write_waiting(self) -> None:
        """Write until no call waits; calls that arrive while a group is written are the next group."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                await self._write(group)
        finally:
            self._writing = None

    async def _write(self, group: _Group) -> None:
        try:
            await self._on_thread(self._insert, [call.as_row() for call, _ in group])
        except sqlite3.Error as exc:
            _end(group, exc)
            return
        self._counts.update((call.kind, call.status, call.event) for call, _ in group)
        _end(group, None)

    def _insert(self, rows: Iterable[tuple[Any, ...]]) -> None:
        with self._database:
            self._database.executemany(_INSERT, rows)

    def _select(self, wanted: Wanted) -> Sequence[Received]:
        filters = {"user": wanted.user, "event": wanted.event, "status": wanted.status}
        given = {name: value for name, value in filters.items() if value is not None}
        below = [] if wanted.before is None else ["number < :before"]
        where = " AND ".join(["number > :after", *below, *(f"{name} = :{name}" for name in given)])
        order = "DESC" if wanted.newest_first else "ASC"
        rows = self._database.execute(
            f"{_SELECT} WHERE {where} ORDER BY number {order} LIMIT :limit",
            {"after": wanted.after, "before": wanted.before, "limit": wanted.limit, **given},
        )
        return [Received(*row) for row in rows]

    def _delete(self) -> None:
        with self._database:
            self._database.execute("DELETE FROM call")


def project_of(key: object) -> str:
    """A name for the project of an API key, which distinguishes projects and does not reveal the key."""
    if not isinstance(key, str) or not key:
        return "none"
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _open(file: Path | None) -> sqlite3.Connection:
    try:
        database = sqlite3.connect(file or ":memory:", check_same_thread=False)
        # A recording without a promise: NORMAL survives a crash of the process; a power cut may lose the last calls.
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(_SCHEMA)
    except sqlite3.Error as exc:
        raise ConfigError(f"{file}: cannot keep the sandbox's calls in this file: {exc}") from exc
    return database


def _end(group: _Group, failure: sqlite3.Error | None) -> None:
    for _, kept in group:
        if kept.done():
            continue
        if failure is None:
            kept.set_result(None)
        else:
            kept.set_exception(failure)
