"""What docs/scaling.md says of replicas on a bad day, measured on real processes.

`make test-long TESTS=tests/acceptance/test_replicas_long.py` runs all of it in about 11 minutes; `-k` picks one.
"""

import asyncio
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic

import pytest

from tests.acceptance.processes import Process
from tests.acceptance.replicas import TAKEOVER_S, Cluster, running_cluster, until_delivering, until_shared
from tests.fakes import until
from tests.postgres import Server, running_pair
from tests.relay import Relay

pytestmark = [pytest.mark.long, pytest.mark.timeout(1200)]

KILLS, FAILOVERS, RESTARTS = 20, 5, 3
STOPPED_S, LEAST_OPEN = 40.0, 4


def say(name: str, **figures: object) -> None:
    """Print what was measured."""
    sys.stderr.write(f"\n{name}: {', '.join(f'{key} {value}' for key, value in figures.items())}\n")


def spread(seconds: Sequence[float]) -> str:
    """Least, middle and most."""
    return f"{min(seconds):.1f} / {median(seconds):.1f} / {max(seconds):.1f} s"


def acknowledged(cluster: Cluster) -> int:
    """How many events."""
    return sum(map(len, cluster.acknowledged.values()))


async def test_kill_the_owner_twenty_times(tmp_path: Path, postgres: Server) -> None:
    """Of six projects on three replicas each time those of one that delivers go to the others."""
    async with running_cluster(postgres.conninfo, tmp_path, projects=6) as cluster:
        await until_delivering(cluster)
        await until_shared(cluster, 2, 2, 2)
        is_over, took = asyncio.Event(), list[float]()
        sending = asyncio.create_task(_send_until(is_over, cluster, users=24))
        for _ in range(KILLS):
            owners = await cluster.owners()
            owner = max(owners, key=lambda replica: len(owners[replica]))
            cluster.replicas.remove(owner)
            await owner.stop(signal.SIGKILL)
            killed_s = monotonic()
            starting = asyncio.create_task(cluster.start_replica())
            # What was on its way to the stand-in has arrived by then.
            await asyncio.sleep(1)
            await cluster.until_going_on(owners[owner], within_s=60)
            took.append(monotonic() - killed_s)
            await starting
        is_over.set()
        await sending
        repeated = await cluster.check(repeated_at_most=20 * KILLS, within_s=120)
        say(
            f"kill -9 of an owner, {KILLS} times",
            takeover=spread(took),
            acknowledged=acknowledged(cluster),
            lost=0,
            overtaken=0,
            repeated=repeated,
        )
        assert max(took) <= TAKEOVER_S


async def _send_until(is_over: asyncio.Event, cluster: Cluster, *, users: int) -> None:
    while not is_over.is_set():
        await cluster.send(users=users, seconds=5)


async def test_an_owner_stopped_for_40_s(tmp_path: Path, postgres: Server) -> None:
    """Its calls take a second, so that some are open when it is stopped; it settles none of them when it wakes up."""
    async with running_cluster(postgres.conninfo, tmp_path, answer_s=1.0) as cluster:
        await until_delivering(cluster)
        sending = asyncio.create_task(cluster.send(users=20, seconds=STOPPED_S + 15, pause_s=1.5))
        await cluster.until_going_on(cluster.sources, within_s=30)
        owner = await cluster.owner()
        await until(partial(_has_open, cluster, owner))
        owner.process.send_signal(signal.SIGSTOP)
        before = _settled_by(owner)
        cluster.takers = [replica for replica in cluster.replicas if replica is not owner]
        await asyncio.sleep(STOPPED_S)
        assert await cluster.owner() is not owner
        calls = len(await cluster.calls())
        owner.process.send_signal(signal.SIGCONT)
        await sending
        repeated = await cluster.check(repeated_at_most=60, within_s=60)
        late = _settled_by(owner) - before
        say(
            f"an owner stopped for {STOPPED_S:.0f} s",
            acknowledged=acknowledged(cluster),
            lost=0,
            late_settles=late,
            repeated=repeated,
            calls_after=len(await cluster.calls()) - calls,
        )
        assert late == 0
        # Its open calls were made again: so there were some that it could have settled.
        assert repeated >= LEAST_OPEN
        assert await cluster.owner() is not owner


async def _has_open(cluster: Cluster, replica: Process) -> bool:
    return len(await cluster.calls()) >= _settled_by(replica) + LEAST_OPEN


def _settled_by(replica: Process) -> int:
    return replica.log.read_text().count("event delivered")


@pytest.fixture
def road(tmp_path: Path, postgres: Server) -> Iterator[Relay]:
    """The way of one replica to the database."""
    relay = Relay(tmp_path, postgres.folder)
    with relay.opened():
        yield relay


async def test_an_owner_cut_off_from_the_database(tmp_path: Path, postgres: Server, road: Relay) -> None:
    """It begins no call after 8 s, and refuses messages; another takes over, and it settles nothing when it is back."""
    async with running_cluster(postgres.conninfo, tmp_path, replicas=0, answer_s=1.0) as cluster:
        owner = await cluster.start_replica(host=tmp_path)
        await until_delivering(cluster)
        cluster.takers = [await cluster.start_replica() for _ in range(2)]
        sending = asyncio.create_task(cluster.send(users=20, seconds=40, pause_s=1.5))
        await until(partial(_has_open, cluster, owner))
        road.cut()
        cut_s = monotonic()
        before, cut_at_s = _settled_by(owner), time.time()
        assert not await cluster.send_to(owner, user="user-0", name="refused")
        refused_s = monotonic() - cut_s

        async def is_followed() -> bool:
            return await cluster.owner() is not owner

        await until(is_followed, within_s=30)
        took_s = monotonic() - cut_s
        await asyncio.sleep(8)
        road.restore()
        await sending
        repeated = await cluster.check(repeated_at_most=60, within_s=60)
        times = [datetime.fromisoformat(call["at"]).timestamp() - cut_at_s for call in await cluster.calls()]
        say(
            "an owner cut off from the database",
            acknowledged=acknowledged(cluster),
            lost=0,
            refused_after=f"{refused_s:.1f} s",
            takeover=f"{took_s:.1f} s",
            late_settles=_settled_by(owner) - before,
            repeated=repeated,
        )
        assert _settled_by(owner) == before
        assert not [at_s for at_s in times if 8.5 < at_s < took_s - 1.5]


