"""The entry point of the command `browsee-adapter`.

`--version` is answered before anything is imported: scripts call it, and importing click alone takes four times as long
as Python needs to start.
"""

import io
import sys

from adapter.version import VERSION


def main() -> None:
    """Run the command line."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"browsee-adapter, version {VERSION}\n")
        return
    for stream in (sys.stdout, sys.stderr):
        # A locale such as C lacks characters of messages and events; they are shown as escapes.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    # Imported here: every other command needs click and its imports.
    from adapter.cli.main import main as command_line  # noqa: PLC0415

    command_line()
