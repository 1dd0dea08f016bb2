"""What PostgreSQL reads for the statements of every event does not grow with what waits: its own plans say so."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapter.model import Dead, Delivered, Outcome, Reason, Retry
from adapter.queue.postgres.connect import PostgresPlace
from adapter.queue.postgres.queue import PostgresQueue
from adapter.queue.postgres.state import SQL
from tests.fakes import FakeClock, make_event
from tests.integration.queues import take
from tests.postgres import Server, fill_lanes

HOT = (
    *("put", "bodies", "seqs_seen", "count", "heads", "next_due", "is_waited_for", "lock_lanes"),
    *("finish", "advance", "postpone", "add_dead", "add_sent", "park", "fence"),
)
EXPLAINED = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "session_preload_libraries": "auto_explain",
        "auto_explain.log_min_duration": "0",
        "auto_explain.log_analyze": "on",
        "auto_explain.log_buffers": "on",
        "auto_explain.log_format": "json",
    }.items()
)
TABLES = {"message", "lane", "waiting", "sent", "finished", "dead", "dedup_kept"}
"""Those that may be large; partitions of `seen` besides."""
SOME_BLOCKS = 60
"""Of a table's index that has one level more, and of pages that are not in the same place."""


def numbered(statement: str) -> str:
    """As the server sees it: values by number."""
    numbers: dict[str, int] = {}
    return re.sub(r"%\((\w+)\)s", lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", statement)


NAMES = {numbered(SQL[name].replace("{newest}", "")).strip(): name for name in HOT}


@dataclass(slots=True)
class Plans:
    """Of the statements of HOT: how many blocks each read in all, and which large tables it went through as a whole."""

    blocks: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    scanned: set[tuple[str, str]] = field(default_factory=set)

    def note(self, name: str, plan: dict[str, Any]) -> None:
        """The outermost node counts the blocks of all below it."""
        self.blocks[name] += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        for node in nodes(plan):
            table = str(node.get("Relation Name", ""))
            if node["Node Type"] == "Seq Scan" and (table in TABLES or table.startswith("seen_")):
                self.scanned.add((name, table))


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def plans_in(log: str) -> Plans:
    found = Plans()
    for block in re.findall(r" plan:\n((?:\t.*\n)+)", log):
        explained = json.loads(block)
        name = NAMES.get(explained["Query Text"].strip())
        if name is not None:
            found.note(name, explained["Plan"])
    return found


async def work(queue: PostgresQueue, first: int) -> None:
    """Puts, copies, takes and ends of each kind."""
    for start in range(first, first + 100, 20):
        await queue.put([make_event(f"new-{n}", user=f"u-{n}") for n in range(start, start + 20)])
    await queue.put([make_event(f"new-{n}", user=f"u-{n}") for n in range(first, first + 20)])
    outcomes: list[Outcome] = [
        Delivered(),
        Dead(Reason.REFUSED, "no"),
        Retry(Reason.TIMEOUT, 5, counted=True),
        Retry(Reason.PAUSED, 0, counted=False, parked=True),
    ]
    leases = await take(queue, limit=200)
    for lease in leases:
        queue.mark_delivered(lease, "key")
    ends = [queue.settle(lease, outcomes[n % 4], may_wait=n % 8 > 3) for n, lease in enumerate(leases)]
    assert all(await asyncio.gather(*ends))


async def plans_of(server: Server, *, lanes: int, changed: str = "SELECT 1") -> Plans:
    """With that many lanes, before the server has counted them and afterwards, in tables that are `changed`."""
    clock = FakeClock()
    place = server.made_place()
    queue = await PostgresQueue.open_at(
        PostgresPlace(f"{place.conninfo} options='{EXPLAINED}'", schema=place.schema), clock=clock
    )
    await work(queue, 0)
    fill_lanes(place, lanes, due_s=clock())
    with place.connect() as connection:
        connection.execute(changed.encode())
    # The first claims are made, and the log begins here.
    begin = (server.folder / "log").stat().st_size
    for first in (1_000, 2_000):
        await work(queue, first)
        with place.connect() as connection:
            connection.execute("ANALYZE lane")
            connection.execute("ANALYZE message")
    await queue.close()
    with (server.folder / "log").open(encoding="utf-8", errors="replace") as log:
        log.seek(begin)
        return plans_in(log.read())


def worse(small: Plans, large: Plans) -> dict[str, tuple[int, int]]:
    """The statements that read more where more waits."""
    return {
        name: (small.blocks[name], blocks)
        for name, blocks in large.blocks.items()
        # Ends that happen to come in smaller groups read some blocks more often.
        if blocks > 3 * small.blocks[name] + SOME_BLOCKS
    }


async def check_plans(server: Server, *, few: int, many: int) -> None:
    small, large = await plans_of(server, lanes=few), await plans_of(server, lanes=many)
    assert small.blocks.keys() == large.blocks.keys() >= {"put", "heads", "finish", "lock_lanes", "advance"}
    print(dict(small.blocks), dict(large.blocks))  # noqa: T201 - the figures of the long form
    assert large.scanned == set()
    assert worse(small, large) == {}


async def test_a_long_queue_costs_an_event_no_more(postgres: Server) -> None:
    """The blocks that each statement reads are about the same with 50,000 users that wait as with 2,000."""
    await check_plans(postgres, few=2_000, many=50_000)


async def test_an_index_that_is_missing_would_be_seen(postgres: Server) -> None:
    """Without it a take looks at every lane."""
    plans = await plans_of(postgres, lanes=500, changed="DROP INDEX lane_due")
    assert ("heads", "lane") in plans.scanned


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_a_very_long_queue_costs_an_event_no_more(postgres: Server) -> None:
    """With 1,000,000 as with 10,000."""
    await check_plans(postgres, few=10_000, many=1_000_000)
