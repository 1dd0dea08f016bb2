"""Every console, at the queue and over HTTP: what `adapter.console.console` promises, in the described shapes."""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import orjson
import pytest
from msgspec.structs import replace

from adapter.cli.at_console import Target, console_at
from adapter.cli.remote import HttpConsole
from adapter.console.console import Console, Events, Selection
from adapter.errors import ConfigError
from adapter.model import (
    Dead,
    Delivered,
    Dropped,
    Event,
    EventWarning,
    JsonObject,
    Outcome,
    Reason,
    Retry,
    Unmatched,
    WarningKind,
)
from adapter.queue.sqlite.queue import SqliteQueue
from tests.fakes import RECEIVED_AT, make_event
from tests.openapi import shaped
from tests.operated import TOKEN, api_alone, settings_in
from tests.unit.cli.conftest import MAPPING, SETTINGS
from tests.unit.cli.queues import USER, Ended, a_rejection, an_order, fill

READABLE = b'{"type":"track","event":"Order Completed","userId":"u-1","messageId":"good-1","properties":{}}'
TOTAL = Dead(Reason.REFUSED_BY_MAPPING, "total is required (rule 'rule 1')")


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Settings and a queue: an order delivered, two dead, one unmatched, two pending; two rejections."""
    (tmp_path / "adapter.yaml").write_text(SETTINGS)
    (tmp_path / "shop.yaml").write_text(MAPPING)
    ended = [
        Ended(an_order("m-1"), Delivered()),
        Ended(an_order("m-2", total=None), TOTAL, sent=("track/A/0",)),
        Ended(an_order("m-3"), Dead(Reason.REFUSED, "no such project")),
        Ended(make_event("m-4", user="bob"), Unmatched()),
        Ended(make_event("m-5", user="cat")),
        Ended(make_event("m-6", user="cat")),
    ]
    await fill(tmp_path / "queue.db", ended, [a_rejection(), a_rejection(READABLE)])
    return tmp_path


@pytest.fixture(params=["file", "http"])
def console(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Console]:
    if request.param == "file":
        with console_at(Target(folder / "adapter.yaml", sandbox=False, url=None)) as console:
            yield console
        return
    monkeypatch.setenv("ADAPTER_ADMIN_TOKEN", TOKEN)
    with api_alone(settings_in(folder)) as url, console_at(Target(None, sandbox=False, url=url)) as console:
        yield console


def ids(page: JsonObject) -> list[str]:
    return [entry["id"] for entry in page["entries"]]


NOT_READ = EventWarning(WarningKind.TIME, "timestamp", "text of 14 characters is no date")
NO_NUMBER = EventWarning(WarningKind.STEP, "properties.total", "number of a text", "an order")


async def _end(folder: Path, event: Event, outcome: Outcome | None, warnings: Sequence[EventWarning] = ()) -> None:
    """Put the event into the queue of `folder` and settle it, or not."""
    queue = await SqliteQueue.open(folder / "queue.db", now=time)
    await queue.put([event])
    leases = await queue.take(sources=["shop"], limit=50, lease_s=60, wait_s=0)
    for lease in leases:
        if outcome is not None and lease.event.message_id == event.message_id:
            assert await queue.settle(lease, outcome, warnings=warnings)
    await queue.close()


async def test_warnings_are_shown_and_found(console: Console, folder: Path) -> None:
    """Those of ingest and those of the mapping, together in every view; and events with any are listed alone."""
    warned = replace(an_order("warned-1"), warnings=(NOT_READ,))
    await _end(folder, warned, Delivered(), [NO_NUMBER])
    page = shaped(console.events(Events(warned=True)), "NewestPage")
    expected = [
        {"kind": "time not read", "field": "timestamp", "cause": NOT_READ.cause, "rule": ""},
        {"kind": "step failed", "field": "properties.total", "cause": NO_NUMBER.cause, "rule": "an order"},
    ]
    assert [(entry["messageId"], entry["warnings"]) for entry in page["entries"]] == [("warned-1", expected)]
    [whole] = shaped(console.event("warned-1"), "Wholes")["found"]
    assert whole["warnings"] == expected
    [where] = shaped(console.where("warned-1"), "Wheres")["found"]
    assert "2 warnings: time not read (timestamp): text of" in where["line"]
    assert "step failed (properties.total): number of a text (rule 'an order')" in where["line"]


async def test_a_pending_event_says_why_its_tries_failed(console: Console, folder: Path) -> None:
    """Its own, with reason and detail; a pause is no failure, and who waits behind it has had no try."""
    first, second = make_event("tried-1", user="dan"), make_event("tried-2", user="dan")
    failed = Retry(Reason.SERVER_ERROR, 60, counted=True, detail="Browsee answered 503")
    await _end(folder, first, failed)
    await _end(folder, second, None)
    [tried] = shaped(console.where("tried-1"), "Wheres")["found"]
    [behind] = shaped(console.where("tried-2"), "Wheres")["found"]
    assert (tried["attempts"], tried["lastFailure"]) == (1, "server error: Browsee answered 503")
    assert "after 1 failed try; the last try: server error: Browsee answered 503" in tried["line"]
    assert (behind["ahead"], behind["attempts"], behind["lastFailure"]) == (1, 0, None)


PAUSED = "delivery is paused: Browsee answered 401: check browsee_api_key; next try in 23 s"


def test_a_pending_event_says_that_delivery_is_paused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every view, with the cause; an event that has ended, or waits behind another, says the rest as before."""
    monkeypatch.setenv("ADAPTER_ADMIN_TOKEN", TOKEN)
    settings = settings_in(folder)
    with (
        api_alone(settings, pause_texts={"shop": PAUSED}) as url,
        console_at(Target(None, sandbox=False, url=url)) as console,
    ):
        rows = shaped(console.events(Events(limit=100)), "NewestPage")["entries"]
        waiting = {row["id"]: row["waitsFor"] for row in rows if row["outcome"] != "rejected"}
        assert waiting == dict.fromkeys(["1", "2", "3", "4"]) | {"5": PAUSED, "6": PAUSED}
        [first] = shaped(console.where("m-5"), "Wheres")["found"]
        [behind] = shaped(console.where("m-6"), "Wheres")["found"]
        [whole] = shaped(console.event("5"), "Wholes")["found"]
        [ended] = shaped(console.where("m-1"), "Wheres")["found"]
    assert first["line"] == f"shop/m-5: pending: {PAUSED} (event 5)"
    assert (
        behind["line"]
        == f"shop/m-6: pending: {PAUSED}; 1 event of its user must end before it, event 5 first (event 6)"
    )
    assert (whole["waitsFor"], whole["pauseKnown"]) == (PAUSED, True)
    assert "paused" not in ended["line"]


