"""One thread owns a connection and commits in groups: concurrent requests share one transaction and one fsync.

Theory of operation. While one group is synced the next one gathers, so the size of a group grows with the load and the
wait does not. A waiter returns after the commit that contains its work; cancelling a waiter cancels no work. The thread
takes everything that was submitted, does one round, and begins again:

| kind | when it runs |
|---|---|
| `read` | at the start of the round, before any write; its result does not wait for a commit |
| `write` | in the group of this round |
| `write` with `messages` | in the same group, behind the others, while the group has `most_messages` at most |
| `write` that `may_wait` | in another write's group, or when `COMPANY` wait, or `patience_s` after the first |

So delivery waits for one group at most, however many messages are to be stored, and at a low rate several settles
share one sync. Within a kind the order is that of submission. Work that a round leaves stays in the memory of this
thread until a later round. A crash loses that work, and no waiter had an answer for it.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Final, TypeVar

from msgspec import Struct

from adapter.errors import QueueError
from adapter.queue.transaction import Database, Rows, Staged

T = TypeVar("T")
MOST_MESSAGES: Final = 500
"""New messages of one group, unless a single put has more: 5 to 15 ms of work, for which delivery waits."""
COMPANY: Final = 8
_TRIES: Final = 3
"""Attempts of a group that another transaction had precedence over."""
PATIENCE_S: Final = 0.1
"""Seconds that a write with `may_wait` waits for others to share a sync with."""


class _Job(Struct, frozen=True):
    """`work` runs inside the group's transaction, or between two groups if it only `reads`.

    `messages` and `may_wait` as in `GroupCommit.write`.
    """

    work: Callable[[], Any]
    done: asyncio.Future[Any]
    reads: bool = False
    after: Callable[[Any], None] | None = None
    messages: int = 0
    may_wait: Callable[[], bool] | None = None


class _Answer(Struct, frozen=True):
    job: _Job
    result: Any = None
    error: BaseException | None = None


class _Waiting:
    """Submitted jobs that have not run. Lives on the thread."""

    def __init__(self, most_messages: int, patience_s: float) -> None:
        self._most_messages = most_messages
        self._patience_s = patience_s
        self._reads: list[_Job] = []
        self._writes: list[_Job] = []
        self._puts: deque[_Job] = deque()
        self._patient: list[_Job] = []
        self._asked = 0
        self._patience_ends_s = 0.0
        self.is_closing = False

    def add(self, job: _Job) -> None:
        """Add a job for a later round."""
        if job.reads:
            self._reads.append(job)
        elif job.messages:
            self._puts.append(job)
        elif job.may_wait is None:
            self._writes.append(job)
        else:
            if not self._patient:
                self._patience_ends_s = monotonic() + self._patience_s
            self._patient.append(job)

    def wait_s(self) -> float | None:
        """How long the next round may wait for more jobs; None: until there is one."""
        if self._reads or self._writes or self._puts or len(self._patient) >= COMPANY:
            return 0.0
        if not self._patient:
            return None
        if self.is_closing or not self._may_all_wait():
            return 0.0
        return max(0.0, self._patience_ends_s - monotonic())

    def _may_all_wait(self) -> bool:
        while self._asked < len(self._patient):
            may_wait = self._patient[self._asked].may_wait
            # The write itself will report the error.
            with contextlib.suppress(Exception):
                if may_wait is not None and may_wait():
                    self._asked += 1
                    continue
            return False
        return True

    def reads(self) -> list[_Job]:
        """The reads of this round."""
        reads, self._reads = self._reads, []
        return reads

    def group(self) -> list[_Job]:
        """The writes of this round; none while all of them may wait for others."""
        if self.wait_s() != 0.0:
            return []
        group, self._writes, self._patient, self._asked = self._writes + self._patient, [], [], 0
        room = self._most_messages
        while self._puts and (room == self._most_messages or self._puts[0].messages <= room):
            put = self._puts.popleft()
            room -= put.messages
            group.append(put)
        return group


class GroupCommit:
    """Runs work on the thread that owns `database`. Must be created on the event loop that waits for the results."""

    def __init__(
        self,
        database: Database,
        rows: Rows,
        *,
        failed: Callable[[Exception], None] = lambda _: None,
        most_messages: int = MOST_MESSAGES,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """`failed` is called on that thread with the error of a group that could not be committed, before its jobs run
        alone.
        """
        self._database = database
        self._rows = rows
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting = _Waiting(most_messages, patience_s)
        self._thread = threading.Thread(target=self._run, name="queue-commit", daemon=True)
        self._thread.start()

    def write(
        self,
        work: Callable[[], T | Staged[T]],
        *,
        after: Callable[[T], None] | None = None,
        messages: int = 0,
        may_wait: Callable[[], bool] | None = None,
    ) -> asyncio.Future[T]:
        """Add `work` to the next group with room for it; the future completes after its commit, or with QueueError.

        If the group fails, `work` runs again alone, so it must do nothing but change rows. `after` is called on the
        event loop with the committed result, even if the future was cancelled. `messages` is the number of new messages
        that `work` stores. `may_wait` is called on the thread, between two groups: True if the work may wait for
        others.
        """
        return self._submit(_Job(work, self._loop.create_future(), after=after, messages=messages, may_wait=may_wait))

    def read(self, work: Callable[[], T]) -> asyncio.Future[T]:
        """Run `work`, which sees every write whose future completed; the future has its result, or QueueError."""
        return self._submit(_Job(work, self._loop.create_future(), reads=True))

    async def close(self) -> None:
        """Finish all submitted work, then end the thread. Nothing may be submitted afterwards."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(self, job: _Job) -> asyncio.Future[Any]:
        self._jobs.put(job)
        return job.done

    def _run(self) -> None:
        waiting = self._waiting
        while not waiting.is_closing or waiting.wait_s() is not None:
            self._gather(waiting)
            self._resolve([self._alone(job) for job in waiting.reads()])
            self._resolve(self._commit(waiting.group()))

    def _gather(self, waiting: _Waiting) -> None:
        """Take the submitted jobs, and wait for some if there is nothing else to do."""
        wait_s = waiting.wait_s()
        while not waiting.is_closing:
            try:
                job = self._jobs.get(timeout=wait_s)
            except Empty:
                return
            if job is None:
                waiting.is_closing = True
                return
            waiting.add(job)
            wait_s = 0.0

    def _resolve(self, answers: list[_Answer]) -> None:
        if answers:
            self._loop.call_soon_threadsafe(_resolve, answers)

    def _commit(self, jobs: list[_Job], *, tries: int = _TRIES) -> list[_Answer]:
        if not jobs:
            return []
        try:
            self._database.begin()
        except Exception as exc:
            # No job is to blame. Running each alone would only make all of them wait again for the holder of the lock.
            self._roll_back()
            return [_Answer(job, error=_as_queue_error(exc)) for job in jobs]
        try:
            return self._transaction(jobs)
        except Exception as exc:
            self._roll_back()
            self._failed(exc)
            if tries > 1 and self._database.is_passing(exc):
                return self._commit(jobs, tries=tries - 1)
            if len(jobs) == 1 or self._database.is_lost(exc):
                return [_Answer(job, error=_as_queue_error(exc)) for job in jobs]
        # One bad job must not fail the others, so each now gets a transaction of its own.
        return [answer for job in jobs for answer in self._commit([job])]

    def _transaction(self, jobs: list[_Job]) -> list[_Answer]:
        self._rows.begin()
        results = [job.work() for job in jobs]
        self._rows.flush()
        self._database.commit()
        return [
            _Answer(job, result.result if isinstance(result, Staged) else result)
            for job, result in zip(jobs, results, strict=True)
        ]

    def _roll_back(self) -> None:
        self._rows.rollback()
        self._database.rollback()

    def _alone(self, job: _Job) -> _Answer:
        try:
            return _Answer(job, job.work())
        except Exception as exc:
            return _Answer(job, error=_as_queue_error(exc))


def _resolve(answers: list[_Answer]) -> None:
    for answer in answers:
        done = answer.job.done
        if answer.error is None and answer.job.after is not None:
            try:
                answer.job.after(answer.result)
            except Exception as exc:
                # A bug in the adapter, which must not leave the other futures pending.
                context = {"message": "the callback after a commit failed", "exception": exc}
                asyncio.get_running_loop().call_exception_handler(context)
        if done.done():  # the waiter was cancelled; its work is committed all the same
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
