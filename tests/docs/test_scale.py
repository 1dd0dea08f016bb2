"""What docs/scale.md says of disk, backup and moving holds for a real queue and a real service."""

import json
import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapter.model import Outcome
from bench.sizes import STATES, bytes_an_event
from tests.docs.figures import SCALE as PAGE
from tests.docs.pages import PAGES, blocks
from tests.docs.scene import WITHIN_S, Staying, environment, run, staying

TEXT = PAGES[PAGE]
KEY = "a-key-of-shop"
SETTINGS = """\
listen: 127.0.0.1:0
browsee: {{rate: {rate}}}
sources:
  shop: {{keys: [{key}], mapping: default, browsee_api_key: key}}
"""


ROWS = ("pending", "delivered", "dead")


@pytest.mark.parametrize(("row", "outcome"), list(zip(ROWS, STATES.values(), strict=True)), ids=ROWS)
async def test_the_sizes_are_those_of_the_queue(row: str, outcome: Outcome | None, tmp_path: Path) -> None:
    """An event takes on disk what the page says, give or take a twentieth."""
    found = re.search(rf"\| {row} \| ([\d,]+) \|", TEXT)
    assert found is not None
    measured = await bytes_an_event(tmp_path / "queue.db", outcome, events=5_000)
    assert measured == pytest.approx(int(found[1].replace(",", "")), rel=0.05)


class Instance:
    """A service in a folder of its own."""

    def __init__(self, folder: Path, stack: ExitStack, *, rate: str = "1000/s") -> None:
        (folder / "data").mkdir(parents=True)
        (folder / "adapter.yaml").write_text(SETTINGS.format(rate=rate, key=KEY), encoding="utf-8")
        self.folder = folder
        self._stack = stack
        self._process = ExitStack()
        self._url = ""

    def start(self, browsee: str) -> None:
        """Serve until `stop`, delivering there."""
        line = "exec browsee-adapter serve"
        environ = environment(BROWSEE_URL=browsee)
        started: Staying = self._process.enter_context(
            staying(line, folder=self.folder, environ=environ, log=self.folder / "log")
        )
        self._stack.callback(self._process.close)
        self._url = started.said(r"Webhook of shop: (http://127\.0\.0\.1:\d+)")[1]

    def stop(self) -> None:
        """As SIGINT does, which is the same as SIGTERM."""
        self._process.close()

    def send(self, user: str) -> None:
        """One event, which is stored afterwards."""
        message = json.dumps({"type": "track", "event": "Signed Up", "userId": user}).encode()
        with urllib.request.urlopen(f"{self._url}/webhooks/shop/{KEY}", message) as answer:
            assert answer.status == 200


def arrived(browsee: str, users: set[str]) -> set[str]:
    """The users whose calls the stand-in has got, once it has those of all `users`, or after a while."""
    end_s = time.monotonic() + WITHIN_S
    while True:
        with urllib.request.urlopen(f"{browsee.removesuffix('/api/v1')}/calls?limit=1000") as answer:
            found = {call["user"] for call in json.load(answer)}
        if users <= found or time.monotonic() > end_s:
            return found
        time.sleep(0.05)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def test_a_backup_is_whole_and_a_move_loses_nothing(tmp_path: Path, stack: ExitStack) -> None:
    """The lines copy a running queue and restore it; there, and on a file moved after a stop, all is delivered."""
    sandbox = stack.enter_context(
        staying("exec browsee-adapter sandbox --port 0", folder=tmp_path, environ=environment(), log=tmp_path / "log")
    )
    browsee = sandbox.said(r"browsee\.url: (\S+)")[1]
    (backup,) = [code for code in blocks(TEXT, "") if code.startswith("(umask") and "backup(" in code]
    # At such a rate most of them wait.
    old = Instance(tmp_path / "old", stack, rate="2/s")
    copied, moved = (Instance(tmp_path / name, stack) for name in ("copied", "moved"))

    old.start(browsee)
    for number in range(20):
        old.send(f"before-{number}")
    run(backup, folder=old.folder, environ=environment())
    old.send("after")
    old.stop()

    for file in ("data/adapter.db", "data/generated-secrets.json"):
        assert file in TEXT
        shutil.copy(old.folder / file, moved.folder / file)
    shutil.copytree(old.folder / "data", copied.folder / "data", dirs_exist_ok=True)
    shutil.copy(old.folder / "backup.db", copied.folder)
    (restore,) = [code for code in blocks(TEXT, "") if "cp backup.db" in code]
    run(restore, folder=copied.folder, environ=environment())
    copied.start(browsee)
    before = {f"before-{number}" for number in range(20)}
    assert arrived(browsee, before) == before
    copied.stop()
    moved.start(browsee)
    assert arrived(browsee, {*before, "after"}) == {*before, "after"}