def test_without_a_pause_a_pending_event_says_when_it_is_due(console: Console) -> None:
    """The service knows that delivery goes on; the file alone does not, and says who knows."""
    [first] = shaped(console.where("m-5"), "Wheres")["found"]
    assert first["waitsFor"] is None
    assert "pending: the first of its user, due 20" in first["line"]
    assert ("ask it with --url" in first["line"]) is not first["pauseKnown"]
    assert first["pauseKnown"] is isinstance(console, HttpConsole)


def test_pages_have_every_entry_once(console: Console) -> None:
    """Whatever their size, pages together are the whole list, events and rejections in one order."""
    whole = shaped(console.events(Events(limit=100)), "NewestPage")
    assert sorted(ids(whole)) == ["1", "2", "3", "4", "5", "6", "r1", "r2"]
    assert (whole["next"], whole["newest"]) == (None, "6.2")
    for limit in (1, 3):
        found: list[str] = []
        before: str | None = None
        while page := shaped(console.events(Events(limit=limit, before=before)), "NewestPage"):
            assert len(page["entries"]) <= limit
            found += ids(page)
            before = page["next"]
            if before is None:
                break
        assert sorted(found) == sorted(ids(whole))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"source": "shop", "outcome": ("dead",)}, ["2", "3"]),
        ({"outcome": ("dead", "rejected")}, ["2", "3", "r1", "r2"]),
        ({"cause": "TOTAL is"}, ["2"]),
        ({"cause": "is required"}, ["2", "r1", "r2"]),
        ({"type": "page"}, []),
        ({"source": "other"}, []),
        ({"outcome": ("rejected",)}, ["r1", "r2"]),
        ({"user": USER}, ["1", "2", "3"]),
        ({"user": "u-1"}, ["r1", "r2"]),
        ({"name": "Order Completed"}, ["1", "2", "3", "r2"]),
        ({"name": "Clicked", "outcome": ("pending",)}, ["5", "6"]),
        ({"until": RECEIVED_AT + timedelta(seconds=1)}, ["4", "5", "6"]),
        ({"since": RECEIVED_AT + timedelta(seconds=1), "outcome": ("delivered",)}, ["1"]),
    ],
    ids=[
        "outcome",
        "two outcomes",
        "cause",
        "cause of both",
        "type",
        "source",
        "rejected",
        "user",
        "user of a rejection",
        "name",
        "both",
        "until",
        "since",
    ],
)
def test_each_filter_narrows_the_list(console: Console, wanted: dict[str, Any], found: list[str]) -> None:
    """Alone and together."""
    assert sorted(ids(console.events(Events(**wanted)))) == found


