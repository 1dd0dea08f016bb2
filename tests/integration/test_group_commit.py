"""Which jobs share a transaction, and who waits for whom: on a real connection, with jobs that hold the thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest

from adapter.queue.group_commit import COMPANY, GroupCommit
from adapter.queue.sqlite.connection import Transactions


class Groups:
    """The rows of one group after the other, by the names of the jobs that were done in it."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.committed: list[list[str]] = []
        self._open: list[str] = []

    def begin(self) -> None:
        """A group begins."""
        self._open = []

    def flush(self) -> None:
        """It ends."""
        self.committed.append(self._open)

    def rollback(self) -> None:
        """It failed."""
        self._open = []

    def work(self, name: str) -> Callable[[], str]:
        """A job that is known by `name`."""
        return partial(self._work, name)

    def _work(self, name: str) -> str:
        self._open.append(name)
        return name


class Held:
    """Holds the thread of `commits` with a read until `release`, so that jobs gather behind it."""

    def __init__(self, commits: GroupCommit) -> None:
        self._release = threading.Event()
        self._done = commits.read(self._release.wait)

    async def release(self) -> None:
        """Let the thread go on."""
        self._release.set()
        await self._done


@pytest.fixture
def groups() -> Groups:
    return Groups()


@pytest.fixture
async def commits(groups: Groups) -> AsyncIterator[GroupCommit]:
    # Whoever would wait for company in vain would wait for ever.
    commits = GroupCommit(Transactions(groups.connection), groups, most_messages=300, patience_s=3600)
    yield commits
    await commits.close()
    groups.connection.close()


def may() -> bool:
    return True


async def test_writes_go_before_messages_and_messages_in_bounded_groups(commits: GroupCommit, groups: Groups) -> None:
    """What delivery writes waits for one group, however many messages wait, and those keep their order."""
    held = Held(commits)
    puts = [commits.write(groups.work(f"put {n}"), messages=100) for n in range(7)]
    settle = commits.write(groups.work("settle"))
    await held.release()
    await asyncio.gather(settle, *puts)
    assert groups.committed == [
        ["settle", "put 0", "put 1", "put 2"],
        ["put 3", "put 4", "put 5"],
        ["put 6"],
    ]


async def test_a_put_larger_than_a_group_has_one_of_its_own(commits: GroupCommit, groups: Groups) -> None:
    held = Held(commits)
    puts = [commits.write(groups.work(f"put of {n}"), messages=n) for n in (200, 301, 5000, 1, 299, 1)]
    await held.release()
    await asyncio.gather(*puts)
    assert groups.committed == [
        ["put of 200"],
        ["put of 301"],
        ["put of 5000"],
        ["put of 1", "put of 299"],
        ["put of 1"],
    ]


async def test_what_comes_between_two_groups_goes_into_the_next(commits: GroupCommit, groups: Groups) -> None:
    """A settle that is submitted while messages wait does not wait for all of them."""
    held = Held(commits)
    puts = [commits.write(groups.work(f"put {n}"), messages=300) for n in range(3)]
    late = commits.write(lambda: settles.append(commits.write(groups.work("settle"))))
    settles: list[asyncio.Future[str]] = []
    await held.release()
    await asyncio.gather(late, *puts)
    await settles[0]
    assert groups.committed == [["put 0"], ["settle", "put 1"], ["put 2"]]


async def test_a_read_does_not_wait_for_a_commit(commits: GroupCommit, groups: Groups) -> None:
    """It sees what its caller has seen end, and is answered before the group that gathered with it is committed."""
    held = Held(commits)
    putting = commits.write(groups.work("put"), messages=1)
    reading = commits.read(lambda: list(groups.committed))
    await held.release()
    assert await reading == []
    await putting
    assert await commits.read(lambda: list(groups.committed)) == [["put"]]


async def test_writes_that_may_wait_share_a_group(commits: GroupCommit, groups: Groups) -> None:
    """Alone they wait until there are enough of them."""
    waiting = [commits.write(groups.work(str(n)), may_wait=may) for n in range(COMPANY - 1)]
    await commits.read(may)
    assert groups.committed == []
    last = commits.write(groups.work("last"), may_wait=may)
    await asyncio.gather(last, *waiting)
    assert groups.committed == [[*map(str, range(COMPANY - 1)), "last"]]


async def test_their_patience_ends(groups: Groups) -> None:
    commits = GroupCommit(Transactions(groups.connection), groups, patience_s=0.01)
    await asyncio.gather(commits.write(groups.work("a"), may_wait=may), commits.write(groups.work("b"), may_wait=may))
    assert [name for group in groups.committed for name in group] == ["a", "b"]
    await commits.close()
    groups.connection.close()


@pytest.mark.parametrize("messages", [0, 1])
async def test_any_other_write_takes_them_along(commits: GroupCommit, groups: Groups, messages: int) -> None:
    waiting = [commits.write(groups.work(str(n)), may_wait=may) for n in range(2)]
    await commits.read(may)
    await commits.write(groups.work("other"), messages=messages)
    assert sorted(groups.committed[0]) == ["0", "1", "other"]
    assert all(future.done() for future in waiting)


async def test_one_that_may_not_wait_takes_them_along_too(commits: GroupCommit, groups: Groups) -> None:
    """Whether it may is asked for each, also for the first of several that arrive at once."""
    for answers in ((False, True, True), (True, False, True), (True, True, False)):
        held = Held(commits)
        ends = [commits.write(groups.work(str(n)), may_wait=partial(bool, answer)) for n, answer in enumerate(answers)]
        await held.release()
        await asyncio.gather(*ends)
        assert groups.committed.pop() == ["0", "1", "2"]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), ValueError("a fault")])
async def test_what_cannot_be_asked_does_not_wait(commits: GroupCommit, groups: Groups, error: Exception) -> None:
    def broken() -> bool:
        raise error

    assert await commits.write(groups.work("end"), may_wait=broken) == "end"


async def test_a_fault_after_a_commit_leaves_nobody_without_an_answer(commits: GroupCommit, groups: Groups) -> None:
    """It is reported; what was committed is answered, also to others of the group."""
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    held = Held(commits)

    def fail(_: str) -> None:
        raise ValueError("a fault")

    first, second = commits.write(groups.work("a"), after=fail), commits.write(groups.work("b"))
    await held.release()
    assert [await first, await second] == ["a", "b"]
    assert [type(fault) for fault in faults] == [ValueError]


async def test_close_waits_for_everything_and_for_nobodys_patience(groups: Groups) -> None:
    commits = GroupCommit(Transactions(groups.connection), groups, most_messages=1, patience_s=3600)
    held = Held(commits)
    submitted = [commits.write(groups.work("end"), may_wait=may)]
    submitted += [commits.write(groups.work(f"put {n}"), messages=1) for n in range(3)]
    closing = asyncio.create_task(commits.close())
    await held.release()
    await closing
    assert groups.committed == [["end", "put 0"], ["put 1"], ["put 2"]]
    await asyncio.gather(*submitted)
    groups.connection.close()
