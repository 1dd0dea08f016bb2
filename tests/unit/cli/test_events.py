"""`events` and `where` show what arrived and what became of it, and take a user's data away."""

import asyncio
import json

import pytest

from adapter.cli.at_console import Target, console_at
from adapter.cli.flow import Tail
from adapter.console.console import Events
from adapter.model import Dead, Delivered, Dropped, Reason, Unmatched
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import FakeClock, make_event
from tests.unit.cli.conftest import SETTINGS, Shell
from tests.unit.cli.queues import USER, Ended, a_rejection, an_order, balance_of, fill

ENDED = (
    Ended(an_order("m-1"), Delivered()),
    Ended(an_order("m-2", total=None), Dead(Reason.REFUSED_BY_MAPPING, "total is required"), sent=("track/A/0",)),
    Ended(make_event("m-3", user="bob"), Dropped(Reason.BY_RULE, "all the rest", "nothing but orders")),
    Ended(make_event("m-4", user="bob"), Unmatched()),
    Ended(make_event("m-5", user="cat")),
    Ended(make_event("m-6", user="cat")),
)


@pytest.fixture
async def version(shop: Shell) -> str:
    """A queue with an event of each outcome and one rejection; the version of its mapping."""
    return await fill(shop.folder / "queue.db", ENDED, [a_rejection()])


@pytest.mark.usefixtures("version")
def test_events_are_listed_newest_first(shop: Shell) -> None:
    """Tab-separated where no terminal is: id, seq, source, message id, event, user, outcome and why."""
    result = shop.run("events", "list")
    assert result.exit_code == 0, result.output
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    found = {row[0]: (row[3], row[5], row[6], row[7]) for row in rows}
    assert found == {
        "r1": ("bad-1", "-", "rejected", "schema: /event is required"),
        "1": ("m-1", USER, "delivered", "-"),
        "2": ("m-2", USER, "dead", "refused by the mapping: total is required"),
        "3": ("m-3", "bob", "dropped", "by rule: nothing but orders (rule 'all the rest')"),
        "4": ("m-4", "bob", "unmatched", "-"),
        "5": ("m-5", "cat", "pending", "-"),
        "6": ("m-6", "cat", "pending", "-"),
    }
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--outcome", "pending"], ["m-6", "m-5"]),
        (["--outcome", "rejected"], ["bad-1"]),
        (["--outcome", "pending", "--limit", "1"], ["m-6"]),
        (["--source", "nobody"], []),
    ],
    ids=["outcome", "rejected", "limit", "source"],
)
def test_a_list_can_be_narrowed(shop: Shell, words: list[str], ids: list[str]) -> None:
    """As JSON, one object a line, for programs."""
    result = shop.run("events", "list", "--json", *words)
    assert [json.loads(line)["messageId"] for line in result.stdout.splitlines()] == ids


@pytest.mark.usefixtures("version")
def test_tail_ends_with_the_newest(shop: Shell) -> None:
    """As `tail` does of a file: the last ones, in the order of receipt."""
    rows = shop.run("events", "tail", "--limit", "3").stdout.splitlines()
    assert sorted(row.split("\t")[0] for row in rows) == sorted(
        row.split("\t")[0] for row in shop.run("events", "list", "--limit", "3").stdout.splitlines()
    )
    assert [row.split("\t")[1] for row in rows] == sorted(row.split("\t")[1] for row in rows)


def test_one_event_is_shown_whole(shop: Shell, version: str) -> None:
    """Received, mapped by the version that was used, answered; by number or message id."""
    shop.write("shop.yaml", "version: 1\nrules: []\n")
    by_id, by_seq = shop.run("events", "show", "m-1"), shop.run("events", "show", "1")
    assert by_id.exit_code == 0, by_id.output
    assert by_id.stdout == by_seq.stdout
    assert '"event": "Order Completed"' in by_id.stdout
    assert f"mapped by mapping {version}, which was used" in by_id.stdout
    assert "track ORDER_COMPLETED  userId=ann@example.com" in by_id.stdout
    assert "delivered 20" in by_id.stdout


@pytest.mark.usefixtures("version")
def test_a_dead_event_tells_what_got_through(shop: Shell) -> None:
    """So that one knows what a requeue would send; the mapping's refusal is shown with it."""
    found = shop.run("events", "show", "2").stdout
    assert "rejected  by" in found
    assert "refused by the mapping: total is required" in found
    assert "delivered before: track/A/0" in found
    machine = json.loads(shop.run("events", "show", "2", "--json").stdout)
    assert (machine["outcome"], machine["deliveredCalls"]) == ("dead", ["track/A/0"])
    assert machine["mapped"]["outcome"] == "rejected"
    assert machine["message"]["messageId"] == "m-2"


