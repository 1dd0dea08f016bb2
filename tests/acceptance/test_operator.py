"""An operator's commands beside a running service, each as a process of its own."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.processes import TOKEN, Process, start
from tests.fakes import until
from tests.unit.cli.queues import balance_of

KEY = "a-key-of-the-shop"
USER = "ann@example.com"
SCRIPT = """\
- when: {event: REFUSED_ONCE}
  nth: 1
  per: user
  status: 400
  body: {status: failure, message: not today}
- when: {event: NEVER_ANSWERED}
  status: 503
"""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True)
class Shop:
    """A service and its stand-in for Browsee, and the folder of its settings."""

    folder: Path
    adapter: Process
    browsee: Process
    http: aiohttp.ClientSession

    async def run(self, *words: str, stdin: str = "") -> Done:
        """Run a command to its end, in the folder of the settings."""
        process = await command(self.folder, *words)
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 60)
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def post(self, *messages: dict[str, Any]) -> None:
        """Send messages as a platform would, in one array."""
        async with self.http.post(f"{self.adapter.url}/webhooks/shop/{KEY}", json=list(messages)) as answer:
            assert (answer.status, await answer.json()) == (200, {"success": True})

    async def calls(self) -> list[dict[str, Any]]:
        """The bodies that Browsee took, in order."""
        async with self.http.get(f"{self.browsee.url}/calls", params={"status": "200", "limit": "10000"}) as answer:
            return [call["body"] for call in await answer.json()]


async def command(folder: Path, *words: str) -> asyncio.subprocess.Process:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    root = str(Path(__file__).parents[2])
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adapter", *words),
        cwd=folder,
        env={
            **clean,
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": root,
            "ADAPTER_SEND_KEY": KEY,
            "ADAPTER_ADMIN_TOKEN": TOKEN,
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def serve(folder: Path, browsee: Process) -> Process:
    (folder / "adapter.yaml").write_text(
        f"""\
queue: sqlite:///queue.db
admin_token: {TOKEN}
browsee: {{url: "{browsee.url}/api/v1", rate: 5000/s}}
sources:
  shop: {{keys: [{KEY}], mapping: default, browsee_api_key: browsee-key}}
