"""What all clients share: an adapter that refuses them, goes away, and comes back on the same port and queue."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.processes import OPERATOR, Process, start
from tests.clients.calls import MAPPING, TRACKED, calls
from tests.clients.installed import SERVER_CLIENTS, Client
from tests.fakes import until

FILLER = {"type": "track", "event": "Filler", "userId": "filler"}
NOBODY = "http://127.0.0.1:1"
"""Where no Browsee is."""

SECRET = "s3cret-κλειδί"
"""What Segment signs with; not of ASCII alone, for it is the bytes in UTF-8 that count."""

CALLS_EACH = TRACKED + 5


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one client: how it ended, and what it said meanwhile."""

    exit_code: int
    log: str


@dataclass(frozen=True, slots=True)
class Outage:
    """All clients after the same outage: how each ended, and every call that Browsee got."""

    sent: dict[str, Sent]
    calls: list[dict[str, Any]]
    unaccounted: int


@dataclass(slots=True)
class Stage:
    """A sandbox and an adapter before it, which can be stopped and started with other settings."""

    folder: Path
    sandbox: Process
    http: aiohttp.ClientSession
    port: int = 0
    adapter: Process | None = None

    async def serve(self, *, browsee: str | None = None, pending: int = 1000) -> Process:
        """Start the adapter: on a free port, and ever after on the same."""
        names = ("filler", "shop", "signed", *(client.source for client in SERVER_CLIENTS))
        sources = {
            name: {"keys": [key_of(name)], "mapping": "mapping.yaml", "browsee_api_key": "browsee-key"}
            for name in names
        }
        sources["signed"]["signing_secrets"] = [SECRET]
        (self.folder / "mapping.yaml").write_text(MAPPING)
        settings = {
            "queue": f"sqlite:///{self.folder / 'queue.db'}",
            "browsee": {"url": f"{browsee or self.sandbox.url}/api/v1", "rate": "5000/s"},
            "limits": {"pending": pending},
            "sources": sources,
        }
        (self.folder / "adapter.yaml").write_text(json.dumps(settings))
        arguments = ["serve", "--config", str(self.folder / "adapter.yaml"), "--host", "127.0.0.1"]
        self.adapter = await start([*arguments, "--port", str(self.port)], log=self.folder / "adapter.log")
        self.port = int(self.adapter.url.rpartition(":")[2])
        return self.adapter

    async def serve_full(self) -> Process:
        """Start the adapter with room for one event that it cannot deliver, and put that in."""
        adapter = await self.serve(browsee=NOBODY, pending=1)
        async with self.http.post(f"{adapter.url}/webhooks/filler/{key_of('filler')}", json=FILLER) as answer:
            assert answer.status == 200
        return adapter

    async def stop(self) -> None:
        """Stop the adapter as an operator does."""
        assert self.adapter is not None
        assert await self.adapter.stop() == 0

    async def received(self, *, at_least: int, user: str | None = None) -> list[dict[str, Any]]:
        """Every call that the sandbox took (about `user`, if one is given), once there are `at_least` that many."""
        wanted = {"limit": "10000"} | ({} if user is None else {"user": user})
        found: list[dict[str, Any]] = []

        async def enough() -> bool:
            async with self.http.get(f"{self.sandbox.url}/calls", params=wanted) as answer:
                found[:] = await answer.json()
            await asyncio.sleep(0.05)
            return len(found) >= at_least

        await until(enough, within_s=30)
        return found


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    """A sandbox, and a stage on which an adapter may be started."""
    sandbox = await start(["sandbox", "--port", "0"], log=folder / "sandbox.log")
    async with aiohttp.ClientSession() as http:
        stage = Stage(folder, sandbox, http)
        try:
            yield stage
        finally:
            if stage.adapter is not None:
                await stage.adapter.stop()
            await sandbox.stop()


def key_of(name: str) -> str:
    """The write key of the source `name`."""
    return f"{name}-key"


@pytest.fixture(scope="session")
def outage(tmp_path_factory: pytest.TempPathFactory) -> Outage:
    """Every installed library sends through one outage, all at once, for some of them wait half a minute."""
    return asyncio.run(_send_through_an_outage(tmp_path_factory.mktemp("outage")))


async def _send_through_an_outage(folder: Path) -> Outage:
    """Refused with 503 because the queue is full; then the adapter is down; then there is room, and Browsee."""
    clients = [client for client in SERVER_CLIENTS if not client.lacking]
    async with staged(folder) as stage, asyncio.timeout(100):
        adapter = await stage.serve_full()
        logs = {client.name: folder / f"{client.name}.log" for client in clients}
        sending = [await _start(client, adapter.url, logs[client.name]) for client in clients]

        async def all_are_refused() -> bool:
            await asyncio.sleep(0.05)
            return all(" 503" in log.read_text() for log in logs.values())

        await until(all_are_refused, within_s=30)
        await stage.stop()
        await stage.serve()
        exit_codes = [await process.wait() for process in sending]
        received = await stage.received(at_least=1 + CALLS_EACH * len(clients))
        async with stage.http.get(f"{stage.adapter.url if stage.adapter else ''}/readyz", headers=OPERATOR) as answer:
            unaccounted = (await answer.json())["unaccounted"]
        sent = {
            client.name: Sent(code, logs[client.name].read_text())
            for client, code in zip(clients, exit_codes, strict=True)
        }
        return Outage(sent, received, unaccounted)


async def _start(client: Client, url: str, log: Path) -> asyncio.subprocess.Process:
    file = log.with_suffix(".json")
    file.write_text(json.dumps(calls(client.name)))
    with log.open("wb") as said:
        return await asyncio.create_subprocess_exec(
            *client.command, url, key_of(client.source), str(file), stdout=said, stderr=said
        )
