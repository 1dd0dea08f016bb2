"""A disk and its power: what was written and synced, as strace recorded it, and what a power cut leaves of it. Pure.

A write is durable once a sync of its file that began after it has ended. Before that each sector holds what was there
last, or any state that the unsynced writes gave it, whatever its neighbours hold.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

CALLS = ("pwrite64", "ftruncate", "fsync", "fdatasync")
"""The system calls by which SQLite changes a file. If there were others, the record would not reproduce the file."""
_SECTOR_BYTES = 512
_BLOCK_BYTES = 4096
_NO_CHANCE = random.Random(0)  # noqa: S311 - where nothing is left to chance

_CALL = re.compile(r"(\d+) +([\d.]+) (\w+)\(\d+<([^>]*)>(?:, \"([^\"]*)\", \d+)?(?:, (\d+))?")
_RESUMED = re.compile(r"(\d+) +([\d.]+) <\.\.\. (\w+) resumed>")
_FAILED = re.compile(r"\) += -1 ")


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """A system call of a thread on a file that begins, or ends, or both at once; `at_s` is seconds since 1970."""

    at_s: float
    thread: str
    call: str
    file: str = ""
    place: int = 0
    text: bytes = b""
    begins: bool = True
    ends: bool = True


def steps(lines: Iterable[str]) -> Iterator[RecordedStep]:
    """The output of `strace -f -y -ttt -xx`, in order. Failed calls changed nothing and are left out."""
    for line in lines:
        if _FAILED.search(line[-200:]) is not None:
            continue
        if (call := _CALL.match(line)) is not None:
            thread, at, name, file, text, place = call.groups()
            ends = not line.rstrip().endswith("<unfinished ...>")
            path = _bytes(file).decode()
            yield RecordedStep(float(at), thread, name, path, int(place or 0), _bytes(text or ""), ends=ends)
        elif (resumed := _RESUMED.match(line)) is not None:
            yield RecordedStep(float(resumed[2]), resumed[1], resumed[3], begins=False)


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace("\\x", ""))


@dataclass(slots=True, eq=False)
class _Change:
    """A write at `place`, or a cut to the length `place` if `text` is None."""

    place: int
    text: bytes | None
    is_done: bool = False


@dataclass(slots=True)
class _File:
    synced: bytearray
    unsynced: list[_Change] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Flight:
    """A call in progress: one that changes a file, or a sync of the writes in `covered`."""

    file: _File
    change: _Change | None = None
    covered: frozenset[_Change] = frozenset()


class RecordedDisk:
    """Some files, by their paths. `take` applies what happens to them, step by step."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = {name: _File(bytearray(content)) for name, content in files.items()}
        self._in_flight: dict[str, _Flight] = {}

    def take(self, step: RecordedStep) -> None:
        """A step; those on other files change nothing."""
        if step.begins and step.file in self._files:
            self._in_flight[step.thread] = _begun(self._files[step.file], step)
        if step.ends and step.thread in self._in_flight:
            _end(self._in_flight.pop(step.thread))

    def is_synced(self, name: str) -> bool:
        """Whether the file has no unsynced writes."""
        return not self._files[name].unsynced

    def as_read(self) -> dict[str, bytes]:
        """The files as a program reads them."""
        return {
            name: _left(file, _NO_CHANCE, share=1.0, piece_bytes=_BLOCK_BYTES) for name, file in self._files.items()
        }

    def after_power_cut(self, chance: random.Random) -> dict[str, bytes]:
        """The files as the next start finds them after a power cut now."""
        left = {}
        for name, file in self._files.items():
            share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            left[name] = _left(file, chance, share=share, piece_bytes=chance.choice((_SECTOR_BYTES, _BLOCK_BYTES)))
        return left


def _begun(file: _File, step: RecordedStep) -> _Flight:
    if step.call in ("fsync", "fdatasync"):
        return _Flight(file, covered=frozenset(change for change in file.unsynced if change.is_done))
    change = _Change(step.place, None if step.call == "ftruncate" else step.text)
    file.unsynced.append(change)
    return _Flight(file, change)


def _end(flight: _Flight) -> None:
    if flight.change is not None:
        flight.change.is_done = True
    for change in flight.file.unsynced:
        if change in flight.covered:
            _apply(flight.file.synced, change)
    flight.file.unsynced = [change for change in flight.file.unsynced if change not in flight.covered]


def _left(file: _File, chance: random.Random, *, share: float, piece_bytes: int) -> bytes:
    """The file with a `share` of its unsynced pieces in their last state, the others in any earlier one."""
    states = Counter(piece for change in file.unsynced for piece in _pieces(change, piece_bytes))
    survive = {piece: n if chance.random() < share else chance.randrange(n) for piece, n in states.items()}
    content, seen = bytearray(file.synced), Counter[int]()
    for change in file.unsynced:
        if change.text is None and chance.random() < share:
            _apply(content, change)
        for piece in _pieces(change, piece_bytes):
            seen[piece] += 1
            if seen[piece] <= survive[piece]:
                _apply(content, _within(change, piece * piece_bytes, (piece + 1) * piece_bytes))
    return bytes(content)


def _pieces(change: _Change, piece_bytes: int) -> range:
    if not change.text:
        return range(0)
    return range(change.place // piece_bytes, (change.place + len(change.text) - 1) // piece_bytes + 1)


def _within(change: _Change, start: int, end: int) -> _Change:
    """The part of a write between `start` and `end`."""
    first = max(start, change.place)
    return _Change(first, (change.text or b"")[first - change.place : end - change.place])


def _apply(content: bytearray, change: _Change) -> None:
    if change.text is None:
        del content[change.place :]
        content.extend(bytes(change.place - len(content)))
        return
    content.extend(bytes(max(0, change.place - len(content))))
    content[change.place : change.place + len(change.text)] = change.text