@pytest.mark.usefixtures("version")
def test_a_pending_event_is_mapped_as_it_would_be_now(shop: Shell) -> None:
    """By the active mapping, and with its place in its user's lane."""
    found = json.loads(shop.run("events", "show", "6", "--json").stdout)
    assert (found["mappingSource"], found["mapped"]["outcome"]) == ("by the active mapping", "dropped")
    assert found["ahead"] == 1


@pytest.mark.usefixtures("version")
def test_a_rejection_is_shown_with_its_problems(shop: Shell) -> None:
    """Its body as it was sent, and where it does not fit."""
    found = shop.run("events", "show", "r1").stdout
    assert '{"type":"track","userId":"u-1","messageId":"bad-1"}' in found
    assert "/event is required" in found


async def test_control_characters_do_not_reach_the_terminal(shop: Shell) -> None:
    """A sender cannot command the operator's terminal by what it writes into an event."""
    await fill(shop.folder / "queue.db", [Ended(make_event("m-\x1b[2J", user="u\x9b1m", event="A\tB\r\n"))])
    for words in (["list"], ["show", "1"]):
        shown = shop.run("events", *words).stdout
        assert not {"\x1b", "\x9b", "\r"} & set(shown)


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize(
    ("message_id", "found"),
    [
        ("m-1", "shop/m-1: delivered 20"),
        ("m-2", "shop/m-2: dead 20"),
        ("m-5", "shop/m-5: pending: the first of its user, due 20"),
        ("m-6", "shop/m-6: pending: 1 event of its user must end before it, event 5 first (event 6)"),
        ("bad-1", "shop/bad-1: rejected: schema: /event is required (kept as r1)"),
    ],
    ids=["delivered", "dead", "first", "behind", "rejected"],
)
def test_where_is_one_line(shop: Shell, message_id: str, found: str) -> None:
    """Where it is now, and why."""
    result = shop.run("where", message_id)
    assert result.exit_code == 0, result.output
    [line] = result.stdout.splitlines()
    assert line.startswith(found)


@pytest.mark.usefixtures("version")
@pytest.mark.parametrize("words", [["where"], ["events", "show"], ["dead", "show"]], ids=" ".join)
def test_what_is_not_kept_is_reported_and_ends_with_1(shop: Shell, words: list[str]) -> None:
    """A script can ask whether something arrived."""
    result = shop.run(*words, "m-99")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "m-99: nothing is kept" in result.stderr


async def test_a_users_data_is_taken_away(shop: Shell, version: str) -> None:
    """After asking; the ledger balances, and the files hold no byte of the user."""
    assert version
    asked = shop.run("events", "purge", "--user", USER, stdin="n\n")
    assert (asked.exit_code, "Erase 2 events and 0 rejections" in asked.stdout) == (1, True)
    done = shop.run("events", "purge", "--user", USER, "--yes")
    assert done.exit_code == 0, done.output
    assert "erased 2 events and 0 rejections" in done.stdout
    for file in shop.folder.glob("queue.db*"):
        assert USER.encode() not in file.read_bytes()
    assert "not mapped: its user's data was deleted" in shop.run("events", "show", "1").stdout
    assert "nothing is kept of this user" in shop.run("events", "purge", "--user", USER).stdout
    balance = await balance_of(shop.folder / "queue.db")
    assert (balance.counts["dropped"], balance.counts["delivered"], balance.dead) == (2, 1, 0)
    assert balance.unaccounted == 0


async def test_deletion_requests_are_shown(shop: Shell) -> None:
    """Whose data, when it was asked and done, and how much went; one that waits says so."""
    path = shop.folder / "queue.db"
    queue = await SqliteQueue.open(path, now=FakeClock())
    await queue.put([make_event("m-1"), make_event("delete-1", type="delete")])
    await queue.delete_requested(wait_s=0)
    await queue.put([make_event("delete-2", user="u-2", type="delete")])
    await queue.close()
    rows = [line.split("\t") for line in shop.run("events", "deletions").stdout.splitlines()]
    at = "2026-11-23T12:00:00.000Z"
    assert rows == [
        ["3", at, "shop", "u-2", "delete-2", "-", "0", "0"],
        ["2", at, "shop", "u-1", "delete-1", at, "1", "0"],
    ]
    [line] = shop.run("events", "deletions", "--user", "u-1", "--json").stdout.splitlines()
    assert json.loads(line) == {
        "id": "2",
        "source": "shop",
        "userId": "u-1",
        "messageId": "delete-1",
        "receivedAt": at,
        "doneAt": at,
        "events": 1,
        "rejections": 0,
    }
    found = shop.run("events", "show", "delete-1").stdout
    assert "not mapped: it asks to delete its user's data" in found
    assert "dropped 2026-11-23T12:00:00.000Z: deletion request: see: browsee-adapter events deletions" in found


