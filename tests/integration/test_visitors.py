"""What a person sees who opens a port of the service in a browser, at a path where nothing is."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import pytest
from aiohttp.test_utils import TestClient, TestServer

from adapter.observe.observer import Observer
from adapter.sandbox.server import build
from adapter.service.app import Running, run_service
from adapter.service.wiring import make_sandbox
from tests.operated import in_thread, service, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    return tmp_path


def ask(url: str, *, accept: str = "*/*", method: str = "GET") -> tuple[int, str, str]:
    """Status, type and text of an answer."""
    request = urllib.request.Request(url, headers={"Accept": accept}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers["Content-Type"], refused.read().decode()


def linked(url: str) -> str:
    """Where the link of the page at `url` leads."""
    status, kind, page = ask(url, accept=BROWSER)
    assert (status, kind.split(";")[0]) == (404, "text/html")
    return urljoin(url, page.split('href="')[1].split('"')[0])


def test_a_browser_is_shown_the_way_to_the_console(folder: Path) -> None:
    """From the root and from any path where nothing is, also of the API; a program gets JSON."""
    with service(settings_in(folder)) as url:
        for path in ("/", "/dashboard", "/a/b/c?d=/e", "/api/nowhere", "/console/nowhere"):
            assert linked(url + path) == f"{url}/console/"
        assert ask(linked(url), accept=BROWSER)[0] == 200
        assert "the console is at /console/" in json.loads(ask(url)[2])["message"]
        for path, method in (("/elsewhere", "GET"), ("/", "POST")):
            status, _, said = ask(url + path, method=method)
            assert (status, json.loads(said)["message"]) == (404, "there is nothing at this path")


def test_senders_see_no_console_that_is_elsewhere_or_off(folder: Path) -> None:
    """With an address of their own, operators find the console there alone."""
    (folder / "adapter.yaml").write_text(f"{SETTINGS}console: off\n")
    with service(settings_in(folder)) as url:
        assert "console" not in ask(url, accept=BROWSER)[2]
    (folder / "adapter.yaml").write_text(f"{SETTINGS}admin_listen: 127.0.0.1:0\n")
    admin: list[str] = []

    async def run(stop: asyncio.Event, started: Callable[[str], None]) -> None:
        def tell(running: Running) -> None:
            admin.append(running.admin_url)
            started(running.url)

        await run_service(settings_in(folder), observer=Observer(), stop=stop, started=tell)

    with in_thread(run) as url:
        assert "console" not in ask(url, accept=BROWSER)[2]
        assert linked(admin[0]) == f"{admin[0]}/console/"


@pytest.mark.parametrize("console", ["", "http://127.0.0.1:8080/console/"])
async def test_the_stand_in_says_what_it_is(console: str) -> None:
    """And where the console is, if there is one; a path that takes another method is known."""
    stand_in = make_sandbox()
    stand_in.console_url = console
    async with TestClient(TestServer(build(stand_in))) as client:
        async with client.get("/", headers={"Accept": BROWSER}) as answer:
            page = await answer.text()
            assert (answer.status, answer.content_type) == (404, "text/html")
        assert "stand-in for Browsee" in page
        assert f'href="{console or "/calls"}"' in page
        async with client.post("/nowhere") as answer:
            assert answer.status == 404
            said = (await answer.json())["message"]
        assert "stand-in for Browsee" in said
        assert console in said
        assert "/calls" in said
        async with client.get("/api/v1/track") as answer:
            assert answer.status == 405
