"""`dead` shows what did not get through by its cause, and puts it back, away or into a file."""

import json
from pathlib import Path

import pytest

from adapter.cli.at_console import Target
from adapter.model import Dead, Delivered, Reason, Unmatched
from tests.unit.cli.conftest import Shell
from tests.unit.cli.queues import Ended, a_rejection, an_order, balance_of, fill

TOTAL = Dead(Reason.REFUSED_BY_MAPPING, "`total` is required and absent (rule 'A finished order')")
READABLE = b'{"type":"track","event":"Order Completed","userId":"u-1","messageId":"good-1","properties":{}}'


@pytest.fixture
async def queue(shop: Shell) -> Shell:
    """Two dead letters of one cause, one of another, two rejections of which one can be read now, and two others."""
    await fill(
        shop.folder / "queue.db",
        [
            Ended(an_order("total-1"), TOTAL),
            Ended(an_order("total-2"), TOTAL),
            Ended(an_order("key-1"), Dead(Reason.REFUSED, "no such project")),
            Ended(an_order("unmatched-1"), Unmatched()),
            Ended(an_order("done-1"), Delivered()),
        ],
        [a_rejection(), a_rejection(READABLE)],
    )
    return shop


async def counts(shop: Shell) -> tuple[int, int, int, int, int]:
    """Pending, dead, rejected, discarded, and what is unaccounted for."""
    balance = await balance_of(shop.folder / "queue.db")
    counted = balance.counts
    return balance.pending, balance.dead, counted.get("rejected", 0), counted.get("discarded", 0), balance.unaccounted


def test_causes_are_one_list(queue: Shell) -> None:
    """Dead letters and rejections together, the most frequent cause first, with the oldest to look at."""
    rows = [line.split("\t") for line in queue.run("dead", "list", "--group").stdout.splitlines()]
    assert sorted(rows) == sorted(
        [
            ["2", "dead", "refused by the mapping: `total` is required and absent (rule 'A finished order')", "1"],
            ["2", "rejected", "schema: /event is required", "r1"],
            ["1", "dead", "refused: no such project", "3"],
        ]
    )
    assert [row[0] for row in rows] == ["2", "2", "1"]
    machine = [json.loads(line) for line in queue.run("dead", "list", "--group", "--json").stdout.splitlines()]
    known = {"count": 1, "outcome": "dead", "cause": "refused: no such project", "oldest": "3"}
    assert any(cause.items() >= known.items() for cause in machine)


BROWSEE = "event o-%d was refused, request 0b5e3e1c-5d1f-4f0a-9a53-1f2e3d4c5b%02d"


@pytest.fixture
async def refused(shop: Shell) -> Shell:
    """Three dead letters that Browsee refused in words with an id, and two that the mapping refused for two fields."""
    ended = [Ended(an_order(f"o-{n}"), Dead(Reason.REFUSED, BROWSEE % (n, n))) for n in range(3)]
    ours = ("`total` is required and absent", "`price` is required and absent")
    ended += [Ended(an_order(text[:7]), Dead(Reason.REFUSED_BY_MAPPING, text)) for text in ours]
    await fill(shop.folder / "queue.db", ended)
    return shop


def test_refusals_that_differ_in_ids_are_one_cause(refused: Shell) -> None:
    """What Browsee wrote is folded; our own words are not, for there a name in quotes is the cause."""
    listed = [json.loads(line) for line in refused.run("dead", "list", "--group", "--json").stdout.splitlines()]
    first = {"count": 3, "outcome": "dead", "cause": "refused: event # was refused, request #", "oldest": "1"}
    assert listed[0].items() >= first.items()
    assert {(cause["count"], cause["cause"], cause["oldest"]) for cause in listed[1:]} == {
        (1, "refused by the mapping: `total` is required and absent", "4"),
        (1, "refused by the mapping: `price` is required and absent", "5"),
    }


