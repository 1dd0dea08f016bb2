"""`serve` as a process: what it does at start, while a mapping is edited, and when it is asked to stop."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.acceptance.processes import OPERATOR, Process, start
from tests.fakes import TRACEPARENT, until

GOOD = "version: 1\nrules:\n  - when: {{type: track}}\n    track: {name}\n"
BROKEN = "version: 1\nrules:\n  - when: {type: track}\n    trakc: CLICKED\n"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Process]:
    started = await start(["sandbox", "--port", "0"], log=tmp_path / "sandbox.log")
    yield started
    await started.stop()


class Shop:
    """One source with a mapping of its own in `folder`."""

    def __init__(self, folder: Path, sandbox: Process) -> None:
        self.folder = folder
        self.mapping = folder / "shop.yaml"
        (folder / "adapter.yaml").write_text(
            f"""\
queue: sqlite:///{folder / "queue.db"}
browsee: {{url: "{sandbox.url}/api/v1", rate: 1000/s}}
sources:
  shop: {{keys: [shop-key], browsee_api_key: browsee-key, mapping: shop.yaml}}
"""
        )

    @property
    def log(self) -> list[dict[str, Any]]:
        """What the adapter has logged, line by line."""
        text = (self.folder / "adapter.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{") and line.endswith("}")]

    async def start(self, *options: str, environ: Mapping[str, str] | None = None) -> Process:
        arguments = ["serve", "--config", str(self.folder / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
        return await start([*arguments, *options], log=self.folder / "adapter.log", environ=environ)


@pytest.fixture
def shop(tmp_path: Path, sandbox: Process) -> Shop:
    return Shop(tmp_path, sandbox)


async def send(http: aiohttp.ClientSession, adapter: Process, message: dict[str, Any]) -> int:
    async with http.post(f"{adapter.url}/webhooks/shop/shop-key", json=message) as answer:
        return answer.status


async def events(http: aiohttp.ClientSession, sandbox: Process) -> list[str]:
    async with http.get(f"{sandbox.url}/calls") as answer:
        return [call["body"]["event"] for call in await answer.json()]


async def readyz(http: aiohttp.ClientSession, adapter: Process) -> dict[str, Any]:
    async with http.get(f"{adapter.url}/readyz", headers=OPERATOR) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def failed(arguments: list[str], folder: Path) -> str:
    """What `serve` says when it exits at once, with 2."""
    with pytest.raises(AssertionError, match="ended with 2") as ended:
        await start(["serve", *arguments], log=folder / "adapter.log")
    return str(ended.value)


async def test_what_is_printed_can_be_pasted(http: aiohttp.ClientSession, shop: Shop) -> None:
    """A service that listens on every address names one that can be sent to: 0.0.0.0 is none."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    adapter = await shop.start("--host", "0.0.0.0")  # noqa: S104 - it is the subject
    assert adapter.url.startswith("http://127.0.0.1:")
    assert await send(http, adapter, {"type": "track", "event": "Clicked", "userId": "u"}) == 200
    assert await adapter.stop() == 0


async def test_the_greeting_says_where_events_are_delivered(shop: Shop, sandbox: Process) -> None:
    """After the service's own address, which scripts take first; also beside a Kubernetes service called `adapter`."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    adapter = await shop.start(environ={"ADAPTER_SERVICE_HOST": "10.96.0.12", "ADAPTER_PORT": "tcp://10.96.0.12:80"})
    assert adapter.url != sandbox.url
    assert await adapter.stop() == 0
    assert adapter.process.stdout is not None
    greeting = [json.loads(line) for line in (await adapter.process.stdout.read()).splitlines()]
    assert f"Delivers to {sandbox.url}/api/v1" in [line["message"] for line in greeting]


async def test_all_that_serve_prints_beside_a_json_log_is_json(shop: Shop) -> None:
    """The output of a container is one log, and a collector parses each line of it. A text log stays text."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    for log_format in ("json", "text"):
        adapter = await shop.start(environ={"ADAPTER_LOG_FORMAT": log_format, "ADAPTER_BROWSE_URL": "http://typo.test"})
        assert await adapter.stop() == 0
        assert adapter.process.stdout is not None
        printed = (await adapter.process.stdout.read() + adapter.log.read_bytes()).splitlines()
        assert any(b"ADAPTER_BROWSE_URL" in line for line in printed)
        assert any(b"/readyz" in line for line in printed)
        for line in printed:
            if log_format == "json":
                assert {"name", "message", "level", "at"} <= json.loads(line).keys()
            else:
                assert not line.startswith(b"{")
        adapter.log.unlink()