def test_tail_tells_news_and_what_has_ended(console: Console) -> None:
    """From the place that is given; of the events watched those that ended, the others are to be watched on."""
    assert shaped(console.tail(None), "News") == {"entries": [], "pending": [], "next": "6.2"}
    news = shaped(console.tail("4.1", ["1", "4"]), "News")
    assert ids(news) == ["1", "4", "5", "6", "r2"]
    assert (news["pending"], news["next"]) == (["5", "6"], "6.2")
    assert ids(console.tail(news["next"], news["pending"])) == []
    # A place that never was: of a queue that was replaced.
    assert console.tail("900.900")["next"] == "6.2"


def test_one_event_is_reported_whole(console: Console) -> None:
    """By seq, by message id, and a rejection by its number; nothing where nothing is kept."""
    [delivered] = shaped(console.event("m-1"), "Wholes")["found"]
    assert delivered == console.event("1")["found"][0]
    assert (delivered["message"]["messageId"], delivered["mapped"]["outcome"]) == ("m-1", "sent")
    [dead] = shaped(console.event("2"), "Wholes")["found"]
    assert (dead["mapped"]["outcome"], dead["deliveredCalls"]) == ("rejected", ["track/A/0"])
    [pending] = shaped(console.event("6"), "Wholes")["found"]
    assert (pending["ahead"], pending["mapped"]["outcome"]) == (1, "dropped")
    [rejected] = shaped(console.event("r2"), "Wholes")["found"]
    assert (rejected["body"], rejected["bytesKept"]) == (READABLE.decode(), len(READABLE))
    assert console.event("nothing") == {"found": []}


def test_where_is_a_line(console: Console) -> None:
    """For events and rejections."""
    [shown] = shaped(console.where("m-6"), "Wheres")["found"]
    assert shown["line"] == "shop/m-6: pending: 1 event of its user must end before it, event 5 first (event 6)"
    assert len(shaped(console.where("bad-1"), "Wheres")["found"]) == 2
    assert console.where("nothing") == {"found": []}


def test_letters_come_oldest_first_and_by_cause(console: Console) -> None:
    """In pages, and grouped."""
    first = shaped(console.dead(limit=3), "Page")
    rest = shaped(console.dead(limit=3, after=first["next"]), "Page")
    assert (ids(first) + ids(rest), rest["next"]) == (["2", "3", "r1", "r2"], None)
    assert ids(console.dead(cause="TOTAL is")) == ["2"]
    assert ids(console.dead(cause="TOTAL is", exact=True)) == []
    assert ids(console.dead(cause="schema: /event is required", exact=True)) == ["r1", "r2"]
    causes = shaped(console.causes(limit=2), "Causes")["causes"]
    assert len(causes) == 2
    rejected = {"count": 2, "outcome": "rejected", "cause": "schema: /event is required", "oldest": "r1"}
    assert causes[0].items() >= {**rejected, "sources": ["shop"], "rule": None, "line": None}.items()


