"""The limit of a queue's size in bytes, and what happens at the limit."""

from adapter.errors import QueueFull
from adapter.queue.contract import Disk

_CALM = 0.95
"""A queue over its limit accepts nothing until it uses less than this share of `max_bytes`."""


class Room:
    """The room of a queue in memory, and the base for a queue in a file (`disk_space.DiskSpace`).

    `max_bytes` limits the size of the used pages. From `thin_bytes` on, history is deleted early. `setting` names the
    limit in messages.
    """

    def __init__(self, *, max_bytes: int, setting: str) -> None:
        self.thin_bytes = round(0.9 * max_bytes)
        self.max_bytes = max_bytes
        self._setting = setting
        self._is_over = False

    @property
    def is_full(self) -> bool:
        """Whether new messages are refused now."""
        return self._is_over

    @property
    def is_out_of_disk(self) -> bool:
        """Whether the file system has no room, whatever `max_bytes` is."""
        return False

    @property
    def disk(self) -> Disk | None:
        """The disk as measured last; None for a queue that uses none."""
        return None

    def refusal(self) -> QueueFull:
        """The error for a put that is refused."""
        return QueueFull(f"the queue uses {self.max_bytes} bytes, the most it may ({self._setting})")

    def give_way(self) -> None:
        """Called when a write failed for lack of room. May be called from any thread."""

    def recover(self) -> bool:
        """Measure again; returns whether new messages are accepted."""
        return not self.is_full

    def uses(self, used_bytes: int, *, held_bytes: int, history_s: float | None, now_s: float) -> None:  # noqa: ARG002
        """Set the size of the queue's pages, the part of it that cannot make room for other data, and the age of the
        oldest history.
        """
        # The room of a file also forecasts when it will be full, and needs the other arguments for that.
        self._is_over = used_bytes >= self.max_bytes * (_CALM if self._is_over else 1.0)

    def leave(self) -> None:
        """Called when the service stops."""
