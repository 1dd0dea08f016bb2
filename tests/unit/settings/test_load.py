"""Settings come from options, environment, file and defaults, in that order."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from adapter.errors import ConfigError
from adapter.model import Secret
from adapter.queue.address import Memory, SqliteFile
from adapter.settings.load import load_settings
from adapter.settings.quantities import ListenAddress
from adapter.settings.settings import (
    BrowseeSettings,
    LimitSettings,
    PaceSettings,
    RetentionSettings,
    RetrySettings,
    SourceSettings,
)
from adapter.wire.ids import no_ids
from tests.unit.settings.folders import BROWSEE_KEY, KEY, Folder

ANYWHERE = "0.0.0.0"  # noqa: S104 - read, never listened on

EVERYTHING = """
listen: "[::1]:9090"
queue: sqlite:///state/queue.db
browsee: {url: "http://localhost:9/api/v1/", rate: 120/m, identify: false}
sources:
  shop:
    keys: ["${SHOP_KEY}", old-key-of-the-shop]
    signing_secrets: [one-secret-of-segment]
    mapping: maps/shop.yaml
    browsee_api_key: ${SHOP_BROWSEE_KEY}
    order: none
    store: private
    limit: 500/s
    limit_bytes: 5MB/s
    deletions: on
    type: track
    at: event.payload
    horizon: 4h
    honour: [integrations, consent]
    consent: [Analytics]
    max_age: 30d
    not_ids: [Guest]
    is_id: [nan]
    vars: {currency: EUR, factor: 2.5, beta: true}
  app:
    keys: [write-key-of-the-app]
retry: {for: 48h, max: 2m}
pace: {recover: 30s}
limits: {body: 1MB, inflated: 4MB, message: 100KB, pending: 1000}
retention: {history: 12h, dead: 7d, dedup: 24h, deletions: 90d, max_disk: 2GB}
hash_key: ${HASH}
admin_token: token-of-the-operator
"""
EVERYTHING_ENVIRON = {
    "SHOP_KEY": KEY,
    "SHOP_BROWSEE_KEY": "browsee-key-of-the-shop",
    "HASH": "0123456789abcdef",
    "BROWSEE_API_KEY": BROWSEE_KEY,
}


def test_every_setting_of_a_file_arrives(folder: Folder) -> None:
    """Texts become seconds, bytes, rates and secrets; paths count from the file's folder."""
    shop = folder.write("maps/shop.yaml")
    settings = folder.load(EVERYTHING, environ=EVERYTHING_ENVIRON)
    assert settings.listen == ListenAddress("::1", 9090)
    assert settings.queue == SqliteFile(folder.folder / "state/queue.db")
    assert settings.browsee == BrowseeSettings(url="http://localhost:9/api/v1", rate_per_s=2.0, identify=False)
    assert settings.sources == (
        SourceSettings(
            name="shop",
            keys=(Secret(KEY), Secret("old-key-of-the-shop")),
            signing_secrets=(Secret("one-secret-of-segment"),),
            mapping=shop,
            browsee_api_key=Secret("browsee-key-of-the-shop"),
            order="none",
            store="private",
            limit_per_s=500.0,
            limit_bytes_per_s=5e6,
            horizon_s=14_400,
            deletions="on",
            type="track",
            at=("event", "payload"),
            vars={"currency": "EUR", "factor": 2.5, "beta": True},
            honour=("integrations", "consent"),
            consent=("Analytics",),
            max_age_s=2_592_000,
            no_ids=no_ids(not_ids=["guest"], is_id=["nan"]),
        ),
        SourceSettings(
            name="app",
            keys=(Secret("write-key-of-the-app"),),
            signing_secrets=(),
            mapping=folder.mappings / "default.yaml",
            browsee_api_key=Secret(BROWSEE_KEY),
            order="user",
            store="raw",
            limit_per_s=None,
            limit_bytes_per_s=None,
            horizon_s=10_800,
            deletions="signed",
            type=None,
            at=(),
            vars={},
        ),
    )
    assert settings.retry == RetrySettings(for_s=172_800, max_s=120)
    assert settings.pace == PaceSettings(recover_s=30)
    assert settings.limits == LimitSettings(
        body_bytes=1_000_000, inflated_bytes=4_000_000, message_bytes=100_000, pending=1000, connections=5000
    )
    assert settings.retention == RetentionSettings(
        history_s=43_200, dead_s=604_800, dedup_s=86_400, deletions_s=7_776_000, max_disk_bytes=2_000_000_000
    )
    assert settings.hash_key == Secret("0123456789abcdef")
    assert settings.admin_token == Secret("token-of-the-operator")
    assert settings.file == folder.folder / "adapter.yaml"
    assert settings.notes == ()


