"""The console of a running service, over its API. Never follows a redirect, so the token is sent to one address
only.
"""

import http.client
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlencode, urlsplit

import orjson

from adapter.cli.unreachable import unreachable_text
from adapter.console.console import MAX_PAGE, Events, Export, Selection
from adapter.errors import ConfigError, QueueError
from adapter.model import JsonObject, Secret
from adapter.printable import printable
from adapter.wire.instants import instant_text

Query: TypeAlias = Mapping[str, str | tuple[str, ...] | None]
"""Names and values of a query; a name with several values is repeated."""

_TIMEOUT_S: Final = 300.0
"""A large requeue is answered only when it is done."""
_MAX_WAITS: Final = 60
_MAX_ANSWER_BYTES: Final = 1 << 26
"""A page of 1,000 events of 64 KB each; a server that sends without end must not fill the memory."""
_EXPORT_BYTES: Final = 1 << 16


class HttpConsole:
    """A `Console` (`adapter.console.console`) of the service at `url`, by its admin token.

    `sleep` waits when the service answers 429.
    """

    def __init__(self, url: str, token: Secret, *, sleep: Callable[[float], None]) -> None:
        """Raises ConfigError if `url` is not an HTTP address, or the token cannot be sent in a header."""
        if not (token.reveal().isascii() and token.reveal().isprintable()):
            raise ConfigError("the admin token contains characters that a token cannot have; was it copied completely?")
        # The console's address is what people have at hand.
        self._url = url.rstrip("/").removesuffix("/console")
        self._place = service_address(self._url, option="--url")
        self._connection: http.client.HTTPConnection | None = None
        # One connection for each request, so that none is open while a person reads.
        self._headers = {"Authorization": f"Bearer {token.reveal()}", "Connection": "close"}
        self._sleep = sleep

    def close(self) -> None:
        """Close the connection of the last request."""
        if self._connection is not None:
            self._connection.close()

    def events(self, wanted: Events) -> JsonObject:
        query = {
            "source": wanted.source,
            "outcome": wanted.outcome or None,
            "type": wanted.type,
            "rule": wanted.rule,
            **_of_cause(wanted.cause, exact=wanted.exact),
            "text": wanted.text,
            "where": None if wanted.where is None else "=".join(wanted.where),
            "mapped": "true" if wanted.mapped else None,
            "user": wanted.user,
            "name": wanted.name,
            "warned": "true" if wanted.warned else None,
            "since": None if wanted.since is None else instant_text(wanted.since),
            "until": None if wanted.until is None else instant_text(wanted.until),
            "limit": str(min(wanted.limit, MAX_PAGE)),
            "before": wanted.before,
        }
        return self._get("/api/events", query)

    def names(
        self, *, source: str | None = None, since: datetime | None = None, before: str | None = None
    ) -> JsonObject:
        instant = None if since is None else instant_text(since)
        return self._get("/api/names", {"source": source, "since": instant, "before": before})

    def tail(self, after: str | None, watch: Sequence[str] = ()) -> JsonObject:
        return self._get("/api/tail", {"after": after, "watch": ",".join(watch) or None})

    def event(self, ident: str) -> JsonObject:
        return self._get("/api/event", {"id": ident}, absent={"found": []})

    def where(self, ident: str) -> JsonObject:
        return self._get("/api/where", {"id": ident}, absent={"found": []})

    def deletions(self, user: str | None = None, *, limit: int = 20) -> JsonObject:
        return self._get("/api/deletions", {"user": user, "limit": str(limit)})

    def dead(
        self, *, cause: str | None = None, exact: bool = False, limit: int = 100, after: str | None = None
    ) -> JsonObject:
        return self._get("/api/dead", {**_of_cause(cause, exact=exact), "limit": str(limit), "after": after})

    def causes(self, *, limit: int) -> JsonObject:
        return self._get("/api/dead/causes", {"limit": str(limit)})

    def try_mapping(self, source: str, ids: Sequence[str], *, text: str | None = None) -> JsonObject:
        # Without a text, an empty one: it has errors, so only the results of the active mapping are returned.
        asked = {"source": source, "text": text or "", "events": [*ids]}
        answer = self._post("/api/mapping/check", asked)
        if text is not None and answer["version"] is None:
            raise ConfigError("\n".join(map(_finding_text, answer["findings"])), is_listing=True)
        return {"events": answer["events"]}

    def mapping_history(self, source: str, *, limit: int, before: int | None = None) -> JsonObject:
        query = {"source": source, "limit": str(limit), "before": None if before is None else str(before)}
        return self._get("/api/mapping/history", query)

    def mapping_version(self, source: str, id_: int) -> JsonObject | None:
        return self._get("/api/mapping/version", {"source": source, "id": str(id_)}, absent={}) or None

    def roll_back(self, source: str, id_: int, *, text: str) -> None:
        """Replace the mapping file of `source` by the text of activation `id_`, unless it changes meanwhile."""
        etag = self._get("/api/mapping", {"source": source})["etag"]
        query = {"source": source, "rollback": str(id_)}
        more = {"If-Match": etag, "Content-Type": "text/yaml"}
        response = self._answered("PUT", "/api/mapping", query, text.encode(), more)
        answer = _read(response)
        if response.status != 200:
            self._refuse(response.status, answer)

    def requeue(self, which: Selection, *, dry_run: bool = False, preview: bool = False) -> JsonObject:
        return self._post("/api/dead/requeue", {**_chosen(which), "dryRun": dry_run, "preview": preview})

    def discard(self, which: Selection, *, dry_run: bool = False, count: int | None = None) -> JsonObject:
        counted = {} if count is None else {"count": count}
        return self._post("/api/dead/discard", {**_chosen(which), **counted, "dryRun": dry_run})

    def purge(self, user: str, *, dry_run: bool = False) -> JsonObject:
        return self._post("/api/purge", {"user": user, "dryRun": dry_run})

    def export(self, cause: str | None = None, *, exact: bool = False) -> Export:
        return self._export("/api/dead/export", _of_cause(cause, exact=exact))

    def export_events(self, *, source: str | None = None, since: datetime | None = None) -> Export:
        instant = None if since is None else instant_text(since)
        return self._export("/api/events/export", {"source": source, "since": instant})

    def _export(self, path: str, query: Query) -> Export:
        response = self._answered("GET", path, query)
        if response.status != 200:
            self._refuse(response.status, _read(response))
        left_out = response.getheader("X-Left-Out")
        return Export(None if left_out is None else int(left_out), self._lines(response))

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[Sequence[bytes]]:
        begun = b""
        try:
            # Not by `readline`, which cannot tell a broken connection from the end.
            while read := response.read(_EXPORT_BYTES):
                *lines, begun = (begun + read).split(b"\n")
                if len(begun) > _MAX_ANSWER_BYTES:
                    raise QueueError(f"{self._url}: a line of the export is longer than any that a service sends")
                yield [line + b"\n" for line in lines]
        except (http.client.HTTPException, OSError) as cause:
            raise QueueError(f"{self._url}: the export broke off: {str(cause) or type(cause).__name__}") from cause
        finally:
            response.close()

    # -- requests --------------------------------------------------------------------------------------------------

    def _get(self, path: str, query: Query, *, absent: JsonObject | None = None) -> JsonObject:
        response = self._answered("GET", path, query)
        answer = _read(response)
        if response.status == 404 and answer.get("code") == "not_kept" and absent is not None:
            return absent
        return answer if response.status == 200 else self._refuse(response.status, answer)

    def _post(self, path: str, asked: JsonObject) -> JsonObject:
        response = self._answered("POST", path, {}, orjson.dumps(asked))
        answer = _read(response)
        return answer if response.status == 200 else self._refuse(response.status, answer)

    def _answered(
        self, method: str, path: str, query: Query, body: bytes | None = None, more: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """The first answer that is not 429; `more` are headers."""
        given = urlencode({name: value for name, value in query.items() if value is not None}, doseq=True)
        place = f"{self._place.path}{path}{'?' if given else ''}{given}"
        for _ in range(_MAX_WAITS):
            response = self._asked(method, place, body, more or {})
            if response.status != 429:
                return response
            response.read()
            self._sleep(min(30.0, float(response.getheader("Retry-After", "1"))))
        raise QueueError(f"{self._url}: answered 429 for too long; other clients may be sending too many requests")

    def _asked(self, method: str, place: str, body: bytes | None, more: Mapping[str, str]) -> http.client.HTTPResponse:
        headers = {**self._headers, **({} if body is None else {"Content-Type": "application/json"}), **more}
        try:
            self.close()
            self._connection = self._connected()
            self._connection.request(method, place, body=body, headers=headers)
            return self._connection.getresponse()
        except (http.client.HTTPException, OSError) as cause:
            raise ConfigError(
                f"cannot reach {self._url}: {unreachable_text(cause)}; is the service running there?"
            ) from cause

    def _connected(self) -> http.client.HTTPConnection:
        host, port = self._place.hostname or "", self._place.port
        if self._place.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S, context=context)
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)

    def _refuse(self, status: int, answer: JsonObject) -> JsonObject:
        """Raise the exception for an error answer."""
        if not answer:
            raise ConfigError(
                f"{self._url} answered {status}, which is not an answer of browsee-adapter; --url must be the "
                "service's address"
            )
        if status == 401:
            raise ConfigError(f"{self._url} refused this admin token; see ADAPTER_ADMIN_TOKEN")
        kind = QueueError if status >= 500 and status != 501 else ConfigError
        message = answer.get("message")
        advice = "; --url must be the address of the console" if answer.get("code") == "not_found" else ""
        text = message if isinstance(message, str) else "without a message"
        raise kind(f"{self._url} answered {status}: {text}{advice}")


