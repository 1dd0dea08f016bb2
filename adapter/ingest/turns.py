"""Large bodies are read one at a time, and few are held as objects: this bounds the memory and time that they take.

A body has its turn from the first step of inflating until its messages are read. Then it may pass the turn on, while
its messages wait for their commit. All bodies that have had their turn and are not answered hold at most `most_bytes`
of JSON together, or are one body alone.
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
        """Wait until so many more bytes of JSON may be held as objects."""
        while self._held_bytes and self._held_bytes + size_bytes > self._most_bytes:
            self._gave_back.clear()
            await self._gave_back.wait()
        self._held_bytes += size_bytes

    def give_back(self, size_bytes: int) -> None:
        """Release so many bytes."""
        self._held_bytes -= size_bytes
        self._gave_back.set()

    def pass_on(self) -> None:
        """Let the next body be read."""
        self._reading.release()


class Turn:
    """The turn of one body."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._held_bytes = 0
        self._is_reading = True

    async def hold(self, size_bytes: int) -> None:
        """Hold `size_bytes` of JSON; to be called once, before the body becomes objects."""
        await self._turns.hold(size_bytes)
        self._held_bytes = size_bytes

    def pass_on(self) -> None:
        """The body's messages are read and only wait for their commit, so let the next body be read."""
        if self._is_reading:
            self._is_reading = False
            self._turns.pass_on()

    def end(self) -> None:
        """Release everything of the body."""
        self.pass_on()
        self._turns.give_back(self._held_bytes)
