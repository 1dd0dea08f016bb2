"""`make scale` and `make run QUEUE=…`: a cluster is as easy to try as one process, and leaves nothing behind."""

import asyncio
import os
import re
import shutil
import signal
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from adapter.version import VERSION
from cluster.__main__ import alone_in, check_ports, data_folder
from cluster.postgres import HOW_TO_GET_IT, ServerError, make_data, programs, serving, user_command
from cluster.proxy import Proxy
from tests.acceptance.processes import OPERATOR, start
from tests.docs.scene import checkout_in, environment, staying
from tests.fakes import until
from tests.postgres import Server

EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1"}


@pytest.fixture
def checkout() -> Iterator[Path]:
    """Where PostgreSQL's own user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="checkout-"))
    folder.chmod(0o755)
    yield checkout_in(folder)
    shutil.rmtree(folder)


def kept_secrets(checkout: Path) -> dict[str, str]:
    """What stands in the file that only its owner can read."""
    file = checkout / ".env"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return dict(line.split("=") for line in file.read_text().splitlines())


@pytest.mark.skipif(programs() is None, reason=HOW_TO_GET_IT)
async def test_a_cluster_takes_events_while_a_replica_goes(checkout: Path) -> None:
    """Events get through the proxy to Browsee's stand-in, a killed replica comes back, and Ctrl-C ends everything."""
    log, environ = checkout / "said", environment()
    with staying("exec make scale PORT=0", folder=checkout, environ=environ, log=log) as cluster:
        cluster.said("Stop: Ctrl-C")
        secrets = kept_secrets(checkout)
        assert not any(secret in log.read_text() for secret in secrets.values())
        pids = [int(pid) for pid in re.findall(r"pid (\d+)", log.read_text())]
        calls, proxy = cluster.said(r"http\S+/calls")[0], cluster.said(r"Proxy: (\S+)")[1]
        async with aiohttp.ClientSession() as http:
            webhook = f"{proxy}/webhooks/default/{secrets['ADAPTER_WRITE_KEY']}"
            sent = 0

            async def is_taken() -> bool:
                nonlocal sent
                try:
                    async with http.post(webhook, json=EVENT) as answer:
                        sent += answer.status == 200
                        return answer.status == 200
                except aiohttp.ClientError:
                    return False

            async def are_delivered() -> bool:
                async with http.get(calls, params={"after": "0"}) as answer:
                    return len(await answer.json()) >= sent

            async def do_agree() -> bool:
                headers = {"Authorization": f"Bearer {secrets['ADAPTER_ADMIN_TOKEN']}"}
                async with http.get(f"{proxy}/readyz", headers=headers) as answer:
                    found = await answer.json()
                announced = [replica["version"] for replica in found.get("replicas", ())]
                return (announced, found["replicas_disagree"]) == ([VERSION] * 3, [])

            await until(is_taken, within_s=20)
            await until(are_delivered, within_s=30)
            await until(do_agree, within_s=30)
            os.kill(pids[0], signal.SIGKILL)
            await until(is_taken, within_s=20)
            cluster.said(r"replica-1 ended by SIGKILL; starting it again")
            cluster.said(r"replica-1 is back")
            await until(are_delivered, within_s=30)
        pids += [int(pid) for pid in re.findall(r"back: pid (\d+)", log.read_text())]
    assert "Stopped." in log.read_text()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert not (checkout / "data/scale/postgresql/postmaster.pid").exists()


def test_one_process_serves_a_database_that_is_there(checkout: Path, postgres: Server) -> None:
    """`make run QUEUE=…` generates the secrets that all replicas share, once, and says where they are."""
    line = f"exec make run PORT=0 QUEUE='{postgres.url('make_run')}'"
    for is_first in (True, False):
        log = checkout / f"said-{is_first}"
        with staying(line, folder=checkout, environ=environment(), log=log) as service:
            service.said("Webhook of default")
        assert ("saved in .env" in log.read_text()) == is_first
        assert set(kept_secrets(checkout)) == {"ADAPTER_WRITE_KEY", "ADAPTER_ADMIN_TOKEN"}


SETTINGS = """\
queue: "{queue}"
sources: {{shop: {{keys: [a-key-of-shop-to-test], browsee_api_key: key, mapping: shop.yaml}}}}
console: {{edit: on}}
"""
MAPPING = """\
version: 1
rules: [{name: all, when: {type: track}, track: {from: event}}]
"""


