"""Limits of one request, of one message, and of bodies that arrive at once. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits of one request.

    `body_bytes` as sent, `inflated_bytes` after inflating, `message_bytes` of JSON for each message. `values` limits
    the memory that a body takes as objects; `decode` counts them, and 4,000 orders of three products (9 MB) have
    820,000. `messages` is far above what any sender makes (Segment's webhooks 4,000); `read_s` is how long a request
    may take to arrive.
    """

    body_bytes: int = 40_000_000
    inflated_bytes: int = 40_000_000
    values: int = 3_000_000
    message_bytes: int = 512_000
    messages: int = 10_000
    read_s: float = 30.0


class BodyBudget:
    """The limit of memory for bodies that are arriving, for all senders together: `max_bytes`.

    Thousands of slow senders may each be within their limit, and together exceed the memory. If the room is `divided`,
    each owner may hold half of what the other owners leave, so that one owner does not shut the others out.
    """

    def __init__(self, max_bytes: int, *, divided: bool = False) -> None:
        self._left = max_bytes
        self._divided = divided
        self._held: dict[str, int] = {}

    def take(self, owner: str, size: int) -> bool:
        """Whether `owner` may hold `size` bytes more; if so they are held until given back."""
        own = self._held.get(owner, 0)
        most = (self._left + own) // 2 - own if self._divided else self._left
        if size > most:
            return False
        self._left -= size
        self._held[owner] = own + size
        return True

    def give_back(self, owner: str, size: int) -> None:
        """Release `size` bytes of `owner`."""
        self._left += size
        held = self._held.get(owner, 0) - size
        if held > 0:
            self._held[owner] = held
        else:
            self._held.pop(owner, None)
