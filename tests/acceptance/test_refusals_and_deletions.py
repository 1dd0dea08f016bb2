"""A running service says how long a refused sender has left, and deletes a user's data when a platform asks for it."""

from pathlib import Path
from typing import Any

import aiohttp
from click.testing import CliRunner

from adapter.cli.main import main
from tests.acceptance.processes import OPERATOR, Process, start
from tests.fakes import until

SETTINGS = """\
queue: sqlite:///queue.db
browsee: {url: "http://127.0.0.1:1/api/v1"}
sources:
  shop: {keys: [shop-key], browsee_api_key: key, mapping: default, deletions: on}
  slow: {keys: [slow-key], browsee_api_key: key, mapping: default, limit: 1/h, horizon: 2h}
"""


async def sent(http: aiohttp.ClientSession, adapter: Process, source: str, **message: Any) -> int:
    body = {"type": "track", "event": "Clicked", "userId": "u-1", **message}
    async with http.post(f"{adapter.url}/webhooks/{source}/{source}-key", json=body) as answer:
        return answer.status


async def shown(http: aiohttp.ClientSession, adapter: Process, path: str) -> str:
    async with http.get(f"{adapter.url}{path}", headers=OPERATOR) as answer:
        return await answer.text()


async def test_a_running_service_keeps_both_promises(tmp_path: Path) -> None:
    """Browsee is away: events wait, one source is beyond its limit, and one user wants to be forgotten."""
    file = tmp_path / "adapter.yaml"
    file.write_text(SETTINGS)
    arguments = ["serve", "--config", str(file), "--host", "127.0.0.1", "--port", "0"]
    adapter = await start(arguments, log=tmp_path / "adapter.log")
    async with aiohttp.ClientSession() as http:
        assert "time_left" not in await shown(http, adapter, "/readyz")
        assert [await sent(http, adapter, "slow") for _ in range(2)] == [200, 429]
        found = await shown(http, adapter, "/readyz")
        assert '"time_to_loss_s":{"slow":7' in found
        assert "it sends more than its limit; its sender tries for 2 h (sources.slow.horizon)" in found
        figures = await shown(http, adapter, "/metrics")
        assert 'browsee_adapter_time_to_loss_seconds{source="slow"} 7' in figures
        assert "browsee_adapter_time_left_seconds 7" in figures

        assert [await sent(http, adapter, "shop", messageId=f"m-{n}") for n in range(3)] == [200] * 3
        assert await sent(http, adapter, "shop", type="delete", messageId="delete-1") == 200

        async def deleted() -> bool:
            return 'browsee_adapter_deletions_total{source="shop"} 1.0' in await shown(http, adapter, "/metrics")

        await until(deleted)
    listed = CliRunner().invoke(main, ["events", "deletions", "--config", str(file)]).stdout.split("\t")
    assert (listed[2:5], [*map(str.strip, listed[6:])]) == (["shop", "u-1", "delete-1"], ["3", "0"])
    await adapter.stop()


async def test_a_start_with_a_full_queue_says_so(tmp_path: Path) -> None:
    """Before the first sender is refused, not after; what is pending is delivered all the same."""
    file = tmp_path / "adapter.yaml"
    file.write_text(SETTINGS + "limits: {pending: 1}\n")
    arguments = ["serve", "--config", str(file), "--host", "127.0.0.1", "--port", "0"]
    for expected in (False, True):
        adapter = await start(arguments, log=tmp_path / "adapter.log")
        said = "every event is answered 503 until there is room" in (tmp_path / "adapter.log").read_text()
        assert said is expected
        async with aiohttp.ClientSession() as http:
            assert await sent(http, adapter, "shop", messageId=f"after {expected}") == (503 if expected else 200)
        await adapter.stop()