@pytest.mark.skipif(programs() is None, reason=HOW_TO_GET_IT)
async def test_a_replica_is_ready_exactly_while_it_reaches_the_database(tmp_path: Path) -> None:
    """Without it /readyz says what is missing, and no password; the process lives, and goes on by itself."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        user_command(folder)
        make_data(folder / "data", initdb=["--no-sync"])
        settings = tmp_path / "adapter.yaml"
        url = Server(folder).url("ready").replace("user=postgres", "user=postgres&password=S3CRET")
        settings.write_text(SETTINGS.format(queue=url))
        (tmp_path / "shop.yaml").write_text(MAPPING)
        async with AsyncExitStack() as stack:
            with serving(folder / "data", socket=folder, log=folder / "log"):
                arguments = ["serve", "--config", str(settings), "--host", "127.0.0.1", "--port", "0"]
                service = await start(arguments, log=tmp_path / "log")
                stack.push_async_callback(service.stop)
                http = await stack.enter_async_context(aiohttp.ClientSession(headers=OPERATOR))
                assert (await answer_of(http, f"{service.url}/readyz"))[0] == 200
                await has_mapping_on_one_replica(http, f"{service.url}/api/mapping")

            async def is_refused() -> bool:
                return (await answer_of(http, f"{service.url}/readyz"))[0] == 503

            async def is_ready() -> bool:
                return not await is_refused()

            await until(is_refused, within_s=20)
            status, text = await answer_of(http, f"{service.url}/readyz")
            assert (status, "postgresql:///postgres" in text) == (503, True), text
            assert "S3CRET" not in text + (tmp_path / "log").read_text()
            assert (await answer_of(http, f"{service.url}/healthz"))[0] == 200
            key = {"Authorization": "Bearer a-key-of-shop-to-test"}
            async with http.post(f"{service.url}/webhooks/shop", json=EVENT, headers=key) as answer:
                assert (answer.status, "Retry-After" in answer.headers) == (503, True)
            with serving(folder / "data", socket=folder, log=folder / "log"):
                await until(is_ready, within_s=30)
            # Without the database too it stops as it should.
            assert await service.stop() == 0
            assert "ServiceStopped" in (tmp_path / "log").read_text()
    finally:
        shutil.rmtree(folder)


async def has_mapping_on_one_replica(http: aiohttp.ClientSession, url: str) -> None:
    """An activation names the version of each replica, once this one has seen itself; so does the file."""

    async def is_seen() -> bool:
        async with http.get(url) as answer:
            return len((await answer.json()).get("replicas", ())) == 1

    await until(is_seen, within_s=20)
    async with http.get(url) as answer:
        headers = {"If-Match": answer.headers["ETag"], "Origin": str(answer.url.origin()), "Content-Type": "text/yaml"}
    async with http.put(url, data=f"{MAPPING}vars: {{currency: EUR}}\n", headers=headers) as answer:
        written = await answer.json()
        assert answer.status == 200, written
    assert [replica["version"] for replica in written["replicas"]] == [written["version"]]


async def answer_of(http: aiohttp.ClientSession, url: str) -> tuple[int, str]:
    async with http.get(url) as answer:
        return answer.status, await answer.text()


async def test_a_proxy_without_a_ready_replica_says_so() -> None:
    """Senders get a 503 that they repeat, and no connection that hangs."""
    async with (
        Proxy([1]).serving(host="127.0.0.1", port=0) as port,
        aiohttp.ClientSession() as http,
        http.post(f"http://127.0.0.1:{port}/v1/track", json=EVENT) as answer,
    ):
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        assert await answer.json() == {"error": "no replica is ready"}


async def test_two_clusters_do_not_use_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is started while another stops waits for it; one beside another ends with what to do."""
    async with alone_in(tmp_path):
        with pytest.raises(ServerError, match=r"another `make scale` uses .*: stop it, or set SCALE_DIR and PORT"):
            async with alone_in(tmp_path, patience_s=0):
                raise AssertionError
        later = AsyncExitStack()
        waiting = asyncio.create_task(later.enter_async_context(alone_in(tmp_path)))
        await until(lambda: asyncio.sleep(0.02, "has stopped" in capsys.readouterr().out))
        assert not waiting.done()
    await asyncio.wait_for(waiting, 30)
    await later.aclose()


def test_a_used_port_is_named_before_anything_is_started() -> None:
    """With the ports that the command needs, and how to choose others."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerError, match=rf"port {port}: .* in use. .*: make scale PORT="):
            check_ports([0, port, port + 1])
    check_ports([0, 0])


def test_data_are_where_the_server_can_reach_them(tmp_path: Path) -> None:
    """Root's own folders are closed to the user who runs the server; a folder that was named is taken as it is."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert data_folder({"SCALE_DIR": str(closed)}, is_root=True) == closed
    assert data_folder({"SCALE_DIR": str(closed)}, is_root=False) == closed
