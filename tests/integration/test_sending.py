"""Messages are sent until each is acknowledged or refused for good, against servers that answer as an adapter may."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapter.cli.sending import Sender
from adapter.errors import AdapterError, ConfigError
from adapter.model import JsonObject, Secret
from tests.integration.ingest_server import SIGNED, serving

Answering = Callable[[list[JsonObject]], web.Response]


def stored() -> web.Response:
    return web.json_response({"success": True})


def refused(status: int, **headers: str) -> web.Response:
    found = {"success": False, "code": "no", "message": "in our words"}
    return web.json_response(found, status=status, headers=headers)


@asynccontextmanager
async def adapter(answering: Answering) -> AsyncIterator[tuple[Sender, list[tuple[str, str, list[JsonObject]]]]]:
    """A sender with little patience, and what its adapter got: path, authorization, messages."""
    got: list[tuple[str, str, list[JsonObject]]] = []

    async def take(request: web.Request) -> web.Response:
        messages = await request.json()
        got.append((request.path, request.headers["Authorization"], messages))
        return answering(messages)

    handler: Callable[[web.Request], Awaitable[web.Response]] = take
    app = web.Application()
    app.router.add_post("/webhooks/{source}", handler)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield Sender(session, f"{server.make_url('/')}", Secret("a key"), patience_s=1.0), got


def numbered(count: int) -> list[bytes]:
    return [b'{"n":%d}' % n for n in range(count)]


async def test_messages_are_posted_together_in_order() -> None:
    """As an array, to the webhook of their source, with the key."""
    async with adapter(lambda _: stored()) as (sender, got):
        assert await sender.send("my shop", numbered(3)) == 0
    assert got == [("/webhooks/my shop", "Bearer a key", [{"n": 0}, {"n": 1}, {"n": 2}])]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 503])
async def test_later_is_waited_for(status: int) -> None:
    """What was answered "later" goes again when Retry-After has passed."""
    answers = iter([refused(status, **{"Retry-After": "0"}), stored()])
    async with adapter(lambda _: next(answers)) as (sender, got):
        assert await sender.send("shop", numbered(2)) == 0
    assert len(got) == 2
    assert got[0] == got[1]


async def test_patience_ends() -> None:
    """Somebody has to look; what was acknowledged before is noted, so nothing is lost by giving up."""
    async with adapter(lambda _: refused(503, **{"Retry-After": "30"})) as (sender, _):
        with pytest.raises(AdapterError, match="answered 503 for too long; run the same command again"):
            await sender.send("shop", numbered(1))


@pytest.mark.parametrize("status", [400, 413])
async def test_one_that_is_refused_differs_from_the_others(status: int) -> None:
    """Halves lead to it, and the others are stored in their order."""
    kept: list[JsonObject] = []

    def answering(messages: list[JsonObject]) -> web.Response:
        if {"n": 5} in messages:
            return refused(status)
        kept.extend(messages)
        return stored()

    async with adapter(answering) as (sender, _):
        assert await sender.send("shop", numbered(9)) == 1
    assert kept == [{"n": n} for n in range(9) if n != 5]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (refused(401), "answered 401: the key is not of this source"),
        (refused(404), "answered 404: there are no webhooks here"),
        (refused(301, Location="http://elsewhere.test/"), "answered 301: in our words"),
        (web.Response(text="<html>"), "answered 200: which is not an answer of browsee-adapter"),
        (web.json_response([]), "answered 200: which is not an answer of browsee-adapter"),
    ],
    ids=["key", "path", "redirect", "page", "array"],
)
async def test_what_only_a_person_can_mend_ends_it(answer: web.Response, found: str) -> None:
    """At once, with what to do."""
    async with adapter(lambda _: answer) as (sender, got):
        with pytest.raises(ConfigError, match=found):
            await sender.send("shop", numbered(1))
    assert len(got) == 1


async def test_an_address_where_nobody_is_ends_it(unused_tcp_port: int) -> None:
    """A misspelt address is reported at once."""
    async with aiohttp.ClientSession() as session:
        sender = Sender(session, f"http://127.0.0.1:{unused_tcp_port}", Secret("a key"))
        with pytest.raises(ConfigError, match=r"cannot reach http://127\.0\.0\.1"):
            await sender.send("shop", numbered(1))


@pytest.mark.parametrize("secret", ["s-new", "s-old", "wrong", None])
async def test_a_signed_source_takes_what_is_signed(secret: str | None) -> None:
    """An array and a single message, by the verification of the adapter itself; anything else ends with what to do."""
    signing = None if secret is None else Secret(secret)
    message = b'{ "type": "track", "event": "A", "userId": "\xc3\xbc", "messageId": "%d" }'
    async with serving(SIGNED) as served:
        sender = Sender(served.session, served.url, Secret("signed-key"), signing=signing)
        if secret not in {"s-new", "s-old"}:
            with pytest.raises(ConfigError, match=r"answered 401: .*--sign"):
                await sender.send("signed", [message % 1])
            assert served.inbox.events == []
            return
        assert await sender.send("signed", [message % n for n in range(3)]) == 0
        assert await sender.send("signed", [message % 3]) == 0
        assert [event.message_id for event in served.inbox.events] == ["0", "1", "2", "3"]


async def test_an_adapter_that_restarts_is_waited_for() -> None:
    """Once it was there, a refused connection is "later": here until patience ends."""
    async with aiohttp.ClientSession() as session:
        server = TestServer(web.Application())
        server.app.router.add_post("/webhooks/shop", _stored)
        await server.start_server()
        sender = Sender(session, str(server.make_url("/")), Secret("a key"), patience_s=0.8)
        assert await sender.send("shop", numbered(1)) == 0
        await server.close()
        with pytest.raises(AdapterError, match="for too long"):
            await sender.send("shop", numbered(1))


async def _stored(_: web.Request) -> web.Response:
    return stored()
