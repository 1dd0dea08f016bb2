"""One Chromium and one service for all tests of the page."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.pages import FLAGS, Console, console_of, needs_chromium
from tests.browser.running import Service, lasting_port, service_in
from tests.clients.installed import chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; skipped where there is none, a failure in CI."""
    needs_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that has met every outcome. Tests may add to it; those that stop or change it start their own."""
    needs_chromium()
    with service_in(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture
def console(browser: Browser, service: Service) -> Iterator[Console]:
    """A signed-in page; the test fails if it wrote an error or its policy refused something."""
    with console_of(browser, service) as console:
        yield console


@pytest.fixture
def signed_out(browser: Browser, service: Service) -> Iterator[Console]:
    """A page of a browser that was never here."""
    with console_of(browser, service, signed_in=False) as console:
        console.expected.append("401")
        yield console


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A service of the test's own, to stop, to change and to fill."""
    needs_chromium()
    with service_in(tmp_path / "service", seed=(), port=lasting_port()) as service:
        yield service
