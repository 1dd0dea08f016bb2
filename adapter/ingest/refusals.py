"""Since when each sender is asked to come later: it gives up after a while, and what it sent is lost. Pure; the
time.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapter.http.responses import Reply

_CALM_S = 60.0
"""A queue that is nearly full, or a sender beyond its limit, is refused now and taken then: that is one episode."""

_LATER: Mapping[Reply, str] = {
    Reply.FULL: "the queue is full",
    Reply.SHARE_FULL: "it has as much waiting in the queue as one source may",
    Reply.FAILED: "the queue cannot be written",
    Reply.LIMITED: "it sends more than its limit",
}
"""What a sender tries again and what is in our hands to end, with what a person reads."""

_OF_QUEUE = frozenset({Reply.FULL, Reply.FAILED})


@dataclass(frozen=True, slots=True)
class Refusing:
    """A source that is refused: for how long by now, and why the last message was."""

    source: str
    for_s: float
    why: str


@dataclass(slots=True)
class _Episode:
    first_s: float
    last_s: float
    reply: Reply
    taken: bool = False


class Refusals:
    """What was refused of which source. Times are seconds on one clock that never goes back."""

    def __init__(self) -> None:
        self._episodes: dict[str, _Episode] = {}

    def record(self, source: str, reply: Reply, now_s: float) -> None:
        """A request of `source` was answered; most answers are neither here nor there."""
        if reply is Reply.STORED:
            self._take(source)
        elif reply in _LATER:
            self._refuse(source, reply, now_s)

    @property
    def waits_for_queue(self) -> bool:
        """Somebody was refused for the queue's sake and has not been taken since."""
        return any(episode.reply in _OF_QUEUE and not episode.taken for episode in self._episodes.values())

    def queue_takes(self) -> None:
        """The queue takes events again: whoever was refused for its sake will be taken, whenever that one comes."""
        for episode in self._episodes.values():
            episode.taken = episode.taken or episode.reply in _OF_QUEUE

    def now(self, now_s: float, horizons_s: Mapping[str, float]) -> list[Refusing]:
        """Who is being refused; `horizons_s` are how long each source's sender tries."""
        for source, episode in list(self._episodes.items()):
            calm_s = now_s - episode.last_s
            # What was refused longer ago than its sender tries has come by another way, or never will.
            if (episode.taken and calm_s > _CALM_S) or calm_s > horizons_s[source]:
                del self._episodes[source]
        return [
            Refusing(source, now_s - episode.first_s, _LATER[episode.reply])
            for source, episode in self._episodes.items()
        ]

    def _take(self, source: str) -> None:
        if self._episodes and source in self._episodes:
            self._episodes[source].taken = True

    def _refuse(self, source: str, reply: Reply, now_s: float) -> None:
        episode = self._episodes.get(source)
        if episode is None or (episode.taken and now_s - episode.last_s > _CALM_S):
            self._episodes[source] = _Episode(now_s, now_s, reply)
        else:
            episode.last_s, episode.reply, episode.taken = now_s, reply, False
