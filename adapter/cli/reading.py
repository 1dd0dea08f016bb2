"""Reads files for commands: any text, and loaded mappings."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from adapter.cli.show import say
from adapter.errors import ConfigError, MappingError
from adapter.files.encoding import not_utf8
from adapter.mapping.compile.filetests import DEMO_KEY
from adapter.mapping.load import load
from adapter.mapping.run.places import nowhere
from adapter.mapping.run.ruleset import Ruleset, SourceOptions
from adapter.mapping.table_reader import table_reader
from adapter.printable import printable
from adapter.service.mappings import geo_database, read_message
from adapter.settings.mapping_choice import named_mapping


def text_of(file: Path, *, as_written: bool = False) -> str:
    """The text of `file`; `as_written` with its own line ends. Raises ConfigError if it cannot be read."""
    try:
        with file.open(encoding="utf-8", newline="" if as_written else None) as opened:
            return opened.read()
    except OSError as cause:
        raise ConfigError(printable(f"cannot read {file}: {cause.strerror}")) from cause
    except UnicodeDecodeError as cause:
        raise ConfigError(f"{file} {not_utf8(cause)}") from None


def replace_text(file: Path, *, before: str, after: str) -> None:
    """Replace the text of `file`, which was `before`; a crash leaves the old or the new file. A link stays a link.

    Raises ConfigError if the file has changed, is read-only, or cannot be replaced.
    """
    target = file.resolve()
    if not target.stat().st_mode & 0o222:
        # Replacing needs the folder's permission only, but a read-only file is meant to stay.
        raise ConfigError(printable(f"{file} is read-only; nothing was written"))
    aside = target.with_name(f".{target.name}.{uuid4().hex}.new")
    if text_of(target, as_written=True) != before:
        raise ConfigError(printable(f"{file} was changed meanwhile; nothing was written; run the command again"))
    try:
        with aside.open("x", encoding="utf-8", newline="") as out:
            os.fchmod(out.fileno(), target.stat().st_mode & 0o777)
            out.write(after)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(target)
    except OSError as cause:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise ConfigError(printable(f"cannot write {file}: {cause.strerror}")) from cause


def ruleset_of(mapping: str) -> Ruleset:
    """The mapping of that name, file or pipe, to try things with: it hashes with ADAPTER_HASH_KEY or a demo key.

    Raises ConfigError if there is none and MappingError, with every problem, if it cannot be used.
    """
    # A shell makes a pipe of <(git show HEAD:mappings/shop.yaml).
    file = Path(mapping) if Path(mapping).is_fifo() else named_mapping(mapping, folder=Path())
    text = text_of(file)
    hash_key = os.environ.get("ADAPTER_HASH_KEY") or None
    places = os.environ.get("ADAPTER_GEO_DATABASE") or None
    source = SourceOptions(locate=nowhere if places is None else geo_database(Path(places)))
    load_with = partial(
        load, text, file=str(file), read=read_message, read_table=table_reader(file.parent), source=source
    )
    try:
        return load_with(hash_key=hash_key)
    except MappingError:
        if hash_key is not None:
            raise
    ruleset = load_with(hash_key=DEMO_KEY)
    # Only a mapping that hashes needs the demo key.
    say(f"note: ADAPTER_HASH_KEY is not set, so the hashes of {file} are made with a demo key", err=True)
    return ruleset
