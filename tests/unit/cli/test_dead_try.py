"""`dead try` says what a mapping would do with dead letters, and changes nothing."""

import json

import pytest

from adapter.model import Dead, Dropped, Reason, Unmatched
from tests.fakes import make_event
from tests.unit.cli.conftest import MAPPING, Shell
from tests.unit.cli.queues import Ended, a_rejection, an_order, fill

TOTAL = Dead(Reason.REFUSED_BY_MAPPING, "`total` is required and absent (rule 'rule 1')")
LENIENT = MAPPING.replace(", required: true", "")


@pytest.fixture
async def queue(shop: Shell) -> Shell:
    """Two dead letters without a total and one with, one event that no rule took, one dropped, a rejection."""
    await fill(
        shop.folder / "queue.db",
        [
            Ended(an_order("m-1", total=None), TOTAL),
            Ended(an_order("m-2"), Dead(Reason.REFUSED, "no such project")),
            Ended(an_order("m-3", total=None), TOTAL),
            Ended(make_event("m-4", event="Other"), Unmatched()),
            Ended(make_event("m-5", event="Other"), Dropped(Reason.BY_RULE, "all the rest", "nothing but orders")),
        ],
        [a_rejection()],
    )
    return shop


def test_the_active_mapping_is_tried(queue: Shell) -> None:
    """On all dead letters, the oldest first, each with what would become of it and why."""
    result = queue.run("dead", "try")
    assert result.exit_code == 0, result.output
    *rows, summary = result.stdout.splitlines()
    assert [row.split("\t")[:4] for row in rows] == [
        ["1", "Order Completed", "shop", "refused"],
        ["2", "Order Completed", "shop", "sent"],
        ["3", "Order Completed", "shop", "refused"],
    ]
    assert "`total` is required and absent" in rows[0]
    assert rows[0].endswith("(rule 'rule 1')")
    assert rows[1].endswith("track ORDER_COMPLETED")
    assert summary == "1 of 3 events would be sent; 2 refused; 1 rejection would be read again, before any mapping"


def test_a_file_is_tried_before_it_is_active(queue: Shell) -> None:
    """On those of a cause or of ids; the queue and the active mapping stay as they are."""
    queue.write("new.yaml", LENIENT)
    result = queue.run("dead", "try", "--mapping", "new.yaml", "--cause", "TOTAL is required")
    assert result.stdout.splitlines()[-1] == "2 of 2 events would be sent"
    [one] = queue.run("dead", "try", "3", "--mapping", "new.yaml", "--json").stdout.splitlines()
    row = json.loads(one)
    assert (row["id"], row["source"], row["outcome"], row["was"]["outcome"]) == ("3", "shop", "sent", "rejected")
    assert row["mapped"]["calls"][0]["body"]["event"] == "ORDER_COMPLETED"
    assert "2 refused" in queue.run("dead", "try").stdout


def test_what_no_rule_took_is_tried(queue: Shell) -> None:
    """A rule may take it now."""
    [row, summary] = queue.run("dead", "try", "--unmatched").stdout.splitlines()
    assert row == "4\tOther\tshop\tdropped\tnothing but orders"
    assert summary == "0 of 1 event would be sent; 1 dropped"


def test_what_cannot_be_tried_is_said(queue: Shell) -> None:
    """A file with problems, two ways to choose, an id of nothing, and a queue without dead letters."""
    queue.write("bad.yaml", MAPPING.replace("track:", "tracks:", 1))
    broken = queue.run("dead", "try", "--mapping", "bad.yaml")
    assert (broken.exit_code, "tracks" in broken.stderr) == (2, True)
    assert queue.run("dead", "try", "1", "--unmatched").exit_code == 2
    unknown = queue.run("dead", "try", "1", "nothing")
    assert (unknown.exit_code, "nothing: nothing is kept under this id" in unknown.stderr) == (1, True)
    as_explain = queue.run("dead", "try", "bad.yaml")
    assert "to try this file: --mapping bad.yaml" in as_explain.stderr
    nothing = queue.run("dead", "try", "--cause", "never heard of")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == "no dead letters and no rejections whose cause contains never heard of\n"
