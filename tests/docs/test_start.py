"""README.md and docs/start.md, walked from the first line to the last: what they show is printed, and happens."""

import fnmatch
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapter.cli.env_file import variables
from tests.docs.commands import LEFT_OUT, PARSED, STAYING, WALKED, lines_of, why_not
from tests.docs.pages import PAGES
from tests.docs.scene import WITHIN_S, Staying, checkout_in, environment, run, staying

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LAST_RULE = "  - name: All track events"


def shows(shown: str, printed: str) -> bool:
    """Each line of `shown` is printed, in this order, perhaps with others between; `…` stands for anything."""
    lines = iter(printed.splitlines())
    patterns = [re.sub(r"([\[\]*?])", r"[\1]", line).replace("…", "*") for line in shown.splitlines()]
    return all(any(fnmatch.fnmatchcase(line, pattern) for line in lines) for pattern in patterns)


class Walk:
    """Somebody who reads the page and does what it says, in two terminals."""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self._running = ExitStack()
        self._service: Staying | None = None
        self._stands_for: dict[str, str] = {}
        self._last: str | None = None
        self._printed = ""
        self._rule = ""

    def do(self, line: str) -> None:
        """One line of a code block."""
        self._last = None
        if line.startswith("cd "):
            self.folder = self.folder / line.removeprefix("cd ")
        elif STAYING.search(line):
            self._start(line)
        elif why_not(line, {**PARSED, **LEFT_OUT}) is None:
            self._last = self._written(line)
            self._printed = run(self._last, folder=self.folder, environ=self.environ)

    def edit(self, rule: str) -> None:
        """Put `rule` above the last one of the mapping, in place of the one put there before."""
        own = self.folder / "mappings/shop.yaml"
        file = own if own.exists() else self.folder / "data/mapping.yaml"
        text = file.read_text(encoding="utf-8").replace(self._rule, "")
        assert _LAST_RULE in text
        self._rule = f"{rule}\n"
        file.write_text(text.replace(_LAST_RULE, self._rule + _LAST_RULE), encoding="utf-8")
        self._last = None

    def see(self, shown: str) -> None:
        """What the page shows is what the last command printed, or the service since it was looked at last."""
        shown = self._written(shown)
        end_s = time.monotonic() + WITHIN_S
        while not shows(shown, self._printed if self._last else self._said()):
            assert time.monotonic() < end_s, f"{shown}\nis not in\n{self._printed if self._last else self._said()}"
            time.sleep(0.05)
            if self._last is not None:
                self._printed = run(self._last, folder=self.folder, environ=self.environ)
        if self._service is not None and self._last is None:
            self._service.seen = len(self._service.file.read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Ctrl-C in the first terminal."""
        self._running.close()

    def _said(self) -> str:
        assert self._service is not None
        return self._service.file.read_text(encoding="utf-8")[self._service.seen :]

    def _start(self, line: str) -> None:
        self.stop()
        log = self.folder / f"terminal-{time.monotonic_ns()}"
        self._service = self._running.enter_context(staying(line, folder=self.folder, environ=self.environ, log=log))
        here = self._service.said(r"Health: (http://127\.0\.0\.1:\d+)")[1]
        generated = json.loads((self.folder / "data/generated-secrets.json").read_text(encoding="utf-8"))
        env_file = self.folder / ".env"
        written = variables(env_file.read_text(encoding="utf-8")) if env_file.exists() else {}
        self._stands_for = {
            "http://127.0.0.1:8080": here,
            "<key>": next(iter(generated["keys"].values())),
            "<admin_token>": written.get("ADAPTER_ADMIN_TOKEN") or generated["admin_token"],
        }

    def _written(self, text: str) -> str:
        for shown, real in self._stands_for.items():
            text = text.replace(shown, real)
        return re.sub(r"(?m)^curl ", "curl -sSf ", text)


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    """The walk begins in a checkout; Browsee is a stand-in, because the real one would take a real event."""
    environ = environment(PORT="0", ADAPTER_PORT="0", ADAPTER_HOST="127.0.0.1", ADAPTER_LOG_FORMAT="text")
    with ExitStack() as stack:
        sandbox = stack.enter_context(
            staying("exec browsee-adapter sandbox --port 0", folder=tmp_path, environ=environ, log=tmp_path / "sandbox")
        )
        environ["BROWSEE_URL"] = sandbox.said(r"browsee\.url: (\S+)")[1]
        (tmp_path / "clone").mkdir()
        walk = Walk(checkout_in(tmp_path / "clone"), environ)
        stack.callback(walk.stop)
        yield walk


@pytest.mark.parametrize("page", WALKED)
def test_the_first_ten_minutes(walk: Walk, page: str) -> None:
    """Every command works, every edit does what is said, every output is printed."""
    for language, code in _BLOCK.findall(PAGES[page]):
        if language == "yaml":
            walk.edit(code)
        elif language == "text":
            walk.see(code)
        else:
            for line in lines_of(code):
                walk.do(line)
