"""What stands between the console and pages that mean harm: on every answer, and on a connection of any kind."""

import http.client
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import time
from urllib.parse import urlsplit

import pytest

from adapter.console.api_auth import RateLimits
from adapter.console.session import SessionKey, derive, new_session
from adapter.console.web import FOLDER
from adapter.model import Secret
from tests.integration.test_console_session import SAME, SETTINGS, Browser, served
from tests.operated import TOKEN, api_alone, settings_in
from tests.unit.cli.conftest import MAPPING

FOREIGN = {"Sec-Fetch-Site": "cross-site"}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def derived(token: str) -> SessionKey:
    return derive(Secret(token))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with served(tmp_path) as url:
        yield Browser(url)


ANSWERS: list[tuple[str, str, Mapping[str, str], int]] = [
    ("GET", "/console/", {}, 200),
    ("GET", "/console", {}, 308),
    ("GET", "/console/assets/0/app.js", {}, 404),
    ("GET", "/console/nothing", {}, 404),
    ("GET", "/console/api/nothing", SAME, 404),
    ("GET", "/console/assets/", {}, 404),
    ("POST", "/console/session/more", SAME, 404),
    ("GET", "/api/nothing", BEARER, 404),
    ("POST", "/console/", {}, 405),
    ("GET", "/console/session", SAME, 200),
    ("GET", "/console/session", FOREIGN, 403),
    ("POST", "/console/session", SAME, 400),
    ("DELETE", "/console/session", SAME, 204),
    ("GET", "/console/api/events", SAME, 401),
    ("GET", "/api/events", {}, 401),
    ("GET", "/api/events", BEARER, 200),
    ("GET", "/api/events?limit=x", BEARER, 400),
    ("GET", "/api/event?id=1", BEARER, 404),
    ("GET", "/api/dead/export", BEARER, 200),
    ("GET", "/api/events/export", BEARER, 200),
    ("GET", "/api/events/export?limit=5", BEARER, 400),
    ("HEAD", "/api/stream", BEARER, 200),
    ("GET", "/api/mapping?source=shop", BEARER, 200),
    ("PUT", "/api/mapping?source=shop", BEARER, 428),
]


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"), ANSWERS, ids=[f"{method} {path} {n}" for method, path, _, n in ANSWERS]
)
def test_every_answer_has_a_policy(
    browser: Browser, method: str, path: str, headers: Mapping[str, str], status: int
) -> None:
    """No page frames it, nothing in it runs, its type is not guessed, and no other origin's script reads it."""
    found = browser.ask(method, path, headers, cookie=False)
    assert found.status == status
    policy = found.headers["Content-Security-Policy"]
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= {rule.strip() for rule in policy.split(";")}
    assert found.headers["X-Content-Type-Options"] == "nosniff"
    assert [name for name in found.headers if name.lower().startswith("access-control-")] == []
    if path not in ("/console", "/console/assets/0/app.js"):
        assert found.headers["Cache-Control"] == "no-store"


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "", "text/json")


@pytest.mark.parametrize("type_", FORMS, ids=[type_.partition(";")[0] or "none" for type_ in FORMS])
def test_a_form_is_no_request_of_the_console(browser: Browser, type_: str) -> None:
    """Whatever a page elsewhere can post without asking first; the token of `/api` makes any type one of curl's."""
    assert browser.sign_in().status == 204
    host, raw = urlsplit(browser.url).netloc, json.dumps({"all": True, "dryRun": True}).encode()
    session = json.dumps({"token": TOKEN}).encode()
    for path, body, headers, status in (
        ("/console/api/dead/requeue", raw, {**SAME, "Cookie": browser.cookie}, 415),
        ("/console/api/mapping?source=shop", raw, {**SAME, "Cookie": browser.cookie}, 415),
        ("/console/session", session, SAME, 415),
        ("/api/dead/requeue", raw, BEARER, 200),
    ):
        connection = http.client.HTTPConnection(host, timeout=20)
        sent = {**headers, **({"Content-Type": type_} if type_ else {})}
        connection.request("PUT" if "mapping" in path else "POST", path, body, sent)
        assert (path, connection.getresponse().status) == (path, status)
        connection.close()


def test_only_what_belongs_to_the_page_is_served(browser: Browser) -> None:
    """Not the types of bundles, nor what a developer left beside them."""
    page = browser.ask("GET", "/console/").body.decode()
    digest = page.partition("assets/")[2].partition("/")[0]
    for name in ("vendor/preact.d.ts", "vendor/SUMS", "index.html", ".", "vendor", "vendor/"):
        assert browser.ask("GET", f"/console/assets/{digest}/{name}").status == 404
    assert (FOLDER / "vendor" / "preact.d.ts").exists()


@pytest.mark.parametrize("kind", ["none", "empty", "forged", "expired", "another token", "another adapter's name"])
def test_a_cookie_that_is_not_of_this_service_opens_nothing(browser: Browser, kind: str) -> None:
    """And is answered alike, so that nothing is learned of it."""
    browser.sign_in()
    name, _, good = browser.cookie.partition("=")
    key, other = derived(TOKEN), derived("another-admin-token")
    now_s = 1_000_000_000.0
    assert name == key.cookie
    browser.cookie = {
        "none": "",
        "empty": f"{name}=",
        "forged": f"{name}={'A' * len(good)}",
        "expired": f"{name}={key.sign(new_session(now_s))}",
        "another token": f"{name}={other.sign(new_session(time()))}",
        "another adapter's name": f"{other.cookie}={good}",
    }[kind]
    found = browser.ask("GET", "/console/api/mappings")
    assert (found.status, found.json["code"], found.cookie) == (401, "signed_out", "")
    assert browser.ask("GET", "/console/session").json == {"signedIn": False, "sandbox": False}


def test_sessions_have_an_allowance_of_their_own(tmp_path: Path) -> None:
    """A page that asks too much is slowed, and shuts out no script with the token."""
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    with api_alone(settings_in(tmp_path), session_limits=RateLimits(per_s=0.001, burst=3)) as url:
        page = Browser(url)
        page.sign_in()
        # Whoever has no session spends nothing of it.
        for _ in range(5):
            assert page.ask("GET", "/console/session", cookie=False).status == 200
        answers = [page.ask("GET", "/console/api/mapping/schema") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert page.ask("GET", "/console/session").status == 429
        assert "Retry-After" in answers[-1].headers
        assert page.ask("GET", "/api/mappings", BEARER, cookie=False).status == 200