def test_the_environment_alone_is_one_source(folder: Folder) -> None:
    """Without a file, variables describe the source `default`; commas separate secrets while they rotate."""
    shop = folder.write("shop.yaml")
    settings = folder.load(
        environ={
            "BROWSEE_API_KEY": BROWSEE_KEY,
            "BROWSEE_URL": "https://browsee.test/api/v1",
            "ADAPTER_WRITE_KEY": KEY,
            "ADAPTER_SIGNING_SECRET": "old-secret-of-segment, new-secret-of-segment",
            "ADAPTER_MAPPING": "shop.yaml",
            "ADAPTER_QUEUE": "sqlite:////data/adapter.db",
            "ADAPTER_HOST": "::1",
            "ADAPTER_PORT": "9000",
            "ADAPTER_HASH_KEY": "0123456789abcdef",
            "ADAPTER_ADMIN_TOKEN": "token-of-the-operator",
            "ADAPTER_ADMIN_LISTEN": "127.0.0.1:9001",
            "ADAPTER_TRUSTED_PROXIES": "127.0.0.1, fd00::/8",
            "ADAPTER_LOG_FORMAT": "json",
            "ADAPTER_LOG_LEVEL": "debug",
            "ADAPTER_ROLE": "all",
        }
    )
    assert [source.name for source in settings.sources] == ["default"]
    (source,) = settings.sources
    assert source.keys == (Secret(KEY),)
    assert source.signing_secrets == (Secret("old-secret-of-segment"), Secret("new-secret-of-segment"))
    assert source.mapping == shop
    assert source.browsee_api_key == Secret(BROWSEE_KEY)
    assert settings.browsee.url == "https://browsee.test/api/v1"
    assert settings.queue == SqliteFile(Path("/data/adapter.db"))
    assert settings.listen == ListenAddress("::1", 9000)
    assert settings.admin_listen == ListenAddress("127.0.0.1", 9001)
    assert settings.trusted_proxies == (ip_network("127.0.0.1/32"), ip_network("fd00::/8"))
    assert settings.hash_key == Secret("0123456789abcdef")
    assert settings.admin_token == Secret("token-of-the-operator")
    assert settings.log_format == "json"
    assert settings.log_level == "debug"
    assert settings.role == "all"
    assert settings.file is None


def test_nothing_but_a_key_of_browsee_is_needed(folder: Folder) -> None:
    """The first minutes: one variable, and every other setting has a default that works."""
    settings = folder.load()
    assert settings.listen == ListenAddress(ANYWHERE, 8080)
    assert settings.queue == SqliteFile(folder.folder / "data/adapter.db")
    assert settings.browsee == BrowseeSettings(url="https://api.browsee.io/api/v1", rate_per_s=None, identify=True)
    assert settings.sources[0].keys == ()
    assert settings.retry == RetrySettings(for_s=259_200, max_s=300)
    assert settings.limits.pending == 5_000_000
    assert settings.log_format is None
    assert settings.log_level is None


