"""The manual page is one that `man` reads, with every command."""

import os
import shutil
import subprocess

import pytest

from adapter.cli.main import main
from tests.command_line import commands_of
from tests.docs import man_page
from tests.docs.pages import ROOT

FILE = ROOT / man_page.PAGE


@pytest.mark.parametrize(
    "words",
    [("mandoc", "-Tlint", "-Werror"), ("man", "--warnings", "-l")],
    ids=lambda words: str(words[0]),
)
def test_what_shows_manual_pages_has_nothing_to_say(words: tuple[str, ...]) -> None:
    """Of errors; that there is no date is meant, for the page has no version."""
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} here")
    environ = {**os.environ, "MANWIDTH": "100"}
    shown = subprocess.run([*words, FILE], capture_output=True, text=True, check=True, env=environ)
    assert shown.stderr == ""


def test_every_command_is_on_the_page() -> None:
    text = FILE.read_text(encoding="utf-8").replace("\\-", "-")
    for name, command in commands_of(main).items():
        assert f'.SS "browsee-adapter {name} ' in text
        for option in (one for param in command.params for one in param.opts if one.startswith("--")):
            assert option in text
