"""Runs commands in a folder of their own."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from adapter.cli.main import main

MAPPING = """\
version: 1
rules:
  - when: {type: track, event: Order Completed}
    track: ORDER_COMPLETED
    properties: {total: {from: properties.total, apply: [number], required: true}}
  - name: all the rest
    when: {type: [track, identify, page, screen, group, alias]}
    drop: nothing but orders
tests:
  - name: an order
    given: {type: track, event: Order Completed, properties: {total: "27.50"}}
    expect: [{track: ORDER_COMPLETED, properties: {total: 27.5}}]
  - name: anything else
    given: {type: track, event: Other}
    expect: {drop: orders}
"""

SETTINGS = """\
queue: sqlite:///queue.db
sources:
  shop: {keys: [a-key-of-shop], mapping: shop.yaml, browsee_api_key: key}
"""


class Shell:
    """The command line in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str) -> str:
        """Write a file into the folder and return its name."""
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def run(self, *words: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Result:
        """Run `browsee-adapter` with these words."""
        return CliRunner().invoke(main, words, input=stdin, env=env, prog_name="browsee-adapter")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A command line whose current directory is empty."""
    monkeypatch.chdir(tmp_path)
    for name in ("ADAPTER_HASH_KEY", "BROWSEE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Shell(tmp_path)


@pytest.fixture
def shop(shell: Shell) -> Shell:
    """A command line where settings and mapping of one source lie, and no queue yet."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", MAPPING)
    return shell
