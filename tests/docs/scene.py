"""A place where the commands of the pages mean something: a shop with its files, its service and its events."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapter.queue.sqlite.admin import SqliteQueueAdmin
from tests.docs.pages import ROOT
from tests.unit.cli.conftest import MAPPING

WITHIN_S = 30.0
KEY = "a-key-of-shop"
ADMIN_TOKEN = "admin-token-of-the-scene"
ORDER = {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": 27.5}}

_SETTINGS = f"""\
listen: 127.0.0.1:0
queue: sqlite:///data/adapter.db
admin_token: {ADMIN_TOKEN}
sources:
  shop: {{keys: [{KEY}], mapping: mappings/shop.yaml, browsee_api_key: "${{BROWSEE_API_KEY}}"}}
"""


def environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of its own, with the command `browsee-adapter` on its path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
    return {**clean, "PATH": f"{Path(sys.executable).parent}:{clean['PATH']}", "PYTHONUNBUFFERED": "1", **more}


@dataclass(slots=True)
class Staying:
    """A command that goes on; `file` gets what it prints."""

    process: subprocess.Popen[bytes]
    file: Path
    seen: int = 0

    def said(self, pattern: str) -> re.Match[str]:
        """The first match in what it prints; fails if it ends or takes too long before."""
        end_s = time.monotonic() + WITHIN_S
        while True:
            text = self.file.read_text(encoding="utf-8")
            found = re.search(pattern, text)
            if found is not None:
                return found
            assert self.process.poll() is None, text
            assert time.monotonic() < end_s, text
            time.sleep(0.02)


@contextmanager
def staying(line: str, *, folder: Path, environ: Mapping[str, str], log: Path) -> Iterator[Staying]:
    """`line` run by a shell until the block ends; it and what it started get SIGINT then, as by Ctrl-C."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["bash", "-c", line], cwd=folder, env=environ, stdout=out, stderr=out, start_new_session=True
        )
    try:
        yield Staying(process, log)
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(WITHIN_S)


def run(line: str, *, folder: Path, environ: Mapping[str, str], answer: str = "y\n") -> str:
    """What `line` prints when a shell runs it. Fails unless it ends with 0."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder, env=environ, input=answer, capture_output=True, text=True, check=False, timeout=WITHIN_S,
    )  # fmt: skip
    assert done.returncode == 0, f"{line}\nended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def checkout_in(folder: Path) -> Path:
    """A checkout of this project for `make`, with the environment at hand, so that nothing is installed."""
    for name in ("scripts", "cluster", "mappings"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "requirements", folder / "requirements")
    venv = folder / ".venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    for name in ("run", "dev"):
        stamp = ["scripts/stamp", "write", f".venv/.{name}-installed", f"requirements/{name}.lock", "pyproject.toml"]
        subprocess.run(stamp, cwd=folder, check=True)
    return folder


@dataclass(slots=True)
class Scene:
    """`folder` is where commands are run, `environ` what they get; the service listens at `url`."""

    folder: Path
    url: str
    environ: dict[str, str]
    logs: Path
    stands_for: dict[str, str] = field(default_factory=dict)

    def written(self, line: str) -> str:
        """`line` with what is really there for what the pages write instead."""
        for shown, real in self.stands_for.items():
            line = re.sub(rf"(?<!\w){re.escape(shown)}(?!\w)", real, line)
        # An answer that is an error is no success for who pastes the line.
        return re.sub(r"\bcurl ", "curl -sSf ", line)

    def shell_after(self, exports: Iterable[str]) -> dict[str, str]:
        """The environment of a shell that has done these lines."""
        environ = dict(self.environ)
        for line in map(self.written, exports):
            name = line.removeprefix("export ").partition("=")[0]
            environ[name] = run(f'{line}\nprintf %s "${name}"', folder=self.folder, environ=environ)
        return environ

    def send(self, message: Mapping[str, object]) -> None:
        """One message to the service; that it is refused is fine."""
        subprocess.run(
            ["curl", "-sS", f"{self.url}/webhooks/shop/{KEY}", "-d", json.dumps(message)],
            check=True,
            capture_output=True,
        )

    def have_failures(self) -> None:
        """See to it that there is a dead letter and a rejection, and note their ids for those that the pages show."""
        self.send({"type": "track", "event": "Order Completed", "userId": "u-2"})
        self.send({"type": "track", "userId": "u-2"})
        end_s = time.monotonic() + WITHIN_S
        with SqliteQueueAdmin.open(self.folder / "data/adapter.db") as admin:
            while not (letters := admin.dead()):
                assert time.monotonic() < end_s
                time.sleep(0.02)
            # A rejection is stored before its sender is answered.
            self.stands_for |= {"4711": str(letters[0].seq), "r12": f"r{admin.rejections()[0].number}"}

    def have_recorded(self, *, written_by_block: bool) -> None:
        """The stored events as events.ndjson, or no such file for a block that writes it."""
        for file in self.folder.glob("*.ndjson*"):
            file.unlink()
        if not written_by_block:
            shutil.copy(self.logs / "events.ndjson", self.folder)


@contextmanager
def scene_in(folder: Path) -> Iterator[Scene]:
    """A shop whose service delivers to a stand-in, with an event in each state that the pages speak of."""
    shop, logs = folder / "shop", folder / "logs"
    logs.mkdir()
    (shop / "mappings").mkdir(parents=True)
    for name, text in {
        "adapter.yaml": _SETTINGS,
        "mappings/shop.yaml": MAPPING,
        "mappings/default.yaml": MAPPING,
        "old.yaml": MAPPING,
        "event.json": json.dumps(ORDER),
        "shop.key": KEY,
        "shop.secret": "a-secret-that-signs",
    }.items():
        (shop / name).write_text(text, encoding="utf-8")
    with ExitStack() as stack:
        environ = environment(BROWSEE_API_KEY="browsee-key", ADAPTER_ADMIN_TOKEN=ADMIN_TOKEN, ADAPTER_PORT="0")
        sandbox = stack.enter_context(
            staying("exec browsee-adapter sandbox --port 0", folder=folder, environ=environ, log=logs / "sandbox")
        )
        environ["BROWSEE_URL"] = sandbox.said(r"browsee\.url: (\S+)")[1]
        service = stack.enter_context(
            staying("exec browsee-adapter serve", folder=shop, environ=environ, log=logs / "serve")
        )
        url = service.said(r"http://127\.0\.0\.1:\d+")[0]
        scene = Scene(shop, url, environ, logs)
        scene.stands_for = {
            "http://127.0.0.1:8080": url,
            "https://adapter.example.com": url,
            "<key>": KEY,
            "ADAPTER_ADMIN_TOKEN=…": f"ADAPTER_ADMIN_TOKEN={ADMIN_TOKEN}",
        }
        for message_id in ("order-1", "0b5e3e1c-order-1"):
            scene.send({**ORDER, "messageId": message_id})
        scene.have_failures()
        run(f"browsee-adapter export {logs}/events.ndjson", folder=shop, environ=environ)
        yield scene
