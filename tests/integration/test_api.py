"""The operator's API over a real socket: who gets in, how often, and what it answers to what it does not know."""

import asyncio
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from click.testing import CliRunner, Result

from adapter.cli.main import main
from adapter.console.api_auth import RateLimits
from adapter.model import Dead, Delivered, Reason
from tests.openapi import shaped
from tests.operated import OFTEN, TOKEN, api_alone, service, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS
from tests.unit.cli.queues import Ended, a_rejection, an_order, balance_of, fill

EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": "27.50"}}


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks an API at `url`, with the token if none is named."""

    url: str

    def __call__(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        token: str | None = TOKEN,
        headers: dict[str, str] | None = None,
    ) -> Answered:
        given = {"Connection": "close", **(headers or {})}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        sent = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        connection.request(method, path, body=sent, headers=given)
        response = connection.getresponse()
        return Answered(response.status, response.headers, response.read())


def a_shop(folder: Path, settings: str = SETTINGS) -> Path:
    (folder / "adapter.yaml").write_text(settings)
    (folder / "shop.yaml").write_text(MAPPING)
    return folder


async def filled(folder: Path) -> Path:
    """A queue with an event delivered, three dead and a rejection."""
    dead = [Ended(an_order(f"m-{n}"), Dead(Reason.REFUSED, "no such project")) for n in range(3)]
    await fill(a_shop(folder) / "queue.db", [Ended(an_order("done"), Delivered()), *dead], [a_rejection()])
    return folder


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    return await filled(tmp_path)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all tests that change nothing."""
    return asyncio.run(filled(tmp_path_factory.mktemp("unchanged")))


@pytest.fixture(scope="module")
def ask(unchanged: Path) -> Iterator[Asking]:
    with api_alone(settings_in(unchanged)) as url:
        yield Asking(url)


@pytest.mark.parametrize(
    ("token", "headers"),
    [
        (None, {}),
        ("wrong", {}),
        (TOKEN[:-1], {}),
        (f"{TOKEN}x", {}),
        (None, {"Authorization": f"Basic {TOKEN}"}),
        (None, {"Cookie": f"token={TOKEN}"}),
        (None, {"X-Forwarded-For": "127.0.0.1"}),
    ],
    ids=["none", "wrong", "shorter", "longer", "basic", "cookie", "forwarded"],
)
def test_only_the_token_lets_in(ask: Asking, token: str | None, headers: dict[str, str]) -> None:
    """Sitting at the same machine does not, and a cookie does not."""
    for method, path in (("GET", "/api/summary"), ("GET", "/api/events/export"), ("POST", "/api/purge")):
        answered = ask(method, path, token=token, headers=headers)
        assert (answered.status, answered.json["code"]) == (401, "unauthorized")
        assert shaped(answered.json, "Error")


def test_without_a_token_nobody_is_let_in(folder: Path) -> None:
    """Not even who sends an empty one."""
    with api_alone(replace(settings_in(folder), admin_token=None)) as url:
        assert [Asking(url)("GET", "/api/summary", token=token).status for token in ("", "None", TOKEN)] == [401] * 3


def test_guessing_is_slowed_down(folder: Path) -> None:
    """Wrong tokens wait after a few tries; the right one from the same address is let in all the while."""
    with api_alone(settings_in(folder), often=replace(OFTEN, failed_per_s=0.5, failed_burst=3)) as url:
        ask = Asking(url)
        answered = None
        for status in [401] * 3 + [429] * 12:
            answered = ask("GET", "/api/summary", token="wrong")
            assert answered.status == status
            assert ask("GET", "/api/summary").status == 200
        assert answered is not None
        assert int(answered.headers["Retry-After"]) in range(1, 3)


