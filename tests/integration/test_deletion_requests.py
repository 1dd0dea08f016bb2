"""Deletion requests act where the operator trusts who sends them; all others are kept until they may."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapter.console.console import Selection
from adapter.ingest.sources import Source
from adapter.model import JsonObject, Reason, Secret
from adapter.observe.ingest_telemetry import MessageRejected
from adapter.privacy.storage import Keyed, PrivateStore
from adapter.queue.sqlite.admin import SqliteQueueAdmin
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.operators import admin_console
from adapter.settings.load import load_settings
from tests.fakes import FakeClock
from tests.integration.ingest_server import SHOP, VALIDATOR, serving
from tests.unit.mapping.reading import ruleset

ASKED: JsonObject = {
    "type": "delete",
    "messageId": "delete-1",
    "userId": "u-1",
    "context": None,
    "integrations": None,
    "originalTimestamp": "2020-05-09 23:54:49.209808489 +0000 UTC m=+70366.298768264",
}
TRACK: JsonObject = {"type": "track", "event": "Paid", "userId": "u-1", "messageId": "m-1"}
PATH = "/webhooks/shop/shop-key"
DELETING = replace(SHOP, may_delete=True)
OF_A_PAGE = {"library": {"name": "analytics.js", "version": "2.1"}, "userAgent": "Mozilla/5.0"}


@pytest.mark.parametrize("context", [None, [], {}, {"source": "our own tool"}], ids=str)
@pytest.mark.parametrize("may_delete", [True, False], ids=["authorised", "not authorised"])
async def test_a_request_acts_where_the_source_may_delete(context: object, may_delete: bool) -> None:
    """Elsewhere nothing of the user goes; the platform is answered 200 either way, and has nothing to try again."""
    async with serving(replace(SHOP, may_delete=may_delete)) as served:
        await served.send("POST", PATH, json=TRACK)
        status, said, _ = await served.send("POST", PATH, json={**ASKED, "context": context})
        assert (status, said) == (200, {"success": True})
        done = [request.events for request in await served.inbox.queue.delete_requested(wait_s=0)]
        assert done == ([1] if may_delete else [])
        assert [one.reason for one in served.inbox.rejections] == [Reason.DELETION_UNAUTHORISED] * (not may_delete)
        waiting = (await served.inbox.queue.balance()).deletions_waiting
        assert waiting == ({} if may_delete else {"shop": 1})


async def test_what_is_kept_says_who_and_when() -> None:
    """And nothing else: it has nothing else to say, and a body of any size would be cut."""
    async with serving(SHOP) as served:
        await served.send("POST", PATH, json={**ASKED, "timestamp": "2026-11-23T06:00:00Z", "padding": "x" * 100_000})
        [kept] = served.inbox.rejections
        assert json.loads(kept.body) == {
            "type": "delete",
            "messageId": "delete-1",
            "userId": "u-1",
            "timestamp": "2026-11-23T06:00:00Z",
            "originalTimestamp": ASKED["originalTimestamp"],
        }
        [found] = [one for one in served.telemetry if isinstance(one, MessageRejected)]
        assert (found.reason, "u-1" in found.problems) == (Reason.DELETION_UNAUTHORISED, False)


@pytest.mark.parametrize(
    "context",
    [OF_A_PAGE, {"library": "x"}, {"page": {"url": "https://a.test"}}, {"userAgent": "Mozilla"}, {"device": {"id": 1}}],
    ids=str,
)
async def test_what_a_library_made_never_acts(context: JsonObject) -> None:
    """A platform passes on, and signs, what was sent with the key of a page: anybody could delete anybody."""
    async with serving(DELETING) as served:
        assert (await served.send("POST", PATH, json={**ASKED, "context": context}))[0] == 200
        assert await served.inbox.queue.delete_requested(wait_s=0) == []
        [kept] = served.inbox.rejections
        assert (kept.reason, [problem.pointer for problem in kept.problems]) == (
            Reason.DELETION_UNAUTHORISED,
            ["/context"],
        )


@pytest.mark.parametrize("ids", [{}, {"userId": None}, {"userId": " "}, {"userId": {}, "anonymousId": []}], ids=str)
@pytest.mark.parametrize("source", [SHOP, DELETING], ids=["not authorised", "authorised"])
async def test_one_that_names_nobody_is_refused(source: Source, ids: JsonObject) -> None:
    """It can delete no user's data, however it is authorised."""
    nameless = {name: held for name, held in ASKED.items() if name != "userId"} | ids
    async with serving(source) as served:
        status, said, _ = await served.send("POST", PATH, json=nameless)
        assert (status, said["problems"][0]["pointer"]) == (400, "/userId")
        assert [one.reason for one in served.inbox.rejections] == [Reason.SCHEMA]
        assert served.inbox.events == []


