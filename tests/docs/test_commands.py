"""Every command in README or docs/ does what the page says: each is run, or the tables say why not."""

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from adapter.cli.main import main
from tests.command_line import commands_of
from tests.docs.commands import (
    LEFT_OUT,
    PARSED,
    SHOWN,
    STAYING,
    WALKED,
    Block,
    exported,
    is_command,
    lines_of,
    shown_blocks,
    why_not,
)
from tests.docs.pages import PAGES, blocks
from tests.docs.scene import Scene, checkout_in, run, scene_in, staying

BLOCKS = [block for page in SHOWN if page not in WALKED for block in shown_blocks(page)]
SEEN = {line for page in SHOWN for code in blocks(PAGES[page], "") for line in lines_of(code)}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene_in(tmp_path_factory.mktemp("commands")) as made:
        yield made


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout_in(tmp_path_factory.mktemp("checkout"))


def parsed(words: list[str], mappings: Path) -> None:
    """Let the command line judge the words after `browsee-adapter`, without doing anything.

    A container does `serve` if there are none, and has its mappings in a folder of its own.
    """
    words = [word.replace("/mappings/", f"{mappings}/") for word in words or ["serve"]]
    group: click.Command = main
    while isinstance(group, click.Group) and words and not words[0].startswith("-"):
        group, words = commands_of(group)[words[0]], words[1:]
    group.make_context("browsee-adapter", list(words), resilient_parsing=False)


def stayed(line: str, environ: Mapping[str, str], folder: Path) -> None:
    """It starts, says something of its own, and can be stopped."""
    with staying(line, folder=folder, environ=environ, log=folder / "stays.log") as started:
        started.said(r"Webhook of |sent to no one else|\tshop\t")


def done(line: str, environ: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends well. A plain call of the command is run in this process, which takes a fiftieth of the time."""
    words = shlex.split(line)
    if words[0] != "browsee-adapter" or {"|", ">", "<", "&&"} & set(words):
        run(line, folder=folder, environ=environ)
        return
    monkeypatch.chdir(folder)
    result = CliRunner().invoke(main, words[1:], input="y\n", env=environ, prog_name="browsee-adapter")
    assert result.exit_code == 0, f"{line}\nended with {result.exit_code}\n{result.output}"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_commands_do_what_the_page_says(
    block: Block, scene: Scene, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the block ends well, one after the other, where the block leads."""
    scene.have_recorded(written_by_block=any("export " in line for line in block.lines))
    folder, environ = scene.folder, scene.shell_after(exported(block))
    for shown in block.lines:
        if re.search(r"\bdead\b|\b4711\b", shown):
            scene.have_failures()
        line = scene.written(shown)
        if why_not(shown, LEFT_OUT) is not None:
            continue
        if why_not(shown, PARSED) is not None:
            words = shlex.split(line, comments=True)
            if "browsee-adapter" in words:
                parsed(words[words.index("browsee-adapter") + 1 :], scene.folder / "mappings")
        elif shown.startswith("cd "):
            folder = folder / shown.removeprefix("cd ")
        elif re.search(r"\bmake\b", shown):
            make = line.replace("make run", "make run PORT=0")
            stayed(make, environ, checkout) if STAYING.search(shown) else done(make, environ, checkout, monkeypatch)
        elif STAYING.search(shown):
            stayed(line, environ, folder)
        else:
            assert is_command(shown) or shown.split()[0] in ("cp", "echo", "export", "openssl"), shown
            done(line, environ, folder, monkeypatch)


@pytest.mark.parametrize("begins", [*PARSED, *LEFT_OUT])
def test_every_exception_is_needed(begins: str) -> None:
    """A reason for not running something stands only as long as a page shows it."""
    assert [line for line in SEEN if line.startswith(begins)] != []
