"""The sandbox as the adapter and a person see it: over real sockets, and as a process of its own."""

import asyncio
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from adapter.deliver.browsee import Browsee
from adapter.deliver.policy import Answer
from adapter.model import Call, Reason, Secret
from adapter.sandbox.limit import CallLimit
from adapter.sandbox.script import parse_script
from adapter.sandbox.server import Sandbox, build
from adapter.service.wiring import make_sandbox

TRACK: dict[str, Any] = {"apiKey": "key-of-a-project", "event": "CLICKED", "userId": "u"}
KEY = Secret("key-of-a-project")

Client = TestClient[Any, Any]
Start = Callable[[Sandbox], Awaitable[Client]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts sandboxes on free ports and stops them."""
    clients: list[Client] = []

    async def started(sandbox: Sandbox) -> Client:
        client = TestClient(TestServer(build(sandbox)))
        await client.start_server()
        clients.append(client)
        return client

    yield started
    for client in clients:
        await client.close()


async def track(client: Client, **changed: Any) -> tuple[int, Any]:
    async with client.post("/api/v1/track", json=TRACK | changed) as response:
        return response.status, await response.json()


async def calls(client: Client, query: str = "") -> Any:
    async with client.get(f"/calls{query}") as response:
        return await response.json()


async def test_calls_are_answered_as_documented_and_kept(start: Start) -> None:
    """200 success, 400 failure with a message, both endpoints; each is kept with its answer, in order, without key."""
    client = await start(make_sandbox())
    assert await track(client) == (200, {"status": "success"})
    assert await track(client, event=7) == (400, {"status": "failure", "message": "event must be a string"})
    async with client.post("/api/v1/identify", json={"apiKey": "k", "anonymousId": "a", "traits": {"n": 1}}) as answer:
        assert answer.status == 200
    async with client.post("/api/v1/track", data=b"{") as answer:
        assert (answer.status, await answer.json()) == (
            400,
            {"status": "failure", "message": "the body must be an object"},
        )
    kept = await calls(client)
    assert [(call["number"], call["kind"], call["event"], call["user"], call["status"]) for call in kept] == [
        (1, "track", "CLICKED", "u", 200),
        (2, "track", None, "u", 400),
        (3, "identify", None, "a", 200),
        (4, "track", None, None, 400),
    ]
    assert kept[0]["body"] == {"event": "CLICKED", "userId": "u"}
    assert kept[0]["project"] == kept[1]["project"] != kept[2]["project"]


async def test_calls_can_be_asked_for(start: Start) -> None:
    """By user, event, status and number, oldest or newest first; the summary counts them."""
    client = await start(make_sandbox())
    for user, event in [("u", "A"), ("v", "A"), ("u", "B"), ("u", "")]:
        await track(client, userId=user, event=event)

    async def numbers(query: str) -> list[int]:
        return [call["number"] for call in await calls(client, query)]

    assert await numbers("?user=u") == [1, 3, 4]
    assert await numbers("?event=A&user=v") == [2]
    assert await numbers("?status=400") == [4]
    assert await numbers("?after=1&limit=2") == [2, 3]
    assert await numbers("?limit=2&newest_first=true") == [4, 3]
    async with client.get("/calls?after=x") as answer:
        assert answer.status == 400
    async with client.get("/summary") as answer:
        assert await answer.json() == {
            "calls": 4,
            "last": 4,
            "kinds": {"track": 4},
            "statuses": {"200": 3, "400": 1},
            "events": {"A": 2, "B": 1},
        }


async def test_forgotten_calls_are_gone_and_numbers_go_on(start: Start) -> None:
    """A reader that asks for what came after a number misses nothing."""
    client = await start(make_sandbox())
    await track(client)
    async with client.delete("/calls") as answer:
        assert (await answer.json())["calls"] == 0
    assert await calls(client) == []
    await track(client)
    assert [call["number"] for call in await calls(client, "?after=1")] == [2]


@pytest.mark.parametrize("found", [True, False], ids=["with-retry-after", "without"])
async def test_beyond_the_limit_is_429(start: Start, found: bool) -> None:
    """What a full bucket holds passes, the next does not; `Retry-After` only when asked for."""
    sandbox = make_sandbox(retry_after=found)
    sandbox.set_limit(CallLimit(3, 3600.0))
    client = await start(sandbox)
    assert [(await track(client))[0] for _ in range(3)] == [200, 200, 200]
    async with client.post("/api/v1/track", json=TRACK) as answer:
        assert answer.status == 429
        assert answer.headers.get("Retry-After") == ("1200" if found else None)
    assert [call["status"] for call in await calls(client)] == [200, 200, 200, 429]


async def test_the_limit_can_be_moved_while_it_runs(start: Start) -> None:
    """A limit goes in as text, holds from then on, and is taken away with nothing; a wrong one is refused by name."""
    client = await start(make_sandbox())

    async def put(text: str) -> tuple[int, Any]:
        async with client.put("/limit", data=text) as answer:
            return answer.status, await answer.json()

    assert await put("2/h") == (200, {"limit": "2/h"})
    assert [(await track(client))[0] for _ in range(3)] == [200, 200, 429]
    status, found = await put("fast")
    assert (status, "found `fast`" in found["message"]) == (400, True)
    assert (await track(client))[0] == 429
    assert await put("") == (200, {"limit": None})
    assert (await track(client))[0] == 200


async def test_a_script_answers_what_it_names(start: Start) -> None:
    """Status, body, Retry-After, delay, dropped connections; the adapter's own client sees each."""
    sandbox = make_sandbox()
    sandbox.script = parse_script(
        """
        - {when: {event: DOWN}, status: 503, retry_after: "soon"}
        - {when: {event: PAGE}, status: 200, body: "<h1>hello</h1>"}
        - {when: {event: ODD}, status: 200, body: {ok: true}}
        - {when: {event: GONE}, drop: true}
        - {when: {event: SLOW}, delay_s: 0.05}
        """,
        file="s.yaml",
    )
    client = await start(sandbox)

    async with Browsee(str(client.make_url("/api/v1"))) as browsee:

        async def answer(event: str) -> Answer:
            return await browsee.send(Call("key", "track", {"event": event, "userId": "u"}, "rule"), KEY)

        down = await answer("DOWN")
        assert (down.status, down.headers["retry-after"]) == (503, "soon")
        assert (await answer("PAGE")).body == b"<h1>hello</h1>"
        assert (await answer("ODD")).body == b'{"ok":true}'
        assert (await answer("GONE")).failure == Reason.UNREACHABLE
        slow = await answer("SLOW")
        assert (slow.status, slow.seconds >= 0.05) == (200, True)
    assert [call["status"] for call in await calls(client)] == [503, 200, 200, 0, 200]


async def test_calls_that_come_together_are_all_kept_in_a_file(start: Start, tmp_path: Path) -> None:
    """Grouped writing loses none and keeps one number for each; a new sandbox on the file goes on from there."""
    client = await start(make_sandbox(db=tmp_path / "sandbox.db"))
    answers = await asyncio.gather(*(track(client, userId=f"u{n}") for n in range(200)))
    assert {status for status, _ in answers} == {200}
    kept = await calls(client, "?limit=1000")
    assert [call["number"] for call in kept] == list(range(1, 201))
    assert {call["user"] for call in kept} == {f"u{n}" for n in range(200)}
    await client.close()

    again = await start(make_sandbox(db=tmp_path / "sandbox.db"))
    await track(again)
    assert (await calls(again, "?after=200"))[0]["number"] == 201
    async with again.get("/summary") as answer:
        assert (await answer.json())["calls"] == 201


async def process(*arguments: str) -> tuple[asyncio.subprocess.Process, str]:
    """A sandbox process and its URL, as it prints it."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapter", "sandbox", "--port", "0", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    async for line in started.stdout:
        if line.startswith(b"browsee.url: "):
            return started, line.decode().split()[1]
    assert started.stderr is not None
    raise AssertionError((await started.stderr.read()).decode())


def bytes_in(folder: Path) -> bytes:
    """All that its files hold."""
    return b"".join(file.read_bytes() for file in folder.iterdir())


async def test_what_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """A call is answered only after it is recorded: SIGKILL between two answers loses nothing that was answered."""
    file = tmp_path / "sandbox.db"
    running, url = await process("--db", str(file))
    async with aiohttp.ClientSession() as session:
        for number in range(20):
            async with session.post(f"{url}/track", json=TRACK | {"userId": f"u{number}"}) as answer:
                assert answer.status == 200
        running.kill()
        await running.wait()
    written = bytes_in(tmp_path)
    with sqlite3.connect(file) as database:
        users = [user for (user,) in database.execute("SELECT user FROM call ORDER BY number")]
    database.close()
    assert users == [f"u{number}" for number in range(20)]
    assert b"u19" in written
    assert KEY.reveal().encode() not in written


async def test_a_signal_ends_it_well() -> None:
    """SIGTERM: exit code 0, and no traceback."""
    running, _ = await process()
    running.send_signal(signal.SIGTERM)
    _, errors = await running.communicate()
    assert (running.returncode, errors) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param(["--limit", "fast"], "limit: found `fast`", id="limit"),
        pytest.param(["--script", "none.yaml"], "cannot read none.yaml", id="no-script"),
        pytest.param(["--db", "/dev/null/x.db"], "cannot keep the sandbox's calls", id="no-file"),
        pytest.param(["--host", "192.0.2.1"], "cannot listen on 192.0.2.1", id="not-our-address"),
    ],
)
async def test_wrong_use_exits_2_and_says_why(arguments: list[str], found: str) -> None:
    """No traceback; what was found and what is allowed."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "adapter", "sandbox", "--port", "0", *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await running.communicate()
    assert running.returncode == 2
    assert found in errors.decode()
    assert "Traceback" not in errors.decode()