def test_who_guesses_through_a_proxy_shuts_out_nobody_else(folder: Path) -> None:
    """All come from the proxy's address; a named proxy tells them apart."""
    settings = replace(settings_in(folder), trusted_proxies=(ip_network("127.0.0.1"),))
    with api_alone(settings, often=replace(OFTEN, failed_per_s=0.01, failed_burst=3)) as url:
        ask = Asking(url)
        for number, status in enumerate([401, 401, 401, 429]):
            headers = {"X-Forwarded-For": f"192.0.2.{number}, 203.0.113.9"}
            answered = ask("GET", "/api/summary", token="wrong", headers=headers)
            assert answered.status == status
        assert ask("GET", "/api/summary", headers={"X-Forwarded-For": "203.0.113.10"}).status == 200


def test_even_the_operator_is_answered_only_so_often(folder: Path) -> None:
    """So that a script that runs wild takes nothing from the events; a command waits and asks again."""
    with api_alone(settings_in(folder), often=RateLimits(per_s=2, burst=2)) as url:
        ask = Asking(url)
        statuses = [ask("GET", "/api/summary").status for _ in range(3)]
        assert statuses == [200, 200, 429]
        listed = CliRunner().invoke(main, ["events", "list", "--url", url], env={"ADAPTER_ADMIN_TOKEN": TOKEN})
        assert (listed.exit_code, len(listed.stdout.splitlines())) == (0, 5)