async def test_a_signed_request_of_an_anonymous_visitor_acts() -> None:
    """`signing_secrets` authorise it, and a visitor has a right too."""
    body = json.dumps({**ASKED, "userId": None, "anonymousId": "a-1"}).encode()
    signature = hmac.new(b"secret", body, hashlib.sha1).hexdigest()
    signing = Source("shop", (Secret("shop-key"),), signing_secrets=(Secret("secret"),), may_delete=True)
    async with serving(signing) as served:
        assert (await served.send("POST", PATH, data=body, headers={"X-Signature": signature}))[0] == 200
        assert [request.user for request in await served.inbox.queue.delete_requested(wait_s=0)] == ["a-1"]


# -- requeue --

KEY = "a-hash-key-of-sixteen-characters"


def settings_text(*, store: str, deletions: str) -> str:
    return (
        f"queue: sqlite:///queue.db\nhash_key: {KEY}\nsources:\n"
        f"  shop: {{keys: [shop-key-of-some-length], mapping: privacy, store: {store}, deletions: {deletions}}}\n"
    )


@contextmanager
def console(folder: Path, *, store: str, deletions: str) -> Any:
    (folder / "adapter.yaml").write_text(settings_text(store=store, deletions=deletions))
    settings = load_settings(file=folder / "adapter.yaml", environ={"BROWSEE_API_KEY": "k"})
    with SqliteQueueAdmin.open(folder / "queue.db") as admin:
        yield admin_console(admin, settings, validator=lambda: VALIDATOR)


def private(source: Source) -> Source:
    rules = ruleset('{"version": 1, "privacy": [{"fields": ["userId"], "do": ["hash"]}], "rules": [{"track": "T"}]}')
    store = PrivateStore(hash_key=Secret(KEY), ruleset=lambda: rules)
    return replace(source, protect_event=store.event, protect_rejection=store.rejection)


async def received(folder: Path, source: Source, messages: Sequence[JsonObject]) -> None:
    """What a service without the right to delete leaves in its queue."""
    queue = await SqliteQueue.open(folder / "queue.db", now=FakeClock())
    async with serving(source) as served:
        served.inbox.queue = queue
        for message in messages:
            assert (await served.send("POST", PATH, json=message))[0] == 200
    await queue.close()


@pytest.mark.parametrize("store", ["raw", "private"])
async def test_one_that_waited_is_put_back_and_acts(tmp_path: Path, store: str) -> None:
    """Once its source may delete; before that a requeue says why it stays. A private source keeps the keyed hash."""
    source = private(SHOP) if store == "private" else SHOP
    await received(tmp_path, source, [TRACK, {**TRACK, "messageId": "m-2", "userId": "u-2"}, ASKED])
    with SqliteQueueAdmin.open(tmp_path / "queue.db") as admin:
        [kept] = admin.newest_rejections(limit=9)
        user = Keyed(Secret(KEY)).of_id("u-1") if store == "private" else "u-1"
        assert json.loads(kept.rejection.body)["userId"] == user
        assert admin.deletions_waiting() == {"shop": 1}
    with console(tmp_path, store=store, deletions="off") as before:
        found = before.requeue(Selection(everything=True))
        assert (found["rejections"], [one["count"] for one in found["stillRejected"]]) == (0, [1])
    queue = await SqliteQueue.open(tmp_path / "queue.db", now=FakeClock())
    with console(tmp_path, store=store, deletions="on") as after:
        assert after.requeue(Selection(everything=True))["rejections"] == 1
    # The service does not know: an operator's process did it.
    [done] = await queue.delete_requested(wait_s=0)
    assert (done.user, done.events) == (user, 1)
    balance = await queue.balance()
    assert (balance.pending, balance.deletions_waiting, balance.unaccounted) == (1, {}, 0)
    await queue.close()


@pytest.mark.parametrize(
    "message",
    [{**ASKED, "context": OF_A_PAGE}, {"batch": [{**ASKED, "userId": None}, TRACK]}],
    ids=["of a library", "of nobody"],
)
@pytest.mark.parametrize("store", ["raw", "private"])
async def test_what_may_never_act_is_not_put_back(tmp_path: Path, store: str, message: JsonObject) -> None:
    """Requeue all is typed without reading all."""
    await received(tmp_path, private(SHOP) if store == "private" else SHOP, [message])
    with console(tmp_path, store=store, deletions="on") as after:
        found = after.requeue(Selection(everything=True))
        assert (found["rejections"], len(found["stillRejected"])) == (0, 1)


async def test_one_by_a_library_s_path_is_not_put_back(tmp_path: Path) -> None:
    """It was refused for its path, which is not known when it is read again."""
    queue = await SqliteQueue.open(tmp_path / "queue.db", now=FakeClock())
    async with serving(DELETING) as served:
        served.inbox.queue = queue
        for path in ("/v1/batch", "/b", "/api/s/track"):
            batch = {"batch": [ASKED], "writeKey": "shop-key"}
            assert (await served.send("POST", path, json=batch))[0] == 200
    await queue.close()
    with console(tmp_path, store="raw", deletions="on") as after:
        assert after.requeue(Selection(everything=True))["rejections"] == 0
