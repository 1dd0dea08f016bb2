"""`serve` with an address for operators alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp

from tests.acceptance.processes import start

SETTINGS = """\
queue: "memory:"
admin_listen: 127.0.0.1:0
admin_token: token-of-the-operator
sources:
  shop: {keys: [key-of-the-shop-1]}
"""


async def test_operators_may_have_an_address_of_their_own(tmp_path: Path) -> None:
    """Metrics and details are there; at the senders' address they are not served, with or without the token."""
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    arguments = ["serve", "--sandbox", "--config", str(tmp_path / "adapter.yaml"), "--host", "127.0.0.1", "--port", "0"]
    adapter = await start(arguments, log=tmp_path / "adapter.log")
    assert adapter.process.stdout is not None
    printed = ""
    while "Health: " not in printed:
        printed = (await adapter.process.stdout.readline()).decode()
    [admin] = re.findall(r"Metrics: (http://\S+)/metrics", printed)
    assert admin != adapter.url

    token = {"Authorization": "Bearer token-of-the-operator"}
    async with aiohttp.ClientSession() as http:

        async def found(url: str) -> tuple[int, str]:
            async with http.get(url, headers=token) as answer:
                return answer.status, await answer.text()

        shown = json.loads((await found(f"{admin}/readyz"))[1])
        assert shown["unaccounted"] == 0
        age = datetime.now(UTC) - datetime.fromisoformat(shown["counted_at"])
        assert timedelta() <= age < timedelta(seconds=60)
        assert (await found(f"{admin}/metrics"))[0] == 200
        assert (await found(f"{admin}/v1/track"))[0] == 404
        assert (await found(f"{admin}/api/summary"))[0] == 200
        assert (await found(f"{adapter.url}/api/summary"))[0] == 404
        assert (await found(f"{adapter.url}/healthz"))[0] == 200
        assert (await found(f"{adapter.url}/metrics"))[0] == 404
        ready, body = await found(f"{adapter.url}/readyz")
        assert (ready, "unaccounted" in body, "delivery_why" in body) == (200, False, False)
    assert await adapter.stop() == 0
