"""Several `serve` processes at one PostgreSQL queue, the stand-in that they deliver to, and senders."""

import asyncio
import os
import signal
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlencode

import aiohttp
import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapter.errors import AdapterError
from adapter.queue.postgres.admin import PostgresQueueAdmin
from adapter.queue.postgres.connect import PostgresPlace
from tests.acceptance.processes import Process, start
from tests.fakes import until

_schemas = count(1)
TAKEOVER_S = 11.0
_PAGE = 10_000
_SETTINGS = """\
queue: "{queue}"
state_dir: "{folder}"
browsee: {{url: "{browsee}/api/v1", rate: {rate}}}
sources:
"""
_SOURCE = """\
  {name}: {{keys: [key-of-{name}], mapping: shop.yaml, browsee_api_key: browsee-key-of-{name}}}
"""
_MAPPING = """\
version: 1
rules:
  - when: {type: track}
    track: DONE
    properties: {name: event}
"""


@dataclass
class Cluster:
    """Replicas, the stand-in for Browsee that they deliver to, and senders that keep to each user's order.

    Each of `sources` is a Browsee project of its own. Senders send to `takers`, or to every replica where there are
    none. `refused` counts what was sent again, `answers` statuses.
    """

    place: PostgresPlace
    folder: Path
    settings: Path
    sandbox: Process
    http: aiohttp.ClientSession
    sources: Sequence[str]
    replicas: list[Process] = field(default_factory=list)
    takers: list[Process] = field(default_factory=list)
    acknowledged: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    answers: Counter[str] = field(default_factory=Counter)
    numbers: Iterator[int] = field(default_factory=count)
    refused: int = 0
    _calls: list[dict[str, Any]] = field(default_factory=list)

    async def start_replica(self, *arguments: str, host: Path | None = None) -> Process:
        """One more; it reaches the database at `host` if that is not where the others do."""
        base = ["serve", "--config", str(self.settings), "--host", "127.0.0.1", "--port", "0"]
        log = self.folder / f"replica-{next(self.numbers)}.log"
        # Then each event that was delivered has its line.
        environ = {"ADAPTER_LOG_LEVEL": "debug"}
        if host is not None:
            environ["ADAPTER_QUEUE"] = address_of(f"{self.place.conninfo} host={host}", self.place.schema)
        started = await start([*base, *arguments], log=log, environ=environ)
        self.replicas.append(started)
        return started

    async def owner(self) -> Process:
        """One that delivers."""
        return next(iter(await self.owners()))

    async def owners(self) -> dict[Process, list[str]]:
        """The sources that each replica of those that deliver has."""
        found = await asyncio.to_thread(self.rows, "SELECT holder, name FROM claim WHERE NOT released ORDER BY name")
        names: dict[int, list[str]] = defaultdict(list)
        for holder, name in found:
            names[int(holder.split(":")[1])].append(name)
        return {each: names[each.process.pid] for each in self.replicas if each.process.pid in names}

    async def send(self, *, users: int, seconds: float, pause_s: float = 0.1) -> None:
        """Each user's events one after the other, to one replica after the other; what is refused is sent again."""
        end_s = monotonic() + seconds
        await asyncio.gather(*(self._send_as(f"user-{n}", end_s, pause_s) for n in range(users)))

    async def _send_as(self, user: str, end_s: float, pause_s: float) -> None:
        while monotonic() < end_s:
            name = f"{user} {next(self.numbers)}"
            while not await self.send_one(user=user, name=name):
                self.refused += 1
                await asyncio.sleep(0.1)
            self.acknowledged[user].append(name)
            await asyncio.sleep(pause_s)

    def source_of(self, user: str) -> str:
        """The source that the user's events come from."""
        return self.sources[int(user.removeprefix("user-")) % len(self.sources)]

    async def send_one(self, *, user: str, name: str) -> bool:
        """Whether an event was acknowledged."""
        takers = self.takers or self.replicas
        return await self.send_to(takers[next(self.numbers) % len(takers)], user=user, name=name)

    async def send_to(self, replica: Process, *, user: str, name: str) -> bool:
        """Whether that replica acknowledged it."""
        headers = {"Authorization": aiohttp.encode_basic_auth(f"key-of-{self.source_of(user)}", "")}
        body = {"type": "track", "event": name, "userId": user, "messageId": name}
        try:
            async with self.http.post(f"{replica.url}/v1/track", json=body, headers=headers) as answer:
                self.answers[str(answer.status)] += 1
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError) as exc:
            self.answers[type(exc).__name__] += 1
            return False

    async def calls(self) -> Sequence[dict[str, Any]]:
        """Every call that the stand-in took, in order."""
        while True:
            after = self._calls[-1]["number"] if self._calls else 0
            params = {"after": str(after), "limit": str(_PAGE)}
            async with self.http.get(f"{self.sandbox.url}/calls", params=params) as answer:
                found: list[dict[str, Any]] = await answer.json()
            # Another task may have read on meanwhile.
            last = self._calls[-1]["number"] if self._calls else 0
            self._calls += [call for call in found if call["number"] > last]
            if len(found) < _PAGE:
                return self._calls

    async def most_calls(self, *, within_s: float) -> dict[str, int]:
        """By project, the most calls that came within so many seconds."""
        times: dict[str, list[float]] = defaultdict(list)
        for call in await self.calls():
            times[call["project"]].append(datetime.fromisoformat(call["at"]).timestamp())
        most: dict[str, int] = {}
        for project, ats in times.items():
            first = 0
            for last, at in enumerate(ats):
                while at - ats[first] >= within_s:
                    first += 1
                most[project] = max(most.get(project, 0), last - first + 1)
        return most

    async def until_going_on(self, sources: Sequence[str], *, within_s: float) -> None:
        """Until a call of each of these has come that was made after now."""
        before = len(await self.calls())

        async def are_going_on() -> bool:
            return {self.source_of(call["user"]) for call in (await self.calls())[before:]} >= set(sources)

        await until(are_going_on, within_s=within_s)

    async def delivered(self, *, within_s: float) -> list[str]:
        """The names of all events that were delivered, once all that were acknowledged are; in the order of calls."""
        wanted = {name for names in self.acknowledged.values() for name in names}
        names: list[str] = []

        async def are_all() -> bool:
            names[:] = [call["body"]["properties"]["name"] for call in await self.calls() if call["status"] == 200]
            return wanted <= set(names)

        await until(are_all, within_s=within_s)
        return names

    async def check(self, *, repeated_at_most: int, within_s: float = 30) -> int:
        """Nothing lost, each user's events in order, and few calls repeated; and the ledger balances. How many calls
        were repeated.
        """
        names = await self.delivered(within_s=within_s)
        firsts: dict[str, list[str]] = defaultdict(list)
        for name in dict.fromkeys(names):
            firsts[name.split()[0]].append(name)
        assert dict(firsts) == dict(self.acknowledged)
        repeated = len(names) - len(set(names))
        assert repeated <= repeated_at_most
        await until(self._balances, within_s=within_s)
        return repeated

    async def _balances(self) -> bool:
        """Whether everything is settled, and counted once."""
        sums = "SELECT coalesce(sum(n) FILTER (WHERE term = %s), 0) FROM ledger"
        with PostgresQueueAdmin.open_at(self.place) as admin:
            assert list(admin.dead()) == []
        [(pending,)] = await asyncio.to_thread(self.rows, "SELECT count(*) FROM lane")
        [(delivered,)] = await asyncio.to_thread(self.rows, sums.replace("%s", "'delivered'"))
        return pending == 0 and int(delivered) == sum(map(len, self.acknowledged.values()))

    def rows(self, sql: str) -> Sequence[tuple[Any, ...]]:
        """What the database has."""
        with self.place.connect() as connection:
            return connection.execute(sql.encode()).fetchall()


