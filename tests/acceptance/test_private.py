"""`store: private` on a running service: what privacy removes is nowhere on the disk, and each call is right."""

import asyncio
import gzip
import json
import signal
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from adapter.ingest.read import read_unchecked
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls
from adapter.service.mappings import read_message
from tests.acceptance.processes import OPERATOR, Process, start
from tests.acceptance.test_operator import command
from tests.fakes import until

HASH_KEY = "a-hash-key-of-some-length"
KEYS = {"shop": "a-key-of-the-shop", "copy": "a-key-of-the-copy"}
SCRIPT = """\
- {when: {event: DIES}, nth: 1, status: 400, body: {status: failure, message: not today}}
- {when: {event: WAITS}, nth: 1-2, status: 503}
"""
SETTINGS = """\
queue: sqlite:///queue.db
browsee: {{url: "{browsee}/api/v1", rate: 1000/s}}
retry: {{max: 1s}}
limits: {{message: 2KB}}
hash_key: {hash_key}
sources:
  shop: {{keys: [{shop}], mapping: shop.yaml, browsee_api_key: browsee-key, store: {store}}}
  copy: {{keys: [{copy}], mapping: shop.yaml, browsee_api_key: browsee-key, store: {store}}}
"""
MAPPING = """\
version: 1
privacy:
  - {named: [%s], do: [trim, lower, hash]}
  - {named: [anonymousId], do: [hash]}
  - {named: [card, messageId], do: remove}
  - {fields: [context.ip, %s], do: remove}
  - {named: [url], do: [strip_query]}
rules:
  - {when: {type: identify}, identify: true}
  - {when: {type: track}, track: {from: event}}
"""
BEFORE = MAPPING % ("userId, email", "request_ip")
AFTER = MAPPING % ('userId, email, "*_email"', "request_ip, properties.note")
"""The same guards with a name and a path more, as somebody edits them while events wait."""

ANN, BOB = "zq-ann@shop.test", "zq-bob@shop.test"


def track(event: str, message_id: str, user: str = ANN, **properties: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "messageId": f"zq-{message_id}", "userId": user, "properties": properties}


EVENTS: list[dict[str, Any]] = [
    {
        "type": "identify",
        "userId": ANN.upper(),
        "messageId": "zq-mid-1",
        "traits": {"email": f" {ANN} ", "plan": "pro"},
    },
    track("PAID", "mid-2", total=5, card={"number": "zq-card"}, items=[{"card": ["zq-nested"], "sku": "A"}]),
    track("SEEN", "mid-3", BOB, url="https://shop.test/p?token=zq-token") | {"context": {"ip": "zq-ip", "os": "x"}},
    track("ODD", "mid-4", email={"first": "zq-object"}),
    {"type": "track", "event": "UNNAMED", "anonymousId": "zq-visitor", "timestamp": "2026-01-02T03:04:05Z"},
    track("DIES", "mid-5", BOB, email=BOB, card="zq-dead"),
    track("WAITS", "mid-6", ANN, email=ANN, card="zq-waits"),
]
LATER = [track("NOTED", "mid-7", ANN, note="zq-note", to_email="zq-friend@shop.test", total=1)]
REJECTED: list[dict[str, Any]] = [
    {"type": "track", "messageId": "zq-mid-8", "userId": "zq-rejected", "properties": {"email": "zq-bad@shop.test"}},
    track("LARGE", "mid-9", "zq-large", filler="x" * 3000),
]
MARKERS = [
    *(ANN, ANN.upper(), BOB, "zq-card", "zq-nested", "zq-token", "zq-ip", "zq-object", "zq-visitor", "zq-dead"),
    *("zq-waits", "zq-note", "zq-friend", "zq-rejected", "zq-bad", "zq-large", "zq-broken", "zq-alone"),
    *(f"zq-mid-{n}" for n in range(1, 10)),
]


