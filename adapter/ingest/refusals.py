"""Since when each sender is refused: a sender gives up after a time, and then its messages are lost. Pure; the time
comes in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapter.http.responses import Reply

_CALM_S = 60.0
"""A source of a nearly full queue, or beyond its limit, is refused and accepted in turns: that is one episode."""

_LATER: Mapping[Reply, str] = {
    Reply.FULL: "the queue is full",
    Reply.SHARE_FULL: "it has used its whole share of the queue",
    Reply.FAILED: "the queue cannot be written",
    Reply.LIMITED: "it sends more than its limit",
}
"""Replies after which a sender sends again and whose cause the operator can end, each with its description."""

_OF_QUEUE = frozenset({Reply.FULL, Reply.FAILED})


@dataclass(frozen=True, slots=True)
class Refusing:
    """A source that is refused: for how long, and why the last message was."""

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
    """The refusals of each source. Times are seconds on one clock that never goes back."""

    def __init__(self) -> None:
        self._episodes: dict[str, _Episode] = {}

    def record(self, source: str, reply: Reply, now_s: float) -> None:
        """A request of `source` was answered; most answers neither begin nor end an episode."""
        if reply is Reply.STORED:
            self._take(source)
        elif reply in _LATER:
            self._refuse(source, reply, now_s)

    @property
    def waits_for_queue(self) -> bool:
        """Whether a source was refused because of the queue and not accepted since."""
        return any(episode.reply in _OF_QUEUE and not episode.taken for episode in self._episodes.values())

    def queue_takes(self) -> None:
        """The queue accepts events again, so sources that were refused because of it will be accepted when they send
        again.
        """
        for episode in self._episodes.values():
            episode.taken = episode.taken or episode.reply in _OF_QUEUE

    def now(self, now_s: float, horizons_s: Mapping[str, float]) -> list[Refusing]:
        """The sources that are refused now; `horizons_s` says for how long each source's sender sends again."""
        for source, episode in list(self._episodes.items()):
            calm_s = now_s - episode.last_s
            # After the horizon the sender has given up, so the episode is over.
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
