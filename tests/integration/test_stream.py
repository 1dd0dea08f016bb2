"""`GET /api/stream` over HTTP: framing, resuming, heartbeat, how many, and when it ends."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapter.console.stream_hub import StreamLimits
from adapter.model import Delivered
from adapter.queue.sqlite.queue import SqliteQueue
from tests.openapi import shaped
from tests.operated import TOKEN, api_alone, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

QUICK = StreamLimits(turn_s=0.05, summary_s=0.05, heartbeat_s=0.2)
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    await fill(tmp_path / "queue.db", [Ended(an_order("m-1"), Delivered())], [a_rejection()])
    return tmp_path


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    with api_alone(settings_in(folder), stream_limits=QUICK) as url:
        yield url


class Listening:
    """One stream, read message by message."""

    def __init__(self, url: str, query: str = "", headers: Mapping[str, str] = BEARER, method: str = "GET") -> None:
        place = urlsplit(url)
        self._connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        self._connection.request(method, f"/api/stream{query}", headers=dict(headers))
        self.response = self._connection.getresponse()

    def __iter__(self) -> Iterator[Mapping[str, str]]:
        block: dict[str, str] = {}
        for line in iter(self.response.readline, b""):
            name, _, value = line.decode().rstrip("\n").partition(":")
            if line == b"\n":
                if block:
                    yield block
                block = {}
            else:
                block[name] = value.removeprefix(" ")

    def until(self, wanted: Callable[[Mapping[str, str]], object]) -> Any:
        """The data of the first message that is wanted."""
        for message in self:
            if wanted(message):
                return json.loads(message.get("data", "null"))
        raise AssertionError("the stream ended")

    def close(self) -> None:
        # The response holds the descriptor too.
        self.response.close()
        self._connection.close()


def named(name: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda message: message.get("event") == name


def has(message_id: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda message: f'"{message_id}"' in message.get("data", "")


def test_it_is_an_event_stream(url: str) -> None:
    """That no proxy holds back and no cache keeps, with the described bodies."""
    with closing(Listening(url)) as stream:
        headers = stream.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert (headers["Cache-Control"], headers["X-Accel-Buffering"]) == ("no-store", "no")
        assert headers["Server"] == "browsee-adapter"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        first = stream.response.readline()
        assert (first[:1], len(first)) == (b":", 2048)
        got = {}
        for message in stream:
            got[message.get("event", "")] = json.loads(message.get("data", "null"))
            if {"events", "summary", "mappings"} <= got.keys():
                break
    shaped(got["summary"], "Summary")
    shaped(got["mappings"], "Mappings")
    assert got["events"]["entries"] == []


async def test_an_event_is_listed_as_it_comes(url: str, folder: Path) -> None:
    """And again from the last id, by the query or as `EventSource` gives it."""
    with closing(Listening(url, "?topics=events")) as stream:
        begin = stream.until(named("events"))["next"]
        await fill(folder / "queue.db", [Ended(an_order("m-2"))], [a_rejection()])
        shown = stream.until(has("m-2"))
    for entry in shown["entries"]:
        shaped(entry, "Row")
    with closing(Listening(url, f"?topics=events&after={begin}")) as again:
        assert [entry["messageId"] for entry in again.until(has("m-2"))["entries"]] == ["m-2", "bad-1"]
    with closing(Listening(url, "?topics=events", BEARER | {"Last-Event-ID": begin})) as again:
        again.until(has("m-2"))


def test_a_comment_comes_while_there_is_no_news(url: str) -> None:
    """Before a proxy or the reader takes the connection for dead."""
    with closing(Listening(url, "?topics=events")) as stream:
        stream.until(named("events"))
        assert stream.response.readline() == b":\n"


def test_no_more_than_eight(url: str) -> None:
    """The ninth is sent to `tail`; one that is closed makes room at once."""
    streams = [Listening(url, "?topics=events") for _ in range(8)]
    for stream in streams:
        assert stream.response.status == 200
    with closing(Listening(url)) as ninth:
        assert (ninth.response.status, ninth.response.headers["Retry-After"]) == (429, "5")
        assert json.loads(ninth.response.read())["code"] == "too_many_streams"
    streams[0].close()
    for _ in range(100):
        with closing(Listening(url)) as newcomer:
            if newcomer.response.status == 200:
                break
    else:
        pytest.fail("a closed stream kept its place")
    for stream in streams:
        stream.close()


def test_it_ends_by_itself_and_when_the_service_stops(folder: Path) -> None:
    """Cleanly, so that the reader comes again; a service that stops begins no new one."""
    stopping = threading.Event()
    settings = settings_in(folder)
    with (
        api_alone(settings, stream_limits=replace(QUICK, longest_s=0.3), stopping=stopping) as url,
        closing(Listening(url)) as stream,
    ):
        assert list(stream)
    with api_alone(settings, stream_limits=QUICK, stopping=stopping) as url, closing(Listening(url)) as stream:
        stream.until(named("summary"))
        stopping.set()
        list(stream)
        with closing(Listening(url)) as late:
            assert (late.response.status, late.response.headers["Retry-After"]) == (503, "5")


@pytest.mark.parametrize("query", ["?topics=all", "?topics=events,secrets", "?after=1", "?more=1", "?topics="])
def test_what_is_not_known_is_refused(url: str, query: str) -> None:
    """A mistyped topic must not be silence."""
    with closing(Listening(url, query)) as stream:
        assert stream.response.status == 400


def test_head_begins_no_stream(url: str) -> None:
    """And takes no place."""
    with closing(Listening(url, method="HEAD")) as stream:
        assert (stream.response.status, stream.response.headers["Content-Type"][:17]) == (200, "text/event-stream")


async def test_who_has_too_much_unread_is_let_go(folder: Path) -> None:
    """With `resync` instead of it, and an end."""
    limits = replace(QUICK, unsent_bytes=3000)
    with api_alone(settings_in(folder), stream_limits=limits) as url, closing(Listening(url, "?topics=events")) as slow:
        slow.until(named("events"))
        queue = await SqliteQueue.open(folder / "queue.db", now=time)
        await queue.put([an_order(f"n-{number}", user="u" * 300) for number in range(9)])
        await queue.close()
        assert [message.get("event") for message in slow if message.get("data")] == ["resync"]
