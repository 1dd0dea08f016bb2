"""Errors of PostgreSQL and of connections to it, in one line with what to do about them. Pure.

libpq says where it tried to connect, which the address of the queue says already, and lists every host below a first
line that is about one of them. Texts of the server may be in another language: then the advice is to read its log.
"""

import re
from typing import Final

_WHERE: Final = re.compile(r"^(connection (failed|is bad): )?(connection to server .*? failed: )?(FATAL: +)?")
_EACH_HOST: Final = re.compile(r"^- host: '([^']*)', port: '([^']*)'[^\n]*?: (connection [^\n]*)$", re.MULTILINE)
_UNKNOWN_PARAM: Final = re.compile(r'invalid URI query parameter: "([a-z_]{1,40})"')
_ADVICE: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), todo)
    for pattern, todo in (
        (
            'database ".*" does not exist',
            "create it with ENCODING 'UTF8', or name another one: postgresql://user@host/database",
        ),
        (
            'password|role ".*" does not exist|not permitted to log in',
            "check the user of the address, and the password in PGPASSWORD, PGPASSFILE or the address",
        ),
        ("pg_hba.conf", "allow this user and machine in the server's pg_hba.conf"),
        ("permission denied for database", "GRANT CONNECT ON DATABASE to this user"),
        ("SSL|TLS|certificate", "check sslmode in the address, and the certificates"),
        ("invalid .*value", "correct this parameter of the address"),
        ("too many (clients|connections)|connection slots", "raise max_connections, or let other programs use fewer"),
        ("read-only|standby", "no host of the address accepts writes: add the primary, or promote a standby"),
        ("starting up|shutting down|recovery", "wait until the server has started"),
        ("resolve host|translate host", "check the name of the host"),
        (
            "refused|no such file|time|unreachable|no route",
            "check host and port, and whether PostgreSQL runs and listens there",
        ),
    )
)
NO_RIGHT: Final = "make this user the owner of the schema and its tables, or GRANT it all rights on them"
_LOG: Final = "the log of the server says more"
TABLES_MISSING: Final = "only the adapter may change its tables: restore the schema from a backup"
_BY_CODE: Final = {
    "53100": "free space on the disk of PostgreSQL",
    "53200": "give PostgreSQL more memory",
    "53300": "raise max_connections, or let other programs use fewer",
    "42501": NO_RIGHT,
    "25006": "the server accepts no writes: add the primary to the address, or turn default_transaction_read_only off",
    "3F000": TABLES_MISSING,
    "42P01": TABLES_MISSING,
    "42703": TABLES_MISSING,
}


def connection_text(text: str) -> str:
    """Why there is no connection, as libpq says it in `text`, and what to do."""
    # A name may have several addresses, which fail alike.
    hosts = dict.fromkeys(f"{host}:{port}: {_cause(each)}" for host, port, each in _EACH_HOST.findall(text))
    cause = "; ".join(hosts) or _cause((text.strip() or "no connection").splitlines()[0])
    return f"{cause}: {next((todo for pattern, todo in _ADVICE if pattern.search(cause)), _LOG)}"


def address_text(text: str) -> str:
    """Why libpq cannot read an address, as it says in `text`, without what it quotes of it."""
    found = _UNKNOWN_PARAM.search(text)
    if found is not None:
        return f"`{found[1]}` is not a parameter of PostgreSQL's addresses: correct or remove it"
    return "PostgreSQL cannot read this address: write postgresql://user@host/database, with a % in it as %25"


def statement_text(message: str, *, code: str) -> str:
    """An error of a statement, and what to do."""
    todo = _BY_CODE.get(code)
    return f"{message} ({code})" if todo is None else f"{message} ({code}): {todo}"


def _cause(line: str) -> str:
    return _WHERE.sub("", line, count=1).strip()