async def test_a_port_that_is_taken_is_reported(shop: Shop) -> None:
    """With the address and why; for the sandbox, which was not asked for that port, also what it is for."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = ["--config", str(shop.folder / "adapter.yaml"), "--host", "127.0.0.1"]
        said = await failed([*config, "--port", str(port)], shop.folder)
        assert f"cannot listen on 127.0.0.1:{port}: address already in use; choose another with --port, or " in said
        said = await failed([*config, "--sandbox", "--port", str(port - 1)], shop.folder)
        assert f"cannot listen on 127.0.0.1:{port}: address already in use" in said
        assert "--sandbox takes the port after it too" in said


async def test_an_edited_mapping_goes_live(http: aiohttp.ClientSession, shop: Shop, sandbox: Process) -> None:
    """A good edit applies without a restart; a broken one changes nothing and shows where it is wrong."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    adapter = await shop.start()
    click = {"type": "track", "event": "Clicked", "userId": "u"}

    async def arrived(name: str) -> bool:
        assert await send(http, adapter, click) == 200
        return name in await events(http, sandbox)

    async def found() -> bool:
        return "mappings_failed" in await readyz(http, adapter)

    await until(lambda: arrived("FIRST"))
    version = (await readyz(http, adapter))["mappings"]
    shop.mapping.write_text(GOOD.format(name="SECOND"))
    await until(lambda: arrived("SECOND"))
    assert (await readyz(http, adapter))["mappings"] != version

    shop.mapping.write_text(BROKEN)
    await until(found)
    assert "shop.yaml:4:5: error E111: `trakc`" in str((await readyz(http, adapter))["mappings_failed"])
    before = len(await events(http, sandbox))
    assert await send(http, adapter, click) == 200
    await until(lambda: _more(http, sandbox, before))
    assert (await events(http, sandbox))[-1] == "SECOND"
    assert await adapter.stop() == 0


async def _more(http: aiohttp.ClientSession, sandbox: Process, before: int) -> bool:
    return len(await events(http, sandbox)) > before


async def test_a_broken_mapping_at_start_falls_back(
    http: aiohttp.ClientSession, shop: Shop, sandbox: Process, tmp_path: Path
) -> None:
    """`serve` goes on with the mapping that was activated last and says so; with --strict it exits."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    assert await (await shop.start()).stop() == 0
    shop.mapping.write_text(BROKEN)
    adapter = await shop.start()
    assert await send(http, adapter, {"type": "track", "event": "Clicked", "userId": "u"}) == 200
    await until(lambda: _more(http, sandbox, 0))
    assert await events(http, sandbox) == ["FIRST"]
    assert "shop.yaml:4:5: error E111" in str((await readyz(http, adapter))["mappings_failed"])
    assert await adapter.stop() == 0
    assert "shop.yaml:4:5: error E111" in await failed(
        ["--strict", "--config", str(tmp_path / "adapter.yaml"), "--port", "0"], tmp_path
    )


async def test_a_broken_mapping_without_an_earlier_one_stops_the_start(shop: Shop, tmp_path: Path) -> None:
    """With nothing to fall back on, exit 2 with place and suggestion."""
    shop.mapping.write_text(BROKEN)
    said = await failed(["--config", str(tmp_path / "adapter.yaml"), "--port", "0"], tmp_path)
    assert "shop.yaml:4:5: error E111: `trakc` is not a word of a rule; did you mean `track`?" in said


@pytest.mark.usefixtures("shop")
async def test_a_mistake_in_the_settings_stops_the_start(tmp_path: Path) -> None:
    """File, line, column, and what is allowed; nothing is started or made."""
    file = tmp_path / "adapter.yaml"
    file.write_text(file.read_text().replace("browsee: {url", "browsee: {ulr"))
    said = await failed(["--config", str(file)], tmp_path)
    assert "adapter.yaml:2:11: error E301" in said
    assert "did you mean `url`?" in said
    assert not (tmp_path / "queue.db").exists()


async def test_without_a_key_and_without_the_sandbox_it_says_both_ways_out(tmp_path: Path) -> None:
    """Real events never end in a sandbox by accident."""
    file = tmp_path / "adapter.yaml"
    file.write_text(f"queue: sqlite:///{tmp_path / 'queue.db'}\n")
    said = await failed(["--config", str(file)], tmp_path)
    assert "BROWSEE_API_KEY" in said
    assert "--sandbox" in said


async def test_a_second_service_on_the_same_queue_is_refused(shop: Shop, tmp_path: Path) -> None:
    """One process owns a queue; the second one exits 2 and names it, and the first goes on."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    adapter = await shop.start()
    said = await failed(["--config", str(tmp_path / "adapter.yaml"), "--port", "0"], tmp_path)
    assert "another browsee-adapter is serving this queue" in said
    assert await adapter.stop() == 0