@pytest.mark.parametrize(
    "link", ["tcp://10.96.0.12:80", "udp://10.96.0.12:53", "sctp://10.96.0.12:9", "tcp://[fd00::1]:80"]
)
def test_a_kubernetes_service_called_adapter_does_not_stop_the_start(folder: Folder, link: str) -> None:
    """All variables that Kubernetes sets for the service; the port of the file, or the default, stays."""
    address, port = link.partition("://")[2].rpartition(":")[::2]
    links = {"ADAPTER_SERVICE_HOST": address, "ADAPTER_SERVICE_PORT": port, "ADAPTER_SERVICE_PORT_HTTP": port}
    links |= {"ADAPTER_PORT": link, f"ADAPTER_PORT_{port}_TCP": link, f"ADAPTER_PORT_{port}_TCP_PROTO": "tcp"}
    links |= {f"ADAPTER_PORT_{port}_TCP_PORT": port, f"ADAPTER_PORT_{port}_TCP_ADDR": address}
    links["BROWSEE_API_KEY"] = BROWSEE_KEY
    settings = folder.load(f"listen: {ANYWHERE}:9000\n", environ=links)
    assert settings.listen.port == 9000
    assert not [note for note in settings.notes if "ADAPTER_" in note]
    assert folder.load(f"listen: {ANYWHERE}:9000\n", environ=links, port=7).listen.port == 7


@pytest.mark.parametrize(
    ("environ", "port", "expected"),
    [({}, None, 1), ({"ADAPTER_PORT": "2"}, None, 2), ({"ADAPTER_PORT": "2"}, 0, 0)],
    ids=["file", "environment over file", "option over environment, 0 included"],
)
def test_the_nearest_origin_wins(folder: Folder, environ: dict[str, str], port: int | None, expected: int) -> None:
    """Option over environment over file; 0 is a port like any other."""
    settings = folder.load(
        f"listen: {ANYWHERE}:1\n", environ={"BROWSEE_API_KEY": BROWSEE_KEY, **environ}, port=port, host="localhost"
    )
    assert settings.listen == ListenAddress("localhost", expected)


@pytest.mark.parametrize(
    ("environ", "option", "role", "delivers"),
    [
        ({}, None, "all", True),
        ({"ADAPTER_ROLE": "ingest"}, None, "ingest", False),
        ({"ADAPTER_ROLE": "ingest"}, "deliver", "deliver", True),
    ],
    ids=["default", "environment", "option over environment"],
)
def test_a_replica_may_do_a_part_of_the_work(
    folder: Folder, environ: dict[str, str], option: str | None, role: str, delivers: bool
) -> None:
    """Where others can do the rest: with a queue in PostgreSQL."""
    environ = {"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_QUEUE": "postgresql://db/events", **environ}
    settings = folder.load(environ=environ, role=option)
    assert (settings.role, settings.delivers) == (role, delivers)


@pytest.mark.parametrize("queue", ["memory:", "sqlite:///adapter.db"])
def test_a_process_that_is_alone_does_all(folder: Folder, queue: str) -> None:
    """No other process could do the rest."""
    environ = {"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_QUEUE": queue, "ADAPTER_ROLE": "ingest"}
    with pytest.raises(ConfigError, match="set queue: postgresql://user@host/database"):
        folder.load(environ=environ)


def test_a_role_that_is_not_known_is_named_with_those_that_are(folder: Folder) -> None:
    """By its variable."""
    with pytest.raises(ConfigError, match="ADAPTER_ROLE: error E302: all, ingest or deliver"):
        folder.load(environ={"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_ROLE": "proxy"})


def test_variables_of_the_source_default_go_before_the_file(folder: Folder) -> None:
    """A file that describes `default` is overlaid setting by setting."""
    settings = folder.load(
        "sources: {default: {keys: [write-key-of-the-file], limit: 5/s}}\n",
        environ={"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_WRITE_KEY": KEY},
    )
    assert settings.sources[0].keys == (Secret(KEY),)
    assert settings.sources[0].limit_per_s == 5


def test_variables_that_have_no_source_are_reported(folder: Folder) -> None:
    """A write key that would never be accepted is reported; one that the settings use by name is fine."""
    text = "sources: {shop: {keys: ['${ADAPTER_SIGNING_SECRET}']}}\n"
    environ = {"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_WRITE_KEY": KEY, "ADAPTER_SIGNING_SECRET": KEY}
    settings = folder.load(text, environ=environ)
    assert [source.name for source in settings.sources] == ["shop"]
    (note,) = settings.notes
    assert note.startswith("ADAPTER_WRITE_KEY is set but not used")


