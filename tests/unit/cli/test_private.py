"""What operators see and do of a source that stores privately, by the ids they know."""

import json
from pathlib import Path
from time import time

import orjson
import pytest

from adapter.model import Dead, Event, Reason, Secret
from adapter.privacy.storage import PrivateStore
from adapter.queue.sqlite.queue import SqliteQueue
from adapter.service.mappings import loader
from adapter.settings.load import load_settings
from tests.unit.cli.conftest import Shell
from tests.unit.cli.queues import USER, a_rejection, an_order, balance_of

KEY = "a-hash-key-of-some-length"
SETTINGS = f"""\
queue: sqlite:///queue.db
sources:
  shop: {{keys: [a-key-of-shop], mapping: shop.yaml, browsee_api_key: key, store: private}}
hash_key: {KEY}
"""
MAPPING = """\
version: 1
privacy:
  - {named: [userId, mail], do: [lower, hash]}
  - {named: [total], do: remove}
rules:
  - {track: ORDER_COMPLETED, properties: {mail: properties.mail}, copy: none}
"""


async def fill(folder: Path) -> None:
    """A pending order, a dead one and a rejection, as the service would have stored them."""
    settings = load_settings(file=None, environ={}, folder=folder)
    rules = loader(settings, settings.sources[0])(MAPPING)
    store = PrivateStore(hash_key=Secret(KEY), ruleset=lambda: rules)
    queue = await SqliteQueue.open(folder / "queue.db", now=time)
    await queue.keep_mapping(name="shop.yaml", version=rules.version, text=MAPPING)
    await queue.put([store.event(with_mail("dead-1"))])
    [lease] = await queue.take(sources=["shop"], limit=1, lease_s=60, wait_s=0)
    await queue.settle(lease, Dead(Reason.REFUSED, "no"), mapping=rules.version)
    await queue.put([store.event(with_mail("m-1"))], [store.rejection(a_rejection())])
    await queue.close()


def with_mail(message_id: str) -> Event:
    event = an_order(message_id)
    event.body["properties"]["mail"] = USER
    return event


@pytest.fixture
async def shop(shell: Shell) -> Shell:
    shell.write("adapter.yaml", SETTINGS)
    shell.write("shop.yaml", MAPPING)
    await fill(shell.folder)
    return shell


def test_an_event_is_shown_as_it_was_stored(shop: Shell) -> None:
    """With the words that it is private, mapped by the guards that are left: none."""
    shown = shop.run("events", "show", "m-1").stdout
    assert "stored privately: the message above is what 2 guards of the mapping's `privacy` left" in shown
    assert USER not in shown
    found = orjson.loads(shop.run("events", "show", "m-1", "--json").stdout)
    [call] = found["mapped"]["calls"]
    assert call["body"]["userId"] == found["message"]["userId"] == found["userId"]
    assert call["body"]["properties"] == {"mail": found["message"]["properties"]["mail"]}
    assert len(found["guards"]) == 2


def test_a_rejection_is_found_by_its_message_id(shop: Shell) -> None:
    """`where` takes the sender's id; what is shown is problems, size and hash, and why there is no more."""
    assert "rejected: schema: /event is required (kept as r1)" in shop.run("where", "bad-1").stdout
    shown = shop.run("dead", "show", "r1").stdout
    assert "51 bytes, keyed hash " in shown
    assert "nothing else is kept" in shown
    assert orjson.loads(shop.run("dead", "show", "r1", "--json").stdout)["withheld"] is True


def test_a_rejection_cannot_be_read_anew(shop: Shell) -> None:
    """There is nothing to read; who asks gets a message, and the dead letter beside it goes on."""
    done = shop.run("dead", "requeue", "--all")
    assert "pending again: 1 event, 0 rejections" in done.stdout
    assert "its source stores privately, so only its size and a hash were kept" in done.stdout


@pytest.mark.parametrize("known_as", ["sent", "shown"])
async def test_a_users_data_is_taken_away(shop: Shell, known_as: str) -> None:
    """By the id as it was sent, which nothing holds, and by what privacy made of it."""
    shown = orjson.loads(shop.run("events", "list", "--json", "--outcome", "dead").stdout)["userId"]
    done = shop.run("events", "purge", "--yes", "--user", USER if known_as == "sent" else shown)
    assert "2 events" in done.stdout
    assert (await balance_of(shop.folder / "queue.db")).pending == 0
    assert shown.encode() not in (shop.folder / "queue.db").read_bytes()
    assert "nothing is kept" in shop.run("events", "purge", "--user", USER).stdout


def test_what_was_exported_is_guarded_once(shop: Shell) -> None:
    """`explain` and `diff` know from the line which guards its message has been through."""
    shop.run("export", "events.ndjson")
    line = (shop.folder / "events.ndjson").read_text().splitlines()[0]
    shop.write("line.json", line)
    explained = shop.run("explain", "--json", "shop.yaml", "line.json", env={"ADAPTER_HASH_KEY": KEY})
    [call] = orjson.loads(explained.stdout)["calls"]
    message = json.loads(line)["message"]
    assert call["body"]["userId"] == message["userId"]
    assert call["body"]["properties"]["mail"] == message["properties"]["mail"]
    shop.write("new.yaml", MAPPING.replace("[userId, mail]", "[mail, userId, email]"))
    done = shop.run("diff", "shop.yaml", "new.yaml", "--events", "events.ndjson", "--fail-on-change")
    assert (done.exit_code, "2 events: 2 the same" in done.stdout) == (0, True), done.output


def test_a_dead_letter_is_exported_with_its_mark(shop: Shell) -> None:
    """As `export` does it; of the rejection there is nothing to export."""
    done = shop.run("dead", "export", "lost.ndjson")
    assert "left out, as no JSON object: 1 rejection" in done.stderr
    [line] = map(json.loads, (shop.folder / "lost.ndjson").read_text().splitlines())
    assert (line["privacy"]["messageId"], len(line["privacy"]["guards"])) == ("dead-1", 2)
    assert len(line["privacy"]["seal"]) == 32


def test_a_mapping_without_privacy_is_refused(shop: Shell) -> None:
    """It would have a private source keep everything; `doctor` says so before `serve` does."""
    shop.write("shop.yaml", "version: 1\nrules: [{track: T}]\n")
    assert "source shop has `store: private`, but the mapping has no `privacy`" in shop.run("doctor").output
