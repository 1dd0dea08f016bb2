"""The console over HTTP: signing in, who is let in to `/console/api`, and what pages of other origins get."""

import http.client
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from adapter.console.api_auth import RateLimits
from adapter.console.web import FOLDER
from adapter.settings.load import load_settings
from tests.operated import TOKEN, api_alone, service, settings_in
from tests.unit.cli.conftest import MAPPING

SETTINGS = "queue: 'memory:'\nsources:\n  shop: {keys: [a-key], mapping: shop.yaml, browsee_api_key: key}\n"
PROXIED = f"{SETTINGS}trusted_proxies: [127.0.0.1]\n"
SAME = {"Sec-Fetch-Site": "same-origin"}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    cookie: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """Sends requests as a browser does, with the cookie that it was given last."""

    url: str
    cookie: str = ""
    given: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] = SAME, body: Any = None, *, cookie: bool = True
    ) -> Answer:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
        sent = dict(headers) | ({"Cookie": self.cookie} if cookie and self.cookie else {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        response = connection.getresponse()
        found = Answer(response.status, dict(response.headers), response.headers.get("Set-Cookie", ""), response.read())
        connection.close()
        if found.cookie:
            self.cookie = found.cookie.partition(";")[0]
        return found

    def sign_in(self, token: str = TOKEN, headers: Mapping[str, str] = SAME) -> Answer:
        return self.ask("POST", "/console/session", headers, {"token": token})


def served(folder: Path, settings: str = SETTINGS, often: RateLimits | None = None) -> Any:
    (folder / "adapter.yaml").write_text(settings)
    (folder / "shop.yaml").write_text(MAPPING)
    found = settings_in(folder)
    return service(found) if often is None else service(found, often=often)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with served(tmp_path) as url:
        yield Browser(url)


def test_the_session_lets_in_and_nothing_else_does(browser: Browser) -> None:
    """The token opens `/api` alone, the session `/console/api` alone."""
    assert browser.ask("GET", "/console/api/mappings").json["code"] == "signed_out"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert browser.ask("GET", "/console/api/mappings", {**SAME, **bearer}).status == 401
    assert browser.sign_in().status == 204
    assert browser.ask("GET", "/console/api/mappings").json["mappings"][0]["source"] == "shop"
    assert browser.ask("GET", "/api/mappings").status == 401
    assert browser.ask("GET", "/api/mappings", bearer, cookie=False).status == 200


def test_the_cookie_is_for_this_page_alone(browser: Browser) -> None:
    """No script reads it, no other site sends it, and no prefix of a proxy loses it."""
    cookie = browser.sign_in().cookie
    assert re.fullmatch(
        r"browsee-adapter-session-[0-9a-f]{8}=[\w=-]+; Max-Age=43(199|200); HttpOnly; SameSite=Strict", cookie
    )


def test_what_is_shown_before_and_after_signing_in(browser: Browser) -> None:
    """Not even the version before; asking renews the session."""
    assert browser.ask("GET", "/console/session").json == {"signedIn": False, "sandbox": False}
    browser.sign_in()
    shown = browser.ask("GET", "/console/session")
    assert shown.json["signedIn"] is True
    assert (shown.json["memoryQueue"], shown.json["version"] != "") == (True, True)
    assert "Max-Age=43" in shown.cookie
    gone = browser.ask("DELETE", "/console/session")
    assert (gone.status, "Max-Age=0" in gone.cookie) == (204, True)
    assert browser.ask("GET", "/console/session").json["signedIn"] is False


def test_without_a_console_there_is_the_api_alone(tmp_path: Path) -> None:
    """Neither page nor session."""
    with served(tmp_path, f"{SETTINGS}console: off\n") as url:
        page = Browser(url)
        assert [
            page.ask("GET", path).status for path in ("/console/", "/console/session", "/console/api/mappings")
        ] == ([404] * 3)
        assert page.ask("GET", "/api/mappings", {"Authorization": f"Bearer {TOKEN}"}).status == 200


@pytest.mark.parametrize(
    ("settings", "headers", "edit"),
    [
        (f"{SETTINGS}listen: 127.0.0.1:1\n", {}, True),
        (f"{SETTINGS}console: {{edit: off}}\n", {}, False),
        (f"{PROXIED}listen: 0.0.0.0:1\n", {}, False),
        (f"{PROXIED}listen: 0.0.0.0:1\n", {"X-Forwarded-Proto": "https"}, True),
        (f"{SETTINGS}listen: 0.0.0.0:1\n", {"X-Forwarded-Proto": "https"}, False),
        (f"{PROXIED}listen: 0.0.0.0:1\nconsole: {{edit: on}}\n", {}, True),
    ],
    ids=["loopback", "off", "public", "public, https", "public, who says so is no proxy", "public, on"],
)
def test_what_may_be_changed_is_said_at_once(
    tmp_path: Path, settings: str, headers: Mapping[str, str], edit: bool
) -> None:
    """A service that other machines reach takes changes over HTTPS only, unless its settings say otherwise."""
    (tmp_path / "adapter.yaml").write_text(settings)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    environ = {"ADAPTER_ADMIN_TOKEN": TOKEN}
    with api_alone(load_settings(file=tmp_path / "adapter.yaml", environ=environ)) as url:
        page = Browser(url)
        page.sign_in(headers=SAME)
        shown = page.ask("GET", "/console/session", {**SAME, **headers}).json
    assert (shown["edit"], shown["whyNotEdit"] is None) == (edit, edit)


@pytest.mark.parametrize("body", [{}, {"token": 1}, {"token": TOKEN, "more": 1}, [], "token"])
def test_a_body_that_is_no_sign_in_is_refused(browser: Browser, body: Any) -> None:
    """With words, and without a session."""
    found = browser.ask("POST", "/console/session", SAME, body)
    assert (found.status, found.cookie) == (400, "")


def test_only_wrong_tokens_count_as_tries(tmp_path: Path) -> None:
    """A page with an old cookie never shuts its operator out."""
    often = RateLimits(failed_per_s=0.001, failed_burst=3)
    with served(tmp_path, often=often) as url:
        page = Browser(url, cookie="browsee-adapter-session-00000000=forged")
        for _ in range(10):
            assert page.ask("GET", "/console/api/mappings").status == 401
        assert [page.sign_in("wrong").status for _ in range(5)] == [401, 401, 401, 429, 429]
        assert page.sign_in().status == 204


FOREIGN = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "CROSS-SITE"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:1"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{own}"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(("method", "path"), [("GET", "/console/api/mappings"), ("POST", "/console/api/purge")])
def test_a_page_of_another_origin_is_refused(
    browser: Browser, method: str, path: str, headers: Mapping[str, str]
) -> None:
    """Even with the cookie, which a browser would not send it."""
    browser.sign_in()
    sent = {name: value.replace("{own}", browser.url) for name, value in headers.items()}
    found = browser.ask(method, path, sent, {"user": "u"} if method == "POST" else None)
    assert (found.status, found.json["code"]) == (403, "cross_origin")


def test_the_own_page_is_let_in_with_or_without_fetch_metadata(browser: Browser) -> None:
    """Browsers send `Sec-Fetch-Site` to https and localhost only; a change without any origin is refused."""
    browser.sign_in()
    body = {"user": "u-1", "dryRun": True}
    assert browser.ask("GET", "/console/api/mappings", {}).status == 200
    assert browser.ask("GET", "/console/api/mappings", {"Sec-Fetch-Site": "none"}).status == 200
    assert browser.ask("POST", "/console/api/purge", {"Origin": browser.url}, body).status == 200
    assert browser.ask("POST", "/console/api/purge", {"Sec-Fetch-Site": "none"}, body).status == 403
    assert browser.ask("POST", "/console/api/purge", {}, body).status == 403


def test_a_name_that_was_rebound_gets_the_sign_in(browser: Browser) -> None:
    """The browser has no cookie for that name, and the token is not in it."""
    browser.sign_in()
    headers = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert browser.ask("GET", "/console/api/mappings", headers, cookie=False).json["code"] == "signed_out"


def test_a_trusted_proxy_says_which_host_was_asked(tmp_path: Path) -> None:
    """And that it was https, so that the cookie is Secure; only trusted proxies may say so."""
    headers = {"Origin": "https://ops.example", "X-Forwarded-Host": "ops.example", "X-Forwarded-Proto": "https"}
    with served(tmp_path, PROXIED) as url:
        found = Browser(url).sign_in(headers=headers)
        assert (found.status, found.cookie.endswith("; Secure")) == (204, True)
    with served(tmp_path) as url:
        found = Browser(url).sign_in(headers=headers)
        assert (found.status, "trusted_proxies" in found.json["message"]) == (403, True)
        assert "https://ops.example" in found.json["message"]


def test_the_page_is_served_under_a_policy_that_lets_nothing_else_in(browser: Browser) -> None:
    """Neither scripts nor frames nor styles of others; the nonce is another one each time."""
    first, second = (browser.ask("GET", "/console/") for _ in range(2))
    policy = first.headers["Content-Security-Policy"]
    for rule in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert rule in policy
    assert "unsafe" not in policy
    assert policy != second.headers["Content-Security-Policy"]
    assert (first.headers["Cache-Control"], first.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")
    assert (browser.ask("GET", "/console").status, browser.ask("GET", "/console").headers["Location"]) == (
        308,
        "console/",
    )


def test_assets_are_kept_for_ever_and_of_one_version_only(browser: Browser) -> None:
    """A page never mixes two versions: another digest is not found, and nothing outside of the folder is served."""
    page = browser.ask("GET", "/console/").body.decode()
    path = next(iter(re.findall(r'src="(assets/[^"]+/app\.js)"', page)))
    found = browser.ask("GET", f"/console/{path}", {"Accept-Encoding": "gzip"})
    assert (found.status, found.headers["Content-Encoding"]) == (200, "gzip")
    assert "immutable" in found.headers["Cache-Control"]
    assert browser.ask("GET", f"/console/{path}").body == (FOLDER / "app.js").read_bytes()
    digest = path.split("/")[1]
    for wrong in (f"{'0' * 16}/app.js", f"{digest}/../web.py", f"{digest}/%2e%2e/web.py", f"{digest}/vendor/SUMS"):
        refused = browser.ask("GET", f"/console/assets/{wrong}")
        assert (refused.status, refused.headers["Cache-Control"]) == (404, "no-store")


def test_the_first_page_is_small(browser: Browser) -> None:
    """60 KB over the wire for the overview, without editor and charts."""
    page = browser.ask("GET", "/console/").body.decode()
    digest = next(iter(re.findall(r"assets/([0-9a-f]{16})/", page)))
    names, seen, total = ["style.css", "app.js", "pages/overview.js", "icon.svg"], set(), len(page)
    while names:
        name = names.pop()
        if name in seen:
            continue
        seen.add(name)
        total += len(browser.ask("GET", f"/console/assets/{digest}/{name}", {"Accept-Encoding": "gzip"}).body)
        text = (FOLDER / name).read_text(encoding="utf-8")
        targets = re.findall(r'(?:^|\n)(?:import|export)[^;]*?from "(\.{1,2}/[^"]+)"', text)
        names += [str((Path("/") / Path(name).parent / target).resolve())[1:] for target in targets]
    assert {"vendor/preact.js", "ui.js", "stream.js"} <= seen
    assert total < 60_000, total
