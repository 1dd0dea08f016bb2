"""The order in which large bodies are read, and the limit of what is held of them."""

import asyncio

import pytest

from adapter.ingest.turns import Turn, Turns


async def next_turn(turns: Turns, *, within_s: float = 60) -> Turn:
    turn = await turns.next(within_s)
    assert turn is not None
    return turn


async def settle() -> None:
    """Let every task go on as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_is_read_at_a_time_in_the_order_they_came() -> None:
    turns, order = Turns(100), list[str]()

    async def read(name: str) -> None:
        turn = await next_turn(turns)
        order.append(f"{name} begins")
        await settle()
        order.append(f"{name} ends")
        turn.end()

    await asyncio.gather(*(read(name) for name in "abc"))
    assert order == ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]


async def test_the_next_is_read_once_the_turn_is_passed_on_while_there_is_room() -> None:
    turns = Turns(100)
    first, held = await next_turn(turns), list[Turn]()

    async def read(size_bytes: int) -> None:
        turn = await next_turn(turns)
        await turn.hold(size_bytes)
        held.append(turn)
        turn.pass_on()

    await first.hold(40)
    reading = [asyncio.create_task(read(size_bytes)) for size_bytes in (60, 1, 1)]
    await settle()
    assert len(held) == 0
    first.pass_on()
    await settle()
    assert len(held) == 1
    # Ending one gives its bytes back once, and passes on no turn a second time.
    held[0].end()
    await settle()
    assert len(held) == 3
    await asyncio.gather(*reading)
    for turn in (first, *held[1:]):
        turn.end()
    await asyncio.wait_for((await next_turn(turns)).hold(100), 60)


async def test_one_that_is_larger_than_all_room_is_held_alone() -> None:
    turns = Turns(100)
    small = await next_turn(turns)
    await small.hold(1)
    small.pass_on()
    large = await next_turn(turns)
    holding = asyncio.create_task(large.hold(1_000))
    await settle()
    assert not holding.done()
    small.end()
    await holding
    large.pass_on()
    late = await next_turn(turns)
    holding = asyncio.create_task(late.hold(1))
    await settle()
    assert not holding.done()
    large.end()
    await holding
    late.end()


@pytest.mark.parametrize("is_holding", [False, True])
async def test_who_gives_up_holds_up_nobody(is_holding: bool) -> None:
    """A request whose peer has gone is cancelled, while it waits for its turn or for room."""
    turns = Turns(100)
    first = await next_turn(turns)
    await first.hold(100)
    if is_holding:
        first.pass_on()

    async def read() -> None:
        turn = await next_turn(turns)
        try:
            await turn.hold(50)
        finally:
            turn.end()

    leaving = asyncio.create_task(read())
    await settle()
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    first.end()
    await asyncio.wait_for(read(), 60)


async def test_who_waits_too_long_is_refused() -> None:
    turns = Turns(100)
    first = await next_turn(turns)
    assert await turns.next(0.01) is None
    first.end()
    (await next_turn(turns)).end()
