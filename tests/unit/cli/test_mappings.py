"""The history of a mapping file at the command line, and the way back."""

import asyncio
from pathlib import Path

import pytest

from adapter.queue.address import SqliteFile
from adapter.queue.backends import open_queue
from adapter.queue.records import QueueOptions
from tests.fakes import FakeClock
from tests.unit.cli.conftest import MAPPING, SETTINGS, Shell

EARLIER = f"# an earlier text\n{MAPPING}"


@pytest.fixture
def shop(shell: Shell) -> Shell:
    """A shop whose mapping was activated twice, and whose file holds a third text."""
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", f"# now\n{MAPPING}")

    async def activate() -> None:
        clock = FakeClock()
        queue = await open_queue(SqliteFile(shell.folder / "queue.db"), QueueOptions(), now=clock, wall=clock)
        await queue.keep_mapping(name="shop.yaml", version="aaa", text=EARLIER)
        await queue.keep_mapping(name="shop.yaml", version="bbb", text="version: 1 # broken", by="console 192.0.2.7")
        await queue.close()

    asyncio.run(activate())
    return shell


def test_the_history_names_version_time_and_author(shop: Shell) -> None:
    """The newest first, and which is active."""
    rows = [line.split("\t") for line in shop.run("mappings", "history", "shop").stdout.splitlines()]
    assert [(row[0], row[1], row[3]) for row in rows] == [("2", "bbb", "console 192.0.2.7"), ("1", "aaa", "file")]
    assert rows[0][4] == "active"
    assert "no activation of the mapping of none is kept" in shop.run("mappings", "history", "none").output


def test_a_text_is_printed_as_it_was(shop: Shell) -> None:
    """So that it can be put into a file."""
    assert shop.run("mappings", "show", "shop", "1").stdout == EARLIER
    unknown = shop.run("mappings", "show", "shop", "9")
    assert (unknown.exit_code, "no activation 9" in unknown.output) == (2, True)


def test_a_rollback_puts_the_text_into_the_file(shop: Shell) -> None:
    """After asking; one that does not check stays out."""
    file: Path = shop.folder / "shop.yaml"
    before = file.read_text()
    assert shop.run("mappings", "rollback", "shop", "1", stdin="n\n").exit_code == 1
    broken = shop.run("mappings", "rollback", "shop", "2", "--yes")
    assert (broken.exit_code, file.read_text()) == (2, before)
    done = shop.run("mappings", "rollback", "shop", "1", "--yes")
    assert (done.exit_code, file.read_text()) == (0, EARLIER)
    assert "is version aaa again" in done.output
    # The text that was there is in no history, so it stays beside the file; one that is kept does not.
    assert [each.read_text() for each in shop.folder.glob("shop.yaml.before-*")] == [before]
    assert shop.run("mappings", "rollback", "shop", "1", "--yes").exit_code == 0
    assert len(list(shop.folder.glob("shop.yaml.before-*"))) == 1


def test_a_rollback_is_checked_for_every_source_of_the_file(shop: Shell) -> None:
    """Also for one that names the file by a link: a private source would store all without guards."""
    file: Path = shop.folder / "shop.yaml"
    (shop.folder / "link.yaml").symlink_to("shop.yaml")
    private = "  more: {keys: [a-key-of-more], mapping: link.yaml, browsee_api_key: key, store: private}\n"
    shop.write("adapter.yaml", f"hash_key: {'k' * 64}\n{SETTINGS}{private}")
    before = file.read_text()
    refused = shop.run("mappings", "rollback", "shop", "1", "--yes")
    assert (refused.exit_code, file.read_text()) == (2, before)
    assert "has no `privacy`" in refused.output, refused.output
