"""What each replica announces of itself, and where replicas differ. Pure.

A fact has the name of a setting. Its value is a version, or a fingerprint of 8 digits: too little to find a secret by.
Settings that each machine has of its own, such as addresses and paths, are not compared; of a mapping its version is.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any, Final

from adapter.console.health import Gauge
from adapter.model import JsonObject, Secret
from adapter.observe import metrics
from adapter.queue.replicas import Replica
from adapter.service.mappings import Active
from adapter.settings.settings import Settings
from adapter.version import VERSION

_OF_ITS_OWN: Final = frozenset(
    {
        *("listen", "admin_listen", "queue", "state_dir", "geo_database", "file", "notes", "in_force", "role"),
        *("log_format", "log_level", "sandbox", "sources", "name", "mapping"),
    }
)
"""Fields of settings that need not agree, or are compared in another way."""
_NAMES: Final = {"any_2xx": "accept", "no_ids": "not_ids"}
_UNIT: Final = re.compile(r"(_per_s|_s|_bytes)$")
_DIGITS: Final = 8


def facts_of(settings: Settings) -> dict[str, str]:
    """What must agree in the settings of all replicas, by the name of the setting."""
    found = dict(_leaves(settings, ""))
    for source in settings.sources:
        found |= _leaves(source, f"sources.{source.name}.")
    return {"version": VERSION, **found}


def with_mappings(facts: Mapping[str, str], active: Active) -> dict[str, str]:
    """`facts` with the version of each active mapping."""
    return {**facts, **{_mapping_of(name): live.ruleset.version for name, live in active.live.items()}}


def replicas_json(replicas: Sequence[Replica]) -> JsonObject:
    """The replicas for `/readyz`, each with the names of what differs from this one; empty for one process."""
    if not replicas:
        return {}
    differing = _differing_from_here(replicas)
    return {
        "replicas": [
            {
                "name": replica.name,
                "version": replica.facts.get("version"),
                "delivers": replica.delivers,
                "here": replica.is_here,
                "differs": differs,
            }
            for replica, differs in zip(replicas, differing, strict=True)
        ],
        "replicas_disagree": sorted({name for names in differing for name in names}),
    }


def replica_gauges(replicas: Sequence[Replica]) -> Sequence[Gauge]:
    """How many replicas differ from this one; nothing for one process."""
    if not replicas:
        return ()
    return [Gauge(metrics.REPLICAS_DIFFERING, sum(map(bool, _differing_from_here(replicas))))]


def mapping_versions(replicas: Sequence[Replica], source: str, *, here: str) -> list[JsonObject]:
    """The version of the mapping of `source` that each replica has: `here` this one, the others as announced last."""
    name = _mapping_of(source)
    return [
        {"name": replica.name, "version": here if replica.is_here else replica.facts.get(name)} for replica in replicas
    ]


def _differing_from_here(replicas: Sequence[Replica]) -> list[list[str]]:
    """Of each replica the names of what differs from this one."""
    own = next((replica.facts for replica in replicas if replica.is_here), {})
    return [_differing(own, replica.facts) for replica in replicas]


def _differing(own: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """The names of facts that differ, or of sources that one of them lacks. Empty until both have announced facts."""
    if not own or not other:
        return []
    lacking = {_source_of(name) for name in own} ^ {_source_of(name) for name in other}
    names = {name for name in own.keys() | other.keys() if own.get(name) != other.get(name)}
    return sorted({source if (source := _source_of(name)) in lacking else name for name in names})


def _source_of(name: str) -> str:
    """`sources.shop` of `sources.shop.order`; "" of what is not of a source."""
    return name.rpartition(".")[0] if name.startswith("sources.") else ""


def _mapping_of(source: str) -> str:
    return f"sources.{source}.mapping"


def _leaves(group: Any, path: str) -> Iterator[tuple[str, str]]:
    for each in fields(group):
        value = getattr(group, each.name)
        if each.name in _OF_ITS_OWN:
            continue
        name = path + _NAMES.get(each.name, _UNIT.sub("", each.name))
        if is_dataclass(value):
            yield from _leaves(value, f"{name}.")
        else:
            yield name, _fingerprint(value)


def _fingerprint(value: Any) -> str:
    return sha256(json.dumps(_plain(value), sort_keys=True).encode()).hexdigest()[:_DIGITS]


def _plain(value: Any) -> Any:
    """The value as JSON; the secrets in it as they are, because only a fingerprint of it is used."""
    match value:
        case Secret():
            return value.reveal()
        case tuple() | list():
            return [_plain(each) for each in value]
        case frozenset():
            return sorted(map(str, value))
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case str() | int() | float() | bool() | None:
            return value
        case _:
            return str(value)
