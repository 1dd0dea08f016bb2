"""What is behind `--url` may be anything: a command ends with a sentence, and prints nothing that a terminal obeys."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from adapter.printable import printable_lines
from tests.unit.cli.conftest import Shell
from tests.unit.cli.test_hostile_text import EVIL, PYTHON

COMMANDS = [
    ("events", "list"),
    ("events", "list", "--json"),
    ("events", "show", "1"),
    ("events", "tail"),
    ("events", "purge", "--user", "u", "--yes"),
    ("events", "deletions"),
    ("where", "1"),
    ("dead", "list"),
    ("dead", "list", "--group"),
    ("dead", "requeue", "--all"),
    ("dead", "discard", "--cause", "c", "--yes"),
    ("dead", "export", "lost.ndjson"),
    ("explain", "default", "--event", "1"),
    ("diff", "default", "default"),
    ("suggest",),
]
ANSWERS = {
    "a page": b"<html>" + EVIL.encode("utf-8", "surrogatepass"),
    "an empty object": b"{}",
    "an array": b"[]",
    "null": b"null",
    "nothing": b"",
    "not UTF-8": b'{"a": "\xff"}',
    "deep": b"[" * 100_000,
    "numbers": b'{"entries": 5, "found": 5, "deletions": 5, "causes": 5, "chosen": 5, "next": 5, "newest": 5}',
    "text": json.dumps({name: [EVIL] for name in ("entries", "found", "deletions", "causes", "chosen")}).encode(),
    "wrong members": json.dumps(
        {name: [{"id": EVIL, "outcome": EVIL}] for name in ("entries", "found", "deletions", "causes", "chosen")}
        | {"next": None, "newest": EVIL, "pending": []}
    ).encode(),
    "a message": json.dumps({"success": False, "code": EVIL, "message": EVIL}).encode(),
    "a message that is none": b'{"success": false, "code": 5, "message": {"a": ["x"]}}',
}  # fmt: skip
STATUSES = {"200": 200, "400": 400, "503": 503}


class Hostile(BaseHTTPRequestHandler):
    """Answers everything with `status` and `body`."""

    status: ClassVar[int] = 200
    body: ClassVar[bytes] = b""
    location: ClassVar[str] = ""

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.body)))
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        self.wfile.write(self.body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: Any) -> None:
        """Keep the output of the test clean."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hostile) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_any_answer_ends_with_a_sentence(
    shell: Shell, url: str, command: tuple[str, ...], answer: bytes, status: int
) -> None:
    """Never a traceback, never exit code 70, and never the server's text raw."""
    Hostile.status, Hostile.body, Hostile.location = status, answer, ""
    result = shell.run(*command, "--url", url, env={"ADAPTER_ADMIN_TOKEN": "token"})
    said = result.stdout + result.stderr
    assert result.exit_code in ((0, 1, 2) if status == 200 else (2,)), said
    assert [hex(ord(one)) for one in said if printable_lines(one) != one] == []
    assert not [word for word in PYTHON if word in said], said
    assert said.strip() or result.exit_code == 0


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_redirect_is_not_followed(shell: Shell, url: str, command: tuple[str, ...]) -> None:
    """The token goes to the address that was given, and to no other."""
    Hostile.status, Hostile.body, Hostile.location = 302, b"", "http://elsewhere.test/"
    result = shell.run(*command, "--url", url, env={"ADAPTER_ADMIN_TOKEN": "token"})
    assert result.exit_code == 2
    assert "answered 302" in result.stderr
