"""`diff` and `suggest` read the queue when no file is given."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapter.model import Dead, Event, Reason
from tests.operated import TOKEN, api_alone, settings_in
from tests.unit.cli.conftest import MAPPING, Shell
from tests.unit.cli.queues import Ended, an_order, fill

NOW = datetime.now(UTC)
DEAD = Dead(Reason.SCHEMA, "total is required")


def received(message_id: str, name: str, *, ago: timedelta, source: str = "shop") -> Event:
    event = an_order(message_id)
    return replace(event, source=source, received_at=NOW - ago, body={**event.body, "event": name})


@pytest.fixture
def kept(shop: Shell) -> Shell:
    """A shop whose queue keeps three events: two of the shop, the older one dead, and one of another source."""
    shop.write("new.yaml", MAPPING.replace("track: ORDER_COMPLETED", "track: ORDERED"))
    events = [
        Ended(received("m-1", "Order Completed", ago=timedelta(hours=3)), DEAD),
        Ended(received("m-2", "Order Completed", ago=timedelta(minutes=3))),
        Ended(received("m-3", "Signed Up", ago=timedelta(minutes=2), source="app")),
    ]
    asyncio.run(fill(shop.folder / "queue.db", events))
    return shop


@pytest.mark.parametrize(
    ("narrowed", "totals"),
    [
        ((), "3 events: 1 the same, 2 different"),
        (("--source", "shop"), "2 events: 0 the same, 2 different"),
        (("--since", "1h"), "2 events: 1 the same, 1 different"),
        (("--since", "1h", "--source", "shop"), "1 event: 0 the same, 1 different"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_change_is_compared_over_the_queue(kept: Shell, narrowed: tuple[str, ...], totals: str) -> None:
    """What is pending, dead or in the history."""
    result = kept.run("diff", "shop.yaml", "new.yaml", *narrowed)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == totals
    assert result.stderr.startswith("note: events of the queue received since ")
    assert kept.run("diff", "shop.yaml", "new.yaml", *narrowed, "--fail-on-change").exit_code == 1


def test_names_are_suggested_from_the_queue(kept: Shell) -> None:
    result = kept.run("suggest", "--mapping", "shop.yaml", "--source", "app")
    assert result.exit_code == 0, result.output
    assert "    Signed Up: SIGNED_UP    # seen 1 times\n" in result.stdout
    assert "Order Completed" not in result.stdout


def test_a_running_service_is_asked(kept: Shell) -> None:
    """`--url` leads to the same result as the queue beside it, and also says what was looked for."""
    env = {"ADAPTER_ADMIN_TOKEN": TOKEN}
    with api_alone(settings_in(kept.folder)) as url:
        for words in (("diff", "shop.yaml", "new.yaml"), ("suggest", "--mapping", "shop.yaml")):
            for narrowed in ((), ("--source", "shop", "--since", "1h")):
                here = kept.run(*words, *narrowed)
                there = kept.run(*words, *narrowed, "--url", url, env=env)
                assert (there.exit_code, there.stdout) == (0, here.stdout)
        nothing = kept.run("suggest", "--source", "none", "--url", url, env=env)
        both = kept.run("suggest", "--sandbox", "--url", url, env=env)
    assert (nothing.exit_code, both.exit_code) == (2, 2)
    assert nothing.stderr.startswith(f"{url}: has no event of source none;")


@pytest.mark.parametrize("command", [("diff", "shop.yaml", "default"), ("suggest",)], ids=lambda words: str(words[0]))
def test_nothing_found_says_what_was_looked_for(kept: Shell, command: tuple[str, ...]) -> None:
    result = kept.run(*command, "--source", "none", "--since", "1h")
    assert result.exit_code == 2
    assert result.stderr.startswith("the queue has no event of source none received since 20")
    assert kept.run(*command, "--since", "1h", "--events", "adapter.yaml").exit_code == 2


def test_without_a_queue_the_commands_say_so(shop: Shell) -> None:
    result = shop.run("suggest")
    assert result.exit_code == 2
    assert "queue" in result.stderr