def test_a_cause_names_the_rule_and_its_line(console: Console) -> None:
    """Of the mapping that refused them, where its text is still known."""
    cause = next(one for one in console.causes(limit=9)["causes"] if "total" in one["cause"])
    assert (cause["rule"], Path(cause["file"]).name, cause["line"]) == ("rule 1", "shop.yaml", 3)


async def test_a_cause_names_the_rule_whatever_it_quotes(console: Console, folder: Path) -> None:
    """A problem may quote what looks like the name of a rule."""
    detail = "`a (rule 'x')` is no number (rule 'rule 1')"
    await _end(folder, an_order("m-7", total=None), Dead(Reason.REFUSED_BY_MAPPING, detail))
    cause = next(one for one in console.causes(limit=9)["causes"] if "is no number" in one["cause"])
    assert (cause["rule"], cause["line"]) == ("rule 1", 3)


def test_an_event_says_where_its_rule_stands_and_how_long_it_is_kept(console: Console) -> None:
    """And when it happened, which calls of it failed, and who goes before it."""
    [dead] = shaped(console.event("2"), "Wholes")["found"]
    assert (Path(dead["file"]).name, dead["ruleLine"], dead["timestampFrom"]) == ("shop.yaml", 3, "message")
    assert dead["keptUntil"] > dead["endedAt"]
    assert dead["failures"] == []
    [behind] = console.event("6")["found"]
    assert (behind["blockedBy"], behind["keptUntil"], behind["attempts"]) == ("5", None, 0)


def test_a_timeline_has_the_calls_of_each_event(console: Console) -> None:
    """What Browsee got, or what it would get; a rejection has none."""
    page = shaped(console.events(Events(limit=100, mapped=True)), "NewestPage")
    calls = {entry["id"]: entry.get("calls") for entry in page["entries"]}
    assert calls["r1"] is None
    assert [(call["kind"], call["delivered"]) for call in calls["1"] or []] == [("track", True)]
    assert all("timestamp" in entry for entry in page["entries"] if entry["outcome"] != "rejected")


async def test_a_timeline_has_no_call_that_no_mapping_decides(console: Console, folder: Path) -> None:
    """As the event itself says: a request to delete data is not delivered, though a rule would take it."""
    await _end(folder, an_order("m-7"), Dropped(Reason.DELETION, "", ""))
    [entry] = console.event("m-7")["found"]
    page = console.events(Events(limit=1, mapped=True))
    assert (entry["mapped"], page["entries"][0]["id"], page["entries"][0]["calls"]) == (None, entry["id"], [])


def test_a_preview_says_what_the_active_mapping_would_make_of_them(console: Console) -> None:
    """And changes nothing."""
    shown = shaped(console.requeue(Selection(everything=True), dry_run=True, preview=True), "Requeued")
    assert shown["would"] == {"sent": 1, "refused": 1, "dropped": 0, "unmatched": 0, "looked": 2}
    assert (shown["events"], len(ids(console.dead()))) == (0, 4)


def test_a_dry_run_changes_nothing(console: Console) -> None:
    """It tells how many are meant, and that is all."""
    everything = Selection(everything=True)
    chosen = {"events": 2, "rejections": 2}
    assert shaped(console.requeue(everything, dry_run=True), "Requeued")["chosen"] == chosen
    assert shaped(console.discard(everything, dry_run=True), "Discarded")["chosen"] == chosen
    assert shaped(console.purge(USER, dry_run=True), "Purged")["chosen"] == {"events": 3, "rejections": 0}
    assert len(ids(console.dead())) == 4


def test_a_cause_can_be_taken_by_its_whole_text(console: Console) -> None:
    """A cause whose text is part of another's is chosen by itself with `exact`, and no part of one is a cause."""
    causes = {cause["cause"]: cause["count"] for cause in console.causes(limit=10)["causes"]}
    for cause, count in causes.items():
        chosen = console.discard(Selection(cause=cause, exact=True), dry_run=True)["chosen"]
        assert chosen["events"] + chosen["rejections"] == count
        assert not any(console.discard(Selection(cause=cause[1:], exact=True), dry_run=True)["chosen"].values())
        of_cause = Events(cause=cause, exact=True, outcome=("dead", "rejected"), limit=100)
        assert len(ids(console.events(of_cause))) == count
        assert ids(console.events(dataclasses.replace(of_cause, cause=cause[1:]))) == []


