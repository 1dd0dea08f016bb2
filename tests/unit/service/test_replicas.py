"""What replicas announce of themselves, and how one of them names what differs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from adapter.observe.metrics import REPLICAS_DIFFERING
from adapter.queue.replicas import Replica
from adapter.service.replicas import facts_of, mapping_versions, replica_gauges, replicas_json
from adapter.settings.load import settings_schema
from adapter.settings.shape import SettingsShape
from adapter.version import VERSION
from tests.unit.settings.folders import Folder

SETTINGS: Final = """
sources:
  shop: {keys: [key-of-the-shop-1], order: user, vars: {currency: EUR}}
  my.app: {keys: [key-of-the-app-01], not_ids: [guest]}
hash_key: 0123456789abcdef-hash-key
admin_token: token-of-the-operator
trusted_proxies: [10.0.0.0/8]
"""
OF_ITS_OWN: Final = frozenset({"listen", "admin_listen", "queue", "state_dir", "geo.database"})
"""Settings that each machine has of its own."""


def facts(tmp_path: Path, text: str, **environ: str) -> dict[str, str]:
    """What a replica with these settings announces."""
    return facts_of(Folder(tmp_path).load(text, environ={"BROWSEE_API_KEY": "browsee-key-1234", **environ}))


def replica(name: str, announced: Mapping[str, str], *, is_here: bool = False) -> Replica:
    """A replica that announced this."""
    return Replica(name=name, delivers=True, facts=announced, is_here=is_here)


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """What `/readyz` of a replica with the facts `one` says of a replica with the facts `other`."""
    replicas = [replica("one", one, is_here=True), replica("other", other)]
    found = replicas_json(replicas)
    assert [each["differs"] for each in found["replicas"]] == [[], found["replicas_disagree"]]
    [gauge] = replica_gauges(replicas)
    assert (gauge.metric, gauge.value) == (REPLICAS_DIFFERING, bool(found["replicas_disagree"]))
    return list(found["replicas_disagree"])


def test_every_setting_is_compared_by_its_name(tmp_path: Path) -> None:
    """But for those that each machine has of its own; texts that are ids are compared with those that are not."""
    shape = SettingsShape(settings_schema())
    paths = {".".join(map(str, path)) for source in (None, "shop", "my.app") for path in shape.paths(source)}
    expected = {path for path in paths - OF_ITS_OWN if not path.endswith((".mapping", ".is_id"))}
    assert set(facts(tmp_path, SETTINGS)) == expected | {"version", "sources.shop.vars", "sources.my.app.vars"}


def test_no_fact_has_a_secret(tmp_path: Path) -> None:
    """Facts are stored in the database: a value is a version or 8 digits."""
    found = facts(tmp_path, SETTINGS)
    assert found.pop("version") == VERSION
    assert {len(value) for value in found.values()} == {8}
    assert all(int(value, 16) >= 0 for value in found.values())


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("-hash-key", "-other-key", ["hash_key"]),
        ("token-of", "secret-of", ["admin_token"]),
        ("10.0.0.0/8", "10.0.0.0/16", ["trusted_proxies"]),
        ("order: user", "order: none", ["sources.shop.order"]),
        ("key-of-the-app-01", "key-of-the-app-02", ["sources.my.app.keys"]),
        ("[guest]", "[nobody]", ["sources.my.app.not_ids"]),
        ("currency: EUR", "currency: USD", ["sources.shop.vars"]),
        ("my.app:", "my.web:", ["sources.my.app", "sources.my.web"]),
        ("admin_token:", "listen: 127.0.0.1:9\nadmin_token:", []),
        ("admin_token:", "limits: {pending: 7}\nretry: {for: 1h}\nadmin_token:", ["limits.pending", "retry.for"]),
    ],
)
def test_a_difference_is_named(tmp_path: Path, before: str, after: str, names: list[str]) -> None:
    """Each by the name of its setting, from either side; a source that one of them lacks by its name alone."""
    one, other = facts(tmp_path, SETTINGS), facts(tmp_path, SETTINGS.replace(before, after))
    assert differing(one, other) == differing(other, one) == names


def test_a_secret_of_the_environment_is_compared(tmp_path: Path) -> None:
    """The value counts, not its reference in the file."""
    text = SETTINGS.replace("0123456789abcdef-hash-key", "${HASH}")
    one, other = facts(tmp_path, text, HASH="0123456789abcdef-1"), facts(tmp_path, text, HASH="0123456789abcdef-2")
    assert differing(one, other) == ["hash_key"]


def test_a_replica_that_has_announced_nothing_differs_in_nothing(tmp_path: Path) -> None:
    """It has just started, or is of an older version."""
    assert differing(facts(tmp_path, SETTINGS), {}) == []


def test_one_process_has_no_replicas() -> None:
    """Then `/readyz` lists none."""
    assert (replicas_json([]), replica_gauges([])) == ({}, ())
    assert mapping_versions([], "shop", here="v-1") == []


def test_the_version_of_a_mapping_is_listed_for_each_replica() -> None:
    """Of this replica as it is now; of another as announced last, if it was."""
    named = "sources.shop.mapping"
    replicas = [replica("a", {named: "v-1"}, is_here=True), replica("b", {named: "v-2"}), replica("c", {})]
    found = mapping_versions(replicas, "shop", here="v-3")
    assert [(each["name"], each["version"]) for each in found] == [("a", "v-3"), ("b", "v-2"), ("c", None)]
