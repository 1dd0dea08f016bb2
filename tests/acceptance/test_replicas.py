"""Several `serve` processes at one PostgreSQL queue, and one of them killed, stopped or restarted on the way."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.replicas import Cluster, running_cluster, until_delivering
from tests.fakes import until
from tests.postgres import Server

WITHIN_S = 60.0
"""What is waited for takes 11 s at most on a machine that does little else: test_replicas_long.py measures it."""


@pytest.fixture
async def cluster(tmp_path: Path, postgres: Server) -> AsyncIterator[Cluster]:
    async with running_cluster(postgres.conninfo, tmp_path) as made:
        yield made


async def test_an_owner_that_slept_neither_calls_nor_settles(cluster: Cluster) -> None:
    """It was followed while it was stopped; when it wakes up it repeats nothing but what was under way."""
    await until_delivering(cluster)
    sending = asyncio.create_task(cluster.send(users=10, seconds=16))
    await asyncio.sleep(1)
    owner = await cluster.owner()
    owner.process.send_signal(signal.SIGSTOP)

    async def is_followed() -> bool:
        return await cluster.owner() is not owner

    await until(is_followed, within_s=WITHIN_S)
    await asyncio.sleep(1)
    owner.process.send_signal(signal.SIGCONT)
    await sending
    await cluster.check(repeated_at_most=10)
    assert await cluster.owner() is not owner


async def test_a_rolling_restart_loses_and_repeats_nothing(cluster: Cluster) -> None:
    """Each replica ends after its calls, and another goes on within a second or two."""
    await until_delivering(cluster)
    sending = asyncio.create_task(cluster.send(users=10, seconds=12))
    for replica in list(cluster.replicas):
        await cluster.start_replica()
        cluster.replicas.remove(replica)
        assert await replica.stop(signal.SIGTERM) == 0
    await sending
    await cluster.check(repeated_at_most=0)


async def test_replicas_share_projects_and_go_on_when_one_is_killed(tmp_path: Path, postgres: Server) -> None:
    """A replica that only ingests delivers none; one that only delivers accepts none. Of the projects of one that is
    killed nothing is lost or overtaken that was acknowledged, and only calls that were open may be repeated.
    """
    async with running_cluster(postgres.conninfo, tmp_path, projects=2, replicas=0) as cluster:
        roles = ("ingest", "deliver", "deliver")
        taker, *delivering = await asyncio.gather(*(cluster.start_replica("--role", role) for role in roles))
        cluster.takers = delivering[:1]
        assert not await cluster.send_one(user="user-0", name="refused")
        assert cluster.answers == {"503": 1}
        cluster.takers = [taker]
        await until_delivering(cluster)
        owners = await cluster.owners()
        assert set(owners) <= set(delivering)
        owner = max(owners, key=lambda replica: len(owners[replica]))
        sending = asyncio.create_task(cluster.send(users=20, seconds=12))
        await cluster.until_going_on(cluster.sources, within_s=WITHIN_S)
        await owner.stop(signal.SIGKILL)
        # What was on its way to the stand-in has arrived by then.
        await asyncio.sleep(1)
        await cluster.until_going_on(cluster.sources, within_s=WITHIN_S)
        await sending
        await cluster.check(repeated_at_most=20)
