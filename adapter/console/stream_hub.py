"""Reads what is new once, and passes it to all listeners of the console's stream.

One task reads the queue while there are listeners. What a listener has not read is bounded: beyond the limit, and when
more arrives than a person could follow, the listener is asked to load its page again (`resync`).
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import orjson

from adapter.errors import ConfigError, QueueError
from adapter.model import JsonObject

TOPICS: Final = ("events", "summary", "mappings")
WATCHED: Final = 200
"""Pending events whose end is watched; of a larger backlog, the latest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Limits of the stream. `unsent_bytes` is for one listener, `events_bytes` for the events of one turn."""

    listeners: int = 8
    unsent_bytes: int = 64 * 1024
    events_bytes: int = 32 * 1024
    turn_s: float = 1.0
    summary_s: float = 2.0
    resync_s: float = 5.0
    heartbeat_s: float = 10.0
    longest_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDeps:
    """The parts of the stream: answers of the API's operations. `pending` returns ids of pending events, the latest
    last; `monotonic_s` is a clock.
    """

    tail: Callable[[str | None, Sequence[str]], Awaitable[JsonObject]]
    pending: Callable[[], Awaitable[Sequence[str]]]
    summary: Callable[[], Awaitable[JsonObject]]
    mappings: Callable[[], JsonObject]
    monotonic_s: Callable[[], float]


def frame(name: str, data: JsonObject, *, id_: str | None = None) -> bytes:
    """One message of the stream; JSON has no line breaks."""
    place = b"" if id_ is None else b"id: %s\n" % id_.encode()
    return b"%sevent: %s\ndata: %s\n\n" % (place, name.encode(), orjson.dumps(data))


RESYNC: Final = frame("resync", {})


class StreamListener:
    """A listener to some topics. `connection_unsent` returns how many bytes the connection holds back, None once it is
    closed.
    """

    def __init__(
        self, topics: Collection[str], connection_unsent: Callable[[], int | None], *, most_unsent: int
    ) -> None:
        self.topics = frozenset(topics)
        self.is_behind = False
        self._connection_unsent = connection_unsent
        self._most_unsent = most_unsent
        self._frames: deque[bytes] = deque()
        self._queued = 0
        self._woken = asyncio.Event()

    @property
    def is_gone(self) -> bool:
        """The connection was closed."""
        return self._connection_unsent() is None

    def put(self, message: bytes) -> None:
        """Put `message` for the listener. A listener with too much unread gets `resync` instead of all of it, and
        nothing more.
        """
        if self.is_behind:
            return
        if self._queued + (self._connection_unsent() or 0) + len(message) > self._most_unsent:
            self.is_behind = True
            self._frames.clear()
            message = RESYNC
        self._frames.append(message)
        self._queued += len(message)
        self._woken.set()

    async def take(self, wait_s: float) -> bytes:
        """The messages put since; waits for one, but at most `wait_s`."""
        if not self._frames:
            # A message may be put in the turn in which the time is up.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
        self._woken.clear()
        taken = b"".join(self._frames)
        self._frames.clear()
        self._queued = 0
        return taken


class StreamHub:
    """See the module."""

    def __init__(self, deps: StreamDeps, limits: StreamLimits) -> None:
        self.limits = limits
        self._deps = deps
        self._listeners: set[StreamListener] = set()
        self._task: asyncio.Task[None] | None = None
        self._after: str | None = None
        self._watch: list[str] = []
        self._watch_too: list[str] = []
        self._last: dict[str, bytes] = {}
        self._summary_at_s = 0.0
        self._resync_at_s = 0.0
        self._is_flooded = False
        self._has_requeued = False

    def note_requeued(self, ids: Sequence[str]) -> None:
        """Older events are pending again, and their end is news: those of `ids`, or unknown ones if None."""
        self._watch_too += [id_ for id_ in ids if id_.isdigit()][-WATCHED:]
        self._has_requeued = self._has_requeued or not ids

    def is_full(self) -> bool:
        """Whether no further listener is allowed. Listeners whose connection was closed make room."""
        for listener in [listener for listener in self._listeners if listener.is_gone]:
            self.leave(listener)
        return len(self._listeners) >= self.limits.listeners

    async def join(self, listener: StreamListener, after: str | None) -> None:
        """Pass news to `listener` until it leaves, starting with what is new since `after`. Raises QueueError."""
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        for topic, message in self._last.items():
            if topic in listener.topics:
                listener.put(message)
        if "events" not in listener.topics:
            return
        if after is not None:
            news = await self._deps.tail(after, ())
            message = frame("events", {"entries": news["entries"], "next": news["next"]}, id_=news["next"])
            listener.put(RESYNC if len(message) > self.limits.events_bytes else message)
            self._watch_too += news["pending"]
        elif self._after is not None:
            listener.put(frame("events", {"entries": [], "next": self._after}, id_=self._after))

    def leave(self, listener: StreamListener) -> None:
        """Remove a listener. Removing it twice is harmless."""
        self._listeners.discard(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = None
            self._after, self._watch, self._watch_too = None, [], []
            self._last.clear()

    def check(self) -> None:
        """Raises the exception that ended the task, which must not end."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        clock = self._deps.monotonic_s
        while True:
            began_s = clock()
            try:
                await self._look_for_events()
                await self._look_at_service(began_s)
            except (QueueError, ConfigError):
                # The summary says why the queue fails as soon as it can be read.
                self._last.pop("summary", None)
            await asyncio.sleep(max(0.0, began_s + self.limits.turn_s - clock()))

    async def _look_for_events(self) -> None:
        if not any("events" in listener.topics for listener in self._listeners):
            self._after = None
            return
        if self._after is None:
            # The cursor first: an event that ends between the two reads is still pending in the list, so it is watched.
            first = await self._deps.tail(None, ())
            self._watch = list(await self._deps.pending())[-WATCHED:]
            self._after = after = first["next"]
            self._publish("events", frame("events", {"entries": [], "next": after}, id_=after))
            return
        if self._is_flooded:
            # Topics without a listener are not read.
            await self._resync_if_due()
            return
        requeued: Sequence[str] = ()
        if self._has_requeued:
            # They are older than `after`, and some have ended. Finding them each turn would read everything that is
            # kept.
            self._has_requeued = False
            requeued = await self._deps.pending()
            self._publish("events", RESYNC)
        watch = list(dict.fromkeys([*requeued, *self._watch_too, *self._watch]))[-WATCHED:]
        self._watch_too = []
        news = await self._deps.tail(self._after, watch)
        self._watch = news["pending"][-WATCHED:]
        message = frame("events", {"entries": news["entries"], "next": news["next"]}, id_=news["next"])
        if len(message) > self.limits.events_bytes:
            self._is_flooded = True
            await self._resync_if_due()
        elif news["entries"]:
            self._after = news["next"]
            self._publish("events", message)

    async def _resync_if_due(self) -> None:
        now_s = self._deps.monotonic_s()
        if now_s >= self._resync_at_s:
            self._is_flooded, self._resync_at_s = False, now_s + self.limits.resync_s
            self._after = (await self._deps.tail(None, ()))["next"]
            self._publish("events", RESYNC)

    async def _look_at_service(self, now_s: float) -> None:
        self._publish_if_new("mappings", frame("mappings", self._deps.mappings()))
        if now_s < self._summary_at_s and "summary" in self._last:
            return
        self._summary_at_s = now_s + self.limits.summary_s
        self._publish_if_new("summary", frame("summary", await self._deps.summary()))

    def _publish_if_new(self, topic: str, message: bytes) -> None:
        if self._last.get(topic) != message:
            self._last[topic] = message
            self._publish(topic, message)

    def _publish(self, topic: str, message: bytes) -> None:
        for listener in self._listeners:
            if topic in listener.topics:
                listener.put(message)