def test_an_empty_variable_counts_as_not_set(folder: Folder) -> None:
    """Container tools pass unset variables on as empty ones."""
    settings = folder.load(environ={"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_PORT": "", "ADAPTER_WRITE_KEY": ""})
    assert settings.listen.port == 8080
    assert settings.sources[0].keys == ()


def test_spaces_around_a_variable_do_not_count(folder: Folder) -> None:
    """A secret read from a file brings a line break along; Browsee would refuse a key with it."""
    environ = {"BROWSEE_API_KEY": f"{BROWSEE_KEY}\n", "ADAPTER_WRITE_KEY": f" {KEY}\n", "HASH": " 0123456789abcdef\n"}
    settings = folder.load("hash_key: ${HASH}\n", environ=environ)
    assert settings.sources[0].keys == (Secret(KEY),)
    assert settings.sources[0].browsee_api_key == Secret(BROWSEE_KEY)
    assert settings.hash_key == Secret("0123456789abcdef")


@pytest.mark.parametrize(
    "text",
    [None, "sources: {shop: {}, app: {}}\n", "sources: {shop: {browsee_api_key: '${BROWSEE_API_KEY}'}}\n"],
    ids=["environment", "file", "variable in the file"],
)
def test_without_a_key_of_browsee_both_ways_on_are_reported(folder: Folder, text: str | None) -> None:
    """Real events never end in a sandbox by accident, so nothing starts until somebody chose."""
    with pytest.raises(ConfigError) as refusal:
        folder.load(text, environ={})
    assert "BROWSEE_API_KEY" in str(refusal.value)
    assert "--sandbox" in str(refusal.value)


def test_the_sandbox_needs_no_key_and_has_its_own_queue(folder: Folder) -> None:
    """The queue of real events stays untouched, and no key of Browsee is in reach."""
    settings = folder.load(
        "queue: sqlite:///data/real.db\nsources: {shop: {browsee_api_key: '${NOT_SET}'}, app: {}}\n", sandbox=True
    )
    assert settings.sandbox
    assert settings.queue == SqliteFile(folder.folder / "data/sandbox.db")
    assert [source.browsee_api_key for source in settings.sources] == [None, None]


def test_a_queue_in_memory_stays_there_in_the_sandbox(folder: Folder) -> None:
    """Without a need for files none is written."""
    assert folder.load("queue: 'memory:'\n", environ={}, sandbox=True).queue == Memory()


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_named_file_is_read(folder: Folder, way: str) -> None:
    """--config or ADAPTER_CONFIG names the settings file; adapter.yaml is then ignored."""
    folder.write("adapter.yaml", "nonsense: true\n")
    folder.write("container-mappings/default.yaml")
    other = folder.write("conf/other.yaml", "queue: sqlite:///here.db\n")
    settings = load_settings(
        file=Path("conf/other.yaml") if way == "option" else None,
        environ={"BROWSEE_API_KEY": BROWSEE_KEY, **({} if way == "option" else {"ADAPTER_CONFIG": str(other)})},
        folder=folder.folder,
        mappings=folder.mappings,
    )
    assert settings.file == other
    assert settings.queue == SqliteFile(folder.folder / "conf/here.db")


def test_a_named_file_that_is_missing_is_an_error(folder: Folder) -> None:
    """Only the unnamed adapter.yaml may be missing."""
    with pytest.raises(ConfigError, match=r"cannot read the settings file .*nowhere\.yaml: No such file"):
        load_settings(file=Path("nowhere.yaml"), environ={}, folder=folder.folder)


def test_a_file_that_is_not_text_is_an_error(folder: Folder) -> None:
    """Bytes that are no UTF-8 are refused with their place."""
    (folder.folder / "adapter.yaml").write_bytes(b"listen: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8 text, from byte 8 on"):
        folder.load()
