"""The console over a queue of a million events: each page opens, and says how far it looked."""

import sqlite3
from pathlib import Path
from time import monotonic, time

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.pages import console_of
from tests.browser.running import Service, service_in, track

EVENTS = 1_000_000
SPACING_US = 60_000
"""Between two receipts: a million events came in 16.7 hours."""
WAIT_MS = 60_000
TEMPLATES = (
    track("Product Added", "u-1", sku="S"),
    track("Order Completed", "u-2", order_id="o-1"),
    track("Subscription Started", "u-3"),
)
"""Delivered, dead and unmatched; each is copied."""
PAGES = {
    "overview": ("#/", "Most frequent causes"),
    "events": ("#/events", "Older"),
    "events by a user": ("#/events?user=u-7", "Older"),
    "events by a rule": ("#/events?rule=A%20product%20was%20added", "Older"),
    "events of no such name": ("#/events?name=Never%20Sent", "Look further"),
    "an event": ("#/events/1", "Product Added"),
    "a timeline": ("#/users/u-7", "PRODUCT_ADDED"),
    "dead letters": ("#/dead", "is required and absent"),
    "names": ("#/names", "In the newest 10,000 events"),
    "sources": ("#/sources", "in order for each user"),
    "a mapping": ("#/mappings/shop?line=13", "Preview"),
    "deletions": ("#/deletions", "No platform has asked"),
    "settings": ("#/settings", "retention.history"),
}
"""What each page shows once it is there."""


@pytest.mark.long
def test_every_page_opens(browser: Browser, tmp_path: Path) -> None:
    """With the time of each, from the address to what it shows."""
    with service_in(tmp_path / "service", seed=TEMPLATES) as service:
        service.stop()
        began_s = monotonic()
        fill(service.folder / "sandbox.db", EVENTS)
        say(f"\n{EVENTS:,} events filled in", began_s)
        began_s = monotonic()
        service.start()
        say("start", began_s)
        with console_of(browser, service) as console:
            console.context.set_default_timeout(WAIT_MS)
            console.open("#/settings")
            for name, (address, words) in PAGES.items():
                began_s = monotonic()
                console.page.goto(service.console + address)
                expect(console.page.locator("main").get_by_text(words).first).to_be_visible(timeout=WAIT_MS)
                console.ready()
                say(name, began_s)
                console.shot(f"large-{name}")
            balance(service)


def say(what: str, began_s: float) -> None:
    print(f"{what:32}{monotonic() - began_s:8.2f} s")  # noqa: T201 - the figures are what the test is run for


def balance(service: Service) -> None:
    """What was seeded is what the service counts."""
    ledger = service.ask("/api/summary")["ledger"]
    assert ledger["received"] == EVENTS + len(TEMPLATES)
    assert service.ask("/api/summary")["unaccounted"] == 0


MADE = """
CREATE TEMP TABLE made AS
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :events)
SELECT :first + i AS seq, 'm-' || i AS message_id, 'u-' || (i % 1000) AS user_id, :start_us + i * :spacing_us AS at_us,
       CASE i % 20 WHEN 18 THEN 2 WHEN 19 THEN 3 ELSE 1 END AS template
FROM n
"""
"""One row an event, of 1,000 users; of twenty one is dead and one unmatched."""
COPIES = (
    """
INSERT INTO message (seq, source, message_id, type, user_id, timestamp_us, received_us, body)
SELECT made.seq, source, made.message_id, type, made.user_id, at_us, at_us, body
FROM made JOIN message ON message.seq = template
""",
    """
INSERT INTO finished (seq, outcome, reason, rule, detail, attempt, mapping, finished_us)
SELECT made.seq, outcome, reason, rule, detail, attempt, mapping, at_us + 1000
FROM made JOIN finished ON finished.seq = template
""",
    """
INSERT INTO dead (seq, reason, detail, attempt, mapping, died_us)
SELECT made.seq, reason, detail, attempt, mapping, at_us + 1000 FROM made JOIN dead ON dead.seq = template
""",
    """
UPDATE held SET (events, bytes) = (SELECT count(*), sum(length(body) + 300) FROM dead JOIN message USING (seq))
""",
)


def fill(path: Path, events: int) -> None:
    """Copy the first events of the queue that often, as a service would have stored them: users, times, counters."""
    disk = sqlite3.connect(path, isolation_level=None)
    disk.execute("BEGIN")
    start_us = int(time() * 1e6) - events * SPACING_US
    made = {"events": events, "first": len(TEMPLATES) + 1, "start_us": start_us, "spacing_us": SPACING_US}
    disk.execute(MADE, made)
    for statement in COPIES:
        disk.execute(statement)
    for term, twentieths in (("received", 20), ("delivered", 18), ("unmatched", 1)):
        disk.execute("UPDATE ledger SET n = n + ? WHERE term = ?", (events * twentieths // 20, term))
    disk.execute("COMMIT")
    disk.close()
