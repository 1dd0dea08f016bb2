"""Activates mappings: loads each source's file, stores activated texts in the queue, falls back on them.

Theory of operation. A mapping is a file, and its history in the queue (`Archive.keep_mapping`). A `LiveMapping` holds
the active text and ruleset of one source.

States of a text: *on disk* (the file has it), *active* (it renders events), *in the history*.

- **Start** (`activate`): a file without errors is activated and added to the history. For a file with errors the last
  text in the history becomes active, and log, gauge and `/readyz` say so; without one, or with `--strict`, the service
  exits. Files that a crash left beside a mapping file go into its history.
- **Another program saves the file** (`Active.follow`, `mapping.watch`): a text without errors becomes active, then goes
  into the history. A text with errors changes nothing but `problem`.
- **The console or a rollback saves the file** (`mapping_files`): under a lock of the file, the ETag is compared, the
  text is checked for every source of the file, the file is replaced (`rewriting`), reloaded and added to the history. A
  text that this displaces without having been active goes into the history first.

The invariants: a source always has an active mapping without errors; a file is never half written; no text that was on
disk is lost by an activation of the console. One lock in `LiveMapping` orders reloads, so that the last text read is
the last one activated.

A crash between any two steps: before the replacement the old file is complete. After it, the next start activates the
new file; the history then credits it to "file". A file that a crash left beside the mapping file is kept at the start.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from uuid import uuid4

from adapter.console.detail import SourceMapping, SourceMappings
from adapter.errors import MappingError, QueueError
from adapter.files.encoding import not_utf8
from adapter.files.regular_file import read_regular
from adapter.ingest.read import read_unchecked
from adapter.mapping.load import Examined, LoadOptions, examine, load
from adapter.mapping.run.ruleset import Ruleset, SourceOptions
from adapter.mapping.table_reader import table_reader
from adapter.mapping.watch import LiveMapping, watch
from adapter.model import Event, JsonObject
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import MappingActivated, MappingFailed
from adapter.queue.contract import Archive
from adapter.service.geo import GeoDatabase
from adapter.service.mapping_history import keep_leftovers
from adapter.settings.settings import Settings, SourceSettings


@dataclass(slots=True)
class Active:
    """The active mapping for each source."""

    live: dict[str, LiveMapping] = field(default_factory=dict)

    def of(self, source: str) -> Ruleset:
        """The active ruleset of `source`."""
        return self.live[source].ruleset

    @property
    def failed(self) -> dict[str, str]:
        """The files whose text on disk is not active, each with what is wrong."""
        return {mapping.name: mapping.problem for mapping in self.live.values() if mapping.problem}

    async def follow(self, archive: Archive, *, every_s: float = 2.0, settle_s: float = 0.25) -> None:
        """Activate and store every change of a file without errors, until cancelled; see `watch` for the seconds."""

        async def keep(mapping: LiveMapping, text: str) -> None:
            # Stored so that a restart can fall back on it. If the disk fails, the next activation stores its own.
            with contextlib.suppress(QueueError):
                kept = await archive.keep_mapping(name=mapping.name, version=mapping.ruleset.version, text=text)
                mapping.credit(at=kept.at, by=kept.by)

        await watch(list(self.live.values()), activated=keep, every_s=every_s, settle_s=settle_s)


def read_message(message: JsonObject) -> Event:
    """A message as ingest would read it from a webhook now, without a check by its schema: for tests and `explain`."""
    return read_unchecked(message, source="test", received_at=datetime.now(UTC), new_id=lambda: uuid4().hex)


def live_loader(settings: Settings, source: SourceSettings) -> Callable[[str], Ruleset]:
    """As `loader`, but for activation: a private source needs a mapping with guards."""
    load_text = loader(settings, source)

    def load_guarded(text: str) -> Ruleset:
        ruleset = load_text(text)
        if source.store == "private" and not ruleset.guards:
            raise MappingError(
                f"{source.mapping}: source {source.name} has `store: private`, but the mapping has no `privacy`, so "
                "all would be stored as it was sent; add a `privacy` block, or write `store: raw`"
            )
        return ruleset

    return load_guarded


@cache
def geo_database(path: Path) -> GeoDatabase:
    """The database of locations in the file `path`, one for all sources. Raises ConfigError if it cannot be used."""
    return GeoDatabase(path)


def loader(settings: Settings, source: SourceSettings) -> Callable[[str], Ruleset]:
    """A function that loads a text as the mapping of `source`, and raises MappingError.

    Raises ConfigError if the settings name a database of locations that cannot be used.
    """

    return partial(load, **_options(settings, source))


def examiner(settings: Settings, source: SourceSettings) -> Callable[[str], Examined]:
    """The same for a draft: the function returns all findings and raises nothing."""
    return partial(examine, **_options(settings, source))


def _options(settings: Settings, source: SourceSettings) -> LoadOptions:
    locate = None if settings.geo_database is None else geo_database(settings.geo_database)
    return {
        "file": str(source.mapping),
        "read": read_message,
        "hash_key": settings.hash_key.reveal() if settings.hash_key else None,
        "vars": dict(source.vars),
        "source": SourceOptions(settings.browsee.identify, source.no_ids, source.max_age_s, locate),
        "read_table": table_reader(source.mapping.parent),
    }


def source_mappings(settings: Settings) -> SourceMappings:
    """How to read and load the mapping of every source."""
    return {
        source.name: SourceMapping(str(source.mapping), partial(text_of, source.mapping), loader(settings, source))
        for source in settings.sources
    }


async def activate(
    settings: Settings, *, archive: Archive, emit: Emit, strict: bool, make: Callable[[], Active] = Active
) -> Active:
    """The mapping of every source, in the empty table of `make`: its file, or the last activated text if the file
    cannot be used.

    Raises MappingError if there is no earlier text, or at once if `strict`; the error lists every problem found.
    """
    await keep_leftovers(settings, archive)
    active = make()
    problems: list[str] = []
    for source in settings.sources:
        try:
            await _activate_one(settings, source, active, archive=archive, emit=emit, strict=strict)
        except MappingError as exc:
            problems.append(str(exc))
    if problems:
        raise MappingError("\n".join(dict.fromkeys(problems)), is_listing=True)
    return active


async def _activate_one(
    settings: Settings, source: SourceSettings, active: Active, *, archive: Archive, emit: Emit, strict: bool
) -> None:
    load_text, file, problem = live_loader(settings, source), str(source.mapping), ""
    try:
        text = text_of(source.mapping)
        ruleset = load_text(text)
    except MappingError as exc:
        last = None if strict else await archive.last_mapping(file)
        if last is None:
            raise
        text, problem = last, str(exc)
        ruleset = load_text(text)
        emit(MappingFailed(file=file, problems=problem))
    kept = await archive.keep_mapping(name=file, version=ruleset.version, text=text)
    live = LiveMapping(source.mapping, name=file, text=text, ruleset=ruleset, load=load_text, emit=emit)
    live.problem = problem
    live.credit(at=kept.at, by=kept.by)
    active.live[source.name] = live
    emit(MappingActivated(file=file, version=ruleset.version))


def text_of(path: Path) -> str:
    """The text of a mapping's file now. Raises MappingError if it cannot be read."""
    try:
        return read_regular(path).decode()
    except OSError as exc:
        raise MappingError(f"{path}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise MappingError(f"{path}: {not_utf8(exc)}") from exc
