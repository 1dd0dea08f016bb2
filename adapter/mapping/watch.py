"""Keeps a ruleset in step with its file: what is saved goes live if it is good; if not, the last good one goes on.

Looks at the file every few seconds rather than waiting for a signal: editors replace files, Kubernetes swaps a symlink
above them, and network disks tell nobody. Besides `regular_file` the one module of mapping that reads files; it alone
knows of time.
"""

import asyncio
import hashlib
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar

from adapter.errors import MappingError
from adapter.files.encoding import not_utf8
from adapter.files.regular_file import read_regular
from adapter.mapping.compile.table_files import MAX_BYTES
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.table_reader import place_of
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import MappingActivated, MappingFailed

Load: TypeAlias = Callable[[str], Ruleset]
"""`load.load` with everything but the text filled in."""
_BY_FILE = "file"
"""As in `queue.activations`."""
_PATIENCE = 20
"""How often a file that keeps changing is waited for before it is read as it is."""
_T = TypeVar("_T")
_Look: TypeAlias = tuple[tuple[int, int, int] | None, ...]
"""Of each file when it was changed, its size and its inode; None if it cannot be looked at."""


class LiveMapping:
    """The ruleset of one file. Workers read `ruleset` once for each event, so none sees half a mapping.

    `text` is what it was made of. `problem` says why the file on disk is not what is live, in the words of the check;
    empty if it is. `loaded_at` is when its content was last tried, whatever came of it; `activated_at` and
    `activated_by` are of the text that is live.
    """

    def __init__(self, path: Path, *, name: str, text: str, ruleset: Ruleset, load: Load, emit: Emit) -> None:
        """`ruleset` is live from the start, made of `text`; `name` is the file as the settings spell it."""
        self.name = name
        self.ruleset = ruleset
        self.text = text
        self.problem = ""
        self.loaded_at = self.activated_at = datetime.now(UTC)
        self.activated_by = _BY_FILE
        self.path = path
        self._load = load
        self._emit = emit
        self._looked: _Look = ()
        # The watcher and whoever wrote the file reload it in threads of their own: the last to read must be the last to
        # activate, or an older text would stay active over the newer file, which nobody would look at again.
        self._reloading = threading.Lock()
        # Tables may have changed since they were read, so the first look reads them once more.
        self._digest = b"" if ruleset.table_files else _digest(text.encode())

    def has_moved(self) -> bool:
        """The file does not look as it did at the last reload; what is in it may be the same nevertheless."""
        return self.look() != self._looked

    def look(self) -> _Look:
        """How the file and those of its tables look now; while one is being written, that changes."""
        return tuple(map(_look_at, (self.path, *self._table_places())))

    def _table_places(self) -> Iterator[Path]:
        for name in self.ruleset.table_files:
            with suppress(OSError):  # the load of the mapping has said so
                yield place_of(name, self.path.parent)

    def reload(self) -> str | None:
        """Load the file if its content is new. Answers the text that went live, or None. Never raises."""
        with self._reloading:
            return self._reload()

    def _reload(self) -> str | None:
        self._looked = self.look()
        try:
            raw = read_regular(self.path)
            text = raw.decode()
        except (OSError, UnicodeDecodeError) as exc:
            why = exc.strerror if isinstance(exc, OSError) else f"it {not_utf8(exc)}"
            self.cannot_be_read(why or exc.__class__.__name__)
            return None
        digest = _digest(raw, *map(_content, self._table_places()))
        if digest == self._digest:
            return None
        self._digest = digest
        self.loaded_at = datetime.now(UTC)
        try:
            ruleset = self._load(text)
        except MappingError as exc:
            self._fail(str(exc))
            if "E158" in str(exc):
                # A table that is not there yet is none that is watched: the next look tries again.
                self._digest, self._looked = b"", ()
            return None
        is_known = ruleset.version == self.ruleset.version and bool(ruleset.table_files) and not self.problem
        self.ruleset, self.text, self.problem = ruleset, text, ""
        if is_known:
            return None  # a table was written once more as it was
        self.credit(at=self.loaded_at, by=_BY_FILE)
        self._emit(MappingActivated(file=self.name, version=ruleset.version))
        return text

    def credit(self, *, at: datetime, by: str) -> None:
        """Who activated the text that is live, and when."""
        self.activated_at, self.activated_by = at, by

    def cannot_be_read(self, why: str) -> None:
        """Say so. Whatever is there when it can be read again is new, also if it is what went live before."""
        self._digest, self._looked = b"", ()
        self._fail(f"{self.name}: cannot be read: {why}")

    def _fail(self, problem: str) -> None:
        if problem != self.problem:
            self._emit(MappingFailed(file=self.name, problems=problem))
        self.problem = problem


