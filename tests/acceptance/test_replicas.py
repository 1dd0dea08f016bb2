"""Several `serve` processes at one PostgreSQL queue, and one of them killed, stopped or restarted on the way."""

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import pytest

from adapter.queue.postgres.admin import PostgresQueueAdmin
from adapter.queue.postgres.connect import PostgresPlace
from tests.acceptance.processes import Process, start
from tests.fakes import until
from tests.postgres import Server

_schemas = count(1)
TAKEOVER_S, BUSY_S = 11.0, 4.0
KEY = {"Authorization": aiohttp.encode_basic_auth("key", "")}
SETTINGS = """\
queue: "{queue}"
state_dir: "{folder}"
browsee: {{url: "{browsee}/api/v1", rate: 400/s}}
sources:
  shop: {{keys: [key], mapping: shop.yaml, browsee_api_key: browsee-key}}
"""
MAPPING = """\
version: 1
rules:
  - when: {type: track}
    track: DONE
    properties: {name: event}
"""


@dataclass
class Cluster:
    """Replicas, the stand-in for Browsee that they deliver to, and senders that keep to each user's order."""

    place: PostgresPlace
    folder: Path
    settings: Path
    sandbox: Process
    http: aiohttp.ClientSession
    replicas: list[Process] = field(default_factory=list)
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    numbers: Iterator[int] = field(default_factory=count)
    refused: int = 0

    async def start_replica(self) -> Process:
        """One more."""
        arguments = ["serve", "--config", str(self.settings), "--host", "127.0.0.1", "--port", "0"]
        started = await start(arguments, log=self.folder / f"replica-{next(self.numbers)}.log")
        self.replicas.append(started)
        return started

    async def owner(self) -> Process:
        """Who delivers."""
        holders = await asyncio.to_thread(self._rows, "SELECT holder FROM claim WHERE NOT released")
        pids = {int(holder.split(":")[1]) for (holder,) in holders}
        return next(replica for replica in self.replicas if replica.process.pid in pids)

    async def send(self, *, users: int, seconds: float) -> None:
        """Each user's events one after the other, to one replica after the other; what is refused is sent again."""
        end_s = monotonic() + seconds
        await asyncio.gather(*(self._send_as(f"user-{n}", end_s) for n in range(users)))

    async def _send_as(self, user: str, end_s: float) -> None:
        while monotonic() < end_s:
            name = f"{user} {next(self.numbers)}"
            body = {"type": "track", "event": name, "userId": user, "messageId": name}
            while not await self._is_taken(self.replicas[next(self.numbers) % len(self.replicas)].url, body):
                self.refused += 1
                await asyncio.sleep(0.1)
            self.acknowledged[user].append(name)
            await asyncio.sleep(0.1)

    async def _is_taken(self, url: str, body: Mapping[str, str]) -> bool:
        try:
            async with self.http.post(f"{url}/v1/track", json=body, headers=KEY) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def calls(self) -> list[dict[str, Any]]:
        """Every call that the stand-in took, in order."""
        async with self.http.get(f"{self.sandbox.url}/calls", params={"after": "0", "limit": "10000"}) as answer:
            found: list[dict[str, Any]] = await answer.json()
        return found

    async def delivered(self, *, within_s: float) -> list[str]:
        """The names of all events that were delivered, once all that were acknowledged are; in the order of calls."""
        wanted = {name for names in self.acknowledged.values() for name in names}
        names: list[str] = []

        async def are_all() -> bool:
            names[:] = [call["body"]["properties"]["name"] for call in await self.calls()]
            return wanted <= set(names)

        await until(are_all, within_s=within_s)
        return names

    async def check(self, *, repeated_at_most: int, within_s: float = 30) -> None:
        """Nothing lost, each user's events in order, and few calls repeated; and the ledger balances."""
        names = await self.delivered(within_s=within_s)
        firsts: dict[str, list[str]] = defaultdict(list)
        for name in dict.fromkeys(names):
            firsts[name.split()[0]].append(name)
        assert dict(firsts) == dict(self.acknowledged)
        assert len(names) - len(set(names)) <= repeated_at_most
        with PostgresQueueAdmin.open_at(self.place) as admin:
            assert admin.newest_seq() >= len(set(names))
            assert list(admin.dead()) == []

    def _rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        with self.place.connect() as connection:
            return connection.execute(sql.encode()).fetchall()


@pytest.fixture
async def cluster(tmp_path: Path, postgres: Server) -> AsyncIterator[Cluster]:
    schema = f"replicas_{next(_schemas)}"
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)))
        sandbox = await start(["sandbox", "--port", "0"], log=tmp_path / "sandbox.log")
        stack.push_async_callback(sandbox.stop)
        (tmp_path / "shop.yaml").write_text(MAPPING)
        settings = tmp_path / "adapter.yaml"
        settings.write_text(SETTINGS.format(queue=postgres.url(schema), folder=tmp_path, browsee=sandbox.url))
        made = Cluster(PostgresPlace(postgres.conninfo, schema=schema), tmp_path, settings, sandbox, http)
        for _ in range(3):
            await made.start_replica()
        yield made
        for replica in made.replicas:
            await replica.stop(signal.SIGKILL)


async def until_delivering(cluster: Cluster) -> None:
    await cluster.send(users=4, seconds=1)
    await cluster.delivered(within_s=20)


async def test_another_replica_goes_on_when_the_owner_is_killed(cluster: Cluster) -> None:
    """Nothing that was acknowledged is lost or overtaken; only calls that were open may be repeated."""
    await until_delivering(cluster)
    sending = asyncio.create_task(cluster.send(users=20, seconds=14))
    await asyncio.sleep(2)
    owner = await cluster.owner()
    await owner.stop(signal.SIGKILL)
    killed_s, before = monotonic(), len(await cluster.calls())

    async def is_going_on() -> bool:
        return len(await cluster.calls()) > before + 20

    await until(is_going_on)
    assert monotonic() - killed_s <= TAKEOVER_S + BUSY_S
    await sending
    await cluster.check(repeated_at_most=20)


async def test_an_owner_that_slept_neither_calls_nor_settles(cluster: Cluster) -> None:
    """It was followed while it was stopped; when it wakes up it repeats nothing but what was under way."""
    await until_delivering(cluster)
    sending = asyncio.create_task(cluster.send(users=10, seconds=16))
    await asyncio.sleep(1)
    owner = await cluster.owner()
    owner.process.send_signal(signal.SIGSTOP)

    async def is_followed() -> bool:
        return await cluster.owner() is not owner

    await until(is_followed)
    await asyncio.sleep(1)
    owner.process.send_signal(signal.SIGCONT)
    await sending
    await cluster.check(repeated_at_most=10)
    assert await cluster.owner() is not owner


async def test_a_rolling_restart_loses_and_repeats_nothing(cluster: Cluster) -> None:
    """Each replica ends after its calls, and another goes on within a second or two."""
    await until_delivering(cluster)
    sending = asyncio.create_task(cluster.send(users=10, seconds=12))
    for replica in list(cluster.replicas):
        await cluster.start_replica()
        cluster.replicas.remove(replica)
        assert await replica.stop(signal.SIGTERM) == 0
    await sending
    await cluster.check(repeated_at_most=0)
