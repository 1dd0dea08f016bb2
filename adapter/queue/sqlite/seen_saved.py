"""The filter of ids seen, as saved in the file: reading it at the start is fast, building it would take a minute.

It is saved in slices, each in a transaction of its own, while further runs are added to the filter. So the file names
the run up to which all slices are complete: the last run in the filter when the first slice was written. A slice that
is saved again has every id that the slice before had, unless the filter has grown; then the saved filter is discarded
first.
"""

from zlib import crc32

from adapter.queue.sqlite.seen_beside import SEEN
from adapter.queue.sqlite.statements import Execute, statements

_QUEUE = statements("queue.sql")
_COVERS = "seen_filter_to"


class SavedFilter:
    """See the module. `covers` is the last run that is completely in the saved filter, 0 if none is saved."""

    def __init__(self, run: Execute, *, slice_bytes: int) -> None:
        self._run = run
        self._slice_bytes = slice_bytes
        self._is_damaged = False
        self.read()

    def read(self) -> None:
        """Read the state of the file; a save in progress starts again."""
        found = self._run(_QUEUE["state"], (_COVERS,)).fetchone()
        self.covers = 0 if found is None else int(found[0])
        self._bytes = int(self._run(SEEN["saved_bytes"]).fetchone()[0])
        if self._is_damaged:
            self._forget()
        self.give_up()

    def _forget(self) -> None:
        """Discard the saved filter: the next one is saved whole, after the old slices are deleted."""
        self.covers, self._bytes = 0, -1

    def load(self) -> bytearray | None:
        """The saved filter; None if there is none, or it is damaged."""
        bits = bytearray()
        for number, (slice_, piece, checksum) in enumerate(self._run(SEEN["saved_slices"])):
            if slice_ != number or type(piece) is not bytes or crc32(piece) != checksum:
                break
            bits += piece
        else:
            if self.covers and bits and len(bits) & (len(bits) - 1) == 0:
                return bits
        self._is_damaged = self.covers > 0
        self._forget()
        return None

    @property
    def is_saving(self) -> bool:
        """Whether slices are still to be saved."""
        return self._next is not None

    def give_up(self) -> None:
        """Stop saving the remaining slices."""
        self._next: int | None = None

    def save(self, bits: bytearray, *, covers: int) -> bool:
        """Save the next slice of `bits`, which has every id of the runs up to `covers`; True if there are more
        slices.
        """
        if self._next is None:
            if len(bits) != self._bytes:
                self._run(SEEN["forget_slices"])
                self._run(_QUEUE["set_state"], (_COVERS, 0))
            self._next, self._first_covers = 0, covers
        start = self._next * self._slice_bytes
        piece = bytes(bits[start : start + self._slice_bytes])
        self._run(SEEN["save_slice"], (self._next, piece, crc32(piece)))
        self._next += 1
        if start + self._slice_bytes < len(bits):
            return True
        self._run(_QUEUE["set_state"], (_COVERS, self._first_covers))
        self.covers, self._bytes = self._first_covers, len(bits)
        self.give_up()
        return False
