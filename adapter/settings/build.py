"""Builds `Settings` from values that fit the schema. Checks which mapping files exist; reads none."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from adapter.errors import ConfigError
from adapter.model import JsonObject, Secret
from adapter.queue.address import QueueAddress, is_shared, parse_address, sandbox_address, state_folder
from adapter.settings.mapping_choice import OWN_MAPPING, MappingChoice, found_mapping, named_mapping
from adapter.settings.quantities import ListenAddress, address, network, rate_per_s, size_bytes, volume_per_s
from adapter.settings.settings import (
    BrowseeSettings,
    ConsoleSettings,
    LimitSettings,
    PaceSettings,
    RetentionSettings,
    RetrySettings,
    Role,
    Settings,
    SourceSettings,
)
from adapter.settings.shape import ValueReader
from adapter.wire.durations import duration_s
from adapter.wire.ids import no_ids

LEAST_MAX_AGE_S = 72 * 3600.0
"""The least `max_age`: no event may be dropped because a platform was refused for days and kept trying."""


def readers(*, folder: Path, mappings: Path) -> dict[str, ValueReader]:
    """The reader of texts for each definition of the schema; relative paths are relative to `folder`."""

    def mapping(text: str) -> Path:
        return named_mapping(text, folder=folder, mappings=mappings)

    return {
        "address": address,
        "age_or_off": lambda text: None if text == "off" else _age_s(text),
        "duration": duration_s,
        "key": _secret,
        "mapping": mapping,
        "network": network,
        "queue": partial(parse_address, folder=folder),
        "file": lambda text: folder / text,
        "folder": lambda text: folder / text,
        "rate_or_auto": lambda text: None if text == "auto" else rate_per_s(text),
        "rate_or_off": lambda text: None if text == "off" else rate_per_s(text),
        "volume_or_off": lambda text: None if text == "off" else volume_per_s(text),
        "secret": _secret,
        "size": size_bytes,
        "url": lambda text: text.rstrip("/"),
    }


def _age_s(text: str) -> float:
    age_s = duration_s(text)
    if age_s < LEAST_MAX_AGE_S:
        raise ValueError("max_age must be off or at least 72h: platforms retry refused events for that long")
    return age_s


def _secret(text: str) -> Secret:
    # A pattern's `$` also matches before a line break at the end, such as that of a YAML block.
    if text != text.strip():
        raise ValueError("a secret has no spaces and no line break at its ends")
    return Secret(text)


def build_settings(
    values: JsonObject,
    *,
    process: Mapping[str, Any],
    file: Path | None,
    folder: Path,
    mappings: Path,
    browsee_api_key: Secret | None,
) -> Settings:
    """The settings made of `values`.

    `process` has the values of `environment.PROCESS_VARIABLES`. `browsee_api_key` is for sources without one, and
    `mappings` is the folder for sources without a mapping; without a settings file `OWN_MAPPING` in `folder` comes
    after it. Raises ConfigError if the mapping of a source is unclear.
    """
    mapping = _unnamed_mapping(values["sources"], mappings=mappings, own=None if file else folder / OWN_MAPPING)
    browsee, retry, retention = (values[name] for name in ("browsee", "retry", "retention"))
    return Settings(
        listen=_listen(values["listen"], process),
        queue=values["queue"],
        state_dir=values.get("state_dir", state_folder(values["queue"])),
        browsee=_browsee(browsee),
        sources=tuple(
            _source(name, source, mapping=mapping.file, browsee_api_key=browsee_api_key)
            for name, source in values["sources"].items()
        ),
        retry=RetrySettings(for_s=retry["for"], max_s=retry["max"]),
        pace=PaceSettings(recover_s=values["pace"]["recover"]),
        limits=_limits(values["limits"]),
        retention=RetentionSettings(
            history_s=retention["history"],
            dead_s=retention["dead"],
            dedup_s=retention["dedup"],
            deletions_s=retention["deletions"],
            max_disk_bytes=retention["max_disk"],
        ),
        trusted_proxies=values["trusted_proxies"],
        admin_listen=values.get("admin_listen"),
        hash_key=values.get("hash_key"),
        geo_database=values.get("geo", {}).get("database"),
        admin_token=values.get("admin_token"),
        log_format=process.get("ADAPTER_LOG_FORMAT"),
        log_level=process.get("ADAPTER_LOG_LEVEL"),
        role=_role(values["queue"], process),
        sandbox=False,
        file=file,
        notes=(mapping.note,) if mapping.note else (),
        console=None if values["console"] == "off" else ConsoleSettings(values["console"]["edit"]),
    )


def _limits(limits: JsonObject) -> LimitSettings:
    return LimitSettings(
        body_bytes=limits["body"],
        inflated_bytes=limits["inflated"],
        message_bytes=limits["message"],
        pending=limits["pending"],
        connections=limits["connections"],
    )


def _listen(address: ListenAddress, process: Mapping[str, Any]) -> ListenAddress:
    """The address in the settings; a separate host or port comes from the environment or an option."""
    return replace(
        address, host=process.get("ADAPTER_HOST", address.host), port=process.get("ADAPTER_PORT", address.port)
    )


def _role(queue: QueueAddress, process: Mapping[str, Any]) -> Role:
    """The role of this process. Raises ConfigError if it is a part, and no other process can do the rest."""
    role: Role = process.get("ADAPTER_ROLE", "all")
    if role != "all" and not is_shared(queue):
        raise ConfigError(
            f"--role {role} (ADAPTER_ROLE) is for replicas that share a queue in PostgreSQL, and the queue is {queue}: "
            "leave it out, or set queue: postgresql://user@host/database"
        )
    return role


def in_sandbox(settings: Settings) -> Settings:
    """`settings` for the sandbox: a queue of its own beside the configured one, and no key of Browsee.

    So events that were meant for Browsee never end in a sandbox, and a sandbox never learns a key.
    """
    sources = tuple(replace(source, browsee_api_key=None) for source in settings.sources)
    return replace(settings, queue=sandbox_address(settings.queue), sources=sources, sandbox=True)


def require_browsee_keys(settings: Settings) -> None:
    """Raises ConfigError, with both ways out, if a source has no key of Browsee."""
    keyless = [source.name for source in settings.sources if source.browsee_api_key is None]
    if not keyless:
        return
    raise ConfigError(
        f"no Browsee key for {'source' if len(keyless) == 1 else 'sources'} {', '.join(keyless)}:\n"
        f"  to deliver to Browsee, set BROWSEE_API_KEY, or sources.{keyless[0]}.browsee_api_key in the settings\n"
        "  to try the adapter with the built-in stand-in for Browsee, add --sandbox",
        is_listing=True,
    )


def _source(name: str, values: JsonObject, *, mapping: Path, browsee_api_key: Secret | None) -> SourceSettings:
    return SourceSettings(
        name=name,
        keys=values.get("keys", ()),
        signing_secrets=values["signing_secrets"],
        mapping=values.get("mapping", mapping),
        browsee_api_key=values.get("browsee_api_key", browsee_api_key),
        order=values["order"],
        store=values["store"],
        limit_per_s=values["limit"],
        limit_bytes_per_s=values["limit_bytes"],
        horizon_s=values["horizon"],
        deletions=values["deletions"],
        type=None if values["type"] == "required" else values["type"],
        at=tuple(filter(None, values["at"].split("."))),
        vars=values["vars"],
        honour=values["honour"],
        consent=values["consent"],
        max_age_s=values["max_age"],
        no_ids=no_ids(not_ids=values["not_ids"], is_id=values["is_id"]),
    )


def _unnamed_mapping(sources: JsonObject, *, mappings: Path, own: Path | None) -> MappingChoice:
    named = [source["mapping"] for source in sources.values() if "mapping" in source]
    # The folder does not matter if every source names its mapping.
    return MappingChoice(named[0]) if len(named) == len(sources) else found_mapping(mappings, own=own)


def _browsee(browsee: JsonObject) -> BrowseeSettings:
    return BrowseeSettings(
        url=browsee["url"],
        rate_per_s=browsee["rate"],
        identify=browsee["identify"],
        any_2xx=browsee["accept"] == "any_2xx",
    )
