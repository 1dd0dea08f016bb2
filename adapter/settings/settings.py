"""The settings, once read: frozen, in seconds and bytes, with every key a `Secret`.

Every value in a `Settings` can be used, apart from what only the network can tell. Reads nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal, TypeAlias

from adapter.model import Secret
from adapter.queue.address import QueueAddress
from adapter.settings.quantities import ListenAddress
from adapter.wire.ids import NO_IDS

Order: TypeAlias = Literal["user", "none"]
Honoured: TypeAlias = Literal["integrations", "consent"]
Store: TypeAlias = Literal["raw", "private"]
DeletionPolicy: TypeAlias = Literal["signed", "on", "off"]
LogFormat: TypeAlias = Literal["json", "text"]
LogLevel: TypeAlias = Literal["debug", "info"]
Role: TypeAlias = Literal["all", "ingest", "deliver"]
JsonValue: TypeAlias = Any
"""A value of JSON."""
Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class BrowseeSettings:
    """How to call Browsee. `rate_per_s` None: learned while running."""

    url: str
    rate_per_s: float | None
    identify: bool
    any_2xx: bool = False


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """One sender. `keys` is empty until `fill_in_secrets` has generated one; `limit_per_s` (messages) and
    `limit_bytes_per_s` None: no limit.

    `horizon_s` is how long the sender retries refused messages. `browsee_api_key` is None only in the sandbox, which
    needs none. `no_ids` are texts that are not ids. `honour` selects the objections of libraries that count, `consent`
    names categories; `max_age_s` None: events of any age.
    """

    name: str
    keys: tuple[Secret, ...]
    signing_secrets: tuple[Secret, ...]
    mapping: Path
    browsee_api_key: Secret | None
    order: Order
    store: Store
    limit_per_s: float | None
    limit_bytes_per_s: float | None
    horizon_s: float
    deletions: DeletionPolicy
    type: str | None
    at: tuple[str, ...]
    vars: Mapping[str, Scalar]
    honour: tuple[Honoured, ...] = ()
    consent: tuple[str, ...] = ()
    max_age_s: float | None = None
    no_ids: frozenset[str] = NO_IDS

    @property
    def may_delete(self) -> bool:
        """Whether deletion requests of this source are carried out."""
        return self.deletions == "on" or (self.deletions == "signed" and bool(self.signing_secrets))


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How long a call is retried, and the longest delay between two attempts."""

    for_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class PaceSettings:
    """How the learned rate behaves."""

    recover_s: float


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The limits. `pending` is in events, `connections` in open ones."""

    body_bytes: int
    inflated_bytes: int
    message_bytes: int
    pending: int
    connections: int


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long finished things are kept."""

    history_s: float
    dead_s: float
    dedup_s: float
    deletions_s: float
    max_disk_bytes: int


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting for people: its value and default as a file writes them, and the origin of the value.

    `value` is None if the setting is not set; for a secret it only says whether there is one. A reference to the
    environment is shown as in the file: `${NAME}`.
    """

    path: str
    value: JsonValue
    default: JsonValue
    origin: str
    secret: bool


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """The operator's page. `edit`: whether it may change mappings; `auto` depends on how it is reached."""

    edit: Literal["auto", "on", "off"] = "auto"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. `file` is where they were read, None for environment alone; `notes` are sentences to show at the
    start.

    `admin_listen` None: operators are served on `listen`. `log_format` None: text on a terminal, JSON elsewhere.
    `log_level` None: debug in the sandbox, info elsewhere. `state_dir` None: generated secrets are not stored.
    `console` None: no page is served. `role` is what this replica does; any but `all` needs a queue that several
    replicas can share.
    """

    listen: ListenAddress
    queue: QueueAddress
    state_dir: Path | None
    browsee: BrowseeSettings
    sources: tuple[SourceSettings, ...]
    retry: RetrySettings
    pace: PaceSettings
    limits: LimitSettings
    retention: RetentionSettings
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...]
    admin_listen: ListenAddress | None
    hash_key: Secret | None
    geo_database: Path | None
    admin_token: Secret | None
    log_format: LogFormat | None
    log_level: LogLevel | None
    sandbox: bool
    file: Path | None
    notes: tuple[str, ...] = field(default=())
    in_force: tuple[SettingInForce, ...] = field(default=())
    console: ConsoleSettings | None = field(default_factory=ConsoleSettings)
    role: Role = "all"

    @property
    def delivers(self) -> bool:
        """Whether this process delivers."""
        return self.role != "ingest"

    @property
    def unordered(self) -> frozenset[str]:
        """The names of the sources whose events are delivered without order."""
        return frozenset(source.name for source in self.sources if source.order == "none")