async def test_tail_tells_an_event_when_it_comes_and_when_it_ended(shop: Shell) -> None:
    """Each news once, rejections too; nothing is reported twice."""
    path = shop.folder / "queue.db"
    queue = await SqliteQueue.open(path, now=FakeClock())
    await queue.put([make_event("old", user="a")], [a_rejection()])
    with console_at(Target(config=None, sandbox=False, url=None)) as console:
        page = console.events(Events(limit=10))
        news = Tail(page["newest"], page["entries"])
        assert list(news.look_at_all(console)) == []
        await queue.put([make_event("new", user="b")], [a_rejection()])
        assert [entry["outcome"] for entry in news.look_at_all(console)] == ["pending", "rejected"]
        for lease in await queue.take(sources=["shop"], limit=10, lease_s=60, wait_s=0):
            await queue.settle(lease, Delivered())
        assert [(entry["id"], entry["outcome"]) for entry in news.look_at_all(console)] == [
            ("1", "delivered"),
            ("2", "delivered"),
        ]
        assert list(news.look_at_all(console)) == []
    await queue.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("queue: 'memory:'\n", "the queue in memory can be looked into only through the service"),
        ("", "there is no queue here"),
    ],
    ids=["memory", "no file"],
)
def test_a_queue_that_cannot_be_looked_at_is_reported(shop: Shell, text: str, found: str) -> None:
    """With what to do, and without making one."""
    shop.write("adapter.yaml", text + "sources: {shop: {mapping: shop.yaml}}\n")
    result = shop.run("events", "list")
    assert result.exit_code == 2
    assert found in result.stderr
    assert not (shop.folder / "data").exists()


def test_the_sandbox_has_a_queue_of_its_own(shop: Shell) -> None:
    """A missing --sandbox is suggested."""
    (shop.folder / "sandbox.db").touch()
    assert "add --sandbox" in shop.run("events", "list").stderr
    (shop.folder / "sandbox.db").unlink()
    asyncio.run(fill(shop.folder / "sandbox.db", []))
    assert shop.run("events", "list", "--sandbox").exit_code == 0


def test_a_generated_token_is_found_for_this_machine_only(shop: Shell) -> None:
    """`--url` reads the token that the service generated beside its queue, and sends it to no other machine."""
    here, elsewhere = "http://127.0.0.1:9", "http://192.0.2.1:9"
    assert "needs the admin token" in shop.run("events", "list", "--url", here).stderr
    (shop.folder / "generated-secrets.json").write_text('{"admin_token": "generated", "keys": {}}')
    assert "cannot reach" in shop.run("events", "list", "--url", here).stderr
    assert "needs the admin token" in shop.run("events", "list", "--url", elsewhere).stderr
    # Beside `serve --sandbox`, whose settings have no key of Browsee.
    shop.write("adapter.yaml", SETTINGS.replace(", browsee_api_key: key", ""))
    assert "cannot reach" in shop.run("events", "list", "--url", here).stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "no event is kept: none arrived, or all ended longer ago than retention.history"),
        (("--user", "nobody"), "no event matches --user nobody; ended events are kept for retention.history"),
        (("--outcome", "dead", "--warned"), "no event matches --outcome dead --warned; "),
        (("--since", "10m"), "no event matches --since 2"),
        (("--name", "a\x1b[31mb"), "no event matches --name a\ufffd[31mb; "),
        (("--name", "order completed"), "names match with their case: browsee-adapter events names lists them"),
    ],
)
def test_an_empty_list_says_what_was_looked_for(shop: Shell, options: tuple[str, ...], words: str) -> None:
    asyncio.run(fill(shop.folder / "queue.db", []))

    result = shop.run("events", "list", *options)

    assert (result.exit_code, result.stdout) == (0, "")
    assert words in result.stderr


def test_an_instant_that_is_none_is_refused_with_examples(shop: Shell) -> None:
    result = shop.run("events", "list", "--since", "yesterday")

    assert result.exit_code == 2
    assert "10m" in result.stderr
