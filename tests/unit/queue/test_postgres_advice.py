"""Errors of connections to PostgreSQL become one line: why, and what to do. The texts are those of libpq."""

import pytest

from adapter.queue.postgres.advice import address_text, connection_text, statement_text

AT = 'connection failed: connection to server at "10.0.0.5", port 5432 failed: '
ON = 'connection is bad: connection to server on socket "/run/.s.PGSQL.5432" failed: '


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            AT + 'FATAL:  database "nosuch" does not exist',
            "database \"nosuch\" does not exist: create it with ENCODING 'UTF8', or name another one",
        ),
        (
            AT + 'FATAL:  password authentication failed for user "me"',
            'password authentication failed for user "me": check the user of the address',
        ),
        (AT + "fe_sendauth: no password supplied", "fe_sendauth: no password supplied: check the user of the address"),
        (AT + 'FATAL:  role "me" does not exist', 'role "me" does not exist: check the user of the address'),
        (AT + 'FATAL:  role "me" is not permitted to log in', 'role "me" is not permitted to log in: check the user'),
        (
            AT + 'FATAL:  no pg_hba.conf entry for host "10.0.0.9", user "me", database "q", no encryption',
            'no pg_hba.conf entry for host "10.0.0.9", user "me", database "q", no encryption: allow this user',
        ),
        (AT + 'FATAL:  permission denied for database "q"', 'permission denied for database "q": GRANT CONNECT'),
        (
            AT + "server does not support SSL, but SSL was required",
            "server does not support SSL, but SSL was required: check sslmode",
        ),
        ('connection is bad: invalid sslmode value: "foo"', 'invalid sslmode value: "foo": check sslmode'),
        (AT + "FATAL:  sorry, too many clients already", "sorry, too many clients already: raise max_connections"),
        (AT + "session is read-only", "session is read-only: no host of the address accepts writes"),
        (AT + "FATAL:  the database system is starting up", "the database system is starting up: wait until"),
        (
            "failed to resolve host 'db': [Errno -2] Name unknown",
            "failed to resolve host 'db': [Errno -2] Name unknown: check",
        ),
        (AT + "Connection refused\n\tIs the server running on that host?", "Connection refused: check host and port"),
        (ON + "No such file or directory\n\tIs the server running?", "No such file or directory: check host and port"),
        ("connection timeout expired", "connection timeout expired: check host and port"),
        (AT + "FATAL:  etwas anderes", "etwas anderes: the log of the server says more"),
        ("", "no connection: the log of the server says more"),
    ],
)
def test_a_cause_comes_with_what_to_do(text: str, said: str) -> None:
    """Without the place, which the address of the queue names already."""
    found = connection_text(text)
    assert found.startswith(said)
    assert "\n" not in found


def test_of_several_hosts_each_is_named() -> None:
    """The first line of libpq is about one of them, which may be the one that matters less."""
    refused = 'connection failed: connection to server at "h1", port 1 failed: Connection refused'
    wrong = 'connection failed: connection to server at "h2", port 2 failed: FATAL:  database "q" does not exist'
    text = (
        f"{refused}\n\tIs the server running on that host?\nMultiple connection attempts failed. All failures were:\n"
        f"- host: 'h1', port: '1', hostaddr: '10.0.0.1': {refused}\n\tIs the server running on that host?\n"
        f"- host: 'h2', port: '2', hostaddr: '10.0.0.2': {wrong}\n"
        f"- host: 'h2', port: '2', hostaddr: '10.0.0.3': {wrong}"
    )
    assert connection_text(text) == (
        "h1:1: Connection refused; h2:2: database \"q\" does not exist: create it with ENCODING 'UTF8', or name "
        "another one: postgresql://user@host/database"
    )


def test_an_address_is_not_quoted() -> None:
    """But for the name of an unknown parameter, which is a word."""
    assert "`sslmod` is not a parameter" in address_text('invalid URI query parameter: "sslmod"\n')
    for quoted in ('invalid percent-encoded token: "%S3CRET"', 'invalid URI query parameter: "S3CRET"'):
        assert "S3CRET" not in address_text(quoted)


def test_a_statement_that_fails_says_what_to_do() -> None:
    """Where that is known; the code is there in any case."""
    missing = statement_text('relation "lane" does not exist', code="42P01")
    assert missing.startswith('relation "lane" does not exist (42P01): only the adapter may change its tables')
    assert statement_text("division by zero", code="22012") == "division by zero (22012)"
