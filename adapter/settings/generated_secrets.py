"""Generates the write keys and the admin token that the settings lack, and keeps them in `state_dir`.

They stay the same across restarts. The file is readable by its owner only; nothing here prints or logs a secret.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from adapter.errors import ConfigError
from adapter.files.regular_file import read_regular
from adapter.model import Secret
from adapter.queue.address import is_shared
from adapter.settings.settings import Settings, SourceSettings

FILE_NAME = "generated-secrets.json"
_OLD_NAME = "made-secrets.json"
"""The first name of the file. It is renamed at the next start; otherwise senders with a generated key would get 401."""

_ADMIN = "admin_token"
_KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Generated:
    """The generated secrets. `file` stores them; None without a `state_dir`: nothing is stored."""

    file: Path | None
    key_of: tuple[str, ...]
    admin_token: bool


def fill_in_secrets(
    settings: Settings, *, make: Callable[[], str] = lambda: token_hex(16)
) -> tuple[Settings, Generated]:
    """`settings` with a key for every source and an admin token, and which of them were generated.

    Creates the folder if it is missing. Raises ConfigError if the file cannot be read or written, or if several
    processes may serve the queue: each would generate others.
    """
    keyless = tuple(source.name for source in settings.sources if not source.keys)
    made = Generated(_file(settings), keyless, settings.admin_token is None)
    if not made.key_of and not made.admin_token:
        return settings, made
    if is_shared(settings.queue):
        raise ConfigError(_must_be_given(keyless, admin_token=made.admin_token))
    kept = _kept(made.file, keyless, make)
    return (
        replace(
            settings,
            sources=tuple(_with_key(source, kept[_KEYS]) for source in settings.sources),
            admin_token=settings.admin_token or Secret(kept[_ADMIN]),
        ),
        made,
    )


def _must_be_given(keyless: Sequence[str], *, admin_token: bool) -> str:
    lacking = [f"sources.{name}.keys" for name in keyless] + ["admin_token (or ADAPTER_ADMIN_TOKEN)"] * admin_token
    return (
        "with a PostgreSQL queue every replica needs the same secrets, so none are generated: "
        f"set {', '.join(lacking)}; make each with `openssl rand -hex 16`"
    )


def require_usable(settings: Settings) -> None:
    """Raises ConfigError if `settings` need the file of generated secrets, and the existing file cannot be used."""
    file = _file(settings)
    if file is None or (settings.admin_token is not None and all(source.keys for source in settings.sources)):
        return
    try:
        _read(file)
    except OSError as cause:
        raise ConfigError(f"cannot read the generated key and token in {file}: {cause.strerror}") from cause


def generated_token(settings: Settings) -> str:
    """The admin token that a service with `settings` generated; "" if there is none yet.

    Raises ConfigError if the file is not as the adapter wrote it.
    """
    file = _file(settings)
    if settings.admin_token is not None:
        return settings.admin_token.reveal()
    try:
        return "" if file is None else str(_read(file).get(_ADMIN, ""))
    except OSError as cause:
        raise ConfigError(f"cannot read the generated token in {file}: {cause.strerror}") from cause


def _file(settings: Settings) -> Path | None:
    return None if settings.state_dir is None else settings.state_dir / FILE_NAME


def _with_key(source: SourceSettings, keys: dict[str, str]) -> SourceSettings:
    return source if source.keys else replace(source, keys=(Secret(keys[source.name]),))


def _kept(file: Path | None, sources: Sequence[str], make: Callable[[], str]) -> dict[str, Any]:
    if file is None:
        return _filled({}, sources, make)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _locked(file.parent):
            _rename_old(file)
            before = _read(file)
            after = _filled(before, sources, make)
            if after != before:
                _write(file, after)
            return after
    except OSError as cause:
        raise ConfigError(
            f"cannot keep the generated key and token in {file}: {cause.strerror}; "
            "make the folder writable, or give both in the settings"
        ) from cause


def _filled(before: dict[str, Any], sources: Sequence[str], make: Callable[[], str]) -> dict[str, Any]:
    keys = {**{name: make() for name in sources}, **before.get(_KEYS, {})}
    return {_ADMIN: before.get(_ADMIN) or make(), _KEYS: keys}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Two services that start at once on one folder must end up with the same secrets.
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _rename_old(file: Path) -> None:
    if not file.exists():
        with suppress(FileNotFoundError):
            file.with_name(_OLD_NAME).rename(file)


def _read(file: Path) -> dict[str, Any]:
    """The contents of `file`, or of the file of the old name if no service has started since."""
    try:
        content = read_regular(file)
    except FileNotFoundError:
        return _read(file.with_name(_OLD_NAME)) if file.name == FILE_NAME else {}
    kept = _shaped(content)
    if kept is None:
        # New secrets would lock out every sender with the old key, so the operator has to decide.
        raise ConfigError(f"{file} is not as the adapter wrote it; fix it, or remove it to get new keys")
    return kept


def _shaped(content: bytes) -> dict[str, Any] | None:
    try:
        kept = json.loads(content.decode())
    except (ValueError, RecursionError):
        return None
    match kept:
        case {"admin_token": str(), "keys": dict() as keys} if all(isinstance(key, str) for key in keys.values()):
            return dict(kept)
        case _:
            return None


def _write(file: Path, kept: dict[str, Any]) -> None:
    # Written beside it and renamed: a crash leaves the old or the new file, never half of one.
    aside = file.with_name(f"{file.name}.new")
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(json.dumps(kept, indent=2) + "\n")
        out.flush()
        os.fsync(out.fileno())
    aside.replace(file)