async def test_who_is_alone_and_was_cut_off_settles_what_it_has(tmp_path: Path, postgres: Server, road: Relay) -> None:
    """No replica took over: the results of its calls waited, and no call is repeated."""
    async with running_cluster(postgres.conninfo, tmp_path, replicas=0, answer_s=1.0) as cluster:
        owner = await cluster.start_replica(host=tmp_path)
        await until_delivering(cluster)
        sending = asyncio.create_task(cluster.send(users=20, seconds=15, pause_s=1.5))
        await until(partial(_has_open, cluster, owner))
        road.cut()
        await asyncio.sleep(12)
        road.restore()
        await sending
        repeated = await cluster.check(repeated_at_most=0, within_s=60)
        say("alone and cut off for 12 s", acknowledged=acknowledged(cluster), lost=0, repeated=repeated)


async def test_kill_the_primary_five_times(tmp_path: Path) -> None:
    """Its standby, for which commits wait, is promoted: nothing is lost that was acknowledged."""
    took, total, repeated = list[float](), 0, 0
    for number in range(FAILOVERS):
        folder = tmp_path / str(number)
        folder.mkdir()
        with running_pair() as pair:
            async with running_cluster(pair.conninfo, folder, projects=2) as cluster:
                await until_delivering(cluster)
                is_over = asyncio.Event()
                sending = asyncio.create_task(_send_until(is_over, cluster, users=10))
                await asyncio.sleep(3)
                await asyncio.to_thread(pair.kill_primary)
                # Answers that were on their way have come.
                await asyncio.sleep(0.5)
                promoted_s, stored = monotonic(), acknowledged(cluster)
                await asyncio.to_thread(pair.promote)
                await until(partial(_has_more, cluster, stored), within_s=60)
                took.append(monotonic() - promoted_s)
                await asyncio.sleep(3)
                is_over.set()
                await sending
                repeated += await cluster.check(repeated_at_most=200, within_s=120)
                total += acknowledged(cluster)
    say(
        f"primary killed, {FAILOVERS} times",
        first_answer_after_promotion=spread(took),
        acknowledged=total,
        lost=0,
        overtaken=0,
        repeated=repeated,
    )


async def _has_more(cluster: Cluster, stored: int) -> bool:
    return acknowledged(cluster) > stored


async def test_four_replicas_become_one_and_four_again(tmp_path: Path, postgres: Server) -> None:
    """While more comes in than may go out: in no 10 s a project is called more than its rate allows."""
    per_s, within_s = 40, 10.0
    async with running_cluster(postgres.conninfo, tmp_path, projects=2, replicas=4, rate=f"{per_s}/s") as cluster:
        await until_delivering(cluster)
        is_over = asyncio.Event()
        sending = asyncio.create_task(_send_until(is_over, cluster, users=16))
        await asyncio.sleep(8)
        for _ in range(3):
            # Always one that delivers.
            leaving = await cluster.owner()
            cluster.replicas.remove(leaving)
            assert await leaving.stop(signal.SIGTERM) == 0
            await asyncio.sleep(4)
        for _ in range(3):
            await cluster.start_replica()
            await asyncio.sleep(4)
        await until_shared(cluster, 1, 1)
        await asyncio.sleep(4)
        is_over.set()
        await sending
        repeated = await cluster.check(repeated_at_most=0, within_s=300)
        most = await cluster.most_calls(within_s=within_s)
        say(
            "4 -> 1 -> 4 replicas",
            acknowledged=acknowledged(cluster),
            lost=0,
            repeated=repeated,
            most_calls_a_second=", ".join(f"{calls / within_s:.1f}" for calls in most.values()),
            limit=per_s,
        )
        assert max(most.values()) <= per_s * within_s * 1.05


async def test_rolling_restarts(tmp_path: Path, postgres: Server) -> None:
    """A replica that the load balancer has let go of is restarted: senders see no refusal, and nothing is repeated."""
    async with running_cluster(postgres.conninfo, tmp_path, projects=3) as cluster:
        await until_delivering(cluster)
        cluster.answers = Counter()
        is_over = asyncio.Event()
        sending = asyncio.create_task(_send_until(is_over, cluster, users=24))
        for _ in range(RESTARTS):
            for replica in list(cluster.replicas):
                await cluster.start_replica()
                cluster.replicas.remove(replica)
                await asyncio.sleep(1)
                assert await replica.stop(signal.SIGTERM) == 0
        is_over.set()
        await sending
        repeated = await cluster.check(repeated_at_most=0, within_s=60)
        say(
            f"{RESTARTS} rolling restarts of 3 replicas",
            acknowledged=acknowledged(cluster),
            lost=0,
            repeated=repeated,
            answers=dict(cluster.answers),
        )
        assert set(cluster.answers) == {"200"}
