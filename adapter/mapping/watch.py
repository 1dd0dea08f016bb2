"""Keeps a ruleset in step with its file: what is saved goes live if it is good; if not, the last good one goes on.

Looks at the file every few seconds rather than waiting to be told: editors replace files, Kubernetes swaps a symlink
above them, and network disks tell nobody. This is the one module of mapping that reads files and knows of time.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from adapter.errors import MappingError
from adapter.mapping.ruleset import Ruleset
from adapter.observe.happenings import MappingActivated, MappingFailed
from adapter.observe.observer import Emit

Load: TypeAlias = Callable[[str], Ruleset]
"""`load.load` with everything but the text filled in."""
_PATIENCE = 20
"""How often a file that keeps changing is waited for before it is read as it is."""
_Look: TypeAlias = tuple[int, int, int] | None
"""When it was changed, its size and its inode; None if it cannot be looked at."""


class LiveMapping:
    """The ruleset of one file. Workers read `ruleset` once for each event, so none sees half a mapping.

    `problem` says why the file on disk is not what is live, in the words of the check; empty if it is. `loaded_at` is
    when its content was last tried, whatever came of it.
    """

    def __init__(self, path: Path, *, name: str, text: str, ruleset: Ruleset, load: Load, emit: Emit) -> None:
        """`ruleset` is live from the start, made of `text`; `name` is the file as the settings spell it."""
        self.name = name
        self.ruleset = ruleset
        self.problem = ""
        self.loaded_at = datetime.now(UTC)
        self._path = path
        self._load = load
        self._emit = emit
        self._looked: _Look = None
        self._digest = _digest(text.encode())

    def has_moved(self) -> bool:
        """The file does not look as it did at the last reload; what is in it may be the same nevertheless."""
        return self.look() != self._looked

    def look(self) -> _Look:
        """How the file looks now; while it is being written, that changes."""
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def reload(self) -> str | None:
        """Load the file if its content is new. Answers the text that went live, or None. Never raises."""
        self._looked = self.look()
        try:
            raw = self._path.read_bytes()
            text = raw.decode()
        except (OSError, UnicodeDecodeError) as exc:
            # Whatever is there when it can be read again is new, also if it is what went live before.
            self._digest = b""
            self._fail(f"{self.name}: cannot be read: {exc.__class__.__name__}")
            return None
        digest = _digest(raw)
        if digest == self._digest:
            return None
        self._digest = digest
        self.loaded_at = datetime.now(UTC)
        try:
            ruleset = self._load(text)
        except MappingError as exc:
            self._fail(str(exc))
            return None
        self.ruleset, self.problem = ruleset, ""
        self._emit(MappingActivated(file=self.name, version=ruleset.version))
        return text

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
) -> None:
    """Reload whichever file changes, until cancelled. `activated` is told each text that went live.

    A file is read when it has looked the same for `settle_s`: whoever writes it may not have finished.
    """
    while True:
        for mapping in mappings:
            if mapping.has_moved():
                await _settled(mapping, settle_s)
                # In a thread: checking a large mapping takes longer than an event loop may stand still.
                text = await asyncio.to_thread(mapping.reload)
                if text is not None:
                    await activated(mapping, text)
        await asyncio.sleep(every_s)


async def _settled(mapping: LiveMapping, settle_s: float) -> None:
    before = mapping.look()
    for _ in range(_PATIENCE):
        await asyncio.sleep(settle_s)
        now = mapping.look()
        if now == before:
            return
        before = now


def _digest(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
