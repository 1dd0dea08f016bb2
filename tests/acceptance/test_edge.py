"""`serve` under ten thousand idle connections, and what of its secrets shows while it is attacked."""

import asyncio
import re
import resource
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.processes import OPERATOR, Process, start
from tests.fakes import until

CROWD = 10_000
SETTINGS = """\
limits: {{connections: 4000}}
admin_token: token-of-the-operator
hash_key: hash-key-of-the-mappings
sources:
  shop: {{keys: [key-of-the-shop-1], browsee_api_key: browsee-key-of-shop, mapping: default}}
  signed: {{keys: [key-of-the-signed-1], signing_secrets: [secret-that-signs], browsee_api_key: browsee-key-of-shop}}
browsee: {{url: "{browsee}/api/v1"}}
queue: sqlite:///{folder}/queue.db
"""
SECRETS = (
    "token-of-the-operator", "hash-key-of-the-mappings", "key-of-the-shop-1", "browsee-key-of-shop",
    "key-of-the-signed-1", "secret-that-signs", "private@example.com",
)  # fmt: skip
WEBHOOK = "/webhooks/shop/key-of-the-shop-1"
EVENT = {"type": "track", "event": "Clicked", "userId": "private@example.com"}


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Process]:
    """A service with every kind of secret, delivering to a stand-in that refuses all."""
    sandbox = await start(["sandbox", "--port", "0", "--script", _script(folder)], log=folder / "sandbox.log")
    (folder / "adapter.yaml").write_text(SETTINGS.format(browsee=sandbox.url, folder=folder))
    arguments = ["serve", "--config", str(folder / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
    adapter = await start(arguments, log=folder / "adapter.log")
    try:
        yield adapter
    finally:
        await adapter.stop()
        await sandbox.stop()


def _script(folder: Path) -> str:
    file = folder / "answers.yaml"
    file.write_text(
        "- {when: {event: CLICKED}, nth: 1, status: 500, body: down}\n"
        "- {when: {event: CLICKED}, nth: 2, status: 200, body: {status: failure, message: no such project}}\n"
        "- {when: {event: CLICKED}, nth: 3-, status: 401, body: {message: unknown key}}\n"
    )
    return str(file)


@pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 6000, reason="this machine allows a process fewer than 6,000 files"
)
@pytest.mark.alone
async def test_ten_thousand_idle_connections_shut_nobody_out(tmp_path: Path) -> None:
    """They are held to the limit, in bounded memory, and senders are answered meanwhile as if they were not there."""
    async with served(tmp_path) as adapter:
        crowd = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.acceptance.crowd", adapter.url.rpartition(":")[2], str(CROWD)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        slowest_s, answers = 0.0, 0
        opened = asyncio.create_task(crowd.stdout.readline())
        async with aiohttp.ClientSession() as http:
            while not opened.done() or answers < 100:
                started = time.monotonic()
                async with http.post(adapter.url + WEBHOOK, json=EVENT) as answer:
                    assert answer.status == 200
                slowest_s = max(slowest_s, time.monotonic() - started)
                answers += 1
        assert int(await opened) > 4000
        assert slowest_s < 2
        process = Path("/proc") / str(adapter.process.pid)
        assert len(list((process / "fd").iterdir())) < 4200
        [memory_kb] = re.findall(r"VmHWM:\s*(\d+) kB", (process / "status").read_text())
        assert int(memory_kb) < 200_000
        crowd.stdin.close()
        await crowd.wait()


HEAD = b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
SHOP = b"POST /webhooks/shop/key-of-the-shop-1"
CUT = b'{"type":"track","event":"private@example.com'
WRONG = b'{"type":"track","event":"A","properties":"private@example.com","userId":"u-1"}'
REQUESTS = (
    SHOP + b" HTTP/3.7\r\nHost: a\r\n\r\n",
    SHOP + b"a" * 9000 + HEAD + b"\r\n",
    b"nonsense key-of-the-shop-1\r\n\r\n",
    b"GET /metrics" + HEAD + b"Authorization: Bearer token-of-the-operator" + b"x" * 9000 + b"\r\n\r\n",
    b"POST /webhooks/shop?writeKey=key-of-the-shop-1&writeKey=x" + HEAD + b"\r\n",
    b"GET /v1/projects/key-of-the-signed-1/settings" + HEAD + b"\r\n",
    SHOP.replace(b"POST", b"DELETE") + HEAD + b"\r\n",
    b"POST /webhooks/signed/key-of-the-signed-1" + HEAD + b"X-Signature: secret-that-signs\r\n\r\n",
    SHOP + HEAD + b"Content-Length: %d\r\n\r\n" % len(CUT) + CUT,
    SHOP + HEAD + b"Content-Length: %d\r\n\r\n" % len(WRONG) + WRONG,
)  # fmt: skip


async def test_no_secret_shows(tmp_path: Path) -> None:
    """Not in the log, an error, the figures, or the list of processes; nor does what people sent."""
    async with served(tmp_path) as adapter, aiohttp.ClientSession() as http:
        port = int(adapter.url.rpartition(":")[2])
        shown = b""
        for sent in REQUESTS:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answered = await reader.read()
            assert answered.startswith(b"HTTP/1."), sent
            shown += answered
            writer.close()
        for _ in range(25):
            async with http.post(adapter.url + WEBHOOK, json=EVENT) as answer:
                assert answer.status == 200

        async def found(path: str) -> str:
            async with http.get(adapter.url + path, headers=OPERATOR) as answer:
                return await answer.text()

        await until(lambda: _paused(adapter))
        shown += (await found("/readyz") + await found("/metrics")).encode()
        shown += (Path("/proc") / str(adapter.process.pid) / "cmdline").read_bytes()
        assert adapter.process.stdout is not None
    shown += await adapter.process.stdout.read() + adapter.log.read_bytes()
    assert b'"code":"malformed_request"' in shown
    assert [secret for secret in SECRETS if secret.encode() in shown] == []
    files = [file for file in tmp_path.iterdir() if file.name.startswith("queue.db")]
    assert {file.name: f"{file.stat().st_mode & 0o777:o}" for file in files} == {file.name: "600" for file in files}


async def _paused(adapter: Process) -> bool:
    """What Browsee answered is in the log."""
    return b"DeliveryPaused" in adapter.log.read_bytes()