def test_nothing_is_discarded_that_was_not_counted(console: Console) -> None:
    """With a count that is no longer right the letters stay, and are counted as they are now."""
    everything = Selection(everything=True)
    with suppress(ConfigError):  # as the API says it over HTTP
        assert console.discard(everything, count=3)["events"] == 0
    assert len(ids(console.dead())) == 4
    done = shaped(console.discard(everything, count=4), "Discarded")
    assert (done["events"], done["rejections"]) == (2, 2)


def test_letters_are_put_back(console: Console) -> None:
    """By id with ids that mean nothing reported, by cause, what no rule took, and the rest."""
    by_id = shaped(console.requeue(Selection(ids=("2", "m-2", "r9"))), "Requeued")
    assert (by_id["events"], by_id["missing"]) == (1, ["m-2", "r9"])
    assert console.requeue(Selection(cause="NO SUCH project"))["events"] == 1
    assert console.requeue(Selection(unmatched=True))["events"] == 1
    rest = shaped(console.requeue(Selection(everything=True)), "Requeued")
    assert rest["chosen"] == {"events": 0, "rejections": 2}
    assert (rest["rejections"], rest["stillRejected"]) == (
        1,
        [{"count": 1, "cause": "schema: /event is required"}],
    )


def test_letters_are_forgotten(console: Console) -> None:
    """For good, and only those that are meant."""
    gone = shaped(console.discard(Selection(ids=("3", "4", "r1"))), "Discarded")
    assert (gone["events"], gone["rejections"], gone["missing"]) == (1, 1, ["4"])
    assert ids(console.dead()) == ["2", "r2"]


def test_events_are_exported(console: Console) -> None:
    """Every event with its message, the newest first; of one source, or received since an instant."""
    export = console.export_events()
    lines = [orjson.loads(line) for page in export.pages for line in page]
    assert export.left_out is None
    assert [line["message"]["messageId"] for line in lines] == [f"m-{number}" for number in (6, 5, 4, 3, 2, 1)]
    assert {line["source"] for line in lines} == {"shop"}
    assert list(console.export_events(source="other").pages) == []
    assert list(console.export_events(since=datetime(2100, 1, 1, tzinfo=UTC)).pages) == []
    assert (
        sum(len(page) for page in console.export_events(source="shop", since=datetime(2000, 1, 1, tzinfo=UTC)).pages)
        == 6
    )


def test_letters_are_exported(console: Console) -> None:
    """All, or those of a cause, as lines that `send` takes."""
    export = console.export()
    lines = [orjson.loads(line) for page in export.pages for line in page]
    assert [line["message"]["messageId"] for line in lines] == ["m-2", "m-3", "bad-1", "good-1"]
    assert {tuple(line) for line in lines} == {("source", "receivedAt", "message")}
    assert export.left_out == 0
    assert sum(len(page) for page in console.export("total").pages) == 1
    assert sum(len(page) for page in console.export("total", exact=True).pages) == 0
    assert sum(len(page) for page in console.export("schema: /event is required", exact=True).pages) == 2


def test_a_users_data_goes(console: Console) -> None:
    """From everything that is kept."""
    assert shaped(console.purge(USER), "Purged")["events"] == 3
    assert console.purge(USER, dry_run=True)["chosen"] == {"events": 0, "rejections": 0}
    assert console.event("1")["found"][0]["deleted"]


def test_a_place_that_no_page_named_is_refused(console: Console) -> None:
    """Rather than starting again silently."""
    with pytest.raises(ConfigError):
        console.events(Events(before="x"))
    with pytest.raises(ConfigError):
        console.tail("1")
    with pytest.raises(ConfigError):
        console.dead(after="")


