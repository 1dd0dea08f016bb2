"""The sources as JSON: their settings, the last uses of their keys, their refusals. Shows a key only on request."""

from collections.abc import Callable
from datetime import datetime

from adapter.ingest.denials import Denials
from adapter.ingest.key_uses import KeyUses, key_name
from adapter.model import JsonObject
from adapter.settings.settings import Settings, SourceSettings
from adapter.wire.instants import instant_text


class SourcesView:
    """The sources of a running service. `clock` returns the instant by which refusals are recent."""

    def __init__(self, settings: Settings, *, denials: Denials, uses: KeyUses, clock: Callable[[], datetime]) -> None:
        self._sources = {source.name: source for source in settings.sources}
        self._denials = denials
        self._uses = uses
        self._clock = clock

    def as_json(self) -> list[JsonObject]:
        """Each source, in the order of the settings."""
        recent = self._denials.recent(self._clock())
        return [self._of(source, recent) for source in self._sources.values()]

    def key(self, source: str, *, name: str) -> str | None:
        """A key in full, by its name; None if that source has no key of that name."""
        found = self._sources.get(source)
        keys = () if found is None else found.keys
        return next((key.reveal() for key in keys if key_name(key) == name), None)

    def _of(self, source: SourceSettings, recent: list[JsonObject]) -> JsonObject:
        return {
            "name": source.name,
            "mapping": str(source.mapping),
            "order": source.order,
            "store": source.store,
            "limitPerS": source.limit_per_s,
            "limitBytesPerS": source.limit_bytes_per_s,
            "horizonS": source.horizon_s,
            "signing": bool(source.signing_secrets),
            "keys": [{"name": name, "lastUsed": self._last_used(name)} for name in map(key_name, source.keys)],
            "refused": [_refused(each) for each in recent if self._is_of(each, source.name)],
        }

    def _last_used(self, name: str) -> str | None:
        at = self._uses.last_at(name)
        return None if at is None else instant_text(at)

    def _is_of(self, refused: JsonObject, name: str) -> bool:
        """Whether a refusal is of the source: by its key, else by its path, else because there is no other source."""
        if refused["source"] is not None:
            return bool(refused["source"] == name)
        return refused["route"] == f"/webhooks/{name}" or len(self._sources) == 1


def _refused(each: JsonObject) -> JsonObject:
    return {"code": each["code"], "says": each["says"], "count": each["count"], "last": each["last_at"]}
