"""One thread owns the connection and commits in groups: concurrent requests share one transaction and one fsync.

While one group is synced the next one gathers, so the group grows with the load and the wait does not. Whoever
submits waits for the commit its own work is in; a waiter that is cancelled cancels nothing.
"""

import asyncio
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

from adapter.errors import QueueError

T = TypeVar("T")
_MAX_GROUP = 1000


@dataclass(slots=True)
class Staged(Generic[T]):
    """What work returns that is done together with others of its group: the result is there after `flush`."""

    result: T | None = None


class Rows(Protocol):
    """What work is done on, inside a transaction; the file may have been changed by others since the last one."""

    def begin(self) -> None:
        """A transaction was opened: read again what is remembered of the file, if it is not the same any more."""
        ...

    def flush(self) -> None:
        """Write what was staged; called before each commit."""
        ...

    def rollback(self) -> None:
        """The transaction was rolled back: nothing staged in it counts. Reads no file: that may be the trouble."""
        ...


class _Job(Struct, frozen=True):
    """`work` is done inside the group's transaction, or between two groups if it only `reads`."""

    work: Callable[[], Any]
    reads: bool
    done: asyncio.Future[Any]
    after: Callable[[Any], None] | None = None


class _Answer(Struct, frozen=True):
    job: _Job
    result: Any = None
    error: BaseException | None = None


class GroupCommit:
    """Runs work on the thread that owns `connection`; must be made on the event loop that waits for the results."""

    def __init__(
        self, connection: sqlite3.Connection, rows: Rows, *, failed: Callable[[Exception], None] = lambda _: None
    ) -> None:
        """`failed` is called on that thread with why a group could not be committed, before jobs are tried alone."""
        self._connection = connection
        self._rows = rows
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="queue-commit", daemon=True)
        self._thread.start()

    def write(
        self, work: Callable[[], T | Staged[T]], *, after: Callable[[T], None] | None = None
    ) -> asyncio.Future[T]:
        """`work` joins the next group; the future ends after its commit, or with QueueError.

        If the group fails, `work` runs again alone: it must do nothing but change rows. `after` is called on the
        event loop with the committed result, also when nobody waits for the future any more.
        """
        return self._submit(_Job(work, False, self._loop.create_future(), after))

    def read(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """`work` sees everything submitted before it as committed; the future ends with its result or QueueError."""
        return self._submit(_Job(work, True, self._loop.create_future()))

    async def close(self) -> None:
        """Finish what was submitted, then end the thread. Nothing may be submitted afterwards."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(self, job: _Job) -> asyncio.Future[Any]:
        self._jobs.put(job)
        return job.done

    def _run(self) -> None:
        open_ = True
        while open_:
            group: deque[_Job] = deque()
            job = self._jobs.get()
            while job is not None:
                group.append(job)
                if len(group) == _MAX_GROUP or self._jobs.empty():
                    break
                job = self._jobs.get()
            open_ = job is not None
            answers = self._commit([job for job in group if not job.reads])
            answers += [self._alone(job) for job in group if job.reads]
            if answers:
                self._loop.call_soon_threadsafe(_resolve, answers)

    def _commit(self, jobs: list[_Job]) -> list[_Answer]:
        if not jobs:
            return []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as exc:
            # No job is to blame: to try each alone would only let all of them wait as often for whoever holds the lock.
            self._roll_back()
            return [_Answer(job, error=_as_queue_error(exc)) for job in jobs]
        try:
            return self._transaction(jobs)
        except Exception as exc:
            self._roll_back()
            self._failed(exc)
            if len(jobs) == 1:
                return [_Answer(jobs[0], error=_as_queue_error(exc))]
        # One bad job must not fail the others: each has a transaction of its own now.
        return [answer for job in jobs for answer in self._commit([job])]

    def _transaction(self, jobs: list[_Job]) -> list[_Answer]:
        self._rows.begin()
        results = [job.work() for job in jobs]
        self._rows.flush()
        self._connection.execute("COMMIT")
        return [
            _Answer(job, result.result if isinstance(result, Staged) else result)
            for job, result in zip(jobs, results, strict=True)
        ]

    def _roll_back(self) -> None:
        self._rows.rollback()
        # A disk that is gone for reading too shows itself to the next group.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _alone(self, job: _Job) -> _Answer:
        try:
            return _Answer(job, job.work())
        except Exception as exc:
            return _Answer(job, error=_as_queue_error(exc))


def _resolve(answers: list[_Answer]) -> None:
    for answer in answers:
        done = answer.job.done
        if answer.error is None and answer.job.after is not None:
            answer.job.after(answer.result)
        if done.done():  # the waiter was cancelled; what it asked for is committed all the same
            continue
        if answer.error is None:
            done.set_result(answer.result)
        else:
            done.set_exception(answer.error)


def _as_queue_error(exc: Exception) -> QueueError:
    if isinstance(exc, QueueError):
        return exc
    error = QueueError(f"{type(exc).__name__}: {exc}")
    error.__cause__ = exc
    return error
