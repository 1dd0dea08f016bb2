"""The whole service in this process, to which the requests of `tests/cases/wire` are posted one after the other.

Each case is one file: `request` or `requests`, `clock` (the instant of receipt), and `expect`:

    statuses    the HTTP status of each answer
    outcomes    of every event and rejection that was stored, sorted: `delivered`, `dead: refused by the mapping` …
    calls       what Browsee got, in order, in the shape of a mapping's own tests
    warnings    `[kind, field]` of every warning, sorted
"""

import asyncio
import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import aiohttp

from adapter.model import JsonObject
from adapter.observe.ingest_telemetry import EventWarned
from adapter.observe.observer import Observer
from adapter.observe.telemetry import Telemetry
from adapter.service.app import Running, run_service
from adapter.service.wiring import Wiring
from adapter.settings.load import load_settings
from tests.fakes import RECEIVED_AT
from tests.operated import OFTEN, TOKEN

CASES: Final = Path(__file__).parents[1] / "cases/wire"
MAPPINGS: Final = {
    "def": "default",
    "eco": "ecommerce",
    "rud": "rudderstack",
    "saas": "saas",
    "mob": "mobile",
    "vid": "video",
    "priv": "privacy",
    "sig": "default",
    "del": "default",
    "own": "default",
}
OWN: Final = {
    "honour": ["integrations", "consent"],
    "consent": ["Analytics"],
    "max_age": "30d",
    "not_ids": ["guest"],
    "is_id": ["nan"],
}
"""The settings of the source `own`, which has all that others leave as it is."""
SETTINGS: Final = {
    "queue": "sqlite:///queue.db",
    "browsee": {"rate": "1000/s"},
    "hash_key": "a-hash-key-of-some-length",
    "sources": {
        source: {"keys": [f"key-{source}"], "mapping": mapping}
        | ({"signing_secrets": ["sig-secret-0123456789"]} if source == "sig" else {})
        | ({"deletions": "on"} if source == "del" else {})
        | (OWN if source == "own" else {})
        for source, mapping in MAPPINGS.items()
    },
}


def read_cases() -> dict[str, JsonObject]:
    """Every case, by its name."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))}


def requests_of(case: JsonObject) -> Sequence[JsonObject]:
    """The requests of a case, which has one `request` or several `requests`."""
    return case["requests"] if "requests" in case else [case["request"]]


@dataclass(slots=True)
class _ReceiptClock:
    """A clock of receipt that is set to the instant of each case."""

    at: datetime = RECEIVED_AT

    def now(self) -> datetime:
        return self.at


class _WarningsSeen(Observer):
    """An observer that keeps the kind and field of every warning."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[list[str]] = []

    def emit(self, telemetry: Telemetry) -> None:
        if isinstance(telemetry, EventWarned):
            self.warnings.append([str(telemetry.kind), telemetry.field])
        super().emit(telemetry)


@dataclass(slots=True)
class _Wire:
    """A running service, and how far it was looked at."""

    clock: _ReceiptClock
    observer: _WarningsSeen
    running: Running
    http: aiohttp.ClientSession
    cursor: str = ""
    last_call: int = 0

    async def observe(self, case: JsonObject) -> JsonObject:
        """What the service made of `case`, in the shape of its `expect`."""
        self.clock.at = datetime.fromisoformat(case["clock"])
        self.observer.warnings.clear()
        statuses = [await self._send(request) for request in requests_of(case)]
        outcomes = await self._outcomes()
        warnings = sorted(self.observer.warnings)
        return {"statuses": statuses, "outcomes": outcomes, "calls": await self._calls(), "warnings": warnings}

    async def _send(self, request: JsonObject) -> int:
        url = self.running.url + request["path"]
        body = _bytes_of(request)
        async with self.http.request(request["method"], url, data=body, headers=request["headers"]) as response:
            await response.read()
            return response.status

    async def _outcomes(self) -> list[str]:
        """How everything ended that was received since the last look; waits until nothing is pending."""
        ended: dict[str, str] = {}
        page = await self._tail([])
        while page["pending"]:
            await asyncio.sleep(0.002)
            ended |= _by_id(page)
            page = await self._tail(page["pending"])
        ended |= _by_id(page)
        return sorted(ended.values())

    async def _tail(self, watch: Sequence[str]) -> Any:
        asked = {"after": self.cursor, "watch": ",".join(watch)} if self.cursor else {}
        if not watch:
            asked.pop("watch", None)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.http.get(f"{self.running.admin_url}/api/tail", params=asked, headers=headers) as response:
            assert response.status == 200, await response.text()
            page = await response.json()
        self.cursor = page["next"]
        return page

    async def _calls(self) -> list[JsonObject]:
        """The calls that the sandbox recorded since the last look."""
        asked = {"after": str(self.last_call), "limit": "1000"}
        async with self.http.get(f"{self.running.sandbox_url}/calls", params=asked) as response:
            calls = await response.json()
        self.last_call = calls[-1]["number"] if calls else self.last_call
        return [_as_expected(call["kind"], call["body"]) for call in calls]


def _bytes_of(request: JsonObject) -> bytes | None:
    raw = request.get("raw")
    if raw is None:
        return json.dumps(request["body"], ensure_ascii=False).encode() if "body" in request else None
    kept = raw.removeprefix("base64:")
    return raw.encode() if kept == raw else base64.b64decode(kept)


def _by_id(page: JsonObject) -> dict[str, str]:
    rows = page["entries"]
    return {row["id"]: f"{row['outcome']}: {row['reason']}" if row["reason"] else row["outcome"] for row in rows}


def _as_expected(kind: str, body: JsonObject) -> JsonObject:
    """A call as a mapping's tests write it."""
    if kind == "identify":
        return {"identify": True, **body}
    return {"track": body["event"], **{name: value for name, value in body.items() if name != "event"}}


async def _observed(folder: Path, cases: dict[str, JsonObject]) -> dict[str, JsonObject]:
    file = folder / "adapter.yaml"
    file.write_text(json.dumps(SETTINGS), encoding="utf-8")
    settings = load_settings(file=file, environ={"ADAPTER_ADMIN_TOKEN": TOKEN}, host="127.0.0.1", port=0, sandbox=True)
    observer, stop, clock = _WarningsSeen(), asyncio.Event(), _ReceiptClock()
    wiring = Wiring(received_at=clock.now, rate_limits=OFTEN)
    started = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(120), aiohttp.ClientSession() as http, asyncio.TaskGroup() as tasks:
        tasks.create_task(
            run_service(settings, observer=observer, stop=stop, started=started.set_result, wiring=wiring)
        )
        wire = _Wire(clock, observer, await started, http)
        await wire._tail([])
        observed = {name: await wire.observe(case) for name, case in cases.items()}
        stop.set()
    return observed


def observe_all(folder: Path) -> dict[str, JsonObject]:
    """What one service with its files in `folder` makes of every case, by the name of the case."""
    return asyncio.run(_observed(folder, read_cases()))
