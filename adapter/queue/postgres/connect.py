"""Connections to PostgreSQL: how they are set up, and what their errors become.

Each connection belongs to one thread, which waits for the server's answer itself. A statement is never cancelled, and
no cancel request is sent: if it hit a commit that waits for a standby, rows would become visible that are not
replicated. Cancelling a waiter has no effect on the statement.

| the server's answer | becomes |
|---|---|
| 53100, 53200, 53300: out of disk, of memory, of connections | `QueueFull` |
| 40P01, 40001: another transaction had precedence | `StorePassingError`: the group is done again |
| any other error | `QueueError`, with its text and code, and never with values |
| none: the connection is lost | `StoreLostError`; the next transaction connects again |
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from adapter.errors import ConfigError, QueueError, QueueFull
from adapter.queue.postgres.advice import TABLES_MISSING, address_text, connection_text, statement_text
from adapter.queue.postgres.watchdog import Watchdog

_FULL = frozenset({"53100", "53200", "53300"})
"""Codes of a server that accepts nothing now."""
_PASSING = frozenset({"40P01", "40001"})
"""Codes of a deadlock and of a serialization failure: the server ended this transaction in favour of another."""
_POOLER = (
    "behind a pooler that does not keep a connection's settings, such as PgBouncer: connect to PostgreSQL directly"
)
_NO_OPTIONS = "unsupported startup parameter"
_DEFAULTS = {
    "target_session_attrs": "read-write",
    "connect_timeout": "3",
    "application_name": "browsee-adapter",
    "tcp_user_timeout": "10000",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
}
_OPTIONS = {
    "client_min_messages": "error",
    "default_transaction_isolation": "read committed",
    # Tables swing between empty and a million rows: a plan that was good a minute ago may now read all rows.
    "plan_cache_mode": "force_custom_plan",
    "enable_seqscan": "off",
    "jit": "off",
    "statement_timeout": "10s",
    "lock_timeout": "5s",
    # Shorter than `lock_timeout`: a transaction that waits for a process that stopped between two statements goes on.
    "idle_in_transaction_session_timeout": "4s",
    # So that the server notices that a process is gone with its machine, and frees its connections and locks.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
_SHARED = "SELECT pg_try_advisory_lock_shared(hashtext(current_schema()), 2)"
_LATE = (
    "look at the network, at the disk of the server, and at the standbys that its commits wait for "
    "(synchronous_standby_names)"
)
_OLDEST_SERVER = 140000
_AT_ONCE_S = 1.0
_ANSWER_S = 12.0
"""Longer than `statement_timeout`, by which the server itself ends a statement."""


class StoreLostError(QueueError):
    """The connection is lost; a commit in progress may have happened or not."""


class StorePassingError(QueueError):
    """Two transactions waited for each other, and the server rolled this one back."""


@dataclass(frozen=True, slots=True)
class PostgresPlace:
    """A schema of a database. `conninfo` is libpq's and may hold a password; `shown` is for messages."""

    conninfo: str = field(repr=False)
    schema: str = "browsee_adapter"
    shown: str = "PostgreSQL"

    def __str__(self) -> str:
        return self.shown

    def connect(self) -> psycopg.Connection[Any]:
        """A connection in autocommit mode. Raises StoreLostError, or ConfigError if it can never be used."""
        try:
            parsed = conninfo_to_dict(self.conninfo)
        except psycopg.Error as exc:
            raise ConfigError(f"{self}: {address_text(str(exc))}") from None
        given = {name: str(value) for name, value in parsed.items() if value is not None}
        set_up = " ".join(f"-c {name}={_escaped(value)}" for name, value in _OPTIONS.items())
        options = f"{given.pop('options', '')} {set_up} -c search_path={_escaped(self.schema)}".strip()
        try:
            connection = psycopg.connect(make_conninfo(**(_DEFAULTS | given), options=options), autocommit=True)
        except psycopg.Error as exc:
            if _NO_OPTIONS in str(exc):
                raise ConfigError(f"{self}: {_POOLER}") from None
            raise StoreLostError(f"{self}: {connection_text(str(exc))}") from None
        try:
            self._check(connection)
        except psycopg.Error as exc:
            connection.close()
            raise StoreLostError(f"{self}: {connection_text(str(exc))}") from None
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def opened(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection as of `connect` until the block ends. An error of a statement is raised as QueueError."""
        try:
            with self.connect() as connection:
                yield connection
        except psycopg.Error as exc:
            raise self.error(exc) from None

    def error(self, exc: psycopg.Error) -> QueueError:
        """An error of a statement as the module says, in words for an operator."""
        code = exc.sqlstate
        if code is None:  # not of the server: the connection is gone
            return StoreLostError(f"{self}: {connection_text(str(exc))}")
        # The other parts of the message may quote a row.
        text = f"{self}: {statement_text(exc.diag.message_primary or type(exc).__name__, code=code)}"
        if code in _PASSING:
            return StorePassingError(text)
        return QueueFull(text) if code in _FULL else QueueError(text)

    def _check(self, connection: psycopg.Connection[Any]) -> None:
        if connection.info.server_version < _OLDEST_SERVER:
            raise ConfigError(f"{self}: PostgreSQL {connection.info.server_version // 10000}; 14 or newer is needed")
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise ConfigError(f"{self}: its encoding is {encoding}; make the database with ENCODING 'UTF8'")
        asked = "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('search_path')"
        fsync, full_page_writes, schema = connection.execute(asked).fetchone() or ("", "", "")
        for name, value in (("fsync", fsync), ("full_page_writes", full_page_writes)):
            if value != "on":
                raise ConfigError(f"{self}: {name} is {value}: a power cut could lose acknowledged events; turn it on")
        if schema != self.schema:
            raise ConfigError(f"{self}: {_POOLER}")

    def identifier(self) -> sql.Identifier:
        """The schema's name, quoted for statements."""
        return sql.Identifier(self.schema)


class PostgresSession:
    """One connection for one thread, made when it is needed and again after it was lost. A `transaction.Database`.

    `prepare` is called before each transaction, `committed` after each commit; `number` counts the connections made.
    `watchdog` closes a connection whose answer takes longer than `answer_s`.
    """

    def __init__(self, place: PostgresPlace, *, watchdog: Watchdog | None = None, answer_s: float = _ANSWER_S) -> None:
        self.prepare: Callable[[], None] = lambda: None
        self.committed: Callable[[], None] = lambda: None
        self._place = place
        self._watchdog = watchdog or Watchdog()
        self._answer_s = answer_s
        self._connection: psycopg.Connection[Any] | None = None
        self.number = 0

    def run(self, statement: str, values: Mapping[str, object] | None = None) -> psycopg.Cursor[Any]:
        """Execute a statement. Raises QueueError as the module says, and never quotes a value.

        Outside of a transaction, a connection that was lost since its last use is made again: a statement may run
        twice.
        """
        connection = self._connected()
        is_idle = connection.info.transaction_status is TransactionStatus.IDLE
        asked_s = time.monotonic()
        try:
            return self._execute(connection, statement, values)
        except StoreLostError:
            # After a timeout the caller has waited long enough: no second try.
            if not is_idle or time.monotonic() - asked_s > _AT_ONCE_S:
                raise
            return self._execute(self._connected(), statement, values)

    def _execute(
        self, connection: psycopg.Connection[Any], statement: str, values: Mapping[str, object] | None
    ) -> psycopg.Cursor[Any]:
        with self._watchdog.watch(connection.fileno(), within_s=self._answer_s) as wait:
            try:
                # Statements are constants of this package; values are bound.
                return connection.execute(statement.encode(), values)
            except psycopg.Error as exc:
                raise self._error(exc, is_late=wait.is_late) from None

    def begin(self) -> None:
        """Connects if there is no connection."""
        self.prepare()
        self.run("BEGIN")

    def commit(self) -> None:
        """Returns once the transaction is on the server's disk, and on those of its synchronous standbys."""
        self.run("COMMIT")
        self.committed()

    def rollback(self) -> None:
        """Drops a connection that cannot roll back."""
        if self._connection is None or self._connection.info.transaction_status is TransactionStatus.IDLE:
            return
        try:
            self._execute(self._connection, "ROLLBACK", None)
        except QueueError:
            self.close()

    def is_lost(self, exc: Exception) -> bool:
        """See `transaction.Database`."""
        return isinstance(exc, StoreLostError)

    def is_passing(self, exc: Exception) -> bool:
        """See `transaction.Database`."""
        return isinstance(exc, StorePassingError)

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            self._connection = self._place.connect()
            self.number += 1
            try:
                self._share()
            except BaseException:
                self.close()
                raise
        return self._connection

    def _share(self) -> None:
        """A move locks the queue: no other process puts, settles or reads meanwhile."""
        [is_shared] = self._execute(self._connected(), _SHARED, None).fetchone() or (None,)
        if is_shared is None:
            raise QueueError(f"{self._place}: there is no schema {self._place.schema}: {TABLES_MISSING}")
        if not is_shared:
            raise QueueError(f"{self._place}: is being moved; wait until that has ended")

    def _error(self, exc: psycopg.Error, *, is_late: bool) -> QueueError:
        if self._connection is None or not self._connection.closed:
            return self._place.error(exc)
        self.close()
        text = f"no answer within {self._answer_s:.0f} s; {_LATE}" if is_late else connection_text(str(exc))
        return StoreLostError(f"{self._place}: {text}")


def _escaped(value: str) -> str:
    """A value of libpq's `options`, where a space ends one."""
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
