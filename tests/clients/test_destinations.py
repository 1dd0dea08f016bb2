"""Segment's own webhook destinations, as it publishes their code, signing for real."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.clients.calls import calls, comparable, expected
from tests.clients.conftest import CALLS_EACH, SECRET, Stage, key_of, staged
from tests.clients.installed import NODE, lacking_node, needs

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELIVERED_AT = {"timestamp": "2026-01-01T00:00:00.000Z", "receivedAt": "2026-01-01T00:00:00.100Z", "version": 2}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    needs(lacking_node())
    async with staged(tmp_path_factory.mktemp("destinations")) as running:
        await running.serve()
        yield running


async def deliver(stage: Stage, destination: str, user: str, **settings: Any) -> list[int | str]:
    """How each request of `destination` was answered, all of `calls(user)` being sent."""
    events = [{**call, "messageId": f"{user}-{n}", **DELIVERED_AT} for n, call in enumerate(calls(user))]
    files = _written(stage.folder, settings=settings, events=events)
    process = await asyncio.create_subprocess_exec(
        "node", str(NODE / "destination.js"), destination, *files, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    answered: list[int | str] = json.loads(said)
    return answered


def _written(folder: Path, **held: object) -> list[str]:
    files = {folder / f"{name}.json": json.dumps(value) for name, value in held.items()}
    for file, text in files.items():
        file.write_text(text)
    return [str(file) for file in files]


def webhook(stage: Stage, *, with_key: bool = True) -> str:
    """The URL that a customer types."""
    assert stage.adapter is not None
    return f"{stage.adapter.url}/webhooks/signed" + (f"/{key_of('signed')}" if with_key else "")


async def arrived(stage: Stage, user: str) -> list[dict[str, Any]]:
    """Every call about `user`, in order, once as many are there as are expected."""
    return [comparable(call) for call in await stage.received(at_least=CALLS_EACH, user=user)]


@pytest.mark.parametrize(
    ("destination", "batch", "method"),
    [
        ("webhook", False, "POST"),
        ("webhook", True, "PUT"),
        ("webhook-extensible", False, "PATCH"),
        ("webhook-extensible", True, "POST"),
    ],
    ids=["actions", "actions, batch", "extensible", "extensible, batch"],
)
async def test_what_it_signs_is_taken_and_arrives(stage: Stage, destination: str, batch: bool, method: str) -> None:
    """Every type of message, alone and in a batch, with each method: signed, taken, mapped, once and in order."""
    user = f"{destination}-{batch}-{method}"
    statuses = await deliver(
        stage, destination, user, url=webhook(stage), method=method, sharedSecret=SECRET, batch=batch
    )
    assert set(statuses) == {"ok"}
    assert await arrived(stage, user) == expected(user)


async def test_the_key_may_be_extensibles_bearer_token(stage: Stage) -> None:
    """Its URL then has no secret in it."""
    token = key_of("signed")
    url = webhook(stage, with_key=False)
    statuses = await deliver(
        stage, "webhook-extensible", "bearer", url=url, method="POST", sharedSecret=SECRET, token=token, batch=True
    )
    assert statuses == ["ok"]
    assert await arrived(stage, "bearer") == expected("bearer")


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
async def test_an_audience_is_created_got_and_synced(stage: Stage, batch: bool) -> None:
    """Segment creates an audience before it sends anything of it, without a signature; its events are signed."""
    user = f"audience-{batch}"
    settings = {"url": webhook(stage), "method": "POST", "sharedSecret": SECRET, "batch": batch}
    found = await deliver(stage, "webhook-audiences", user, **settings, audience="VIP, spring")
    assert found[:2] == ["VIP, spring"] * 2
    assert set(found[2:]) == {"ok"}
    assert await arrived(stage, user) == expected(user)


@pytest.mark.parametrize("secret", ["another", ""], ids=["wrong secret", "no secret"])
@pytest.mark.parametrize("destination", ["webhook", "webhook-extensible"])
async def test_what_is_signed_otherwise_is_refused(stage: Stage, destination: str, secret: str) -> None:
    """401, which Segment does not try again, and nothing arrives."""
    settings = {"url": webhook(stage), "method": "POST", "sharedSecret": secret, "batch": True}
    assert await deliver(stage, destination, "refused", **settings) == [401]
    assert await stage.received(at_least=0, user="refused") == []


async def test_what_is_delivered_again_arrives_once(stage: Stage) -> None:
    """Segment sends again what it got no answer to, after a restart too, in batches of its choice."""
    settings = {"url": webhook(stage), "method": "POST", "sharedSecret": SECRET}
    assert await deliver(stage, "webhook", "again", **settings, batch=True) == ["ok"]
    await stage.stop()
    assert await deliver(stage, "webhook", "again", **settings, batch=True) != ["ok"], "nobody was there to take it"
    await stage.serve()
    assert set(await deliver(stage, "webhook", "again", **settings, batch=False)) == {"ok"}
    assert await arrived(stage, "again") == expected("again")


async def test_a_full_queue_is_an_error_that_segment_tries_again(stage: Stage) -> None:
    """503, one of the statuses that its code calls temporary; once there is room it goes through."""
    settings = {"url": webhook(stage), "method": "POST", "sharedSecret": SECRET, "batch": True}
    await stage.stop()
    await stage.serve(pending=1)
    assert await deliver(stage, "webhook", "full", **settings) == [503]
    await stage.stop()
    await stage.serve()
    assert await deliver(stage, "webhook", "full", **settings) == ["ok"]
    assert await arrived(stage, "full") == expected("full")
