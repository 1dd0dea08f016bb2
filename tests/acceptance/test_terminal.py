"""`serve` on a real terminal shows events and not the debug log."""

import asyncio
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_END_S = 60.0


class Screen:
    """What a process in a terminal of 100 columns has shown."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._bytes = b""

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
    *arguments: str, folder: Path, environ: dict[str, str]
) -> Iterator[tuple[Screen, subprocess.Popen[bytes]]]:
    """The command in a terminal of its own."""
    ours, theirs = pty.openpty()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "adapter", *arguments],
        cwd=folder,
        env={**clean, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", **environ},
        stdin=subprocess.DEVNULL,
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
    arguments = ("serve", "--sandbox", "--host", "127.0.0.1", "--port", "0")
    key = {"ADAPTER_WRITE_KEY": "a-key-of-the-shop"}

    with in_terminal(*arguments, folder=tmp_path, environ=key) as (screen, process):
        url = (await screen.until(r"http://127\.0\.0\.1:\d+/webhooks/default/a-key-of-the-shop")).group()
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