def test_pages_of_others_learn_nothing(ask: Asking) -> None:
    """No answer names an origin, and a browser's question is refused."""
    origin = {"Origin": "https://evil.example"}
    for answered in (ask("GET", "/api/summary", headers=origin), ask("OPTIONS", "/api/summary", headers=origin)):
        assert [name for name in answered.headers if name.lower().startswith("access-control")] == []
    answered = ask("OPTIONS", "/api/summary", headers=origin)
    assert answered.status == 405
    assert answered.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("method", "path", "body", "said"),
    [
        ("GET", "/api/events?limit=0", None, "limit: a number from 1 to 500"),
        ("GET", "/api/events?limit=501", None, "limit: a number from 1 to 500"),
        ("GET", "/api/events?outcome=lost", None, "outcome: one of pending"),
        ("GET", "/api/events?since=noon", None, "since: an instant"),
        ("GET", "/api/events?before=-1.0", None, "before: what an earlier answer gave"),
        ("GET", "/api/events?sources=shop", None, "the query takes source, user, name"),
        ("GET", "/api/events?limit=1&limit=2", None, "limit: given twice"),
        ("GET", "/api/events?user=%00", None, "user: text of 1 to 500 characters"),
        ("GET", "/api/events?user=%FF", None, None),
        ("GET", "/api/event", None, "id: is needed"),
        ("GET", "/api/tail?watch=1,x", None, "watch: 1 to 500 seqs"),
        ("GET", "/api/summary?x=1", None, "the query takes nothing"),
        ("POST", "/api/dead/requeue", b"", "the body must be one JSON object"),
        ("POST", "/api/dead/requeue", [], "the body must be one JSON object"),
        ("POST", "/api/dead/requeue", {}, "exactly one of ids, cause, all, unmatched"),
        ("POST", "/api/dead/requeue", {"all": True, "cause": "x"}, "exactly one of"),
        ("POST", "/api/dead/requeue", {"all": False}, "all: true"),
        ("POST", "/api/dead/requeue", {"all": True, "exact": True}, "the body takes"),
        ("POST", "/api/dead/discard", {"cause": "x", "exact": 1}, "exact: true or false"),
        ("POST", "/api/dead/requeue", {"ids": []}, "ids: a list of"),
        ("POST", "/api/dead/requeue", {"cause": "x", "dryrun": True}, "the body takes"),
        ("POST", "/api/dead/discard", {"all": True, "count": -1}, "count: how many"),
        ("POST", "/api/dead/requeue", {"all": True, "count": 1}, "the body takes"),
        ("POST", "/api/dead/discard", {"unmatched": True}, "the body takes"),
        ("POST", "/api/purge", {"user": ""}, "user: text of"),
        ("POST", "/api/purge", {"user": "u-1", "dryRun": 1}, "dryRun: true or false"),
        ("POST", "/api/dead/requeue", {"all": True, "preview": True}, "preview: only with dryRun"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_not_known_is_refused(ask: Asking, method: str, path: str, body: object, said: str | None) -> None:
    """A filter that was mistyped shows not everything, and changes nothing; the answer says what is allowed."""
    answered = ask(method, path, body=body)
    if said is None:
        assert answered.status in (200, 400)
        return
    assert (answered.status, answered.json["code"]) == (400, "invalid_request")
    assert said in shaped(answered.json, "Error")["message"]


def test_a_message_is_explained(ask: Asking) -> None:
    """By the active mapping, read as a webhook would read it; nothing is stored."""
    sent = ask("POST", "/api/explain", body=EVENT)
    found = shaped(sent.json, "Explained")
    assert found["mapped"]["calls"][0]["body"]["properties"] == {"total": 27.5}
    rejected = shaped(
        ask("POST", "/api/explain?source=shop", body={"type": "track", "userId": "u-1"}).json, "Explained"
    )
    assert (rejected["problems"][0]["pointer"], rejected["mapped"]) == ("/event", None)
    assert len(ask("GET", "/api/events").json["entries"]) == 5
    unknown = ask("POST", "/api/explain?source=other", body=EVENT)
    assert (unknown.status, unknown.json["message"]) == (404, "source: one of shop")


def test_long_work_ends_when_the_service_stops(folder: Path) -> None:
    """Between two steps; what was done is done, and the answer says so."""
    stopping = threading.Event()
    stopping.set()
    with api_alone(settings_in(folder), stopping=stopping) as url:
        answered = Asking(url)("POST", "/api/dead/requeue", body={"all": True})
        assert (answered.status, answered.headers["Retry-After"]) == (503, "5")
        assert "stopping" in answered.json["message"]
        for path in ("/api/dead/export", "/api/events/export"):
            assert Asking(url)("GET", path).status == 503


def test_a_queue_in_memory_can_be_looked_into(tmp_path: Path) -> None:
    """Through the service that holds it: lists, places and dead letters, which can be requeued or discarded."""
    folder = a_shop(tmp_path, SETTINGS.replace("sqlite:///queue.db", "'memory:'"))

    def run(url: str, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--url", url], env={"ADAPTER_ADMIN_TOKEN": TOKEN})

    with service(settings_in(folder, sandbox=True)) as url:
        ask = Asking(url)
        good = {**EVENT, "messageId": "m-good"}
        bad = {"type": "track", "event": "Order Completed", "userId": "u-2", "messageId": "m-bad"}
        for message in (good, bad, {"type": "track", "messageId": "m-refused", "userId": "u-3"}):
            ask("POST", "/webhooks/shop/a-key-of-shop", body=message, token=None)
        within(lambda: "m-bad" in run(url, "dead", "list").stdout)
        within(lambda: "delivered" in run(url, "where", "m-good").stdout)
        listed = run(url, "events", "list").stdout
        assert all(word in listed for word in ("m-good", "m-bad", "m-refused"))
        assert ask("POST", "/api/dead/requeue", body={"all": True}).json["events"] == 1
        within(lambda: "refused by the mapping" in run(url, "dead", "list").stdout)
        assert run(url, "dead", "discard", "--all", "--yes").exit_code == 0
        assert ask("GET", "/api/dead").json["entries"] == []
        within(lambda: ask("GET", "/api/summary").json["dead"] == 0)
        assert shaped(ask("GET", "/api/summary").json, "Summary")["unaccounted"] == 0
    assert not list(folder.glob("*.db*"))


def within(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until it holds."""
    end_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.05)


async def test_the_service_tells_of_itself(folder: Path) -> None:
    """Figures, ledger and mappings of the running service, which delivers requeued events or gives them up again."""
    with service(settings_in(folder, sandbox=False)) as url:
        ask = Asking(url)
        found = shaped(ask("GET", "/api/summary").json, "Summary")
        assert (found["dead"], found["unaccounted"], found["ledger"]["delivered"]) == (3, 0, 1)
        [mapping] = shaped(ask("GET", "/api/mappings").json, "Mappings")["mappings"]
        assert (mapping["source"], mapping["problem"]) == ("shop", None)
        assert ask("POST", "/api/dead/requeue", body={"all": True}).json["events"] == 3
        assert ask("GET", "/openapi.yaml", token=None).status == 200
    assert (await balance_of(folder / "queue.db")).unaccounted == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["events", "list"], 0),
        (["events", "list", "--json", "--outcome", "dead"], 0),
        (["events", "tail", "--limit", "2"], 0),
        (["events", "show", "m-1"], 0),
        (["dead", "show", "r1", "--json"], 0),
        (["where", "m-1"], 0),
        (["where", "nothing"], 1),
        (["dead", "list"], 0),
        (["dead", "list", "--group"], 0),
        (["dead", "requeue", "77"], 1),
        (["dead", "requeue", "--cause", "nothing"], 1),
        (["dead", "discard", "--all"], 1),
        (["events", "purge", "--user", "nobody"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else str(value),
)
def test_commands_say_the_same_of_a_file_and_of_a_service(
    unchanged: Path, ask: Asking, words: list[str], code: int
) -> None:
    """The same words and the same exit code."""
    environ = {"ADAPTER_ADMIN_TOKEN": TOKEN}
    at_file = CliRunner().invoke(main, [*words, "--config", str(unchanged / "adapter.yaml")], env=environ)
    at_url = CliRunner().invoke(main, [*words, "--url", ask.url], env=environ)
    assert (at_file.exit_code, at_url.exit_code) == (code, code)
    assert (at_url.stdout, at_url.stderr) == (at_file.stdout, at_file.stderr)


@pytest.mark.parametrize(
    ("words", "token", "said"),
    [
        (["--url", "{url}"], "", "--url needs the admin token"),
        (["--url", "{url}"], "wrong", "refused this admin token"),
        (["--url", "{url}"], "…", "characters that a token cannot have"),
        (["--url", "{url}", "--sandbox"], TOKEN, "give one of them"),
        (["--url", "ftp://x"], TOKEN, "an address such as http://127.0.0.1:8080"),
        (["--url", "http://127.0.0.1:99999"], TOKEN, "an address such as"),
        (["--url", "http://127.0.0.1:{closed}"], TOKEN, "is the service running there?"),
        (["--url", "{url}/elsewhere"], TOKEN, "answered 404"),
    ],
    ids=["no token", "wrong token", "no header", "both", "scheme", "port", "nothing listens", "another path"],
)
def test_a_service_that_cannot_be_asked_is_reported(ask: Asking, words: list[str], token: str, said: str) -> None:
    """With what to do, and exit code 2."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = str(closed.getsockname()[1])
        given = [word.replace("{url}", ask.url).replace("{closed}", port) for word in words]
        result = CliRunner().invoke(main, ["events", "list", *given], env={"ADAPTER_ADMIN_TOKEN": token})
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert token == "" or token not in result.stderr


def test_an_export_that_breaks_off_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that came are not taken for the whole."""
    monkeypatch.chdir(tmp_path)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def break_off() -> None:
            taken, _ = listening.accept()
            with taken:
                taken.recv(65536)
                taken.sendall(head + b'f\r\n{"source": "a"}\r\n')

        thread = threading.Thread(target=break_off)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        result = CliRunner().invoke(
            main, ["dead", "export", "lost.ndjson", "--url", url], env={"ADAPTER_ADMIN_TOKEN": TOKEN}
        )
        thread.join()
    assert (result.exit_code, "the export broke off" in result.stderr) == (2, True)
    assert not (tmp_path / "lost.ndjson").exists()
