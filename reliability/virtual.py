"""An event loop whose clock jumps to the next event: hours pass in seconds. For work without sockets or threads."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")


class _Jumping(selectors.SelectSelector):
    """Never waits: the requested time is added to `passed_s`."""

    passed_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("everything waits for something that cannot come")
        if not ready:
            self.passed_s += timeout or 0.0
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    """Its `time` is what its selector passed."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed_s


async def virtually(work: Callable[[Callable[[], float]], Awaitable[T]]) -> T:
    """The result of `work`, run on a loop of its own in a thread; its argument is the clock, which begins at 0."""

    def run() -> T:
        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            return runner.run(_awaited(work))

    return await asyncio.to_thread(run)


async def _awaited(work: Callable[[Callable[[], float]], Awaitable[T]]) -> T:
    loop: Any = asyncio.get_running_loop()
    return await work(loop.time)
