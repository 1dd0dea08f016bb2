"""Repeats an action whenever one of some files is saved. Polls a few times a second, because editors replace files."""

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

import click

from adapter.cli.show import say
from adapter.errors import AdapterError
from adapter.files.regular_file import FileState, file_state

_EVERY_S: Final = 0.2
_States: TypeAlias = dict[Path, FileState] | None


def watch_files(files: Callable[[], Iterable[Path]], act: Callable[[], object]) -> None:
    """Call `act` now and after each change of `files`, which is called each time, until Ctrl-C.

    A file that `act` cannot read is reported and tried again. A terminal is cleared before each call.
    """
    is_terminal = sys.stdout.isatty()
    with suppress(KeyboardInterrupt):
        while True:
            if is_terminal:
                click.clear()
            before = _states(files)
            try:
                act()
            except (AdapterError, click.UsageError) as error:
                say(f"error: {error}", err=True)
            if is_terminal:
                say("Watching for changes; Ctrl-C ends.", err=True)
            while _states(files) == before:
                time.sleep(_EVERY_S)


def _states(files: Callable[[], Iterable[Path]]) -> _States:
    """The state of each file; None if it is not known which files they are."""
    try:
        return {file: file_state(file) for file in files()}
    except (AdapterError, click.UsageError):
        return None
