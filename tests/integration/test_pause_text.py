"""A service whose Browsee refuses the key says so of each event that waits, in every command that shows one."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep
from urllib.request import Request, urlopen

from aiohttp import web
from click.testing import CliRunner

from adapter.cli.main import main
from tests.operated import TOKEN, in_thread, service, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS

_DEADLINE_S = 20.0
_ORDER = b'{"type":"track","event":"Order Completed","userId":"u-1","messageId":"m-1","properties":{"total":27.5}}'


async def _refuse_all(stop: asyncio.Event, started: Callable[[str], None]) -> None:
    """Serve as Browsee does for a key that Browsee does not know."""

    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"error": "unauthorized"}, status=401)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    started(f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1")
    await stop.wait()
    await runner.cleanup()


def _output(words: Sequence[str]) -> str:
    result = CliRunner().invoke(main, words, env={"ADAPTER_ADMIN_TOKEN": TOKEN})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_refused_key_is_named_as_what_events_wait_for(tmp_path: Path) -> None:
    """`where`, `events show` and `events list` name cause and next try, and no due time that has passed."""
    (tmp_path / "shop.yaml").write_text(MAPPING)
    with in_thread(_refuse_all) as browsee_url:
        (tmp_path / "adapter.yaml").write_text(f"{SETTINGS}browsee: {{url: '{browsee_url}'}}\n")
        with service(settings_in(tmp_path)) as url:
            posted = Request(f"{url}/webhooks/shop/a-key-of-shop", _ORDER, {"Content-Type": "application/json"})
            with urlopen(posted, timeout=10) as answer:
                assert answer.status == 200
            until_s = monotonic() + _DEADLINE_S
            while "paused" not in (line := _output(["where", "m-1", "--url", url])):
                assert monotonic() < until_s, line
                sleep(0.1)
            shown = [line, *(_output(["events", *words, "--url", url]) for words in (["show", "m-1"], ["list"]))]
    for text in shown:
        assert "delivery is paused: Browsee answered 401" in text
        assert "check browsee_api_key" in text
        assert "next try" in text
        assert "due 20" not in text
