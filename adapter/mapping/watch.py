"""Activates changes of a mapping's file: a text without errors becomes active; otherwise the last one stays active.

Polls the file every few seconds rather than waiting for a notification: editors replace files, Kubernetes swaps a
symlink above them, and network disks send no notification. With `regular_file` and `table_reader` the only module that
reads files for mappings; only this one uses clocks. The theory of activation is in `adapter.service.mappings`.
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
from adapter.files.regular_file import FileState, file_state, read_regular
from adapter.mapping.compile.table_files import MAX_BYTES
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.table_reader import place_of
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import MappingActivated, MappingFailed

Load: TypeAlias = Callable[[str], Ruleset]
"""`load.load` with every argument but the text."""
_BY_FILE = "file"
"""As in `queue.activations`."""
_PATIENCE = 20
"""How many polls a file may keep changing before it is read as it is."""
_T = TypeVar("_T")
_States: TypeAlias = tuple[FileState, ...]
"""The states of the mapping's file and of its tables."""


class LiveMapping:
    """The ruleset of one file. Workers read `ruleset` once for each event, so no event sees half a mapping.

    `text` is what it was made of. `problem` says why the file on disk is not active, in the words of the check; empty
    if it is. `loaded_at` is when its content was last loaded, with or without errors; `activated_at` and `activated_by`
    are of the active text.
    """

    def __init__(self, path: Path, *, name: str, text: str, ruleset: Ruleset, load: Load, emit: Emit) -> None:
        """`ruleset` is active from the start, made of `text`; `name` is the file as the settings spell it."""
        self.name = name
        self.ruleset = ruleset
        self.text = text
        self.problem = ""
        self.loaded_at = self.activated_at = datetime.now(UTC)
        self.activated_by = _BY_FILE
        self.path = path
        self._load = load
        self._emit = emit
        self._looked: _States = ()
        # The watcher and the console reload it in threads of their own. The last to read must be the last to activate,
        # or an older text would stay active over the newer file, unnoticed.
        self._reloading = threading.Lock()
        # Tables may have changed since they were read, so the first poll reads them again.
        self._digest = b"" if ruleset.table_files else _digest(text.encode())

    def has_moved(self) -> bool:
        """Whether the file has changed since the last reload; its content may be the same nevertheless."""
        return self.look() != self._looked

    def look(self) -> _States:
        """The state of the file and of its tables; it changes while one is being written."""
        return tuple(map(file_state, (self.path, *self._table_places())))

    def _table_places(self) -> Iterator[Path]:
        for name in self.ruleset.table_files:
            with suppress(OSError):  # the load of the mapping reports it
                yield place_of(name, self.path.parent)

    def reload(self) -> str | None:
        """Load the file if its content is new. Returns the text that became active, or None. Never raises."""
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
                # A missing table is not watched, so the next poll tries again.
                self._digest, self._looked = b"", ()
            return None
        is_known = ruleset.version == self.ruleset.version and bool(ruleset.table_files) and not self.problem
        self.ruleset, self.text, self.problem = ruleset, text, ""
        if is_known:
            return None  # a table was written again, unchanged
        self.credit(at=self.loaded_at, by=_BY_FILE)
        self._emit(MappingActivated(file=self.name, version=ruleset.version))
        return text

    def credit(self, *, at: datetime, by: str) -> None:
        """Set who activated the active text, and when."""
        self.activated_at, self.activated_by = at, by

    def cannot_be_read(self, why: str) -> None:
        """Report it. The file counts as new when it can be read again, also with the text that was active before."""
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
    """Reload files that change, until cancelled. `activated` is called with each text that became active.

    A file is read when it was unchanged for `settle_s`, because its writer may not have finished. A disk that does not
    answer for `stuck_s` is a problem of its files; the others are reloaded all the same.
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
    """Reads the disk of one mapping in a thread: it may not answer, and checking a large mapping takes long.

    Each read has a daemon thread of its own: the end of the process does not wait for a disk that does not answer, as
    it does for threads of asyncio's executor.
    """

    def __init__(self, mapping: LiveMapping, stuck_s: float) -> None:
        self._mapping = mapping
        self._stuck_s = stuck_s

    async def ask(self, work: Callable[[], _T]) -> _T:
        """The result of `work`; if it takes long, that becomes the mapping's problem."""
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[_T] = loop.create_future()

        def run() -> None:
            try:
                found = partial(_settle, answered, work())
            except Exception as exc:
                found = partial(_fail, answered, exc)
            with suppress(RuntimeError):
                # The loop may be closed.
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
    """The states of the mapping and of its tables, in their order."""
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).digest()


def _content(path: Path) -> bytes:
    """The content of a table's file; empty if it cannot be read, which the load of the mapping reports."""
    try:
        return read_regular(path, max_bytes=MAX_BYTES)
    except OSError:
        return b""
