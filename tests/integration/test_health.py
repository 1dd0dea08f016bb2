"""`/healthz`, `/readyz` and `/metrics` over a real socket, in front of real queues."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from aiohttp.web import Application
from yarl import URL

from adapter.console.access import operator_check
from adapter.console.health import Gauge, Gauges, Health, Report
from adapter.model import Secret
from adapter.observe.ingest_telemetry import MessagesStored
from adapter.observe.metrics import EVENTS_PENDING, PAUSED
from adapter.observe.observer import Observer
from adapter.queue.records import QueueOptions
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock, make_event

REPORT = Report(
    stopping=False,
    sandbox=False,
    delivery="ok",
    why="",
    facts={"unaccounted": 0},
    gauges=(Gauge(EVENTS_PENDING, 3), Gauge(PAUSED, 1, ("shop", "down"))),
)


class Board:
    """What `/readyz` shows, changed by a test."""

    def __init__(self) -> None:
        self.report = REPORT

    def __call__(self) -> Report:
        return self.report


@pytest.fixture
def board() -> Board:
    return Board()


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SqliteQueue]:
    queue = await SqliteQueue.open(tmp_path / "queue.db", QueueOptions(max_pending=1), now=FakeClock())
    yield queue
    await queue.close()


@pytest.fixture
async def url(queue: SqliteQueue, board: Board) -> AsyncIterator[str]:
    observer = Observer()
    observer.emit(MessagesStored(source="shop", count=2))
    observer.watch(Gauges(board))
    health = Health(
        inbox=queue,
        report=board,
        registry=observer.registry,
        is_operator=operator_check(Secret("admin-token"), is_local_trusted=True),
    )
    app = Application()
    app.add_routes(health.routes())
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


async def test_alive(http: ClientSession, url: str) -> None:
    """The event loop turns, whatever the rest does."""
    async with http.get(f"{url}healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"alive": True})


async def test_ready_while_a_good_event_would_be_stored(http: ClientSession, url: str, queue: SqliteQueue) -> None:
    """200 while the queue has room, 503 with the reason while it has none."""
    async with http.get(f"{url}readyz") as answer:
        assert (answer.status, (await answer.json())["ready"]) == (200, True)
    await queue.put([make_event("m-1")])
    async with http.get(f"{url}readyz") as answer:
        found = await answer.json()
    assert (answer.status, found["ready"], found["why"]) == (
        503,
        False,
        "queue: 1 events are pending, the most this queue takes (limits.pending)",
    )


async def test_not_ready_when_the_disk_takes_nothing(http: ClientSession, url: str, queue: SqliteQueue) -> None:
    """A probe that only looked would say yes here: SQLite can read but not write."""
    queue._connection.execute("PRAGMA query_only = ON")
    async with http.get(f"{url}readyz") as answer:
        assert answer.status == 503
        assert "readonly" in (await answer.json())["why"]
    async with http.get(f"{url}readyz", headers={"X-Forwarded-For": "192.0.2.7"}) as answer:
        assert (answer.status, (await answer.json())["why"].partition(";")[0]) == (
            503,
            "queue: no event can be stored now",
        )
    queue._connection.execute("PRAGMA query_only = OFF")
    async with http.get(f"{url}readyz") as answer:
        assert answer.status == 200


async def test_stopping_turns_readiness_first(http: ClientSession, url: str, board: Board) -> None:
    """From SIGTERM on a balancer learns to look elsewhere."""
    board.report = replace(REPORT, stopping=True)
    async with http.get(f"{url}readyz") as answer:
        assert (answer.status, (await answer.json())["why"]) == (503, "stopping")


async def test_trouble_with_delivery_does_not_turn_readiness(http: ClientSession, url: str, board: Board) -> None:
    """Events are still stored; the body says what is wrong."""
    board.report = replace(REPORT, delivery="paused", why="Browsee answers 401: check browsee_api_key")
    async with http.get(f"{url}readyz") as answer:
        found = await answer.json()
    assert (answer.status, found["delivery"]) == (200, "paused")
    assert found["delivery_why"] == "Browsee answers 401: check browsee_api_key"


@pytest.mark.parametrize(
    ("headers", "sees"),
    [
        ({}, True),
        ({"Authorization": "Bearer admin-token"}, True),
        ({"Authorization": "Bearer wrong"}, False),
        ({"X-Forwarded-For": "203.0.113.9"}, False),
        ({"X-Forwarded-For": "203.0.113.9", "Authorization": "bearer admin-token"}, True),
    ],
    ids=["loopback", "token", "wrong token", "through a proxy", "token through a proxy"],
)
async def test_details_are_for_the_operator(http: ClientSession, url: str, headers: dict[str, str], sees: bool) -> None:
    """By token, or on this machine without a proxy between; the rest see ready or not."""
    async with http.get(f"{url}readyz", headers=headers) as answer:
        assert ("unaccounted" in await answer.json()) is sees
    async with http.get(f"{url}metrics", headers=headers) as answer:
        assert answer.status == (200 if sees else 401)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "["},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"CF-Connecting-IP": "203.0.113.9"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "for=127.0.0.1"},
    ],
    ids=lambda headers: " ".join(*headers.items()),
)
async def test_a_page_or_a_proxy_on_this_machine_is_no_operator(
    http: ClientSession, url: str, headers: dict[str, str]
) -> None:
    """A browser here asks what any page tells it to, also by a name that leads here; a proxy speaks for anybody."""
    async with http.get(f"{url}metrics", headers=headers) as answer:
        assert answer.status in {400, 401}


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.9", "[::1]:8080"])
async def test_who_names_this_machine_is_here(http: ClientSession, url: str, host: str) -> None:
    """By name, by any address of loopback, and from the console's own page."""
    async with http.get(f"{url}metrics", headers={"Host": host, "Origin": f"http://{host}"}) as answer:
        assert answer.status == 200