@pytest.mark.parametrize(
    ("cause", "count"),
    [("refused: event # was refused, request #", 3), ("event o-1 was refused", 1), ("was refused", 3), ("TOTAL is", 1)],
)
async def test_a_cause_is_found_as_listed_and_as_written(refused: Shell, cause: str, count: int) -> None:
    """The text of the list means all of its letters, the text of one letter that one."""
    export = refused.run("dead", "export", "lost.ndjson", "--cause", cause)
    assert (export.exit_code, len((refused.folder / "lost.ndjson").read_text().splitlines())) == (0, count)
    assert refused.run("dead", "requeue", "--cause", cause).exit_code == 0
    assert (await counts(refused))[:2] == (count, 5 - count)


def test_letters_are_listed_oldest_first(queue: Shell) -> None:
    """Each with the id that the other commands take."""
    listed = [line.split("\t")[0] for line in queue.run("dead", "list").stdout.splitlines()]
    assert listed == ["1", "2", "3", "r1", "r2"]
    assert "rejection r1" in queue.run("dead", "show", "r1").stdout


async def test_a_cause_is_requeued_after_its_mapping_was_mended(queue: Shell) -> None:
    """Only letters of that cause, whatever the case of the words, and without the backticks that a shell would take."""
    result = queue.run("dead", "requeue", "--cause", "TOTAL is required")
    assert result.exit_code == 0, result.output
    assert "pending again: 2 events" in result.stdout
    assert await counts(queue) == (2, 1, 2, 0, 0)


async def test_all_are_requeued_but_what_still_does_not_fit(queue: Shell) -> None:
    """A rejection is read again: as an event it is pending, else it stays and says why."""
    result = queue.run("dead", "requeue", "--all")
    assert "pending again: 3 events, 1 rejection that can be read now" in result.stdout
    assert "still rejected: 1 × schema: /event is required" in result.stdout
    assert await counts(queue) == (4, 0, 1, 0, 0)
    assert "pending" in queue.run("where", "good-1").stdout


async def test_what_no_rule_took_is_requeued(queue: Shell) -> None:
    """Once there is a rule for it."""
    assert "pending again: 1 event," in queue.run("dead", "requeue", "--unmatched").stdout
    assert await counts(queue) == (1, 3, 2, 0, 0)


async def test_ids_are_requeued_and_unknown_ones_reported(queue: Shell) -> None:
    """What was delivered is none of them; the others are done all the same, and the exit code is 1."""
    result = queue.run("dead", "requeue", "1", "4", "r2", "5", "r77", "nonsense")
    assert result.exit_code == 1
    assert "pending again: 2 events, 1 rejection " in result.stdout
    assert [line.partition(":")[0] for line in result.stderr.splitlines()[2:]] == ["5", "r77", "nonsense"]
    assert await counts(queue) == (3, 2, 1, 0, 0)


@pytest.mark.parametrize(
    ("which", "commands"),
    [
        (["1"], ["events show 1"]),
        (["r2"], ["events list --outcome pending", "dead list --group"]),
        (["--all"], ["events list --outcome pending", "dead list --group"]),
    ],
    ids=["an event", "a rejection", "all"],
)
def test_a_requeue_names_the_commands_that_show_the_result(queue: Shell, which: list[str], commands: list[str]) -> None:
    """With the options of this one, so that they can be pasted; each of them works."""
    result = queue.run("dead", "requeue", *which, "--config", "adapter.yaml")
    pasted = [line.partition(": browsee-adapter ")[2] for line in result.stderr.splitlines()]
    assert pasted == [f"{command} --config adapter.yaml" for command in commands]
    assert [queue.run(*line.split()).exit_code for line in pasted] == [0] * len(commands)


def test_a_requeue_of_nothing_names_no_command(queue: Shell) -> None:
    assert "see " not in queue.run("dead", "requeue", "r1").stderr


