"""A mapping is activated while another program saves it, and the process is killed at every line: no text is lost."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from adapter.queue.backends import open_admin
from adapter.queue.contract import Queue
from adapter.service.mapping_files import MappingFiles
from adapter.service.mappings import Active, activate
from adapter.service.rewriting import etag_of
from adapter.service.wiring import open_queue
from adapter.settings.load import load_settings
from adapter.settings.settings import Settings
from tests.unit.cli.conftest import MAPPING

OLD = MAPPING.replace("expect: [{track: ORDER_COMPLETED, ", "expect: [{")
UNSAVED, THEIRS, NEW = f"# was never active: [\n{OLD}rules: []\n", f"# theirs\n{OLD}", f"# new\n{OLD}"
SETTINGS = """\
queue: sqlite:///queue.db
sources:
  shop: {keys: [a-key-of-shop], mapping: shop.yaml, browsee_api_key: key}
"""
TRACED = "rewriting.py"
DONE, LOST = 0, 4


def test_a_kill_at_any_line_loses_no_text(tmp_path: Path) -> None:
    """Neither what was on disk but not active, nor what another program saved in the last moment: each is in the file
    or, after the next start, in its history.
    """
    command = [sys.executable, "-B", "-c", f"from {__name__} import main; main()", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.splitlines()[-1]) > 20, "the lines that were traced"


def main() -> None:
    """Activate in a copy of this process, killed at its line 1, 2, 3, … until one comes to its end; after each of them
    a second copy starts on what is left. Prints how many lines there were.
    """
    for step in range(1, 1_000):
        folder = Path(sys.argv[1]) / "copy"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "adapter.yaml").write_text(SETTINGS)
        (folder / "shop.yaml").write_text(OLD)
        ended = in_a_copy(partial(write_until, step, folder))
        if in_a_copy(partial(look_after, folder)) != DONE:
            raise SystemExit(f"killed at line {step}: a text is lost")
        if ended == DONE:
            sys.stdout.write(f"{step}\n")
            return
    raise SystemExit("it never came to its end")


def in_a_copy(work: Callable[[], Any]) -> int:
    """The exit status of a copy of this process that does `work`, negative for a signal."""
    process = os.fork()
    if process == 0:
        try:
            os._exit(work() or DONE)
        except BaseException:
            traceback.print_exc()
        os._exit(LOST)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def write_until(step: int, folder: Path) -> None:
    file = folder / "shop.yaml"
    lines: int | None = None

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.endswith(TRACED):
            return None
        if event == "line" and lines is not None:
            lines += 1
            if lines == step:
                os.kill(os.getpid(), signal.SIGKILL)
        elif event == "call" and frame.f_code.co_name == "replace_file":
            lines = 0
        elif event == "call" and frame.f_code.co_name == "_exchange":
            own = folder / "of-the-editor"
            own.write_text(THEIRS)
            own.replace(file)
        return trace

    def work(files: MappingFiles, loop: asyncio.AbstractEventLoop) -> None:
        file.write_text(UNSAVED)
        sys.settrace(trace)
        files.write("shop", NEW.encode(), etag=etag_of(UNSAVED.encode()), by="console", loop=loop)
        sys.settrace(None)

    async def run() -> None:
        queue, settings, active = await started(folder)
        files = MappingFiles(settings, active, queue)
        await asyncio.to_thread(work, files, asyncio.get_running_loop())

    asyncio.run(run())


def look_after(folder: Path) -> int:
    """LOST if a text is neither in the file nor in the history, or if anything is left beside the file."""

    async def run() -> int:
        before = (folder / "shop.yaml").read_text()
        queue, settings, _ = await started(folder)
        with open_admin(settings.queue, unordered=()) as admin:
            kept = {
                admin.activated_text(each.id) for each in admin.activations(str(settings.sources[0].mapping), limit=99)
            }
        await queue.close()
        texts = {OLD, UNSAVED} | ({THEIRS, NEW} if before == NEW else set())
        left = [each.name for each in folder.iterdir() if each.name.endswith(".tmp")]
        return LOST if texts - kept - {before} or left or before not in (OLD, UNSAVED, THEIRS, NEW) else DONE

    return asyncio.run(run())


async def started(folder: Path) -> tuple[Queue, Settings, Active]:
    settings = load_settings(
        file=folder / "adapter.yaml", environ={"ADAPTER_ADMIN_TOKEN": "a-token-of-16-chars"}, sandbox=True
    )
    queue = await open_queue(settings, now=time.time)
    return queue, settings, await activate(settings, archive=queue, emit=lambda _: None, strict=False)
