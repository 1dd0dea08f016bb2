"""The mapping files of the sources, read and replaced: `MappingStore` of `console.mapping_store`."""

from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from adapter.bundled import bundled
from adapter.console.drafts import Draft
from adapter.console.mapping_store import NotWritten, Written
from adapter.errors import MappingError, MappingFileMissingError, QueueError
from adapter.files.finding import Finding, Severity, as_json
from adapter.files.regular_file import read_regular
from adapter.mapping.load import Examined
from adapter.mapping.watch import LiveMapping
from adapter.model import Event, JsonObject
from adapter.queue.activations import BY_FILE
from adapter.queue.contract import Archive
from adapter.queue.replicas import Replica
from adapter.service.mapping_history import MappingHistory
from adapter.service.mappings import Active, examiner, live_loader, read_message
from adapter.service.replicas import mapping_versions
from adapter.service.rewriting import (
    config_map_key,
    etag_of,
    locked,
    not_writable_text,
    replace_file,
    why_not_writable,
)
from adapter.settings.settings import Settings, SourceSettings
from adapter.wire.instants import instant_text


class MappingFiles:
    """See the module."""

    def __init__(
        self,
        settings: Settings,
        active: Active,
        archive: Archive,
        *,
        replicas: Callable[[], Sequence[Replica]] = lambda: (),
    ) -> None:
        self._replicas = replicas
        self._settings = settings
        self._sources: Mapping[str, SourceSettings] = {source.name: source for source in settings.sources}
        self._active = active
        self._archive = archive
        self._bundled = bundled("mappings")

    @property
    def sources(self) -> Sequence[str]:
        return list(self._sources)

    def show(self, source: str) -> JsonObject:
        settings, live = self._sources[source], self._live(source)
        raw = _read(live)
        why_not = why_not_writable(settings.mapping, bundled_folder=self._bundled)
        return {
            "source": source,
            "file": live.name,
            "sources": [other.name for other in self._sharing(settings.mapping)],
            "text": raw.decode(errors="replace"),
            "etag": etag_of(raw),
            "active": {
                "version": live.ruleset.version,
                "since": instant_text(live.activated_at),
                "by": live.activated_by,
            },
            "writable": not why_not,
            "whyNot": why_not or None,
            "configMapKey": config_map_key(settings.mapping),
            "problem": live.problem or None,
            **({"replicas": replicas} if (replicas := self._versions(source)) else {}),
        }

    def draft(self, source: str, *, text: str) -> Draft:
        settings, live = self._sources[source], self._live(source)
        before = examiner(self._settings, settings)(live.text)
        return Draft(source, self._examined(settings, text), live.ruleset, before.privacy)

    def read(self, message: JsonObject) -> Event:
        return read_message(message)

    def write(self, source: str, raw: bytes, *, etag: str, by: str, loop: AbstractEventLoop) -> Written | NotWritten:
        settings, live = self._sources[source], self._live(source)
        _read(live)
        if why_not := why_not_writable(settings.mapping, bundled_folder=self._bundled):
            return NotWritten(409, "not_writable", f"this file cannot be written here: {why_not}", {})
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            return NotWritten(400, "invalid_request", f"the body is not UTF-8 text: byte {exc.start}", {})
        try:
            with locked(settings.mapping):
                return self._write(
                    source, raw, etag=etag, by=by, history=MappingHistory(self._archive, loop, name=live.name)
                )
        except OSError as exc:
            return NotWritten(409, "not_writable", f"this file cannot be written here: {not_writable_text(exc)}", {})

    def _write(self, source: str, raw: bytes, *, etag: str, by: str, history: MappingHistory) -> Written | NotWritten:
        file, live = self._sources[source].mapping, self._live(source)
        before = _read(live)
        if etag_of(before) != etag:
            return _changed(file, before)
        raw = _with_line_ends_of(before, raw)
        sharing = self._sharing(file)
        found = {other.name: self._examined(other, raw.decode()) for other in sharing}
        findings = {name: each.findings for name, each in found.items() if each.ruleset is None}
        if findings:
            listed = [{"source": name, **as_json(one)} for name, each in findings.items() for one in each]
            return NotWritten(422, "does_not_check", "the mapping has errors or failing tests", {"findings": listed})
        now = _read(live)
        if now != before:
            # Another program wrote the file while the draft was checked.
            return _changed(file, now)
        if before.decode(errors="replace") != live.text:
            history.keep_inactive(before, by="on disk, but not active")
        # From here on the file is replaced: a text that the queue cannot store stays beside it for the next start.
        with suppress(QueueError):
            keep = partial(history.keep_inactive, by="written meanwhile by another program")
            replace_file(file, raw, compared=before, keep=keep)
        for other in sharing:
            self._live(other.name).reload()
        version = live.ruleset.version
        with suppress(QueueError):
            kept = history.keep(raw.decode(), version=version, by=by)
            for other in sharing:
                self._live(other.name).credit(at=kept.at, by=kept.by)
        return Written(live.name, version=version, etag=etag_of(raw), replicas=self._versions(source))

    def _versions(self, source: str) -> Sequence[JsonObject]:
        """The version of the mapping that each replica has, if there are several."""
        return mapping_versions(self._replicas(), source, here=self._live(source).ruleset.version)

    def _examined(self, source: SourceSettings, text: str) -> Examined:
        examined = examiner(self._settings, source)(text)
        if examined.ruleset is None:
            return examined
        try:
            live_loader(self._settings, source)(text)
        except MappingError as exc:
            finding = Finding(Severity.ERROR, "", str(source.mapping), 1, 1, str(exc))
            return Examined([*examined.findings, finding], examined.tests, None, examined.privacy)
        return examined

    def _live(self, source: str) -> LiveMapping:
        return self._active.live[source]

    def _sharing(self, file: Path) -> list[SourceSettings]:
        """All sources of one file, however the settings spell its path."""
        real = file.resolve()
        return [source for source in self._sources.values() if source.mapping.resolve() == real]


def _changed(file: Path, raw: bytes) -> NotWritten:
    """The answer for a file that another program changed, as far as the file shows; the history may know better."""
    at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    facts = {"etag": etag_of(raw), "by": BY_FILE, "at": instant_text(at)}
    return NotWritten(412, "changed_meanwhile", "the file was changed since it was read; read it again", facts)


def _read(live: LiveMapping) -> bytes:
    """The bytes on disk. Raises MappingError."""
    try:
        return read_regular(live.path)
    except FileNotFoundError as exc:
        raise MappingFileMissingError(
            f"there is no file {live.name}; version {live.ruleset.version} is still active, and its text is in "
            "the history: write the file again"
        ) from exc
    except OSError as exc:
        raise MappingError(f"{live.name}: cannot be read: {(exc.strerror or 'unknown').lower()}") from exc


def _with_line_ends_of(before: bytes, raw: bytes) -> bytes:
    """`raw` with CRLF if the file had CRLF: browsers send LF."""
    if b"\r\n" in before and b"\n" not in before.replace(b"\r\n", b""):
        return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return raw