def test_a_command_to_paste_goes_to_the_same_console() -> None:
    """Options are kept, and quoted for a shell."""
    file = Path("my shop/adapter.yaml")
    assert Target(file, True, None).command("where", "m 1") == (
        "browsee-adapter where 'm 1' --config 'my shop/adapter.yaml' --sandbox"
    )
    assert Target(None, False, "https://a.example").command("where", "m") == (
        "browsee-adapter where m --url https://a.example"
    )


async def test_a_requeued_rejection_that_came_again_is_a_duplicate(shop: Shell) -> None:
    """The sender repaired it before the operator did."""
    await fill(shop.folder / "queue.db", [Ended(an_order("good-1"), Delivered())], [a_rejection(READABLE)])
    result = shop.run("dead", "requeue", "--all")
    assert "received again meanwhile, so a duplicate now: 1 rejection" in result.stdout
    assert await counts(shop) == (0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "body", [b'[{"type":"track"},{"type":"track"}]', b'{"cut": "' + b"x" * 65_527], ids=["two", "cut"]
)
async def test_what_cannot_be_read_says_why(shop: Shell, body: bytes) -> None:
    """Several messages in one body, or a body of which the end was not kept."""
    await fill(shop.folder / "queue.db", [], [a_rejection(body)])
    result = shop.run("dead", "requeue", "--all")
    assert "send it again" in result.stdout
    assert await counts(shop) == (0, 0, 1, 0, 0)


async def test_letters_are_discarded_after_asking(queue: Shell) -> None:
    """No is no; yes forgets them, and the ledger knows."""
    refused = queue.run("dead", "discard", "--all", stdin="n\n")
    assert (refused.exit_code, "Delete 3 dead letters and 2 rejections for good?" in refused.stdout) == (1, True)
    assert await counts(queue) == (0, 3, 2, 0, 0)
    done = queue.run("dead", "discard", "--cause", "no such project", "--yes")
    assert "discarded 1 dead letter and 0 rejections" in done.stdout
    assert queue.run("dead", "discard", "r1", "--yes").exit_code == 0
    assert await counts(queue) == (0, 2, 2, 1, 0)
    assert queue.run("dead", "discard", "4", "--yes").exit_code == 1


@pytest.mark.parametrize("command", ["requeue", "discard"])
@pytest.mark.parametrize("words", [[], ["1", "--all"], ["--all", "--cause", "x"]], ids=["none", "both", "two"])
def test_which_ones_must_be_said_once(queue: Shell, command: str, words: list[str]) -> None:
    """Nothing is requeued or forgotten by leaving out a word."""
    assert queue.run("dead", command, *words).exit_code == 2


def test_letters_are_exported(queue: Shell) -> None:
    """Messages in the format of `export`; what is no JSON object is counted."""
    result = queue.run("dead", "export", "lost.ndjson")
    assert "lost.ndjson: 5 messages" in result.stdout
    lines = [json.loads(line) for line in (queue.folder / "lost.ndjson").read_text().splitlines()]
    assert [line["message"]["messageId"] for line in lines] == ["total-1", "total-2", "key-1", "bad-1", "good-1"]
    assert {tuple(line) for line in lines} == {("source", "receivedAt", "message")}
    assert queue.run("dead", "export", "lost.ndjson").exit_code == 2


async def test_an_export_counts_what_it_cannot_write(shop: Shell) -> None:
    """A body that is not JSON has no line."""
    await fill(shop.folder / "queue.db", [], [a_rejection(b"nonsense"), a_rejection(READABLE)])
    result = shop.run("dead", "export", "lost.ndjson", "--cause", "event")
    assert "1 message" in result.stdout
    assert "left out, as no JSON object: 1 rejection" in result.stderr


@pytest.mark.parametrize("command", ["requeue", "discard"])
def test_an_unknown_cause_is_reported(queue: Shell, command: str) -> None:
    """Rather than nothing being done in silence."""
    result = queue.run("dead", command, "--cause", "no such text")
    assert (result.exit_code, "no cause has this text" in result.stderr) == (1, True)
