"""The address of a queue, as a closed union. Code that depends on it matches with `assert_never`, and only in `queue/`.

To add a backend, add its address to `QueueAddress` and to the schema of the setting `queue`. The type checker then
names every place that must decide.
"""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, assert_never
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import uuid4

from adapter.errors import ConfigError
from adapter.model import Secret

_MEMORY = "memory:"
_SQLITE = "sqlite:///"
_SCHEMA = "schema"
_USUAL_SCHEMA = "browsee_adapter"
_PLAIN_PARAMS = frozenset({"host", "hostaddr", "port", "dbname", "user", "sslmode"})
"""Parameters of libpq that say where a database is, and hold no secret."""
_SCHEMA_NAME = re.compile(r"(?!pg_)[a-z_][a-z0-9_]{0,50}")
_HOSTS = re.compile(r"((\[[^\]@]*\]|[^\[\]@:,]*)(:\d*)?(,|$))*")
_HALF_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNREADABLE = (
    "queue: a PostgreSQL queue is postgresql://user@host/database. In a user or password write @ as %40, / as %2F, "
    "? as %3F, # as %23 and % as %25; or put the password into PGPASSWORD"
)


@dataclass(frozen=True, slots=True)
class Memory:
    """A queue in the memory of the process that serves it. `name` tells the queues of one process apart."""

    name: str = field(default_factory=lambda: uuid4().hex, compare=False)

    def __str__(self) -> str:
        return _MEMORY


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A queue in a SQLite file."""

    path: Path

    def __str__(self) -> str:
        return f"{_SQLITE}{self.path}"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A queue in a schema of a PostgreSQL database. `url` is libpq's and may hold a password; `shown` does not, and has
    no parameters.
    """

    url: Secret
    shown: str
    schema: str

    def __str__(self) -> str:
        return self.shown if self.schema == _USUAL_SCHEMA else f"{self.shown}?{_SCHEMA}={self.schema}"


QueueAddress: TypeAlias = Memory | SqliteFile | Postgres


def parse_address(text: str, *, folder: Path) -> QueueAddress:
    """The address that `text` means; `text` fits the schema of the setting. Relative paths are relative to `folder`.

    Raises ConfigError for an address that cannot be used; the text of the error quotes none of it.
    """
    if text == _MEMORY:
        return Memory()
    if text.startswith(_SQLITE):
        file = Path(text.removeprefix(_SQLITE))
        if not file.name:
            raise ConfigError("queue: name a file, as in sqlite:///data/adapter.db")
        return SqliteFile(folder / file)
    return _postgres(text)


def _postgres(text: str) -> Postgres:
    try:
        parts = urlsplit(text)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ConfigError(_UNREADABLE) from None
    user, _, hosts = parts.netloc.rpartition("@")
    # A password with one of these characters ends too early, and the rest of it would be shown as a host or a path.
    if (
        "#" in text
        or "@" in user + parts.path + parts.query
        or _HALF_ESCAPED.search(text)
        or _HOSTS.fullmatch(hosts) is None
    ):
        raise ConfigError(_UNREADABLE)
    schemas = [value for name, value in query if name == _SCHEMA]
    schema = schemas[-1] if schemas else _USUAL_SCHEMA
    if _SCHEMA_NAME.fullmatch(schema) is None:
        raise ConfigError(
            "queue: `schema` takes up to 51 characters of a-z, 0-9 and _, begins with none of 0-9, and not with pg_"
        )
    left = urlencode([(name, value) for name, value in query if name != _SCHEMA])
    shown = f"{user.partition(':')[0]}@{hosts}" if user else hosts
    url = f"{parts.scheme}://{parts.netloc}{parts.path}{'?' if left else ''}{left}"
    return Postgres(Secret(url), f"{parts.scheme}://{shown}{parts.path}", schema)


def spelled(address: QueueAddress) -> str:
    """The address without a password, distinct from that of every other queue."""
    match address:
        case SqliteFile(path):
            return f"{_SQLITE}{path.resolve()}"
        case Memory():
            return _MEMORY
        case Postgres(url=url, shown=shown, schema=schema):
            query = [(name, value) for name, value in parse_qsl(urlsplit(url.reveal()).query) if name in _PLAIN_PARAMS]
            query += [(_SCHEMA, schema)] if schema != _USUAL_SCHEMA else []
            return f"{shown}{'?' if query else ''}{urlencode(query, safe='/,:')}"
        case _:
            assert_never(address)


def state_folder(address: QueueAddress) -> Path | None:
    """The folder of files that live as long as the queue; None if the queue does not outlive its process."""
    match address:
        case SqliteFile(path):
            return path.parent
        case Memory() | Postgres():
            return None
        case _:
            assert_never(address)


def sandbox_address(address: QueueAddress) -> QueueAddress:
    """The address of the queue of `serve --sandbox`, given the address of the real queue."""
    match address:
        case SqliteFile(path):
            return replace(address, path=path.with_name("sandbox.db"))
        case Memory():
            return Memory()
        case Postgres(schema=schema):
            return replace(address, schema=f"{schema}_sandbox")
        case _:
            assert_never(address)


def outlives_process(address: QueueAddress) -> bool:
    """Whether the queue's contents are still there after a restart."""
    match address:
        case Memory():
            return False
        case SqliteFile() | Postgres():
            return True
        case _:
            assert_never(address)


def is_shared(address: QueueAddress) -> bool:
    """Whether several processes may serve the queue. Then none may generate a secret that all must share."""
    match address:
        case Memory() | SqliteFile():
            return False
        case Postgres():
            return True
        case _:
            assert_never(address)
