"""How a command ends with an error: in words, and with an exit status.

0 success; 1 the command found problems, as `check` does; 2 wrong use, or a file, option or variable that cannot be
used; 70 a bug in the adapter (EX_SOFTWARE of sysexits.h), with a traceback in the log. As for other programs, 130 after
Ctrl-C, and 141 if the reader of the output has gone, as of `| head -1`.
"""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from adapter.cli.show import coloured, say, show
from adapter.errors import AdapterError
from adapter.printable import printable

BROKEN_INPUT = 2
OUR_FAULT = 70
INTERRUPTED = 128 + 2
"""SIGINT."""
NO_READER = 128 + 13
"""SIGPIPE, which Python ignores."""
_REFUSED_BY_THE_SYSTEM = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE),
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV),
    }
)
"""Errors of files and the standard output that the operator can fix, in any command."""


class _Refusal(click.ClickException):
    """An error that the operator has to fix: its text, in colour on a terminal, and no traceback."""

    exit_code = BROKEN_INPUT

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - the signature is click's
        show(coloured(self.format_message()), error=True)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Inside, every error becomes an exception that click shows; a bug is logged here."""
    try:
        yield
    except AdapterError as error:
        raise _Refusal(str(error) if error.is_listing else printable(str(error))) from error
    except click.UsageError as error:
        # The text may quote an argument, such as a file name; click lists choices on lines of their own.
        raise click.UsageError(printable(" ".join(error.format_message().split())), ctx=error.ctx) from error
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        say("interrupted", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        _write_nothing_more()
        raise click.exceptions.Exit(NO_READER) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REFUSED_BY_THE_SYSTEM:
            raise _Refusal(printable(f"{error.filename or 'the output'}: {error.strerror}")) from error
        # Imported here: logging is slow to import, and most commands end without an error.
        from adapter.cli.fault import log_fault  # noqa: PLC0415

        log_fault(error)
        raise click.exceptions.Exit(OUR_FAULT) from error


def _write_nothing_more() -> None:
    """What Python writes when it ends must not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


@contextmanager
def errors_shown_here() -> Iterator[None]:
    """Inside, an error is shown and ends the command before it leaves: for a command that replaces its output."""
    try:
        with errors_in_words():
            yield
    except click.ClickException as error:
        error.show()
        raise click.exceptions.Exit(error.exit_code) from error
