"""The address of a queue is a closed union: the type checker names every place that must decide."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from mypy import api

from adapter.errors import ConfigError
from adapter.queue.address import (
    Memory,
    Postgres,
    QueueAddress,
    SqliteFile,
    is_shared,
    parse_address,
    sandbox_address,
    spelled,
    state_folder,
)

ROOT = Path(__file__).parents[3]
QUEUE = ROOT / "adapter/queue"
ADDRESSES = QUEUE / "address.py"
DECIDING = {
    ("address.py", "spelled"),
    ("address.py", "state_folder"),
    ("address.py", "sandbox_address"),
    ("backends.py", "is_there"),
    ("backends.py", "refuse_damaged"),
    ("backends.py", "check"),
    ("address.py", "outlives_process"),
    ("address.py", "is_shared"),
    ("backends.py", "open_queue"),
    ("backends.py", "open_admin"),
    ("backends.py", "open_source"),
    ("backends.py", "open_target"),
}


def functions_of(file: Path) -> list[tuple[str, range]]:
    """The functions at the top of `file`, each with its lines."""
    found = ast.parse(file.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [(node.name, range(node.lineno, (node.end_lineno or 0) + 1)) for node in found if isinstance(node, kinds)]


def test_the_type_checker_names_every_place_that_must_decide(tmp_path: Path) -> None:
    """With a third address in the union, and nothing else changed."""
    text = ADDRESSES.read_text(encoding="utf-8")
    union = "QueueAddress: TypeAlias = Memory | SqliteFile | Postgres"
    assert union in text
    third = f"@dataclass(frozen=True, slots=True)\nclass Third:\n    dsn: str\n\n\n{union} | Third"
    # At the end, so that all other lines keep their numbers: annotations are not evaluated.
    changed = tmp_path / "address.py"
    changed.write_text(text.replace(union, third), encoding="utf-8")
    shift = len(changed.read_text(encoding="utf-8").splitlines()) - len(text.splitlines())
    options = ["--shadow-file", str(ADDRESSES), str(changed), "--cache-dir", str(tmp_path / "cache")]
    said, _, _ = api.run([*options, "--no-error-summary", str(ADDRESSES), str(QUEUE / "backends.py")])
    named = set()
    for line in said.splitlines():
        file, number, _, problem = line.split(":", 3)
        assert "assert_never" in problem, line
        moved = shift if file.endswith("address.py") else 0
        spans = functions_of(ROOT / file)
        named |= {(Path(file).name, name) for name, span in spans if int(number) - moved in span}
    assert named == DECIDING


@pytest.mark.parametrize(
    ("text", "address", "state"),
    [
        ("sqlite:///data/q.db", SqliteFile(Path("/here/data/q.db")), Path("/here/data")),
        ("sqlite:////data/q.db", SqliteFile(Path("/data/q.db")), Path("/data")),
        ("memory:", Memory(), None),
    ],
)
def test_an_address_is_read_from_the_setting(text: str, address: QueueAddress, state: Path | None) -> None:
    """Relative paths are relative to the folder of the settings file; a queue in memory has no folder."""
    assert parse_address(text, folder=Path("/here")) == address
    assert state_folder(address) == state


@pytest.mark.parametrize(
    ("text", "url", "shown", "schema"),
    [
        ("postgresql://me@db-1,db-2:5433/q", None, None, "browsee_adapter"),
        (
            "postgres://db/q?sslmode=require&schema=a_1",
            "postgres://db/q?sslmode=require",
            "postgres://db/q?schema=a_1",
            "a_1",
        ),
        ("postgresql://me:S3C%40RET@db/q", None, "postgresql://me@db/q", "browsee_adapter"),
        ("postgresql:///q?host=/run/db", "postgresql:///q?host=%2Frun%2Fdb", "postgresql:///q", "browsee_adapter"),
        ("postgresql://db/q?password=S3CRET", None, "postgresql://db/q", "browsee_adapter"),
    ],
)
def test_an_address_of_postgresql_shows_no_password(text: str, url: str | None, shown: str | None, schema: str) -> None:
    """Whatever stands in it goes to libpq, but for the schema; what is shown names user, hosts and database."""
    address = parse_address(text, folder=Path("/here"))
    assert isinstance(address, Postgres)
    assert (address.url.reveal(), str(address), address.schema) == (url or text, shown or text, schema)
    assert "S3C" not in repr(address) + spelled(address)
    assert is_shared(address)
    assert sandbox_address(address) == replace(address, schema=f"{schema}_sandbox")


@pytest.mark.parametrize(
    "text",
    [
        *("postgresql://me:S3C@RET@db/q", "postgresql://me:S3CRET/x@db/q", "postgresql://me:S3CRET#x@db/q"),
        *("postgresql://me:S3CRET?x@db/q", "postgresql://me:S3CRET?x=@db/q", "postgresql://me:5432?x=S3CRET@db/q"),
        *("postgresql://me:S3CRET%zz@db/q", "postgresql://me:S3CRET%@db/q", "postgresql://db/q?password=S3CRET%"),
        *("postgresql://me:S3CRET@[::1/q", "postgresql://me:S3CRET@db:port/q", "postgresql://me:S3CRET@[::1]x/q"),
    ],
)
def test_an_address_that_would_be_misread_is_refused(text: str) -> None:
    """A password with a character that ends it would be shown in part as a host, a port or a path."""
    with pytest.raises(ConfigError, match="write @ as %40") as raised:
        parse_address(text, folder=Path("/here"))
    assert "S3C" not in str(raised.value)
    assert "RET" not in str(raised.value)


@pytest.mark.parametrize("text", ["sqlite:///", "sqlite:////", "sqlite:///.", "sqlite:///./"])
def test_a_file_must_be_named(text: str) -> None:
    """A folder is none."""
    with pytest.raises(ConfigError, match="name a file"):
        parse_address(text, folder=Path("/here"))


@pytest.mark.parametrize("host", ["", "db", "db-1,db-2:5433", "[::1]:5432,[fe80::1]", "127.0.0.1:", "%2Frun%2Fdb"])
def test_every_form_of_hosts_is_read(host: str) -> None:
    """Several ones, with ports, with addresses of IPv6, and the folder of a socket."""
    address = parse_address(f"postgresql://me@{host}/q", folder=Path("/here"))
    assert str(address) == f"postgresql://me@{host}/q"


@pytest.mark.parametrize("schema", ["", "pg_adapter", "Shop", "1a", "a;b", "a b", "a-b", "é", "a" * 52])
def test_a_schema_that_would_need_quotes_is_refused(schema: str) -> None:
    """And names that PostgreSQL keeps for itself; the sentence says what is allowed."""
    with pytest.raises(ConfigError, match="`schema` takes up to 51 characters"):
        parse_address(f"postgresql://db/q?schema={schema}", folder=Path("/here"))


@pytest.mark.parametrize(
    ("text", "spelled_out"),
    [
        ("sqlite:///q.db", "sqlite:////here/q.db"),
        ("memory:", "memory:"),
        ("postgresql://me:x@a,b/q?password=x&host=/run/db&schema=s", "postgresql://me@a,b/q?host=/run/db&schema=s"),
        ("postgresql://a/q", "postgresql://a/q"),
    ],
)
def test_an_address_is_spelled_out(text: str, spelled_out: str) -> None:
    """With all that tells two queues apart, and no secret."""
    assert spelled(parse_address(text, folder=Path("/here"))) == spelled_out


def test_a_sandbox_has_a_queue_of_its_own() -> None:
    """Beside the file of the real one, or in memory too."""
    assert sandbox_address(SqliteFile(Path("/data/q.db"))) == SqliteFile(Path("/data/sandbox.db"))
    real = Memory()
    sandbox = sandbox_address(real)
    assert isinstance(sandbox, Memory)
    assert sandbox.name != real.name
