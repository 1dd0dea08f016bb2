"""Leases in memory: which token holds which lane. One process owns the queue, so a restart voids every lease."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field


@dataclass(slots=True)
class Held:
    """A lane that a worker holds. `size_bytes` is the size of its event's stored body; `is_warned`: warnings of the
    mapping are stored.

    `settling`: the outcome is being written, so the lease cannot expire. `unsure`: an earlier settle failed, and may
    have been committed. `gone`: the event ended elsewhere; the lane stays held until its worker settles, so that no
    call of it overlaps with one of the next event.
    """

    lane: int
    seq: int
    source: str
    expires_s: float
    size_bytes: int
    is_warned: bool
    delivered_keys: set[str] = field(default_factory=set)
    settling: bool = False
    unsure: bool = False
    gone: bool = False


class Leases:
    """The lanes in flight, by token; at most one token for each lane. `now` gives seconds on a clock that never jumps.

    Not thread-safe: lives on the event loop.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last_token = 0
        self._held: dict[int, Held] = {}
        self._lanes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._held)

    def lanes(self) -> Collection[int]:
        """Lanes that no other take may lease now. Lanes whose lease expired are not among them."""
        now_s = self._now()
        return {held.lane for held in self._held.values() if held.expires_s > now_s or held.settling}

    def hold(
        self, lane: int, *, seq: int, lease_s: float, source: str = "", size_bytes: int = 0, is_warned: bool = False
    ) -> int:
        """A new token for `lane`, which must not be in `lanes()`. A holder whose lease expired loses it now."""
        lost = self._lanes.get(lane)
        if lost is not None:
            self.release(lost)
        self._last_token += 1
        self._held[self._last_token] = Held(
            lane=lane,
            seq=seq,
            source=source,
            expires_s=self._now() + lease_s,
            size_bytes=size_bytes,
            is_warned=is_warned,
        )
        self._lanes[lane] = self._last_token
        return self._last_token

    def get(self, token: int) -> Held | None:
        """The lease of `token`; None once it was lost or released. An expired lease that no take has replaced still
        holds.
        """
        return self._held.get(token)

    def holds(self, token: int) -> bool:
        """Whether `token` still holds its event and the event has not ended elsewhere."""
        held = self._held.get(token)
        return held is not None and not held.gone

    def end(self, seqs: Collection[int]) -> None:
        """Mark these events as ended elsewhere: their holders are to stop."""
        ended = frozenset(seqs)
        for held in self._held.values():
            held.gone = held.gone or held.seq in ended

    def lose(self, sources: Collection[str]) -> None:
        """Void every lease of these sources, which another process has taken over."""
        for token in [token for token, held in self._held.items() if held.source in sources]:
            self.release(token)

    def is_idle(self, sources: Collection[str]) -> bool:
        """Whether no lease of these sources is held."""
        return all(held.source not in sources for held in self._held.values())

    def extend(self, token: int, lease_s: float) -> bool:
        """Hold the lane for `lease_s` from now; False if the lease was lost or its event ended elsewhere."""
        held = self._held.get(token)
        if held is None:
            return False
        held.expires_s = self._now() + lease_s
        return not held.gone

    def release(self, token: int) -> None:
        """Free the lane."""
        held = self._held.pop(token, None)
        if held is not None:
            del self._lanes[held.lane]

    def next_expiry_s(self) -> float | None:
        """When the first lease expires, on `now`'s clock; None if no lease can."""
        return min((held.expires_s for held in self._held.values() if not held.settling), default=None)
