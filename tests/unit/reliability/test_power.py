"""The disk whose power is cut: what was synced stays, and of the rest any part may."""

import random

import pytest

from reliability.power import RecordedDisk, RecordedStep, steps

FILE = "/q.db"
PATH = "".join(f"\\x{byte:02x}" for byte in FILE.encode())


def write(text: bytes, place: int = 0, *, thread: str = "1", ends: bool = True, at_s: float = 0.0) -> RecordedStep:
    return RecordedStep(at_s, thread, "pwrite64", FILE, place, text, ends=ends)


def sync(*, thread: str = "1", ends: bool = True) -> RecordedStep:
    return RecordedStep(0.0, thread, "fdatasync", FILE, ends=ends)


def ended(call: str, thread: str = "1") -> RecordedStep:
    return RecordedStep(0.0, thread, call, begins=False)


def cut(before: bytes, *taken: RecordedStep) -> set[bytes]:
    """All that a power cut after these steps was seen to leave."""
    disk = RecordedDisk({FILE: before})
    for step in taken:
        disk.take(step)
    return {disk.after_power_cut(random.Random(seed))[FILE] for seed in range(200)}  # noqa: S311 - repeatable


def test_what_strace_writes_is_read() -> None:
    """Calls of two threads that overlap, a cut, and calls that are of no matter."""
    lines = [
        f'7 12.5 pwrite64(3<{PATH}>, "\\x61\\x62", 2, 32) = 2\n',
        f"7 12.6 fdatasync(3<{PATH}> <unfinished ...>\n",
        f"8 12.7 ftruncate(4<{PATH}>, 4096)     = 0\n",
        "7 12.8 <... fdatasync resumed>)        = 0\n",
        f'8 12.9 pwrite64(4<{PATH}>, "\\x61", 1, 0) = -1 ENOSPC (No space left on device)\n',
        "7 13.0 +++ killed by SIGKILL +++\n",
    ]
    assert list(steps(lines)) == [
        RecordedStep(12.5, "7", "pwrite64", FILE, 32, b"ab"),
        RecordedStep(12.6, "7", "fdatasync", FILE, ends=False),
        RecordedStep(12.7, "8", "ftruncate", FILE, 4096),
        RecordedStep(12.8, "7", "fdatasync", begins=False),
    ]


def test_what_was_synced_stays() -> None:
    """Nothing of it depends on chance any more."""
    assert cut(b"old", write(b"new"), sync()) == {b"new"}


def test_what_was_not_synced_may_be_there_or_not() -> None:
    """Also if its sync began and did not end."""
    assert cut(b"old", write(b"new")) == {b"old", b"new"}
    assert cut(b"old", write(b"new"), sync(ends=False)) == {b"old", b"new"}


def test_a_sync_covers_what_ended_before_it_began() -> None:
    """A write of another thread that is under way when it begins is none of it."""
    under_way = (write(b"new", thread="2", ends=False), sync(), ended("pwrite64", "2"))
    assert cut(b"old", *under_way) == {b"old", b"new"}
    assert cut(b"old", *under_way, sync()) == {b"new"}
    late = (sync(ends=False), write(b"new", thread="2"), ended("fdatasync"))
    assert cut(b"old", *late) == {b"old", b"new"}


def test_sectors_are_torn_from_each_other() -> None:
    """One sector may be new, its neighbour old, whichever comes first; none is half of each."""
    found = cut(b"a" * 1024, write(b"b" * 1024))
    assert found == {one * 512 + other * 512 for one in (b"a", b"b") for other in (b"a", b"b")}


def test_a_sector_has_one_of_the_states_it_went_through() -> None:
    """Two writes into one sector: the second is not there without the first."""
    assert cut(b"....", write(b"a", 0), write(b"b", 1)) == {b"....", b"a...", b"ab.."}


def test_a_file_grows_and_is_cut() -> None:
    """What lies between its old end and a write that survived is zeros; a cut that was not synced may not be there."""
    assert cut(b"", write(b"x", 3)) == {b"", b"\0\0\0x"}
    assert cut(b"long", RecordedStep(0.0, "1", "ftruncate", FILE, 1)) == {b"long", b"l"}
    assert cut(b"long", RecordedStep(0.0, "1", "ftruncate", FILE, 1), sync()) == {b"l"}


def test_a_program_reads_what_it_wrote() -> None:
    """Synced or not."""
    disk = RecordedDisk({FILE: b"old.", "/other": b"kept"})
    for step in (write(b"ne"), sync(), write(b"w!", 2), RecordedStep(0.0, "1", "pwrite64", "/elsewhere", 0, b"?")):
        disk.take(step)
    assert disk.as_read() == {FILE: b"new!", "/other": b"kept"}
    assert (disk.is_synced(FILE), disk.is_synced("/other")) == (False, True)


@pytest.mark.parametrize("seed", range(3))
def test_a_cut_can_be_seen_again(seed: int) -> None:
    """The same chance leaves the same."""
    disk = RecordedDisk({FILE: bytes(8192)})
    disk.take(write(b"x" * 8192))
    once, again = (disk.after_power_cut(random.Random(seed)) for _ in range(2))  # noqa: S311 - repeatable
    assert once == again
