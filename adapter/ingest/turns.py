"""Large bodies are read one at a time, and few are held as objects: it bounds the memory and the time they take.

A body has its turn from the first step of inflating until its messages are read. Then it may pass the turn on, while
what was read of it waits for its commit. All that have had their turn and are not answered hold `most_bytes` of JSON
together, or are one body alone.
"""

import asyncio


class Turns:
    """See the module. First come, first served."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._reading = asyncio.Lock()
        self._gave_back = asyncio.Event()

    async def next(self, within_s: float) -> "Turn | None":
        """The turn of one body, until its `end` is called; None if it does not come in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._reading.acquire()
        except TimeoutError:
            return None
        return Turn(self)

    async def hold(self, size_bytes: int) -> None:
        """Wait until so many bytes of JSON more may be held as objects."""
        while self._held_bytes and self._held_bytes + size_bytes > self._most_bytes:
            self._gave_back.clear()
            await self._gave_back.wait()
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """They are held no longer."""
        self._held_bytes -= size_bytes
        self._gave_back.set()

    def pass_on(self) -> None:
        """The next body may be read."""
        self._reading.release()


class Turn:
    """One body's."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held_bytes = 0
        self._is_reading = True

    async def hold(self, size_bytes: int) -> None:
        """To be called once, before the body becomes objects: `size_bytes` of JSON."""
        await self._turns.hold(size_bytes)
        self._held_bytes = size_bytes

    def pass_on(self) -> None:
        """The body's messages are read: what is left is to wait for their commit."""
        if self._is_reading:
            self._is_reading = False
            self._turns.pass_on()

    def end(self) -> None:
        """Nothing of the body is held any more."""
        self.pass_on()
        self._turns.give_back(self._held_bytes)