@dataclass(slots=True)
class Shop:
    """A service with a folder of its own, and its stand-in for Browsee."""

    folder: Path
    browsee: Process
    adapter: Process
    http: aiohttp.ClientSession

    async def restart(self) -> None:
        self.adapter = await serve(self.folder)

    async def post(self, body: object, *, packed: bool = False) -> int:
        """The answer to a webhook with this body, JSON or the bytes themselves."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Encoding": "gzip"} if packed else {}
        url = f"{self.adapter.url}/webhooks/shop/{KEYS['shop']}"
        async with self.http.post(url, data=gzip.compress(raw) if packed else raw, headers=headers) as answer:
            return answer.status

    async def post_all(self) -> None:
        """Good events, bad ones in an array, bad ones alone, and what is no JSON at all."""
        assert await self.post([*EVENTS, *REJECTED], packed=True) == 200
        assert await self.post(EVENTS[:2]) == 200
        assert await self.post({"type": "track", "userId": "zq-alone"}) == 400
        assert await self.post(b'{"email": "zq-broken') == 400

    async def calls(self) -> list[dict[str, Any]]:
        """The bodies that Browsee took, without the time, which is that of receipt where nothing else says it."""
        async with self.http.get(f"{self.browsee.url}/calls", params={"status": "200", "limit": "1000"}) as answer:
            shown = [call["body"] for call in await answer.json()]
        return in_order({name: held for name, held in body.items() if name != "timestamp"} for body in shown)

    async def is_live(self, text: str) -> bool:
        """Whether each source is mapped by this text."""
        async with self.http.get(f"{self.adapter.url}/readyz", headers=OPERATOR) as answer:
            return set((await answer.json())["mappings"].values()) == {ruleset(text).version}

    async def run(self, *words: str) -> str:
        process = await command(self.folder, *words)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err
        return out.decode()

    def found(self) -> set[str]:
        """The markers that stand in any file which the service wrote."""
        files = [file for file in self.folder.iterdir() if file.name not in ("export.ndjson", "export.ndjson.done")]
        held = b"".join(file.read_bytes() for file in files)
        return {marker for marker in MARKERS if marker.encode() in held}


async def serve(folder: Path) -> Process:
    words = ["serve", "--config", str(folder / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
    return await start(words, log=folder / "adapter.log")


def in_order(bodies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(bodies, key=lambda body: str(body.get("event", "")))


def ruleset(text: str) -> Ruleset:
    return load(text, file="shop.yaml", read=read_message, hash_key=HASH_KEY)


def expected(messages: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls that a mapping which never stored anything would make of these messages."""
    rules, bodies = ruleset(AFTER), []
    for message in messages:
        event = read_unchecked(message, source="shop", received_at=datetime.now(UTC), new_id=lambda: "")
        rendered = rules.render(event)
        assert isinstance(rendered, Calls)
        bodies += [{name: held for name, held in call.body.items() if name != "timestamp"} for call in rendered.calls]
    return in_order(bodies)


@pytest.fixture
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    (tmp_path / "shop.yaml").write_text(BEFORE)
    words = ["--port", "0", "--script", str(tmp_path / "script.yaml"), "--db", str(tmp_path / "calls.db")]
    browsee = await start(["sandbox", *words], log=tmp_path / "sandbox.log")
    settings = SETTINGS.format(browsee=browsee.url, store=request.param, hash_key=HASH_KEY, **KEYS)
    (tmp_path / "adapter.yaml").write_text(settings)
    async with aiohttp.ClientSession() as http:
        shop = Shop(tmp_path, browsee, await serve(tmp_path), http)
        yield shop
    await shop.adapter.stop()
    await browsee.stop()


@pytest.mark.parametrize("shop", ["private"], indirect=True)
async def test_what_privacy_removes_is_never_on_the_disk(shop: Shop) -> None:
    """Through retries, a death, rejections, a kill, an edit of the guards, a requeue and an export, nothing that
    privacy takes is in queue, log or recording; and each call is the one that the guards make when they work once.
    """
    await shop.post_all()
    (shop.folder / "shop.yaml").write_text(AFTER)

    async def are_delivered(messages: list[dict[str, Any]]) -> bool:
        return len(await shop.calls()) >= len(messages)

    await until(lambda: shop.is_live(AFTER))
    assert await shop.post(LATER) == 200
    await shop.adapter.stop(signal.SIGKILL)
    assert (shop.folder / "queue.db-wal").stat().st_size > 0
    assert shop.found() == set()

    await shop.restart()
    alive = [*EVENTS, *LATER]
    await until(lambda: are_delivered(alive[1:]))
    assert "pending again: 1 event, 0 rejections" in await shop.run("dead", "requeue", "--all")
    await until(lambda: are_delivered(alive))
    assert await shop.calls() == expected(alive)

    await shop.run("export", "export.ndjson")
    (shop.folder / "key").write_text(KEYS["copy"])
    sent = ["send", "export.ndjson", "--to", shop.adapter.url, "--key-file", "key", "--as", "copy"]
    assert "8 messages sent" in await shop.run(*sent)
    await until(lambda: are_delivered([*alive, *alive]))
    assert await shop.calls() == expected([*alive, *alive])
    assert await shop.adapter.stop() == 0
    assert shop.found() == set()


@pytest.mark.parametrize("shop", ["raw"], indirect=True)
async def test_without_it_everything_is_on_the_disk(shop: Shop) -> None:
    """The control: the same messages are found, every marker of them, so that the search above would see one."""
    await shop.post_all()
    assert await shop.post(LATER) == 200
    assert await shop.adapter.stop(signal.SIGKILL) != 0
    assert shop.found() == set(MARKERS)
    await shop.restart()
