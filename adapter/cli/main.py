"""The command line: one file per group of commands, gathered here, with one way to fail for all of them.

Exit codes: 0 all is well; 1 the command found problems, as `check` does; 2 wrong use, or a file, option or variable
that cannot be used; 70 a fault of the adapter itself (EX_SOFTWARE of sysexits.h), with a traceback in the log.
"""

import errno
import logging
import os
from typing import Any

import click

from adapter.cli.chaos import chaos
from adapter.cli.check import check
from adapter.cli.dead import dead
from adapter.cli.diff import diff
from adapter.cli.doctor import doctor
from adapter.cli.events import events
from adapter.cli.explain import explain
from adapter.cli.export import export
from adapter.cli.init import init
from adapter.cli.sandbox import sandbox
from adapter.cli.schema import schema
from adapter.cli.send import send
from adapter.cli.serve import serve
from adapter.cli.show import coloured, show
from adapter.cli.suggest import suggest
from adapter.cli.where import where
from adapter.errors import AdapterError
from adapter.observe.observer import LOGGER, configure_logging
from adapter.printable import printable

BROKEN_INPUT = 2
OUR_FAULT = 70
_REFUSED_BY_THE_SYSTEM = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE),
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG, errno.ENODEV),
    }
)
"""Why a file or the standard output cannot be used: the operator's to fix, whichever command met it."""


_FOR_EVERYBODY = frozenset({"init"})
"""Commands whose files hold no secrets and no events; a container reads those of `init` as another user."""


class _Refusal(click.ClickException):
    """An error that is the operator's to mend: its text, in colour on a terminal, and no traceback."""

    exit_code = BROKEN_INPUT

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - the signature is click's
        show(coloured(self.format_message()), error=True)


class Commands(click.Group):
    """Ends every command that fails in the way its error deserves."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that `ctx` names."""
        try:
            return super().invoke(ctx)
        except AdapterError as error:
            raise _Refusal(str(error) if error.is_listing else printable(str(error))) from error
        except click.UsageError as error:
            # The text may quote an argument, such as the name of a file.
            raise click.UsageError(printable(error.format_message()), ctx=error.ctx) from error
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno in _REFUSED_BY_THE_SYSTEM:
                raise _Refusal(printable(f"{error.filename or 'the output'}: {error.strerror}")) from error
            if not logging.getLogger().handlers:
                configure_logging()
            logging.getLogger(LOGGER).exception("command failed: this is a fault of browsee-adapter, please report it")
            ctx.exit(OUR_FAULT)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 problems found, 2 wrong use or broken input, 70 a fault of the adapter itself.",
)
@click.version_option(package_name="browsee-adapter")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Receive events from customer-data platforms and deliver them to Browsee.

    \b
    Start here:
      browsee-adapter init shop         a first settings file and mapping
      browsee-adapter serve --sandbox   the service, with a stand-in for Browsee
    """
    if ctx.invoked_subcommand not in _FOR_EVERYBODY:
        # What people did, and generated keys, are for the user of the command only.
        before = os.umask(0o077)
        ctx.call_on_close(lambda: os.umask(before))


for _command in (
    serve,
    check,
    explain,
    schema,
    init,
    events,
    where,
    dead,
    export,
    sandbox,
    chaos,
    doctor,
    send,
    diff,
    suggest,
):
    main.add_command(_command)
