"""The line in front of a project: first come, first served, and no answer is lost."""

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from adapter.deliver.line import Line
from adapter.deliver.permits import Wait
from adapter.deliver.state import PauseReason


class Door:
    """Lets one through for each of `places`, and remembers who asked."""

    def __init__(self, *, seconds: float = 60.0, why: PauseReason = PauseReason.PACE) -> None:
        self.places = 0
        self.asked: list[str] = []
        self.asked_thrice = asyncio.Event()
        self._wait = Wait(seconds, why)

    def ask(self, name: str) -> Callable[[], str | Wait]:
        def ask() -> str | Wait:
            self.asked.append(name)
            if len(self.asked) == 3:
                self.asked_thrice.set()
            if not self.places:
                return self._wait
            self.places -= 1
            return name

        return ask


async def queue_up(line: Line[str], door: Door, names: str) -> list[asyncio.Task[str]]:
    """One task for each name, all of them in the line."""
    tasks = [asyncio.create_task(line.answer(door.ask(name))) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_who_finds_nobody_is_answered_at_once() -> None:
    """Without a wait: the first step of the coroutine is its last."""
    line, door = Line[str](lost=print), Door()
    door.places = 1
    with pytest.raises(StopIteration) as ended:
        line.answer(door.ask("a")).send(None)
    assert ended.value.value == "a"


async def test_nobody_overtakes() -> None:
    """A later call is not even asked while others wait, even if there is a place; places go in order."""
    line, door = Line[str](lost=print), Door()
    tasks = await queue_up(line, door, "abc")
    door.places = 2
    tasks += await queue_up(line, door, "d")
    assert door.asked == ["a"]
    line.ask_again()
    await asyncio.sleep(0)
    assert [task.done() for task in tasks] == [True, True, False, False]
    door.places = 2
    line.ask_again()
    assert await asyncio.gather(*tasks) == ["a", "b", "c", "d"]
    assert door.asked == ["a", "a", "b", "c", "c", "d"]


async def test_the_first_is_asked_again_when_its_wait_is_over() -> None:
    """By itself; and the next one then, with a wait of its own."""
    line, door = Line[str](lost=print), Door(seconds=0.001)
    tasks = await queue_up(line, door, "ab")
    await door.asked_thrice.wait()
    door.places = 1
    assert await asyncio.wait_for(tasks[0], 5) == "a"
    assert not tasks[1].done()
    door.places = 1
    assert await asyncio.wait_for(tasks[1], 5) == "b"


@pytest.mark.parametrize(("why", "done"), [(PauseReason.SLOW, True), (PauseReason.PACE, False)])
async def test_a_call_that_ends_makes_way_for_who_waits_for_that(why: PauseReason, done: bool) -> None:
    """And for no other: the pace lets no call go because another one has ended."""
    line, door = Line[str](lost=print), Door(why=why)
    line.call_ended()
    tasks = await queue_up(line, door, "a")
    door.places = 1
    line.call_ended()
    await asyncio.sleep(0)
    assert tasks[0].done() is done
    line.ask_again()
    await asyncio.gather(*tasks)


async def test_who_gives_up_holds_up_nobody() -> None:
    """The next one is asked at once, and a later call finds the line empty."""
    line, door = Line[str](lost=print), Door()
    first, second = await queue_up(line, door, "ab")
    door.places = 2
    first.cancel()
    assert await asyncio.wait_for(second, 5) == "b"
    assert await line.answer(door.ask("c")) == "c"
    assert door.asked == ["a", "b", "c"]


async def test_an_answer_that_finds_nobody_is_handed_back() -> None:
    """Its caller was cancelled in the turn in which it was answered."""
    lost: list[str] = []
    line, door = Line[str](lost=lost.append), Door()
    [task] = await queue_up(line, door, "a")
    door.places = 1
    line.ask_again()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (task.cancelled(), lost) == (True, ["a"])


async def test_a_question_that_fails_fails_its_caller_alone() -> None:
    """The line goes on."""

    def broken() -> str | Wait:
        broken_asked.append(1)
        if len(broken_asked) > 1:
            raise ZeroDivisionError
        return Wait(60.0, PauseReason.PACE)

    broken_asked: list[int] = []
    line, door = Line[str](lost=print), Door()
    failing = asyncio.create_task(line.answer(broken))
    await asyncio.sleep(0)
    [task] = await queue_up(line, door, "a")
    door.places = 1
    line.ask_again()
    assert await task == "a"
    with pytest.raises(ZeroDivisionError):
        await failing


def test_a_wait_takes_one_timer() -> None:
    """On the loop of the service, which rounds to milliseconds: the second question finds that the wait is over.

    The least of five tries counts: uvloop starts a timer at its own cached time, so a process that the machine halts
    just before is woken early and rightly asks a third time. Without the added tick every try asks three times.
    """

    async def asked() -> int:
        line, ends_s, count = Line[str](lost=print), time.monotonic() + 0.0104, 0

        def ask() -> str | Wait:
            nonlocal count
            count += 1
            left_s = ends_s - time.monotonic()
            return Wait(left_s, PauseReason.PACE) if left_s > 0 else "go"

        await line.answer(ask)
        return count

    assert min(uvloop.run(asked()) for _ in range(5)) == 2
