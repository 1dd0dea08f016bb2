"""Shows events on a terminal as they arrive: an ended one as a line that stays, a pending one below, until it has
ended.

Log lines and other output appear above the pending events.
"""

import logging
import os
import select
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from rich.console import Console as Terminal
from rich.console import Group
from rich.control import Control
from rich.live import Live
from rich.text import Text

from adapter.cli.event_line import EventLines
from adapter.console.console import MAX_PAGE, Console
from adapter.console.wording import counted
from adapter.model import JsonObject
from adapter.wire.instants import parse_instant

EVERY_S: Final = 0.5
"""Seconds between two checks for new events."""
_MAX_PENDING = 8
"""Pending events that are shown, the latest."""
_MAX_ENTERED_BYTES = 4096


def terminal() -> Terminal:
    """The standard output: whether it is a terminal, its width, and whether it may have colours."""
    return Terminal(highlight=False)


def shows_flow(terminal: Terminal) -> bool:
    """Whether lines can be redrawn there."""
    return terminal.is_terminal and not terminal.is_dumb_terminal


def lines_for(terminal: Terminal, entries: Iterable[JsonObject] = ()) -> EventLines:
    """Writes lines as wide as the terminal is now, in the time zone of this machine, with room for `entries`."""
    received = (parse_instant(entry["receivedAt"]) for entry in entries)
    oldest = min((at for at in received if at is not None), default=None)
    return EventLines(terminal.width, zone=None, today=datetime.now(UTC), oldest=oldest)


def print_line(terminal: Terminal, line: Text) -> None:
    """One line; a narrow terminal cuts it."""
    terminal.print(line, no_wrap=True, overflow="crop", crop=True)


def entered_lines(keyboard: int = 0) -> int:
    """How many lines were entered at the terminal `keyboard` since the last time. 0 in the background, where a process
    that reads from its terminal is stopped.
    """
    try:
        if os.tcgetpgrp(keyboard) == os.getpgrp() and select.select([keyboard], [], [], 0)[0]:
            return os.read(keyboard, _MAX_ENTERED_BYTES).count(b"\n")
    except OSError:
        # No terminal, or none any more.
        pass
    return 0


class Tail:
    """New entries since the last check."""

    def __init__(self, begun: str, seen: Sequence[JsonObject] = ()) -> None:
        """Continues from `begun`, the `newest` of a page or the `next` of `tail`; `seen` was shown already."""
        self._next = begun
        self.pending: Sequence[str] = [entry["id"] for entry in seen if entry["outcome"] == "pending"]

    def look(self, console: Console) -> list[JsonObject]:
        """One page: new events and rejections in order of receipt, and those seen pending before that have ended."""
        news = console.tail(self._next, self.pending)
        self._next, self.pending = news["next"], news["pending"]
        entries: list[JsonObject] = news["entries"]
        return entries

    def look_at_all(self, console: Console) -> Iterable[JsonObject]:
        """The same, all pages."""
        while True:
            page = self.look(console)
            yield from page
            if len(page) < MAX_PAGE:
                return

    def skip(self, console: Console) -> None:
        """Skip everything up to now."""
        self._next = console.tail(None)["next"]


class Flow:
    """See the module. Use it as a context."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._pending: dict[str, JsonObject] = {}
        self._live = Live(
            console=terminal,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        print_line(self._terminal, lines_for(self._terminal).head())
        self._live.start()
        _log_to_stderr_of_now()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        _log_to_stderr_of_now()
        lines = lines_for(self._terminal)
        for entry in list(self._pending.values())[-_MAX_PENDING:]:
            print_line(self._terminal, lines.line(entry))

    def show(self, entries: Iterable[JsonObject], *, pending: Sequence[str]) -> None:
        """Show new entries; `pending` are those of earlier calls that are still watched."""
        lines = lines_for(self._terminal)
        for entry in entries:
            if entry["outcome"] == "pending":
                self._pending[entry["id"]] = entry
                continue
            self._pending.pop(entry["id"], None)
            print_line(self._terminal, lines.line(entry))
        watched = set(pending)
        self._pending = {id_: entry for id_, entry in self._pending.items() if id_ in watched}
        shown = [lines.line(entry) for entry in list(self._pending.values())[-_MAX_PENDING:]]
        if len(self._pending) > _MAX_PENDING:
            shown.insert(0, Text(f"… and {counted(len(self._pending) - _MAX_PENDING, 'pending event')} more", "dim"))
        self._live.update(Group(*shown), refresh=True)

    def interject(self, lines: Iterable[Text], *, entered: int) -> None:
        """Show `lines`, then the head again. The terminal is as many lines further down as were `entered`."""
        self._terminal.control(Control.move(0, -entered))
        for line in lines:
            self._terminal.print(line, soft_wrap=True)
        print_line(self._terminal, lines_for(self._terminal).head())

    def note(self, sentence: str) -> None:
        """A line that is not about one event."""
        print_line(self._terminal, Text(sentence, "dim"))


def _log_to_stderr_of_now() -> None:
    """A handler keeps the stream that it was created with, so its lines would be overwritten."""
    for handler in logging.getLogger().handlers:
        if type(handler) is logging.StreamHandler:
            handler.setStream(sys.stderr)
