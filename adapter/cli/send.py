"""`browsee-adapter send`: a file of events into an adapter, through its webhooks."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import aiohttp
import click

from adapter.cli.event_files import Reading, Window, windows
from adapter.cli.ndjson import beside, note_done, progress, read_done
from adapter.cli.reading import text_of
from adapter.cli.sending import Sender
from adapter.cli.show import say
from adapter.console.sentences import counted
from adapter.errors import ConfigError
from adapter.model import JsonObject, Secret
from adapter.settings.environment import SEND_KEY_VARIABLE as KEY_VARIABLE

OLD = timedelta(days=3)
"""Older events are a replay: platforms repeat what was refused for less."""


@click.command()
@click.argument("file", metavar="FILE.ndjson", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--to", "url", required=True, metavar="URL", help="The adapter's address, such as http://127.0.0.1:8080.")
@click.option("--key-file", type=click.Path(path_type=Path), help=f"Holds a key of the source (else {KEY_VARIABLE}).")
@click.option("--source", metavar="NAME", help="Only the lines of this source.")
@click.option("--as", "sent_as", metavar="NAME", help="Send every line as of this source, whatever it says.")
def send(file: Path, url: str, key_file: Path | None, source: str | None, sent_as: str | None) -> None:
    """Send a file of events to an adapter.

    FILE has one JSON object a line: as `export` writes them, or bare messages, which go to the source `default`. They
    are posted to the adapter's webhooks as a platform would; where it says "later" they wait. FILE.done notes how far
    it came: interrupted, the same command goes on there. What is sent twice is stored once.

    \b
    Example:
      browsee-adapter send events.ndjson --to http://127.0.0.1:8080 --key-file shop.key
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError("--to is the adapter's own address, with http:// or https://, such as http://127.0.0.1:8080")
    key = _key(key_file)
    note: JsonObject = {"to": url, "source": source, "as": sent_as}
    reached = _reached(file, note)
    reading = Reading(only=source, sent_as=sent_as)
    try:
        with file.open("rb") as opened:
            size = file.stat().st_size
            sent = asyncio.run(_send(opened, file, reading, note={**note, **reached}, key=key, size=size))
    except OSError as cause:
        raise ConfigError(f"cannot read {file}: {cause.strerror}") from cause
    say(f"{file}: {counted(sent['sent'], 'message')} sent; {beside(file, '.done')} notes it")
    if sent["refused"] or sent["broken"]:
        raise SystemExit(1)


async def _send(
    opened: BinaryIO, file: Path, reading: Reading, *, note: JsonObject, key: Secret, size: int
) -> JsonObject:
    """Send what is left of the file, noting after each part how far it came; the last note."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        sender = Sender(session, note["to"], key)
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
    """Say, before they are sent, that there are old events; whether there are."""
    if window.oldest is None or now - window.oldest <= OLD:
        return False
    click.echo(
        f"{file}: holds events of more than {OLD.days} days ago. Browsee asks not to send historical data; `max_age` "
        "of a source keeps old events back",
        err=True,
    )
    return True


def _key(file: Path | None) -> Secret:
    text = os.environ.get(KEY_VARIABLE, "") if file is None else text_of(file)
    if not text.strip():
        raise ConfigError(f"no key to send with: name a file that holds one with --key-file, or set {KEY_VARIABLE}")
    return Secret(text.strip())


def _reached(file: Path, wanted: JsonObject) -> JsonObject:
    """How far an earlier run with the same options came. Raises ConfigError if the note is of something else."""
    nothing: JsonObject = dict.fromkeys(("bytes", "lines", "sent", "refused", "broken"), 0)
    note = read_done(file)
    if not note:
        return nothing
    done = beside(file, ".done")
    if any(note.get(name) != value for name, value in wanted.items()):
        raise ConfigError(f"{done} is of sending it elsewhere or with other options; remove it to begin anew")
    if not all(isinstance(note.get(name), int) for name in nothing) or note["bytes"] > file.stat().st_size:
        raise ConfigError(f"{done} does not fit {file}; remove it to begin anew")
    return {name: note[name] for name in nothing}
