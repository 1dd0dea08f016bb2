"""`serve` on a real terminal shows events and not the debug log."""

import asyncio
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_END_S = 60.0
_SERVE = ("serve", "--sandbox", "--host", "127.0.0.1", "--port", "0")
_KEY = {"ADAPTER_WRITE_KEY": "a-key-of-the-shop"}
_WEBHOOK = r"http://127\.0\.0\.1:\d+/webhooks/default/a-key-of-the-shop"


class Screen:
    """What a process in a terminal of 100 columns has shown."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._bytes = b""

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._file, keys)

    @property
    def text(self) -> str:
        return _ESCAPES.sub("", self._bytes.decode("utf-8", "replace"))

    async def until(self, pattern: str) -> re.Match[str]:
        """The first match of `pattern` on the screen."""
        async with asyncio.timeout(_END_S):
            while (found := re.search(pattern, self.text)) is None:
                self._bytes += await asyncio.to_thread(os.read, self._file, 65536)
        return found


@contextmanager
def in_terminal(
    *arguments: str, folder: Path, environ: dict[str, str], is_interactive: bool = False, typed: bytes = b""
) -> Iterator[tuple[Screen, subprocess.Popen[bytes]]]:
    """The command in a terminal of its own, where `typed` was typed before; `is_interactive`: it reads keys."""
    ours, theirs = pty.openpty()
    os.write(ours, typed)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    process = subprocess.Popen(
        # setsid makes the terminal that of a session, as a login does, and becomes the command.
        [*(["setsid", "--ctty"] if is_interactive else []), sys.executable, "-m", "adapter", *arguments],
        cwd=folder,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", **environ},
        stdin=theirs if is_interactive else subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        yield Screen(ours), process
    finally:
        process.kill()
        process.wait()
        os.close(ours)


async def test_serve_on_a_terminal_shows_each_event_and_no_debug_log(tmp_path: Path) -> None:
    """The log's own lines go above what is pending; Ctrl-C ends it as everywhere."""
    with in_terminal(*_SERVE, folder=tmp_path, environ=_KEY) as (screen, process):
        url = (await screen.until(_WEBHOOK)).group()
        await screen.until(r"id +time +event +user +outcome +why")
        async with aiohttp.ClientSession() as http:
            message = {"type": "track", "event": "Order\x1b[2J Completed", "userId": "u-77", "properties": {"total": 1}}
            async with http.post(url, json=message) as response:
                assert response.status == 200
        await screen.until("1  [0-9:]{8}  track Order\ufffd\\[2J Compl…? *\\S* +u-77 +✓ delivered")
        process.send_signal(signal.SIGINT)
        await screen.until("service stopped")

    assert "messages stored" not in screen.text
    assert "event delivered" not in screen.text


@pytest.mark.skipif(shutil.which("setsid") is None, reason="there is no setsid here")
async def test_enter_shows_the_greeting_again(tmp_path: Path) -> None:
    """After a day of events the address of the console is far up."""
    with in_terminal(*_SERVE, folder=tmp_path, environ=_KEY, is_interactive=True) as (screen, process):
        await screen.until(r"id +time +event")
        screen.type(b"\n")
        await screen.until(rf"(?s)id +time +event.*{_WEBHOOK}.*/console/.*Show this again: Enter\s+id +time +event")
        process.send_signal(signal.SIGINT)
        await screen.until("service stopped")


async def test_a_stopped_terminal_stops_no_service(tmp_path: Path) -> None:
    """Ctrl-S, or a terminal far away that takes nothing: senders are answered, and SIGTERM ends the service."""
    with in_terminal(*_SERVE, folder=tmp_path, environ=_KEY) as (screen, process):
        url = (await screen.until(_WEBHOOK)).group()
        await screen.until(r"id +time +event")
        screen.type(b"\x13")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_END_S)) as http:
            # The refusals are lines of the log, the event is a line of the flow.
            for number in range(20):
                async with http.post(f"{url}-{number}", json={"type": "track"}) as response:
                    assert response.status == 401
            async with http.post(url, json={"type": "track", "event": "Signed Up", "userId": "u"}) as response:
                assert response.status == 200
        process.terminate()
        assert await asyncio.to_thread(process.wait, _END_S) == 0


async def test_a_stopped_terminal_keeps_no_service_that_failed(tmp_path: Path) -> None:
    """The error cannot be shown there, and the exit status says it: a supervisor can act."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with in_terminal("serve", "--sandbox", "--port", port, folder=tmp_path, environ=_KEY, typed=b"\x13") as (
            _,
            process,
        ):
            assert await asyncio.to_thread(process.wait, _END_S) == 2
