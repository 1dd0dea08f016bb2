"""`doctor` tries each part once and says what to do, without ever sending an event."""

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapter.cli.doctor import doctor_check
from adapter.errors import ConfigError
from adapter.model import Reason
from adapter.queue.sqlite.queue import SqliteQueue
from tests.unit.cli.conftest import SETTINGS, Shell
from tests.unit.cli.queues import a_rejection, fill


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
        shown = b'{"status": "failure", "message": "apiKey is required"}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(shown)))
        self.end_headers()
        self.wfile.write(shown)

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
    shop.write("adapter.yaml", f"listen: 127.0.0.1:8080\nbrowsee: {{url: '{browsee.url}'}}\n{SETTINGS}")
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


def test_an_operators_page_where_senders_are_is_worth_a_word(shop: Shell) -> None:
    """No problem, but somebody should know; not where the settings give operators an address of their own."""
    for more in ("console: off", "console: {edit: off}", "admin_listen: 127.0.0.1:8081", "listen: localhost:8080"):
        shop.write("adapter.yaml", f"{more}\n{SETTINGS}")
        assert "console" not in checks(shop)[1]
    shop.write("adapter.yaml", f"listen: 0.0.0.0:8080\n{SETTINGS}")
    ok, found, todo = checks(shop)[1]["console"]
    assert ok
    assert "0.0.0.0:8080" in found
    assert "admin_listen" in todo


def test_a_queue_that_is_there_is_written_and_synced(shop: Shell, unused_tcp_port: int) -> None:
    """Really, in its own file; and an address without a server is a problem with advice."""
    shop.write("adapter.yaml", f"browsee: {{url: 'http://127.0.0.1:{unused_tcp_port}'}}\n{SETTINGS}")
    asyncio.run(fill(shop.folder / "queue.db", []))
    code, found = checks(shop)
    assert code == 1
    assert found["queue"][0]
    assert "written and synced in" in found["queue"][1]
    assert not found["browsee"][0]
    assert "check browsee.url" in found["browsee"][2]


def test_broken_settings_end_it(shop: Shell) -> None:
    """The other checks depend on them."""
    shop.write("adapter.yaml", "sorces: {}\n")
    code, found = checks(shop)
    assert (code, list(found)) == (1, ["settings"])
    assert "did you mean `sources`?" in found["settings"][1]


def test_a_broken_mapping_and_a_damaged_queue_are_reported_together(shop: Shell) -> None:
    """One run shows all there is to mend."""
    shop.write("shop.yaml", "version: 1\nrules: [{dorp: x}]\n")
    shop.write("sandbox.db", "no database at all" * 1000)
    code, found = checks(shop, "--sandbox")
    assert code == 1
    assert "browsee-adapter check" in found["mapping"][2]
    assert (found["queue"][0], "cannot be used as a queue" in found["queue"][1]) == (False, True)
    assert found["browsee"][:2] == (True, "SANDBOX: the built-in stand-in takes the calls")