def service_address(url: str, *, option: str) -> SplitResult:
    """The parts of a service's address. Raises ConfigError if it is not one; `option` is where it was given."""
    try:
        place = urlsplit(url)
        is_usable = place.scheme in ("http", "https") and bool(place.hostname) and place.port != 0
        if is_usable and not ("@" in place.netloc or place.query or place.fragment):
            return place
    except ValueError:
        pass
    raise ConfigError(f"{option}: an address such as http://127.0.0.1:8080, without a user, a query or a fragment")


def _finding_text(finding: JsonObject) -> str:
    return printable(f"{finding['line']}:{finding['column']}: {finding['code']}: {finding['message']}")


def _of_cause(cause: str | None, *, exact: bool) -> dict[str, str | None]:
    return {"cause": cause, "exact": "true" if exact else None}


def _chosen(which: Selection) -> JsonObject:
    words = {
        "ids": list(which.ids),
        "cause": which.cause,
        "exact": which.exact,
        "all": which.everything,
        "unmatched": which.unmatched,
    }
    return {word: value for word, value in words.items() if value not in (None, [], False)}


def _read(response: http.client.HTTPResponse) -> JsonObject:
    """The JSON object of an answer; empty if it is not one, or longer than any answer of a service."""
    try:
        answer = orjson.loads(response.read(_MAX_ANSWER_BYTES))
    except (orjson.JSONDecodeError, http.client.HTTPException, OSError):
        return {}
    return answer if isinstance(answer, dict) else {}
