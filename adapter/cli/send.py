"""`browsee-adapter send`: sends a file of events to an adapter, through its webhooks."""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import BinaryIO

import aiohttp
import click

from adapter.cli.completing import source_names
from adapter.cli.event_files import Reading, Window, windows
from adapter.cli.ndjson import beside, note_done, progress, read_done
from adapter.cli.reading import text_of
from adapter.cli.remote import service_address
from adapter.cli.sending import Sender
from adapter.cli.show import say
from adapter.console.wording import counted
from adapter.errors import ConfigError
from adapter.model import JsonObject, Secret
from adapter.settings.environment import SEND_KEY_VARIABLE as KEY_VARIABLE
from adapter.settings.environment import SEND_SECRET_VARIABLE as SECRET_VARIABLE

MAX_KEY_CHARS = 8_000
"""A longer header is refused by the adapter."""
OLD = timedelta(days=3)
"""Older events are a replay: platforms retry for less than this."""


@click.command()
@click.argument("file", metavar="FILE.ndjson", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "url", required=True, metavar="URL", help="The adapter's address, such as http://127.0.0.1:8080.")
@click.option("--key-file", type=click.Path(path_type=Path), help=f"Holds a key of the source (else {KEY_VARIABLE}).")
@click.option("--sign", is_flag=True, help="Sign as Segment does, for a source with `signing_secrets`.")
@click.option(
    "--secret-file", type=click.Path(path_type=Path), help=f"Holds a signing secret (else {SECRET_VARIABLE})."
)
@click.option("--source", metavar="NAME", shell_complete=source_names, help="Only the lines of this source.")
@click.option("--as", "sent_as", metavar="NAME", help="Send every line as of this source, whatever it says.")
def send(
    file: Path,
    url: str,
    key_file: Path | None,
    sign: bool,
    secret_file: Path | None,
    source: str | None,
    sent_as: str | None,
) -> None:
    """Send a file of events to an adapter.

    FILE has one JSON object a line: as `export` writes them, or bare messages, which go to the source `default`. They
    are posted to the adapter's webhooks as a platform would; after 429 or 503 the command waits and retries. FILE.done
    records the progress: if interrupted, the same command continues there. A message that is sent twice is stored once.

    \b
    Examples:
      browsee-adapter send events.ndjson --to http://127.0.0.1:8080 --key-file shop.key
      browsee-adapter send test.ndjson --to http://127.0.0.1:8080 --key-file shop.key --sign --secret-file shop.secret
    """
    service_address(url, option="--to")
    if not file.is_file():
        raise ConfigError(f"{file} must be a regular file: the progress of sending is a place in it")
    if secret_file is not None and not sign:
        raise click.UsageError("--secret-file is for --sign")
    key = _key(key_file)
    signing = _secret("secret to sign", secret_file, option="--secret-file", variable=SECRET_VARIABLE) if sign else None
    note: JsonObject = {"to": url, "source": source, "as": sent_as}
    reached = _reached(file, note)
    reading = Reading(only=source, sent_as=sent_as)
    try:
        # Before anything is sent: without the note an interrupted run would start again.
        note_done(file, {**note, **reached})
        with file.open("rb") as opened:
            size = file.stat().st_size
            through = partial(Sender, url=url, key=key, signing=signing)
            sent = asyncio.run(_send(opened, file, reading, note={**note, **reached}, sender_of=through, size=size))
    except BrokenPipeError:
        raise
    except OSError as cause:
        raise ConfigError(f"cannot read or write {cause.filename or file}: {cause.strerror}") from cause
    except KeyboardInterrupt:
        say(f"{file}: sent in part; the same command continues", err=True)
        raise
    say(f"{file}: {counted(sent['sent'], 'message')} sent; {beside(file, '.done')} records that")
    if sent["refused"] or sent["broken"]:
        raise SystemExit(1)


async def _send(
    opened: BinaryIO,
    file: Path,
    reading: Reading,
    *,
    note: JsonObject,
    sender_of: Callable[[aiohttp.ClientSession], Sender],
    size: int,
) -> JsonObject:
    """Send the rest of the file, and store the progress after each part; returns the last note."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        sender = sender_of(session)
        warned, now = False, datetime.now(UTC)
        with progress("send", size, start=note["bytes"], in_bytes=True) as show:
            for window in windows(opened, reading, start=note["bytes"], lines=note["lines"]):
                warned = warned or warn_of_old(file, window, now=now)
                for source, messages in window.messages.items():
                    refused = await sender.send(source, messages)
                    note = {
                        **note,
                        "sent": note["sent"] + len(messages) - refused,
                        "refused": note["refused"] + refused,
                    }
                    if refused:
                        say(
                            f"{file}: refused up to line {window.lines}: {counted(refused, 'message')} of {source}",
                            err=True,
                        )
                for number in window.broken:
                    say(f"{file}:{number}: not a JSON object", err=True)
                note = {
                    **note,
                    "bytes": window.end,
                    "lines": window.lines,
                    "broken": note["broken"] + len(window.broken),
                }
                note_done(file, note)
                show(window.end)
    return note


def warn_of_old(file: Path, window: Window, *, now: datetime) -> bool:
    """Warn, before they are sent, that there are old events; returns whether there are."""
    if window.oldest is None or now - window.oldest <= OLD:
        return False
    say(
        f"{file}: contains events older than {OLD.days} days ago. Browsee asks not to send historical data; `max_age` "
        "of a source keeps old events back",
        err=True,
    )
    return True


def _key(file: Path | None) -> Secret:
    """The key to send with. Raises ConfigError if there is none, or more than one key where it should be."""
    key = _secret("key to send", file, option="--key-file", variable=KEY_VARIABLE)
    if not key.reveal().isprintable() or len(key.reveal()) > MAX_KEY_CHARS:
        raise ConfigError(f"the key to send with is not one; {file or KEY_VARIABLE} must hold one key and nothing else")
    return key


def _secret(what: str, file: Path | None, *, option: str, variable: str) -> Secret:
    text = os.environ.get(variable, "") if file is None else text_of(file)
    if not text.strip():
        raise ConfigError(f"no {what} with: name a file that holds one with {option}, or set {variable}")
    return Secret(text.strip())


def _reached(file: Path, wanted: JsonObject) -> JsonObject:
    """The progress of an earlier run with the same options. Raises ConfigError if the note is of another run."""
    nothing: JsonObject = dict.fromkeys(("bytes", "lines", "sent", "refused", "broken"), 0)
    note = read_done(file)
    if not note or note.get("bytes") == 0:
        # Nothing was sent, for example because the address was wrong.
        return nothing
    done = beside(file, ".done")
    if any(note.get(name) != value for name, value in wanted.items()):
        raise ConfigError(f"{done} belongs to a run with another address or other options; remove it to start again")
    if not all(isinstance(note.get(name), int) for name in nothing) or note["bytes"] > file.stat().st_size:
        raise ConfigError(f"{done} does not fit {file}; remove it to start again")
    return {name: note[name] for name in nothing}
