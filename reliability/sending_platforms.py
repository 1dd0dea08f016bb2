"""Platforms as senders, on a clock that jumps from one attempt to the next, so that hours pass in the time of the
requests. The requests are real, and so is the time that an answer may take.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random

import aiohttp

from adapter.model import JsonObject
from reliability.oracle import Message, Oracle
from reliability.platforms import MINUTE_S, NO_ANSWER, Platform, Tried
from reliability.stage import Stage

# Messages due within this time are sent at once.
_TOGETHER_S = MINUTE_S
_TAKEN = 200


@dataclass(slots=True)
class _Parcel:
    """A message being sent. `first_at_s` is the instant of its first attempt."""

    message: Message
    platform: Platform
    first_at_s: float
    tries: int = 0


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that a platform gave up, and the last status it saw."""

    platform: str
    message_id: str
    status: int


@dataclass(slots=True)
class Tally:
    """What the platforms saw. `copies` counts messages sent again although they were stored, because the answer was
    lost; `timeouts` counts requests.
    """

    given_up: list[GivenUp] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    timeouts: int = 0
    copies: int = 0


class Senders:
    """All of `platforms`, each with messages of its own.

    While `loses_answers` is set no answer arrives: the platforms send again what the adapter has stored.
    """

    def __init__(self, stage: Stage, oracle: Oracle, *, chance: Random) -> None:
        self.loses_answers = False
        self.seen = Tally()
        self.now_s = 0.0
        self._stage = stage
        self._oracle = oracle
        self._chance = chance
        self._number = count()
        self._due: list[tuple[float, int, _Parcel]] = []
        self._behind: dict[str, deque[_Parcel]] = {}

    def give(self, platform: Platform, messages: Sequence[tuple[float, Message]]) -> None:
        """Let `platform` send these from the given instants on."""
        for at_s, message in messages:
            parcel = _Parcel(message, platform, at_s)
            waiting = self._behind.setdefault(message.user, deque()) if platform.is_ordered else None
            if waiting is None or not waiting:
                self._at(at_s, parcel)
            if waiting is not None:
                waiting.append(parcel)

    @property
    def left(self) -> int:
        """Messages neither sent nor given up, without those that wait for another one."""
        return len(self._due)

    async def until(self, end_s: float) -> None:
        """Send all messages due before `end_s`, and set the clock to that."""
        while self._due and self._due[0][0] < end_s:
            self.now_s = self._due[0][0]
            await self.send_due(within_s=min(_TOGETHER_S, end_s - self.now_s))
        self.now_s = end_s

    async def send_due(self, *, within_s: float) -> None:
        """Send messages that are due by then together, and wait for the answers as long as each platform does."""
        parcels = []
        while self._due and self._due[0][0] < self.now_s + within_s:
            parcels.append(heapq.heappop(self._due)[2])
        # Grouped again each time: messages that failed together need not be sent together again.
        self._chance.shuffle(parcels)
        async with asyncio.TaskGroup() as group:
            for platform, together in _requests(parcels):
                group.create_task(self._send(platform, together))

    async def _send(self, platform: Platform, parcels: Sequence[_Parcel]) -> None:
        bodies = [parcel.message.body for parcel in parcels]
        status = await self._post(bodies if platform.batch > 1 else bodies[0], timeout_s=platform.timeout_s)
        self.seen.statuses.add(status)
        is_lost = self.loses_answers and status == _TAKEN
        self.seen.copies += is_lost * len(parcels)
        for parcel in parcels:
            parcel.tries += 1
            if 200 <= status < 300 and not is_lost:
                self._oracle.acknowledged(parcel.message)
                self._next_of(parcel)
            else:
                self._try_again(parcel, NO_ANSWER if is_lost else status)

    async def _post(self, body: JsonObject | list[JsonObject], *, timeout_s: float) -> int:
        try:
            timeout = aiohttp.ClientTimeout(total=timeout_s)
            async with self._stage.http.post(self._stage.webhook, json=body, timeout=timeout) as answer:
                await answer.read()
                return answer.status
        except TimeoutError:
            self.seen.timeouts += 1
        except aiohttp.ClientError:
            pass
        return NO_ANSWER

    def _try_again(self, parcel: _Parcel, status: int) -> None:
        tried = Tried(parcel.tries, self.now_s - parcel.first_at_s, status)
        wait_s = parcel.platform.schedule(tried, self._chance.random())
        if wait_s is None:
            self.seen.given_up.append(GivenUp(parcel.platform.name, parcel.message.message_id, status))
            self._next_of(parcel)
        else:
            self._at(self.now_s + wait_s, parcel)

    def _next_of(self, done: _Parcel) -> None:
        """Let the next message of this user go if it waited for `done`."""
        waiting = self._behind.get(done.message.user)
        if waiting is None:
            return
        waiting.popleft()
        if waiting:
            waiting[0].first_at_s = max(self.now_s, waiting[0].first_at_s)
            self._at(waiting[0].first_at_s, waiting[0])

    def _at(self, at_s: float, parcel: _Parcel) -> None:
        heapq.heappush(self._due, (at_s, next(self._number), parcel))


def _requests(parcels: Sequence[_Parcel]) -> Iterator[tuple[Platform, list[_Parcel]]]:
    by_platform: dict[str, list[_Parcel]] = {}
    for parcel in parcels:
        by_platform.setdefault(parcel.platform.name, []).append(parcel)
    for own in by_platform.values():
        platform = own[0].platform
        for first in range(0, len(own), platform.batch):
            yield platform, own[first : first + platform.batch]