def test_a_folder_that_takes_no_files_is_reported(shop: Shell) -> None:
    """Before the first start already."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "sqlite:////proc/no/queue.db"))
    _, found = checks(shop, "--sandbox")
    assert not found["queue"][0]
    assert "/proc/no" in found["queue"][1]
    assert not Path("/proc/no").exists()


def _a_file_in_the_way(place: Path) -> None:
    place.parent.write_text("", encoding="utf-8")


def _a_folder_at_its_path(place: Path) -> None:
    place.mkdir(parents=True)


def _a_folder_at_its_lock(place: Path) -> None:
    place.with_name(f"{place.name}.lock").mkdir(parents=True)


def _a_folder_at_its_log(place: Path) -> None:
    place.with_name(f"{place.name}-wal").mkdir(parents=True)


def _a_folder_at_its_ballast(place: Path) -> None:
    place.with_name(f"{place.name}.ballast").mkdir(parents=True)


def _a_pipe_at_its_ballast(place: Path) -> None:
    place.parent.mkdir()
    os.mkfifo(place.with_name(f"{place.name}.ballast"))


def _a_link_to_itself(place: Path) -> None:
    place.parent.mkdir()
    place.symlink_to(place.name)


def _a_link_to_a_device(place: Path) -> None:
    place.parent.mkdir()
    place.symlink_to("/dev/full")


def _a_folder_at_the_secrets(place: Path) -> None:
    (place.parent / "generated-secrets.json").mkdir(parents=True)


_UNUSABLE = (
    _a_file_in_the_way,
    _a_folder_at_its_path,
    _a_folder_at_its_lock,
    _a_folder_at_its_log,
    _a_folder_at_its_ballast,
    _a_pipe_at_its_ballast,
    _a_link_to_itself,
    _a_link_to_a_device,
    _a_folder_at_the_secrets,
)


@pytest.mark.parametrize("spoil", _UNUSABLE, ids=lambda spoil: spoil.__name__[1:])
def test_an_unusable_place_of_the_queue_is_found(shop: Shell, spoil: Callable[[Path], None]) -> None:
    """`doctor` tries what the service does at its start, and says which file it is and why."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "sqlite:///data/q/queue.db"))
    (shop.folder / "data").mkdir()
    spoil(shop.folder / "data/q/queue.db")
    code, found = checks(shop)
    assert code == 1
    assert not found["queue"][0]
    assert "data/q" in found["queue"][1]


@pytest.mark.parametrize("spoil", _UNUSABLE[:-1], ids=lambda spoil: spoil.__name__[1:])
async def test_an_unusable_place_of_the_queue_is_refused(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """The service ends with an error that is the operator's, and leaves nothing open or locked."""
    place = tmp_path / "q/queue.db"
    spoil(place)
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ConfigError, match=re.escape(str(place))):
        await SqliteQueue.open(place, now=time.time)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.parametrize("name", ["data/q/queue.db", "/proc/no/queue.db", "/sys/no/queue.db", f"{'n' * 300}.db"])
def test_a_service_without_a_usable_place_exits_with_2(shop: Shell, name: str) -> None:
    """With the reason in the last line and no traceback: a file in the way, a file system or a name that is refused."""
    shop.write("data", "in the way")
    shop.write("adapter.yaml", f"admin_token: {'t' * 20}\n{SETTINGS}".replace("///queue.db", f"///{name}"))
    command = [sys.executable, "-m", "adapter", "serve", "--port", "0"]
    ended = subprocess.run(command, capture_output=True, cwd=shop.folder, check=False, timeout=60)
    assert ended.returncode == 2, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert name.rpartition("/")[0].encode() in ended.stderr.splitlines()[-1]
    assert shop.run("events", "list").exit_code == 2


