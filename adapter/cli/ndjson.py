"""Files of events, one JSON object a line: `{"source": …, "receivedAt": …, "message": …}`. A kill loses nothing: an
unfinished file is kept beside the final one, with a note of its progress.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from adapter.cli.show import say
from adapter.errors import ConfigError
from adapter.model import JsonObject


def beside(file: Path, suffix: str) -> Path:
    """The path of the file with a suffix appended."""
    return file.with_name(file.name + suffix)


def note_done(file: Path, note: JsonObject) -> None:
    """Store the progress of the work on `file` in `file` + `.done`: a crash leaves the old or the new note."""
    aside = beside(file, ".done.new")
    aside.write_text(json.dumps(note), encoding="utf-8")
    aside.replace(beside(file, ".done"))


def read_done(file: Path) -> JsonObject:
    """The stored note; empty if there is none. Raises ConfigError if it is not a note."""
    done = beside(file, ".done")
    try:
        note = json.loads(done.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        note = None
    if not isinstance(note, dict):
        raise ConfigError(f"{done}: is not a progress note of this command; remove it to start again")
    return note


@dataclass(frozen=True, slots=True)
class Reached:
    """The progress of an export: the last seq written, and the bytes and lines of the file up to it."""

    seq: int = 0
    bytes: int = 0
    lines: int = 0


class PartialFile:
    """An unfinished file: `<file>.part`, which becomes `<file>` when it is complete."""

    def __init__(self, file: Path, out: BinaryIO, reached: Reached) -> None:
        self.reached = reached
        self._file = file
        self._out = out

    def write(self, lines: list[bytes], seq: int) -> None:
        """Append `lines`, which are everything up to `seq`; on return a kill would not undo it."""
        self._out.write(b"".join(lines))
        self._out.flush()
        os.fsync(self._out.fileno())
        before = self.reached
        size = before.bytes + sum(map(len, lines))
        self.reached = Reached(seq=seq, bytes=size, lines=before.lines + len(lines))
        note_done(self._file, asdict(self.reached))

    def finish(self) -> None:
        """Rename the file to its final name."""
        beside(self._file, ".part").replace(self._file)
        beside(self._file, ".done").unlink(missing_ok=True)


@contextmanager
def part_of(file: Path, *, resume: bool = True) -> Iterator[PartialFile]:
    """The unfinished `file`; if it may `resume`, from where an earlier run stopped.

    Raises ConfigError if `file` exists, or cannot be written.
    """
    if file.exists():
        raise ConfigError(f"{file}: exists already; name another file, or remove it")
    part = beside(file, ".part")
    try:
        reached = Reached(**read_done(file)) if resume and part.exists() else Reached()
        with part.open("ab") as out:
            out.truncate(reached.bytes)
            yield PartialFile(file, out, reached)
    except TypeError:
        raise ConfigError(
            f"{beside(file, '.done')}: is not of this export; remove it and {part} to start again"
        ) from None
    except BrokenPipeError:
        # Of the standard output, where the result is reported.
        raise
    except KeyboardInterrupt:
        rest = "the same command continues" if resume else "the same command starts again"
        say(f"{part}: written in part; {rest}", err=True)
        raise
    except OSError as cause:
        raise ConfigError(f"cannot write {part}: {cause.strerror}") from cause


@contextmanager
def progress(
    what: str, total: int | None, *, start: int = 0, in_bytes: bool = False, transient: bool = False
) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal, nothing elsewhere; call the result with the progress. `total` may be unknown."""
    console = Console(stderr=True)
    amount = DownloadColumn() if in_bytes else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=transient, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, completed=start)
        yield lambda completed: bar.update(task, completed=completed)