async def test_sigterm_finishes_what_is_open(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Readiness turns at once and new events get 503, the slow call that is open is finished and not repeated."""
    script = tmp_path / "script.yaml"
    script.write_text("- {nth: 1, delay_s: 2}\n")
    slow = await start(["sandbox", "--port", "0", "--script", str(script)], log=tmp_path / "slow.log")
    shop = Shop(tmp_path, slow)
    shop.mapping.write_text(GOOD.format(name="SLOW"))
    adapter = await shop.start()
    for user in ("a", "a", "b"):
        assert await send(http, adapter, {"type": "track", "event": "Clicked", "userId": user}) == 200
    await until(lambda: _more(http, slow, 1))
    # Connections that stay open are the ones that a sender would go on using.
    assert (await readyz(http, adapter))["ready"] is True
    stopping = time.monotonic()
    adapter.process.send_signal(signal.SIGTERM)

    async def turned() -> bool:
        async with http.get(f"{adapter.url}/readyz", headers=OPERATOR) as answer:
            return answer.status == 503

    await until(turned, within_s=1)
    assert await send(http, adapter, {"type": "track", "event": "Late", "userId": "a"}) == 503
    assert await asyncio.wait_for(adapter.process.wait(), 20) == 0
    assert 0.5 < time.monotonic() - stopping < 10
    assert len(await events(http, slow)) == 2

    adapter = await shop.start()
    await until(lambda: _more(http, slow, 2))
    assert await adapter.stop() == 0
    assert await events(http, slow) == ["SLOW", "SLOW", "SLOW"]
    assert await slow.stop() == 0


async def test_a_sender_that_stalls_does_not_hold_up_the_stop(shop: Shop) -> None:
    """Half a request is open at SIGTERM, and the service ends long before anybody would kill it."""
    shop.mapping.write_text(GOOD.format(name="FIRST"))
    adapter = await shop.start()
    port = int(adapter.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /webhooks/shop/shop-key HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    assert await adapter.stop(within_s=12) == 0
    writer.close()


async def test_a_log_line_leads_back_to_the_request(shop: Shop, http: aiohttp.ClientSession) -> None:
    """At debug each event has a line, with the trace of the request that brought it"""
    shop.mapping.write_text(GOOD.format(name="CLICKED"))
    message = {"type": "track", "event": "A", "userId": "u-1", "messageId": "m-1"}
    adapter = await shop.start(environ={"ADAPTER_LOG_LEVEL": "debug"})
    headers = {"traceparent": TRACEPARENT}
    async with http.post(f"{adapter.url}/webhooks/shop/shop-key", json=message, headers=headers) as answer:
        assert answer.status == 200

    async def is_reported() -> bool:
        return any(line["name"] == "EventDelivered" for line in shop.log)

    await until(is_reported)
    assert await adapter.stop() == 0
    [found] = [line for line in shop.log if line["name"] == "EventDelivered"]
    assert (found["message_id"], found["trace_id"], found["span_id"]) == ("m-1", TRACEPARENT[3:35], TRACEPARENT[36:52])
