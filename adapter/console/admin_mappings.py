"""The half of the console at a queue that is about one source: its last event, drafts over recorded events, and the
history of its mapping file.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from adapter.console.detail import ActiveRulesets, SourceMappings
from adapter.console.drafts import Draft, compared_json, previewed
from adapter.console.last_events import LastLook, last_entry
from adapter.errors import ConfigError
from adapter.model import Event, JsonObject
from adapter.queue.activations import MAX_ACTIVATIONS, Activation
from adapter.queue.admin import QueueAdmin
from adapter.queue.records import Filter
from adapter.wire.instants import instant_text


class AdminMappings:
    """Methods of `adapter.console.console.QueueConsole`."""

    def __init__(self, admin: QueueAdmin, mappings: SourceMappings, go_on: Callable[[], None]) -> None:
        self._admin = admin
        self._mappings = mappings
        self._go_on = go_on
        self._rulesets = ActiveRulesets(admin, mappings)

    def last_entry(self, source: str, last: LastLook | None) -> tuple[JsonObject | None, LastLook]:
        return last_entry(self._admin, source, last, go_on=self._go_on)

    def try_mapping(self, source: str, ids: Sequence[str], *, text: str | None = None) -> JsonObject:
        mapping, active = self._mappings.get(source), self._rulesets.of(source)
        if mapping is None or active is None:
            raise ConfigError(f"source {source}: these settings have no mapping for it that can be used")
        draft = None if text is None else mapping.load(text)
        return {"events": [previewed(id_, event, active, draft) for id_, event in self.recorded(ids)]}

    def recorded(self, ids: Sequence[str]) -> list[tuple[str, Event]]:
        seqs = [int(id_) for id_ in ids if id_.isascii() and id_.isdigit() and len(id_) < 19]
        records = (self._admin.event(seq) for seq in seqs)
        return [(str(record.seq), record.event) for record in records if record is not None and record.event.body]

    def compared(
        self, draft: Draft, *, since: datetime | None = None, before: str | None = None, limit: int
    ) -> JsonObject:
        start = self._admin.newest_seq() + 1 if before is None else int(before)
        wanted = Filter(source=draft.source) if since is None else Filter(source=draft.source, since=since)
        found = compared_json(self._admin, draft, wanted=wanted, before=start, limit=limit, go_on=self._go_on)
        down_to = found["downTo"]
        return {**found, "downTo": None if down_to is None else instant_text(down_to)}

    def mapping_history(self, source: str, *, limit: int, before: int | None = None) -> JsonObject:
        mapping = self._mappings.get(source)
        if mapping is None:
            return {"versions": [], "next": None}
        found = self._admin.activations(mapping.name, limit=limit + 1, before=before)
        newest = self._admin.activations(mapping.name, limit=MAX_ACTIVATIONS)
        # A text without a version was never active.
        active = next((each.id for each in newest if each.version), None)
        rows = [_row(each, is_active=each.id == active) for each in found[:limit]]
        return {"versions": rows, "next": rows[-1]["id"] if len(found) > limit else None}

    def mapping_text(self, source: str, *, version: str) -> str | None:
        mapping = self._mappings.get(source)
        kept = [] if mapping is None else self._admin.activations(mapping.name, limit=MAX_ACTIVATIONS)
        found = next((each for each in kept if version and each.version == version), None)
        return None if found is None else self._admin.activated_text(found.id)

    def mapping_version(self, source: str, id_: int) -> JsonObject | None:
        mapping = self._mappings.get(source)
        found = [] if mapping is None else self._admin.activations(mapping.name, limit=1, before=id_ + 1)
        text = self._admin.activated_text(id_)
        if not found or found[0].id != id_ or text is None:
            return None
        return {**_row(found[0], is_active=False), "text": text}


def _row(activation: Activation, *, is_active: bool) -> JsonObject:
    return {
        "id": str(activation.id),
        "version": activation.version,
        "digest": activation.digest,
        "at": instant_text(activation.at),
        "by": activation.by,
        "active": is_active,
    }
