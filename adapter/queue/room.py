"""How many bytes a queue may take, and what is done at the limit."""

from adapter.errors import QueueFull
from adapter.queue.contract import Disk

_CALM = 0.95
"""Once over the limit, a queue stays over the limit until it uses less than this share of `max_bytes`."""


class Room:
    """The room of a queue in memory, and what a queue in a file adds to (`disk_space.DiskSpace`).

    `max_bytes` is what the pages in use may come to; history is thinned out from `thin_bytes` on. `setting` names the
    limit in messages.
    """

    def __init__(self, *, max_bytes: int, setting: str) -> None:
        self.thin_bytes = round(0.9 * max_bytes)
        self.max_bytes = max_bytes
        self._setting = setting
        self._is_over = False

    @property
    def is_full(self) -> bool:
        """Nothing new may be taken now."""
        return self._is_over

    @property
    def is_out_of_disk(self) -> bool:
        """The file system has no room, whatever `max_bytes` says."""
        return False

    @property
    def disk(self) -> Disk | None:
        """What is used and free of the disk, as it was looked at last; None for a queue that uses none."""
        return None

    def refusal(self) -> QueueFull:
        """The error for whoever brings something new."""
        return QueueFull(f"the queue uses {self.max_bytes} bytes, the most it may ({self._setting})")

    def give_way(self) -> None:
        """A write failed for want of room. May be called from any thread."""

    def recover(self) -> bool:
        """Whether something new may be taken, after another look."""
        return not self.is_full

    def uses(self, used_bytes: int, *, held_bytes: int, history_s: float | None, now_s: float) -> None:  # noqa: ARG002
        """What the queue's pages come to now, what of them cannot make room for others, and how far back its history
        reaches.
        """
        # The room of a file also forecasts when it is full, for which it needs the other arguments.
        self._is_over = used_bytes >= self.max_bytes * (_CALM if self._is_over else 1.0)

    def leave(self) -> None:
        """The service ends."""
