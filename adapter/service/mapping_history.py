"""Stores texts of mapping files in their history, from the thread that writes a file, and the files that a crash
left.
"""

import asyncio
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from typing import Final

from adapter.bundled import bundled
from adapter.errors import QueueError
from adapter.queue.activations import Activation
from adapter.queue.contract import Archive
from adapter.service.rewriting import leftovers, locked
from adapter.settings.settings import Settings

_PATIENCE_S: Final = 30.0
"""Seconds to wait for one commit of the queue; a service that is stopping may answer none."""


class MappingHistory:
    """The history of the file `name`. For use in a thread; `loop` is the one that the queue is used on."""

    def __init__(self, archive: Archive, loop: asyncio.AbstractEventLoop, *, name: str) -> None:
        self._archive = archive
        self._loop = loop
        self._name = name

    def keep(self, text: str, *, version: str, by: str) -> Activation:
        """Store that the file was activated with `text`. Raises QueueError."""
        keeping = self._archive.keep_mapping(name=self._name, version=version, text=text, by=by)
        try:
            return asyncio.run_coroutine_threadsafe(keeping, self._loop).result(_PATIENCE_S)
        except (TimeoutError, CancelledError) as exc:
            raise QueueError("the history of the mapping was not written: the queue does not answer") from exc

    def keep_inactive(self, raw: bytes, *, by: str) -> None:
        """Store a text that was on disk but not active, unless the history has it. Raises QueueError."""
        self.keep(raw.decode(errors="replace"), version="", by=by)


async def keep_leftovers(settings: Settings, archive: Archive) -> None:
    """Move the files that crashes left beside mapping files into their history: one may be the only copy of an edit.

    A file that cannot be read or stored stays for the next start.
    """
    for name, file in {str(source.mapping): source.mapping for source in settings.sources}.items():
        if file.is_relative_to(bundled("mappings")):
            continue
        # A folder that cannot be read or written has no files of the adapter.
        with suppress(OSError, QueueError):
            if leftovers(file):
                loop = asyncio.get_running_loop()
                history = MappingHistory(archive, loop, name=name)
                await asyncio.to_thread(partial(_keep_leftovers_of, history, settings, name))


def _keep_leftovers_of(history: MappingHistory, settings: Settings, name: str) -> None:
    file = next(source.mapping for source in settings.sources if str(source.mapping) == name)
    # Another replica may be writing it at this moment.
    with locked(file):
        for left in leftovers(file):
            raw = left.read_bytes()
            if raw and (not file.exists() or raw != file.read_bytes()):
                history.keep_inactive(raw, by="left by an interrupted activation")
            left.unlink(missing_ok=True)
