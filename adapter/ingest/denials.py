"""Recent 401s and their reasons, for `/readyz`, because platforms drop such an event at once. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from adapter.ingest.auth import Denial
from adapter.model import JsonObject
from adapter.wire.instants import instant_text

_RECENT = timedelta(hours=1)
"""A refusal that is older than this and was not repeated has been fixed, or was not from a sender of ours."""

_WORDS = {
    Denial.KEY_MISSING: "no key came with it",
    Denial.KEY_UNREADABLE: "its key cannot be read, or a header came twice",
    Denial.KEY_UNKNOWN: "no source has its key",
    Denial.KEYS_DIFFER: "it has two different keys",
    Denial.SIGNATURE_MISSING: "the source demands a signature (signing_secrets), and none came",
    Denial.SIGNATURE_WRONG: "the signature does not fit signing_secrets",
    Denial.SOURCE_SIGNS: "a library cannot send to a source with signing_secrets",
}


@dataclass(slots=True)
class _Seen:
    count: int
    last_at: datetime


class Denials:
    """Requests answered 401, by route, reason and the source of their key: three small sets, so the number is
    bounded.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Denial, str], _Seen] = {}

    def note(self, *, route: str, reason: str, source: str, at: datetime) -> None:
        """Count one more refusal; `source` is the one whose key it had, "" if it had none."""
        seen = self._seen.setdefault((route, Denial(reason), source), _Seen(0, at))
        seen.count += 1
        seen.last_at = at

    def recent(self, now: datetime) -> list[JsonObject]:
        """Those of the last hour, each with its `count` since the first of them, most recent first."""
        for key, seen in list(self._seen.items()):
            if now - seen.last_at > _RECENT:
                del self._seen[key]
        newest_first = sorted(self._seen.items(), key=lambda item: item[1].last_at, reverse=True)
        return [
            {
                "route": route,
                "code": reason.value,
                "source": source or None,
                "count": seen.count,
                "last_at": instant_text(seen.last_at),
                "says": _says(reason, source),
            }
            for (route, reason, source), seen in newest_first
        ]

    def facts(self, now: datetime) -> JsonObject:
        """The members that `/readyz` shows of them: none if there were none."""
        recent = self.recent(now)
        return {"unauthorized": recent} if recent else {}


def _says(reason: Denial, source: str) -> str:
    if reason is Denial.WRONG_SOURCE:
        return f"the key is that of source {source}, whose URL is /webhooks/{source}/<key>"
    return _WORDS[reason]
