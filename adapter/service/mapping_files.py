"""The mapping files of the sources, as the console reads and replaces them: `MappingStore` of `console.mapping_api`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from adapter.bundled import bundled
from adapter.console.drafts import Draft
from adapter.console.mapping_api import NotWritten, Written
from adapter.errors import MappingError
from adapter.files.finding import Finding, Severity, as_json
from adapter.files.regular_file import read_regular
from adapter.mapping.load import Examined
from adapter.mapping.watch import LiveMapping
from adapter.model import Event, JsonObject
from adapter.queue.contract import Archive
from adapter.service.mappings import Active, examiner, live_loader, read_message
from adapter.service.rewriting import (
    etag_of,
    locked,
    not_writable_text,
    remove_leftovers,
    replace_file,
    why_not_writable,
)
from adapter.settings.settings import Settings, SourceSettings
from adapter.wire.instants import instant_text


class MappingFiles:
    """See the module."""

    def __init__(self, settings: Settings, active: Active, archive: Archive) -> None:
        self._settings = settings
        self._sources: Mapping[str, SourceSettings] = {source.name: source for source in settings.sources}
        self._active = active
        self._archive = archive
        self._bundled = bundled("mappings")
        for source in settings.sources:
            if not source.mapping.is_relative_to(self._bundled):
                remove_leftovers(source.mapping)

    @property
    def sources(self) -> Sequence[str]:
        return list(self._sources)

    def show(self, source: str) -> JsonObject:
        settings, live = self._sources[source], self._live(source)
        raw = _read(settings.mapping)
        why_not = why_not_writable(settings.mapping, bundled_folder=self._bundled)
        return {
            "source": source,
            "file": live.name,
            "sources": [other.name for other in self._sharing(settings.mapping)],
            "text": raw.decode(errors="replace"),
            "etag": etag_of(raw),
            "active": {"version": live.ruleset.version, "since": instant_text(live.loaded_at)},
            "writable": not why_not,
            "whyNot": why_not or None,
            "problem": live.problem or None,
        }

    def draft(self, source: str, *, text: str) -> Draft:
        settings, live = self._sources[source], self._live(source)
        before = examiner(self._settings, settings)(live.text)
        return Draft(source, self._examined(settings, text), live.ruleset, before.privacy)

    def read(self, message: JsonObject) -> Event:
        return read_message(message)

    def write(self, source: str, raw: bytes, *, etag: str) -> Written | NotWritten:
        settings = self._sources[source]
        if why_not := why_not_writable(settings.mapping, bundled_folder=self._bundled):
            return NotWritten(409, "not_writable", f"this file cannot be written here: {why_not}", {})
        try:
            raw.decode()
        except UnicodeDecodeError as exc:
            return NotWritten(400, "invalid_request", f"the body is not UTF-8 text: byte {exc.start}", {})
        try:
            with locked(settings.mapping):
                return self._write(source, raw, etag=etag)
        except OSError as exc:
            return NotWritten(409, "not_writable", f"this file cannot be written here: {not_writable_text(exc)}", {})

    async def keep(self, written: Written, *, by: str) -> None:
        keep = partial(self._archive.keep_mapping, name=written.file)
        version = next(iter(written.versions.values()))
        if written.before is not None:
            await keep(version="", text=written.before, by="on disk, but not active")
        if written.meanwhile is not None:
            await keep(version="", text=written.meanwhile, by="written meanwhile by another program")
        await keep(version=version, text=written.text, by=by)

    def _write(self, source: str, raw: bytes, *, etag: str) -> Written | NotWritten:
        file = self._sources[source].mapping
        before = _read(file)
        if etag_of(before) != etag:
            return _changed(before)
        raw = _with_line_ends_of(before, raw)
        sharing, was_active = self._sharing(file), self._live(source).text
        found = {other.name: self._examined(other, raw.decode()) for other in sharing}
        findings = {name: each.findings for name, each in found.items() if each.ruleset is None}
        if findings:
            listed = [{"source": name, **as_json(one)} for name, each in findings.items() for one in each]
            return NotWritten(422, "does_not_check", "the mapping has errors or failing tests", {"findings": listed})
        now = _read(file)
        if now != before:
            # Another program wrote while the draft was checked.
            return _changed(now)
        meanwhile = replace_file(file, raw, compared=before)
        for other in sharing:
            self._live(other.name).reload()
        replaced = before.decode(errors="replace")
        return Written(
            file=self._live(source).name,
            text=raw.decode(),
            etag=etag_of(raw),
            versions={source: self._live(source).ruleset.version},
            before=None if replaced == was_active else replaced,
            meanwhile=None if meanwhile is None else meanwhile.decode(errors="replace"),
        )

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


def _changed(raw: bytes) -> NotWritten:
    facts = {"etag": etag_of(raw)}
    return NotWritten(412, "changed_meanwhile", "the file was changed since it was read; read it again", facts)


def _read(file: Path) -> bytes:
    try:
        return read_regular(file)
    except OSError as exc:
        raise MappingError(f"{file}: cannot be read: {(exc.strerror or 'unknown').lower()}") from exc


def _with_line_ends_of(before: bytes, raw: bytes) -> bytes:
    """`raw` with CRLF where the file had them: pages write LF."""
    if b"\r\n" in before and b"\n" not in before.replace(b"\r\n", b""):
        return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return raw
