"""Events for `diff` and `suggest`: of a file, or those that the queue or a running service keeps. Reads all of these a
piece at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import wraps
from itertools import chain
from typing import Any, BinaryIO, Final

import click

from adapter.cli.at_console import Target, console_at, console_options
from adapter.cli.at_queue import admin_of, settings_of
from adapter.cli.completing import source_names
from adapter.cli.ndjson import progress
from adapter.cli.recording import EventRecording, recording_of
from adapter.cli.show import say
from adapter.cli.when import Instant
from adapter.errors import ConfigError
from adapter.model import Event
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import Filter

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class EventsOrigin:
    """The origin of the events: `file`, or the queue or service at `target`; those of `source`, received since then."""

    file: BinaryIO | None
    source: str | None
    since: datetime | None
    target: Target

    @property
    def narrowed(self) -> str:
        """The filters in words; "" without any."""
        parts = (
            f" of source {self.source}" if self.source else "",
            f" received since {self.since.astimezone():%Y-%m-%d %H:%M:%S}" if self.since else "",
        )
        return "".join(parts)


class QueuedEvents:
    """The events in a queue, newest first; iterate once, then call `complete`. All of them can be read."""

    unread: Final = 0

    def __init__(self, admin: QueueAdmin, origin: EventsOrigin) -> None:
        self.read = 0
        self._admin = admin
        self._origin = origin
        self._oldest: datetime | None = None

    def __iter__(self) -> Iterator[Event]:
        """Each event in turn. Erased bodies are skipped."""
        wanted = Filter(source=self._origin.source)
        if self._origin.since is not None:
            wanted = replace(wanted, since=self._origin.since)
        newest = self._admin.newest_seq()
        before, is_all = newest + 1, False
        with progress("queue", newest, transient=True) as show:
            while not is_all:
                # A page at a time, with no read open in between, so that the queue's log can be emptied meanwhile.
                page = self._admin.page_before(wanted, limit=_PAGE, before=before)
                for record in page.records:
                    if record.event.body:
                        self.read += 1
                        self._oldest = min(self._oldest or record.event.received_at, record.event.received_at)
                        yield record.event
                before, is_all = page.bottom, page.is_all
                show(newest - before)

    def complete(self) -> None:
        """Say how far back the events reach. Raises ConfigError if there were none."""
        if self._oldest is None:
            raise ConfigError(f"the queue {_nothing(self._origin)}")
        say(f"note: events of the queue received since {self._oldest.astimezone():%Y-%m-%d %H:%M:%S}", err=True)


def _nothing(origin: EventsOrigin) -> str:
    return f"has no event{origin.narrowed}; finished events are deleted after retention.history"


def events_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--events`, or the filters of the queue, passed to `command` as `origin`."""

    @wraps(command)
    def with_origin(
        *args: Any,
        events: BinaryIO | None,
        source: str | None,
        since: datetime | None,
        target: Target,
        **more: Any,
    ) -> None:
        if events is not None and (source, since, target) != (None, None, Target(None, sandbox=False, url=None)):
            raise click.UsageError(
                "--events reads a file; --source, --since, --config, --sandbox and --url are about the queue"
            )
        command(*args, origin=EventsOrigin(events, source, since, target), **more)

    file = click.option("--events", type=click.File("rb"), help="Recorded events of a file, one a line; - for stdin.")
    source = click.option("--source", metavar="NAME", shell_complete=source_names, help="Only those of one source.")
    since = click.option(
        "--since", type=Instant(), help="Only those received then or later: 24h (ago), 04:00, or a date."
    )
    return file(source(since(console_options(with_origin))))


@contextmanager
def events_of(origin: EventsOrigin) -> Iterator[EventRecording | QueuedEvents]:
    """The events at `origin`. Raises ConfigError if there is no queue, or no such service."""
    target, now = origin.target, datetime.now(UTC)
    if origin.file is not None:
        yield recording_of(origin.file, now=now)
        return
    if target.url is not None:
        with console_at(target) as console:
            pages = console.export_events(source=origin.source, since=origin.since).pages
            yield EventRecording(chain.from_iterable(pages), name=target.url, now=now, nothing=_nothing(origin))
        return
    with admin_of(settings_of(target.config, sandbox=target.sandbox)) as admin:
        yield QueuedEvents(admin, origin)
