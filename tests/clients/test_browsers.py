"""The libraries that run in pages, in a real browser, on a page of another origin than the adapter's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.calls import calls, comparable, expected
from tests.clients.conftest import Stage, key_of, staged
from tests.clients.installed import NODE, chromium, lacking_browser, needs
from tests.fakes import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"segment": f"/v1/projects/{key_of('shop')}/settings", "rudderstack": "/sourceConfig/"}
FIRST_EVENT = {"segment": "/v1/i", "rudderstack": "/v1/identify"}
WITHOUT = {"segment": set[str](), "rudderstack": {"screen"}}
"""What a page cannot send by it."""


@dataclass(slots=True)
class Browser:
    """A page that runs one library; `seen` is what went over the network, `OPTIONS /v1/t 200`."""

    process: asyncio.subprocess.Process
    seen: list[str] = field(default_factory=list)

    async def tell(self, command: str) -> None:
        """Have the page do something, and wait until it is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        await self.done(command)

    async def done(self, command: str) -> None:
        """Wait until `command` is done."""
        await self.sees(f"done {command}")

    async def sees(self, line: str) -> None:
        """Wait until this was printed."""

        async def is_seen() -> bool:
            await asyncio.sleep(0.05)
            return line in self.seen

        await until(is_seen, within_s=40)

    async def read(self) -> None:
        """Keep what the browser prints, until it ends."""
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            self.seen.append(line.decode().strip())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    needs(lacking_browser())
    async with staged(tmp_path_factory.mktemp("browsers")) as running:
        await running.serve()
        yield running


@asynccontextmanager
async def opened(stage: Stage, library: str) -> AsyncIterator[Browser]:
    """A page on which the library is ready; its user is named as the library."""
    assert stage.adapter is not None
    file = stage.folder / f"{library}.json"
    file.write_text(json.dumps([call for call in calls(library) if call["type"] not in _without(library)]))
    with (stage.folder / f"{library}.log").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            "node",
            str(NODE / "browser.js"),
            library,
            stage.adapter.url,
            key_of("shop"),
            str(file),
            chromium() or "",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
    browser = Browser(process)
    reading = asyncio.create_task(browser.read())
    try:
        await browser.done("start")
        yield browser
    finally:
        if process.returncode is None and process.stdin is not None:
            process.stdin.write(b"end\n")
        await process.wait()
        await reading


def _without(library: str) -> set[str]:
    return WITHOUT[library.partition("-")[0]]


def _text(call: dict[str, Any]) -> str:
    return json.dumps(call, sort_keys=True)


async def all_arrive_once(stage: Stage, library: str) -> None:
    """Browsee gets each call of the page, once and as mapped, in whatever order the page's requests came."""
    wanted = [call for call in expected(library) if not (call.get("event") == "SCREEN_VIEWED" and _without(library))]
    arrived = await stage.received(at_least=len(wanted), user=library)
    assert sorted(map(comparable, arrived), key=_text) == sorted(wanted, key=_text)


@pytest.mark.parametrize("library", ["segment", "rudderstack"])
async def test_a_page_survives_an_outage(stage: Stage, library: str) -> None:
    """It fetches its settings, asks before it sends, is refused with 503, and sends again until all is there."""
    async with opened(stage, library) as browser:
        await browser.sees(f"GET {SETTINGS[library]} 200")
        await stage.stop()
        await stage.serve_full()
        await browser.tell("send")
        await browser.sees(f"OPTIONS {FIRST_EVENT[library]} 200")
        await browser.sees(f"POST {FIRST_EVENT[library]} 503")
        await stage.stop()
        await stage.serve()
        await all_arrive_once(stage, library)
        await browser.sees(f"POST {FIRST_EVENT[library]} 200")


@pytest.mark.parametrize("library", ["segment-batching", "rudderstack-beacon"])
async def test_what_a_page_holds_when_it_is_left_arrives(stage: Stage, library: str) -> None:
    """analytics.js sends its batch as the page goes, rudder-sdk-js a beacon: neither waits for an answer."""
    async with opened(stage, library) as browser:
        await browser.tell("send")
        await browser.tell("leave")
        await all_arrive_once(stage, library)


async def test_the_html_snippet_sends_here_by_api_host(stage: Stage) -> None:
    """With settings that name Segment's own host, `apiHost` in the page's `load` sends every call to the adapter."""
    async with opened(stage, "segment-snippet") as browser:
        await browser.tell("send")
        await all_arrive_once(stage, "segment-snippet")
        assert f"GET {SETTINGS['segment']} 200" not in browser.seen