async def watch(
    mappings: Sequence[LiveMapping],
    *,
    activated: Callable[[LiveMapping, str], Awaitable[None]],
    every_s: float = 2.0,
    settle_s: float = 0.25,
    stuck_s: float = 10.0,
) -> None:
    """Reload whichever file changes, until cancelled. `activated` is called with each text that went live.

    A file is read when it has looked the same for `settle_s`: whoever writes it may not have finished. A disk that does
    not answer for `stuck_s` is a problem of the files on it; the others are reloaded all the same.
    """
    async with asyncio.TaskGroup() as following:
        for mapping in mappings:
            disk = _Disk(mapping, stuck_s)
            following.create_task(_follow(mapping, disk, activated, every_s=every_s, settle_s=settle_s))


async def _follow(
    mapping: LiveMapping,
    disk: "_Disk",
    activated: Callable[[LiveMapping, str], Awaitable[None]],
    *,
    every_s: float,
    settle_s: float,
) -> None:
    while True:
        if await disk.ask(mapping.has_moved):
            await _settled(mapping, disk, settle_s)
            text = await disk.ask(mapping.reload)
            if text is not None:
                await activated(mapping, text)
        await asyncio.sleep(every_s)


async def _settled(mapping: LiveMapping, disk: "_Disk", settle_s: float) -> None:
    before = await disk.ask(mapping.look)
    for _ in range(_PATIENCE):
        await asyncio.sleep(settle_s)
        now = await disk.ask(mapping.look)
        if now == before:
            return
        before = now


class _Disk:
    """Asks the disk of one mapping, in a thread: it may not answer, and checking a large mapping takes long.

    A thread of its own for each question, and a daemon: no end of the process waits for a disk that does not answer,
    as it does for threads of asyncio's executor.
    """

    def __init__(self, mapping: LiveMapping, stuck_s: float) -> None:
        self._mapping = mapping
        self._stuck_s = stuck_s

    async def ask(self, work: Callable[[], _T]) -> _T:
        """What `work` answers; that it takes long becomes the mapping's problem."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[_T] = loop.create_future()

        def run() -> None:
            try:
                found = partial(_settle, answered, work())
            except Exception as exc:
                found = partial(_fail, answered, exc)
            with suppress(RuntimeError):
                # The loop may be closed by now.
                loop.call_soon_threadsafe(found)

        threading.Thread(target=run, daemon=True, name="mapping").start()
        done, _ = await asyncio.wait({answered}, timeout=self._stuck_s)
        if not done:
            self._mapping.cannot_be_read(f"its disk has not answered for {self._stuck_s:.0f} s")
        return await answered


def _settle(answered: "asyncio.Future[_T]", value: _T) -> None:
    if not answered.done():
        answered.set_result(value)


def _fail(answered: "asyncio.Future[_T]", exc: Exception) -> None:
    if not answered.done():
        answered.set_exception(exc)


def _digest(*contents: bytes) -> bytes:
    """Of the mapping and of its tables, in their order."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).digest()


def _look_at(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _content(path: Path) -> bytes:
    """What is in a table's file; nothing if it cannot be read, which the load of the mapping says."""
    try:
        return read_regular(path, max_bytes=MAX_BYTES)
    except OSError:
        return b""
