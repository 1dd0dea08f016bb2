"""The queue of calls that wait until their project lets them go, in order of arrival. One timer serves all of them.

Knows neither calls nor projects. Each place in the line asks a question of its own, and the first one is asked again
when its wait is over.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from adapter.deliver.permits import Wait
from adapter.deliver.state import PauseReason

# uvloop rounds to a millisecond. A timer that ends before the wait would be set again and again; the pace makes up for
# a late one.
_TICK_S = 0.001
A = TypeVar("A")
Ask: TypeAlias = Callable[[], A | Wait]


class Line(Generic[A]):
    """Answers in the order of the calls of `answer`. `lost` is called with an answer whose caller was cancelled before
    it received it.
    """

    def __init__(self, *, lost: Callable[[A], None]) -> None:
        self._lost = lost
        self._places: deque[tuple[Ask[A], asyncio.Future[A]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._wait: Wait | None = None

    async def answer(self, ask: Ask[A]) -> A:
        """The first result of `ask` that is not a Wait; at once if no other call waits and it is not a Wait."""
        if not self._places:
            said = ask()
            if not isinstance(said, Wait):
                return said
            self._wait_for(said)
        place: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._places.append((ask, place))
        try:
            return await place
        except asyncio.CancelledError:
            if not place.cancelled() and place.exception() is None:
                self._lost(place.result())
            self.ask_again()
            raise

    def ask_again(self) -> None:
        """Ask for the first in the line, then for the next, until one has to wait."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._wait = None
        while self._places:
            ask, place = self._places[0]
            if not place.done():
                try:
                    said = ask()
                except Exception as exc:
                    place.set_exception(exc)
                else:
                    if isinstance(said, Wait):
                        self._wait_for(said)
                        return
                    place.set_result(said)
            self._places.popleft()

    def call_ended(self) -> None:
        """Ask again at once if the first waits for a call to end."""
        if self._wait is not None and self._wait.why is PauseReason.SLOW:
            self.ask_again()

    def _wait_for(self, wait: Wait) -> None:
        self._wait = wait
        seconds = wait.seconds + _TICK_S if wait.why is PauseReason.PACE else wait.seconds
        self._timer = asyncio.get_running_loop().call_later(seconds, self.ask_again)