"""
    )
    words = ["serve", "--config", str(folder / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
    return await start(words, log=folder / "adapter.log")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    (tmp_path / "script.yaml").write_text(SCRIPT)
    script = str(tmp_path / "script.yaml")
    browsee = await start(["sandbox", "--port", "0", "--script", script], log=tmp_path / "sandbox.log")
    adapter = await serve(tmp_path, browsee)
    async with aiohttp.ClientSession() as http:
        yield Shop(tmp_path, adapter, browsee, http)
    await adapter.stop()
    await browsee.stop()


def track(message_id: str, event: str, user: str = "u-1") -> dict[str, Any]:
    return {"type": "track", "event": event, "messageId": message_id, "userId": user}


@pytest.mark.parametrize("afar", [False, True], ids=["at the file", "over HTTP"])
async def test_dead_letters_are_put_back_into_a_running_service(shop: Shop, afar: bool) -> None:
    """Looked at by cause, requeued, delivered within seconds, each call once; the ledger balances throughout."""
    place = ("--url", shop.adapter.url) if afar else ()
    await shop.post(*(track(f"m-{n}", "Refused Once", f"u-{n}") for n in range(4)), {"type": "track", "userId": "u-9"})

    async def are_dead() -> bool:
        return ["4", "dead", "refused: not today", "1"] in (await shop.run("dead", "list", "--group", *place)).rows

    await until(are_dead)
    causes = (await shop.run("dead", "list", "--group", *place)).rows
    assert ["1", "rejected", "schema: /event is required", "r1"] in causes
    assert "refused: not today" in (await shop.run("where", "m-2", *place)).out

    requeued = await shop.run("dead", "requeue", "--cause", "not today", *place)
    assert (requeued.code, requeued.out) == (0, "pending again: 4 events, 0 rejections that can be read now\n")

    async def are_delivered() -> bool:
        return len(await shop.calls()) == 4

    await until(are_delivered, within_s=5)
    assert sorted(call["userId"] for call in await shop.calls()) == ["u-0", "u-1", "u-2", "u-3"]
    found = await shop.run("events", "show", "m-3", *place)
    assert "track REFUSED_ONCE  userId=u-3" in found.out
    assert "\ndelivered 20" in found.out

    await shop.adapter.stop()
    balance = await balance_of(shop.folder / "queue.db")
    assert (balance.dead, balance.pending, balance.counts["delivered"], balance.unaccounted) == (0, 0, 4, 0)


async def test_a_users_data_goes_while_the_service_tries_to_send_it(shop: Shop) -> None:
    """What is pending ends as dropped: deleted, others go on, and no file of the queue has the user in it."""
    await shop.post(*(track(f"m-{n}", "Never Answered", USER) for n in range(3)), track("m-9", "Paid", "u-2"))

    async def is_tried() -> bool:
        found = [(await shop.run("where", message_id)).out for message_id in ("m-0", "m-9")]
        return "failed tr" in found[0] and "delivered" in found[1]

    await until(is_tried)
    purged = await shop.run("events", "purge", "--user", USER, stdin="y\n")
    assert (purged.code, "erased 3 events and 0 rejections" in purged.out) == (0, True)
    assert "dropped" in (await shop.run("where", "m-0")).out

    await shop.adapter.stop()
    balance = await balance_of(shop.folder / "queue.db")
    assert (balance.pending, balance.counts["dropped"], balance.counts["delivered"]) == (0, 3, 1)
    assert balance.unaccounted == 0
    for file in shop.folder.glob("queue.db*"):
        assert USER.encode() not in file.read_bytes(), file.name


async def test_tail_follows_until_it_is_interrupted(shop: Shop) -> None:
    """Each event as it comes and again when it has ended; Ctrl-C is the ordinary end."""
    following = await command(shop.folder, "events", "tail", "--follow", "--limit", "1", "--json")
    assert following.stdout is not None
    await shop.post(track("m-1", "Paid"))
    seen: list[str] = []
    async with asyncio.timeout(20):
        while "delivered" not in seen:
            found = json.loads(await following.stdout.readline())
            assert found["messageId"] == "m-1"
            seen.append(found["outcome"])
    following.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(following.wait(), 10) == 0


async def test_events_go_through_a_file_to_another_adapter(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Exported, sent in order, interrupted in the middle and gone on with: each message arrives once."""
    messages = [track(f"m-{n}", "Paid", f"u-{n % 7}") | {"properties": {"n": n}} for n in range(1_500)]
    for n in range(0, len(messages), 500):
        await shop.post(*messages[n : n + 500])
    exported = await shop.run("export", "events.ndjson")
    assert (exported.code, exported.out) == (0, "events.ndjson: 1500 events\n")
    lines = [json.loads(line) for line in (shop.folder / "events.ndjson").read_text().splitlines()]
    assert [line["message"] for line in lines] == messages

    folder = tmp_path_factory.mktemp("other")
    browsee = await start(["sandbox", "--port", "0"], log=folder / "sandbox.log")
    other = Shop(folder, await serve(folder, browsee), browsee, shop.http)
    words = ["send", "events.ndjson", "--to", other.adapter.url]
    sending = await command(shop.folder, *words)
    done = shop.folder / "events.ndjson.done"

    async def is_under_way() -> bool:
        return await asyncio.to_thread(done.exists)

    await until(is_under_way)
    sending.kill()
    await sending.communicate()
    sent = await shop.run(*words)
    assert (sent.code, "1500 messages sent" in sent.out) == (0, True), sent.err

    async def have_arrived() -> bool:
        return len(await other.calls()) >= len(messages)

    await until(have_arrived, within_s=60)
    numbers = [call["properties"]["n"] for call in await other.calls()]
    assert sorted(numbers) == list(range(1_500))
    for user in range(7):
        of_user = [n for n in numbers if n % 7 == user]
        assert of_user == sorted(of_user)
    await other.adapter.stop()
    await browsee.stop()


async def test_the_doctor_visits_a_running_service(shop: Shop) -> None:
    """It writes to the queue beside the service, and sends Browsee nothing that counts as a call."""
    visited = await shop.run("doctor")
    assert visited.code == 0, visited.out
    assert [line.split()[:2] for line in visited.out.splitlines()] == [
        ["ok", part] for part in ("settings", "mapping", "console", "queue", "browsee")
    ]
    assert await shop.calls() == []


async def test_the_sandbox_of_make_run_is_looked_at(tmp_path: Path) -> None:
    """What newcomers start has the same commands with --sandbox, and needs no key of Browsee for any of them."""
    environ = {"ADAPTER_WRITE_KEY": KEY, "ADAPTER_QUEUE": f"sqlite:///{tmp_path}/adapter.db"}
    words = ["serve", "--sandbox", "--host", "127.0.0.1", "--port", "0"]
    adapter = await start(words, log=tmp_path / "adapter.log", environ=environ)
    async with aiohttp.ClientSession() as http:
        await (await http.post(f"{adapter.url}/webhooks/default/{KEY}", json=track("m-1", "Paid"))).read()
        (tmp_path / "adapter.yaml").write_text("queue: sqlite:///adapter.db\n")
        looking = Shop(tmp_path, adapter, adapter, http)
        listed = await looking.run("events", "list", "--sandbox")
        assert [row[3] for row in listed.rows] == ["m-1"]
        assert "add --sandbox" in (await looking.run("events", "list")).err
    await adapter.stop()
