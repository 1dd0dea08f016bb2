"""The stage of a run: one adapter and one stand-in for Browsee, as processes, with their files in one folder."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import aiohttp
import orjson

from adapter.model import JsonObject
from adapter.queue.address import QueueAddress, SqliteFile
from reliability.checks import Seen
from reliability.oracle import MAPPING
from reliability.places import TAKEOVER_S, as_setting, forget, queue_address
from reliability.polling import until
from reliability.processes import Process, start

KEY = "chaos-key"
SOURCE = "shop"
_PAGE = 10_000

_TOKEN = "token-of-the-experiments"  # noqa: S105 - of services that live for one run on loopback


@dataclass(frozen=True, slots=True)
class Setup:
    """How adapter and sandbox are run.

    `source` (settings of all sources), `sources` (further settings of each) and `settings` override the kit's own.
    `script` and `sandbox` are the sandbox's script and options. `browsee_url` replaces the sandbox. `module` runs
    another program than the adapter, with `options` of its own. The queue is in a file, or in a schema of its own at
    `queue`, the address of a PostgreSQL database.
    """

    source: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {SOURCE: {}})
    settings: Mapping[str, Any] = field(default_factory=dict)
    script: str = ""
    sandbox: Sequence[str] = ()
    browsee_url: str = ""
    rate: str = "5000/s"
    module: str = "adapter"
    options: Sequence[str] = ()
    is_strict: bool = False
    queue: str = ""


class Stage:
    """Created by `opened`. `adapter` may be killed, stopped and started again; it keeps its address.

    Before a start, `queue` (a file), `environ` and `under` may be set, and `browsee_url` to another address than the
    sandbox's.
    """

    def __init__(self, folder: Path, setup: Setup, *, http: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.setup = setup
        self.http = http
        self.queue = folder / "queue.db"
        self.mapping = folder / "mapping.yaml"
        self.adapter: Process | None = None
        self.peak_memory_bytes = 0
        self.browsee_url = setup.browsee_url
        self.environ: Mapping[str, str] = {}
        self.under: Sequence[str] = ()
        self._at_server = queue_address(self.queue, server=setup.queue) if setup.queue else None
        self._stack = stack
        self._sandbox: Process | None = None
        self._port = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path, setup: Setup | None = None, *, starts: bool = True) -> AsyncIterator[Self]:
        """A stage with its sandbox; the adapter is started too if `starts`. Everything ends with the block."""
        setup = setup or Setup()
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30), connector=aiohttp.TCPConnector(limit=0))
            )
            stage = cls(folder, setup, http=http, stack=stack)
            stack.push_async_callback(asyncio.to_thread, forget, stage.address)
            stage.mapping.write_text(MAPPING, encoding="utf-8")
            if not setup.browsee_url:
                stage._sandbox = await stage._start_sandbox()
            if starts:
                await stage.start()
            yield stage

    @property
    def address(self) -> QueueAddress:
        """The address of the queue."""
        return self._at_server or SqliteFile(self.queue)

    @property
    def takeover_s(self) -> float:
        """The longest time without delivery after the adapter was killed, besides its start."""
        return 0.0 if self._at_server is None else TAKEOVER_S

    @property
    def url(self) -> str:
        """The address of the adapter."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def webhook(self) -> str:
        """The address for messages."""
        return f"{self.url}/webhooks/{SOURCE}/{KEY}"

    @property
    def pid(self) -> int:
        """The adapter's process of the last start."""
        return 0 if self.adapter is None else self.adapter.process.pid

    async def start(self) -> float:
        """Start the adapter and wait until it is ready; returns the seconds that took. Raises DidNotStart."""
        began_s = time.monotonic()
        config = self._write_settings()
        arguments = ["--config", str(config), "--host", "127.0.0.1", "--port", str(self._port), *self.setup.options]
        if self.setup.is_strict:
            arguments.append("--strict")
        self.adapter = await start(
            ["serve", *arguments] if self.setup.module == "adapter" else arguments,
            log=self.folder / "adapter.log",
            module=self.setup.module,
            environ={"ADAPTER_ADMIN_TOKEN": _TOKEN, **self.environ},
            under=self.under,
        )
        self._stack.push_async_callback(self.adapter.end, signal.SIGKILL)
        self._port = int(self.adapter.url.rpartition(":")[2])
        await until(self.is_ready)
        return time.monotonic() - began_s

    async def kill(self) -> None:
        """SIGKILL: no handler runs, nothing is flushed."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        self.signal(number)
        return await self.ended()

    def signal(self, number: signal.Signals) -> None:
        """Send the adapter a signal, and do not wait."""
        self.note_memory()
        if self.adapter is not None:
            self.adapter.signal(number)

    async def ended(self) -> int:
        """Wait until the adapter has ended; returns its exit status."""
        return 0 if self.adapter is None else await self.adapter.ended()

    def note_memory(self) -> None:
        """Record the largest memory of the adapter: an ended process cannot be queried."""
        if self.adapter is not None:
            self.peak_memory_bytes = max(self.peak_memory_bytes, self.adapter.peak_memory_bytes())

    async def is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        return (await self.readyz())[0]

    async def readyz(self) -> tuple[bool, JsonObject]:
        """Whether the adapter reports that it is ready, and its whole report; not ready and {} without an answer."""
        try:
            async with self.http.get(f"{self.url}/readyz", headers={"Authorization": f"Bearer {_TOKEN}"}) as answer:
                return answer.status == 200, await answer.json()
        except (aiohttp.ClientError, TimeoutError):
            return False, {}

    async def calls(self) -> list[Seen]:
        """Every call that the sandbox got, in order of arrival."""
        if self._sandbox is None:
            return []
        seen: list[Seen] = []
        after = 0
        while True:
            query = {"after": str(after), "limit": str(_PAGE)}
            async with self.http.get(f"{self._sandbox.url}/calls", params=query) as answer:
                page = orjson.loads(await answer.read())
            seen += [_seen(call) for call in page]
            if len(page) < _PAGE:
                return seen
            after = page[-1]["number"]

    async def count(self) -> int:
        """How many calls the sandbox got."""
        if self._sandbox is None:
            return 0
        async with self.http.get(f"{self._sandbox.url}/summary") as answer:
            return int((await answer.json())["calls"])

    async def limit_calls(self, limit: str) -> None:
        """Let the sandbox answer 429 beyond `limit` from now on."""
        if self._sandbox is None:
            raise RuntimeError("there is no sandbox")
        async with self.http.put(f"{self._sandbox.url}/limit", data=limit) as answer:
            answer.raise_for_status()

    async def _start_sandbox(self) -> Process:
        arguments = ["sandbox", "--port", "0", *self.setup.sandbox]
        if self.setup.script:
            script = self.folder / "script.yaml"
            script.write_text(self.setup.script, encoding="utf-8")
            arguments += ["--script", str(script)]
        sandbox = await start(arguments, log=self.folder / "sandbox.log")
        self._stack.push_async_callback(sandbox.end, signal.SIGKILL)
        return sandbox

    def _write_settings(self) -> Path:
        browsee = self.browsee_url or ("" if self._sandbox is None else self._sandbox.url)
        common = {"keys": [KEY], "browsee_api_key": "chaos", "mapping": str(self.mapping), **self.setup.source}
        settings = {
            "queue": as_setting(self.address),
            "browsee": {"url": f"{browsee}/api/v1", "rate": self.setup.rate},
            "sources": {name: {**common, **own} for name, own in self.setup.sources.items()},
            "retry": {"for": "72h", "max": "1s"},
            **self.setup.settings,
        }
        file = self.folder / "adapter.yaml"
        file.write_bytes(orjson.dumps(settings))  # JSON is YAML
        return file


def _seen(call: JsonObject) -> Seen:
    return Seen(
        event=call["event"] or call["kind"],
        user=call["user"] or "",
        status=call["status"],
        body=call["body"],
        at_s=datetime.fromisoformat(call["at"]).timestamp(),
    )
