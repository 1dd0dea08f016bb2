"""Requests that take turns: one runs, the next one waits, and one that waits too long is turned away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from adapter.console.turns import alone
from tests.fakes import until


@dataclass(slots=True)
class Served:
    """A service with one operation, which ends once it is let go; `arrived` are all requests, `begun` those handled."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: list[web.Request] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    running: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, which must be the only one."""
        assert self.running == 0
        self.running += 1
        self.begun.append(request.path)
        await self.go.wait()
        self.running -= 1
        return web.Response()

    @asynccontextmanager
    async def client(self, *, wait_s: float) -> AsyncIterator[TestClient[web.Request, web.Application]]:
        """One that asks it."""
        handler = alone("comparison", self.handle, wait_s=wait_s)

        async def arrive(request: web.Request) -> web.StreamResponse:
            self.arrived.append(request)
            return await handler(request)

        app = web.Application()
        app.router.add_get("/{name}", arrive)
        async with TestClient(TestServer(app)) as client:
            yield client

    async def has(self, arrived: int) -> None:
        """Wait until so many have arrived."""

        async def is_so() -> bool:
            await asyncio.sleep(0)
            return len(self.arrived) == arrived

        await until(is_so)


async def test_the_next_request_waits_for_its_turn() -> None:
    """In order of arrival, and one at a time."""
    served = Served()
    async with served.client(wait_s=60) as client:
        asked = []
        for n in range(3):
            asked.append(asyncio.create_task(client.get(f"/{n}")))
            await served.has(arrived=n + 1)
        served.go.set()
        assert [(await each).status for each in asked] == [200, 200, 200]
        assert served.begun == ["/0", "/1", "/2"]


async def test_one_that_waits_too_long_is_turned_away() -> None:
    """With what is running, and when to ask again; the one that runs is not disturbed."""
    served = Served()
    async with served.client(wait_s=0.01) as client:
        first = asyncio.create_task(client.get("/first"))
        await served.has(arrived=1)
        answer = await client.get("/second")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
        assert (await answer.json())["message"] == "another comparison is running"
        served.go.set()
        assert (await first).status == 200


async def test_what_nobody_waits_for_is_not_done() -> None:
    """A page that was left, or that asks something newer, closes its connection; the turn goes to the next request."""
    served = Served()
    async with served.client(wait_s=60) as client:
        first = asyncio.create_task(client.get("/first"))
        await served.has(arrived=1)
        left = asyncio.create_task(client.get("/left"))
        await served.has(arrived=2)
        left.cancel()

        async def is_gone() -> bool:
            await asyncio.sleep(0)
            return served.arrived[1].transport is None

        await until(is_gone)
        third = asyncio.create_task(client.get("/third"))
        await served.has(arrived=3)
        served.go.set()
        assert ((await first).status, (await third).status) == (200, 200)
        assert served.begun == ["/first", "/third"]