def test_doctor_leaves_no_folder_behind(shop: Shell) -> None:
    """It makes the folder of the queue as the service does, and takes away what it made and nothing else."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "sqlite:///data/a/b/queue.db"))
    (shop.folder / "data").mkdir()
    _, found = checks(shop, "--sandbox")
    assert found["queue"][0]
    assert not list((shop.folder / "data").iterdir())


def test_a_file_of_an_older_version_is_left_to_the_service(shop: Shell) -> None:
    """It can be written, and its owner upgrades it: not `doctor`, nor a command that reads it."""
    shop.write("adapter.yaml", SETTINGS)
    asyncio.run(fill(shop.folder / "queue.db", []))
    with closing(sqlite3.connect(shop.folder / "queue.db")) as file:
        file.execute("PRAGMA user_version = 2")
        _, found = checks(shop)
        listed = shop.run("events", "list")
        assert file.execute("PRAGMA user_version").fetchone() == (2,)
    assert found["queue"][0]
    assert "the service upgrades the file at its start" in found["queue"][2]
    assert listed.exit_code == 2
    assert "older version" in listed.output


def test_output_that_cannot_be_written_is_no_fault_of_ours(shop: Shell) -> None:
    """A full disk under `> file`: said in one line, exit code 2."""
    command = [sys.executable, "-m", "adapter", "schema", "settings"]
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=shop.folder, check=False, timeout=60)
    assert ended.returncode == 2, ended.stderr
    assert b"the output: No space left on device" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_a_queue_in_memory_is_no_problem_but_reported(shop: Shell) -> None:
    """What it means is said."""
    shop.write("adapter.yaml", SETTINGS.replace("sqlite:///queue.db", "'memory:'"))
    _, found = checks(shop, "--sandbox")
    assert found["queue"] == (
        True,
        "in memory, at most 256 MB",
        "pending events are lost at a stop; name a file with `queue:` to keep them",
    )


@pytest.mark.parametrize(
    ("status", "shown", "ok"),
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
def test_answers_to_an_empty_call_are_judged(status: int, shown: bytes, ok: bool) -> None:
    """Documented is 400; a page or a redirect is somebody else; a problem says what to do."""
    check = doctor_check("x: answered", status, shown)
    assert check.ok is ok
    assert bool(check.todo) is not ok


def test_what_to_do_stands_below_a_caret(shell: Shell) -> None:
    """A finding of several lines keeps its picture; the advice has a line of its own."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", "version: 1\nrules:\n  - trakc: T\n")
    lines = shell.run("doctor", "--sandbox").stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().endswith("^"))
    assert lines[at + 1].strip() == "for all findings: browsee-adapter check shop.yaml"


def test_deletion_requests_that_wait_are_reported(shop: Shell, browsee: Browsee) -> None:
    """By doctor and, where it checks the settings in force, by check: they are easily missed among rejections."""
    waiting = replace(
        a_rejection(b'{"type":"delete","userId":"u-1"}'), reason=Reason.DELETION_UNAUTHORISED, message_id="delete-1"
    )
    asyncio.run(fill(shop.folder / "queue.db", [], [waiting, waiting]))
    shop.write("adapter.yaml", SETTINGS + f"browsee: {{url: {browsee.url}}}\n")
    said = "2 deletion requests of source shop wait: it has neither signing_secrets nor deletions: on"
    code, found = checks(shop)
    assert (code, found["deletions"][0], found["deletions"][1].startswith(said)) == (0, True, True)
    checked = shop.run("check")
    assert (checked.exit_code, said in checked.stderr) == (0, True)
    assert "deletion" not in shop.run("check", "adapter.yaml").output
    shop.write(
        "adapter.yaml", (SETTINGS + f"browsee: {{url: {browsee.url}}}\n").replace("keys:", "deletions: on, keys:")
    )
    assert "then dead requeue" in checks(shop)[1]["deletions"][1]


def test_without_the_key_of_browsee_all_else_is_tried(shop: Shell) -> None:
    """The first thing that a new user lacks; what else is wrong they see in the same run."""
    shop.write("adapter.yaml", SETTINGS.replace("browsee_api_key: key", 'browsee_api_key: "${BROWSEE_API_KEY}"'))
    shop.write("shop.yaml", "version: 1\nrulez: []\n")

    found = shop.run("doctor", "--json", env={"BROWSEE_URL": "http://127.0.0.1:9", "BROWSEE_API_KEY": ""})

    parts = [(line["part"], line["ok"]) for line in map(json.loads, found.stdout.splitlines())]
    assert found.exit_code == 1
    assert parts[0] == ("settings", False)
    assert ("mapping", False) in parts
    assert ("queue", True) in parts
    assert parts[-1] == ("browsee", False)


def test_with_settings_that_cannot_be_used_the_mappings_are_checked(shop: Shell) -> None:
    shop.write("adapter.yaml", SETTINGS + "quue: memory\n")

    found = shop.run("doctor", "--json")

    parts = [(line["part"], line["ok"]) for line in map(json.loads, found.stdout.splitlines())]
    assert (found.exit_code, parts) == (1, [("settings", False), ("mapping", True)])