async def test_a_proxy_on_this_machine_that_says_nothing_is_no_operator(
    http: ClientSession, queue: SqliteQueue, board: Board
) -> None:
    """Once loopback is named among the proxies, coming from it proves nothing; the token still does."""
    check = operator_check(Secret("admin-token"), is_local_trusted=True, trusted_proxies=[ip_network("127.0.0.0/8")])
    app = Application()
    app.add_routes(Health(inbox=queue, report=board, registry=Observer().registry, is_operator=check).routes())
    async with TestServer(app) as server:
        for headers, status in (({}, 401), ({"Authorization": "Bearer admin-token"}, 200)):
            async with http.get(server.make_url("/metrics"), headers=headers) as answer:
                assert answer.status == status


async def test_at_the_senders_address_only_the_token_counts(
    http: ClientSession, queue: SqliteQueue, board: Board
) -> None:
    """nginx and TCP forwarders on the same machine come from loopback too, and say nothing of whom they ask for."""
    check = operator_check(Secret("admin-token"), is_local_trusted=False)
    app = Application()
    app.add_routes(Health(inbox=queue, report=board, registry=Observer().registry, is_operator=check).routes())
    async with TestServer(app) as server:
        for headers, sees in (
            ({}, False),
            ({"Host": "localhost"}, False),
            ({"Authorization": "Bearer admin-token"}, True),
        ):
            async with http.get(server.make_url("/metrics"), headers=headers) as answer:
                assert answer.status == (200 if sees else 401)
            async with http.get(server.make_url("/readyz"), headers=headers) as answer:
                assert ("unaccounted" in await answer.json()) is sees


async def test_a_token_that_is_no_text_is_a_wrong_token(url: str) -> None:
    """Bytes that are not UTF-8 in a header are no fault of ours."""
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer \xff\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
    writer.close()
    await writer.wait_closed()


async def test_metrics_show_counts_and_figures_of_now(http: ClientSession, url: str) -> None:
    """Counters of what happened and gauges of the report, in Prometheus' format."""
    async with http.get(f"{url}metrics") as answer:
        text = await answer.text()
    assert 'browsee_adapter_messages_stored_total{source="shop"} 2.0' in text
    assert "browsee_adapter_events_pending 3.0" in text
    assert 'browsee_adapter_delivery_paused{sources="shop",why="down"} 1.0' in text