async def test_deletion_requests_are_listed(console: Console, folder: Path) -> None:
    """The newest first, of one user or of all; one that is not carried out yet says so."""
    assert shaped(console.deletions(), "Deletions") == {"deletions": []}
    queue = await SqliteQueue.open(folder / "queue.db", now=time)
    await queue.put([make_event("delete-1", user="cat", type="delete")])
    await queue.delete_requested(wait_s=0)
    await queue.put([make_event("delete-2", user="bob", type="delete")])
    await queue.close()
    shown = shaped(console.deletions(), "Deletions")["deletions"]
    assert [(one["userId"], one["events"], one["doneAt"] is None) for one in shown] == [
        ("bob", 0, True),
        ("cat", 2, False),
    ]
    assert [one["messageId"] for one in console.deletions("cat", limit=1)["deletions"]] == ["delete-1"]
    assert console.deletions("nobody") == {"deletions": []}


def test_names_are_counted_alike(console: Console) -> None:
    """Events and rejections, by name; rejections have none."""
    page = shaped(console.names(), "Names")
    assert (page["events"], page["next"]) == (8, None)
    assert {(name["type"], name["name"]): name["events"] for name in page["names"]} == {
        ("track", "Order Completed"): 3,
        ("track", "Clicked"): 3,
        (None, None): 2,
    }
    assert shaped(console.names(source="other"), "Names")["names"] == []


def test_a_mapping_is_tried_on_events(console: Console) -> None:
    """What the active one makes of them, and what another text in its place would; nothing changes."""
    [was] = console.try_mapping("shop", ["2", "r1", "999"])["events"]
    assert (was["id"], was["was"]["outcome"], was["now"], was["changes"]) == ("2", "rejected", None, [])
    [tried] = console.try_mapping("shop", ["2"], text=MAPPING.replace(", required: true", ""))["events"]
    checked: JsonObject = {
        "version": None,
        "findings": [],
        "rules": [],
        "tests": [],
        "guards": {"gone": [], "new": []},
        "ms": 1,
    }
    assert shaped({**checked, "events": [tried]}, "DraftChecked")
    assert (tried["was"]["outcome"], tried["now"]["outcome"]) == ("rejected", "sent")
    assert len(ids(console.dead())) == 4
    with pytest.raises(ConfigError, match="tracks"):
        console.try_mapping("shop", ["2"], text=MAPPING.replace("track:", "tracks:", 1))
    with pytest.raises(ConfigError, match="source"):
        console.try_mapping("nowhere", ["2"])


@pytest.mark.parametrize(
    ("narrowed", "found"),
    [
        ({"text": "O-777"}, ["by-order"]),
        ({"text": "no such text"}, []),
        ({"where": ("properties.order_id", "o-777")}, ["by-order"]),
        ({"where": ("properties.order_id", "o-77")}, []),
        ({"where": ("properties.products.id", "p-2")}, ["by-order"]),
        ({"where": ("properties.total", "27.5")}, ["by-order"]),
        ({"where": ("properties.gift", "true"), "text": "p-1"}, ["by-order"]),
        ({"text": "rejected-777"}, ["rejected-777"]),
    ],
)
async def test_events_are_found_by_their_content(
    console: Console, folder: Path, narrowed: dict[str, Any], found: list[str]
) -> None:
    """Events and rejections, page by page: who asks goes on to the next."""
    properties = {"order_id": "o-777", "total": 27.5, "gift": True, "products": [{"id": "p-1"}, {"id": "p-2"}]}
    queue = await SqliteQueue.open(folder / "queue.db", now=time)
    await queue.put(
        [make_event("by-order", properties=properties), *(make_event(f"other-{number}") for number in range(3))],
        [replace(a_rejection(b'{"type":"track","messageId":"rejected-777"}'), message_id="rejected-777")],
    )
    await queue.close()

    seen, before = [], None
    while True:
        page = shaped(console.events(Events(limit=1, before=before, **narrowed)), "NewestPage")
        seen += [entry["messageId"] for entry in page["entries"]]
        before = page["next"]
        if before is None:
            break

    assert seen == found
