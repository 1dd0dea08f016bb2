"""`doctor` tries each part once and says what to do, without ever sending an event."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from adapter.cli.doctor import judged
from tests.unit.cli.conftest import SETTINGS, Shell
from tests.unit.cli.queues import fill


class Browsee(HTTPServer):
    """Answers a call without a key as Browsee documents it, and keeps what it got."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Browsee

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body))
        told = b'{"status": "failure", "message": "apiKey is required"}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        return


@pytest.fixture
def browsee() -> Iterator[Browsee]:
    with Browsee() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def checks(shell: Shell, *words: str) -> tuple[int, dict[str, tuple[bool, str, str]]]:
    """The exit code, and of each part whether it is well, what was found and what to do."""
    result = shell.run("doctor", "--json", *words)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    return result.exit_code, {check["part"]: (check["ok"], check["found"], check["todo"]) for check in found}


def test_all_is_well(shop: Shell, browsee: Browsee) -> None:
    """One line for each part, exit code 0; nothing is made, and what Browsee got is no event."""
    shop.write("adapter.yaml", f"browsee: {{url: '{browsee.url}'}}\n{SETTINGS}")
    result = shop.run("doctor")
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["ok", "settings"],
        ["ok", "mapping"],
        ["ok", "queue"],
        ["ok", "browsee"],
    ]
    assert "answered 400" in result.stdout
    assert browsee.got == [("/api/v1/track", b"{}")]
    assert sorted(file.name for file in shop.folder.iterdir()) == ["adapter.yaml", "shop.yaml"]


def test_a_queue_that_is_there_is_written_and_synced(shop: Shell, unused_tcp_port: int) -> None:
    """Really, in its own file; and an address where nobody is is a problem with what to look at."""
    shop.write("adapter.yaml", f"browsee: {{url: 'http://127.0.0.1:{unused_tcp_port}'}}\n{SETTINGS}")
    asyncio.run(fill(shop.folder / "queue.db", []))
    code, found = checks(shop)
    assert code == 1
    assert found["queue"][0]
    assert "written and synced in" in found["queue"][1]
    assert not found["browsee"][0]
    assert "look at browsee.url" in found["browsee"][2]


def test_broken_settings_end_it(shop: Shell) -> None:
    """The rest hangs on them."""
    shop.write("adapter.yaml", "sorces: {}\n")
    code, found = checks(shop)
    assert (code, list(found)) == (1, ["settings"])
    assert "did you mean `sources`?" in found["settings"][1]


def test_a_broken_mapping_and_a_damaged_queue_are_told_together(shop: Shell) -> None:
    """One run shows all there is to mend."""
    shop.write("shop.yaml", "version: 1\nrules: [{dorp: x}]\n")
    shop.write("sandbox.db", "no database at all" * 1000)
    code, found = checks(shop, "--sandbox")
    assert code == 1
    assert "browsee-adapter check" in found["mapping"][2]
    assert (found["queue"][0], "cannot be used as a queue" in found["queue"][1]) == (False, True)
    assert found["browsee"][:2] == (True, "SANDBOX: the built-in stand-in takes the calls")


def test_a_folder_that_takes_no_files_is_told(shop: Shell) -> None:
    """Before the first start already."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "sqlite:////proc/no/queue.db"))
    _, found = checks(shop, "--sandbox")
    assert not found["queue"][0]
    assert "/proc/no" in found["queue"][1]
    assert not Path("/proc/no").exists()


def test_a_queue_in_memory_is_no_problem_but_told(shop: Shell) -> None:
    """What it means is said."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "'memory:'"))
    _, found = checks(shop, "--sandbox")
    assert found["queue"] == (True, "in memory", "what waits is lost at a stop; name a file with `queue:` to keep it")


@pytest.mark.parametrize(
    ("status", "told", "ok"),
    [
        (400, b'{"status": "failure", "message": "apiKey is required"}', True),
        (400, b"<html>", True),
        (401, b"", True),
        (200, b'{"status": "success"}', False),
        (200, b"<html>", False),
        (301, b"", False),
        (404, b"", False),
        (429, b"", False),
        (503, b"", False),
    ],
)
def test_answers_to_an_empty_call_are_judged(status: int, told: bytes, ok: bool) -> None:
    """Documented is 400; a page or a redirect is somebody else; a problem says what to do."""
    check = judged("x: answered", status, told)
    assert check.ok is ok
    assert bool(check.todo) is not ok


def test_what_to_do_stands_below_a_caret(shell: Shell) -> None:
    """A finding of several lines keeps its picture; the advice has a line of its own."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", "version: 1\nrules:\n  - trakc: T\n")
    lines = shell.run("doctor", "--sandbox").stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().endswith("^"))
    assert lines[at + 1].strip() == "see all of it with: browsee-adapter check shop.yaml"