def address_of(conninfo: str, schema: str) -> str:
    """The address of a queue, as the settings have it, in the database that libpq calls `conninfo`."""
    given = conninfo_to_dict(conninfo)
    return f"postgresql:///{given.pop('dbname')}?{urlencode({**given, 'schema': schema})}"


@asynccontextmanager
async def running_cluster(
    conninfo: str, folder: Path, *, projects: int = 1, replicas: int = 3, rate: str = "400/s", answer_s: float = 0.0
) -> AsyncIterator[Cluster]:
    """Replicas at the database that libpq calls `conninfo`; their calls are answered after `answer_s`."""
    schema = f"replicas_{next(_schemas)}"
    sources = [f"shop-{number}" for number in range(projects)]
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)))
        script = folder / "script.yaml"
        script.write_text(f"- {{delay_s: {answer_s}}}\n" if answer_s else "[]\n")
        sandbox = await start(["sandbox", "--port", "0", "--script", str(script)], log=folder / "sandbox.log")
        stack.push_async_callback(sandbox.stop)
        (folder / "shop.yaml").write_text(_MAPPING)
        settings = folder / "adapter.yaml"
        queue = address_of(conninfo, schema)
        text = _SETTINGS.format(queue=queue, folder=folder, browsee=sandbox.url, rate=rate)
        settings.write_text(text + "".join(_SOURCE.format(name=name) for name in sources))
        made = Cluster(PostgresPlace(conninfo, schema=schema), folder, settings, sandbox, http, sources)
        try:
            await asyncio.gather(*(made.start_replica() for _ in range(replicas)))
            yield made
        finally:
            for replica in made.replicas:
                with suppress(ProcessLookupError):
                    os.kill(replica.process.pid, signal.SIGCONT)
                await replica.stop(signal.SIGKILL)
            with suppress(psycopg.Error, AdapterError):
                await asyncio.to_thread(made.rows, f"DROP SCHEMA {schema} CASCADE")


async def until_delivering(cluster: Cluster) -> None:
    """Until events of every source have gone all the way."""
    await cluster.send(users=4 * len(cluster.sources), seconds=1)
    await cluster.delivered(within_s=30)


async def until_shared(cluster: Cluster, *counts: int, within_s: float = 90) -> None:
    """Until the replicas that deliver have so many projects each."""

    async def is_so() -> bool:
        owners = await cluster.owners()
        return sorted(map(len, owners.values())) == sorted(counts)

    await until(is_so, within_s=within_s)
