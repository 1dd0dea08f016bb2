"""`events names` lists which event names came, and the moments that `--since` takes."""

import json

import pytest

from adapter.console.names import add_up
from adapter.model import Unmatched
from tests.fakes import make_event
from tests.unit.cli.conftest import Shell
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill


@pytest.fixture
async def queue(shop: Shell) -> Shell:
    """Orders with totals of two types, another name, and a rejection."""
    orders = [Ended(an_order(f"m-{n}", total=total), Unmatched()) for n, total in enumerate(("1.5", 2, 3))]
    await fill(shop.folder / "queue.db", [*orders, Ended(make_event("m-9", event="Other"))], [a_rejection()])
    return shop


def test_names_come_most_frequent_first(queue: Shell) -> None:
    """With the rule that takes them, and the paths of mixed types; no value is shown."""
    result = queue.run("events", "names")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [[*row[:4], *row[5:]] for row in rows] == [
        ["3", "track", "Order Completed", "shop", "rule 1", "properties.total"],
        ["1", "-", "-", "shop", "rejected", "-"],
        ["1", "track", "Other", "shop", "all the rest", "-"],
    ]
    first = json.loads(queue.run("events", "names", "--json").stdout.splitlines()[0])
    assert first["paths"] == [{"path": "properties.total", "types": {"number": 2, "text": 1}}]


@pytest.mark.parametrize(("since", "is_found"), [("24h", True), ("2999-01-01", False), ("2020-01-01", True)])
def test_since_is_an_instant_or_how_long_ago(queue: Shell, since: str, is_found: bool) -> None:
    """In `events names` and in `events list`."""
    for command in ("names", "list"):
        result = queue.run("events", command, "--since", since)
        assert (result.exit_code, "Order Completed" in result.stdout) == (0, is_found)
    assert queue.run("events", "names", "--since", "yesterday").exit_code == 2


def test_pages_are_added_up() -> None:
    """The newest page decides the rule, the oldest when a name came first."""
    newer = {"source": "shop", "type": "track", "name": "A", "events": 2, "first": "2", "last": "3", "rule": "new"}
    older = {
        **newer,
        "events": 5,
        "first": "0",
        "last": "1",
        "rule": "old",
        "paths": [{"path": "p", "types": {"x": 1}}],
    }
    other = {**newer, "name": "B", "events": 6, "paths": []}
    newer["paths"] = [{"path": "p", "types": {"x": 1, "y": 2}}, {"path": "a", "types": {"x": 1}}]
    first, second = add_up([{"names": [newer]}, {"names": [other, older]}])
    assert (first["name"], first["events"], first["first"], first["last"], first["rule"]) == ("A", 7, "0", "3", "new")
    assert first["paths"] == [{"path": "a", "types": {"x": 1}}, {"path": "p", "types": {"x": 2, "y": 2}}]
    assert second["name"] == "B"
