"""`GET /api/series`: columns of one length, at most 2,000 of them, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_api import Asking, a_shop
from tests.openapi import shaped
from tests.operated import service, settings_in

SETTINGS = "queue: 'memory:'\nsources:\n  shop: {keys: [a-key], mapping: shop.yaml}\n"


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Asking]:
    with service(settings_in(a_shop(tmp_path, SETTINGS), sandbox=True)) as url:
        yield Asking(url)


@pytest.mark.parametrize(
    ("query", "points"),
    [
        ("", range(180, 182)),
        ("?since=2026-01-01T00:00:00Z&until=2026-01-01T01:00:00Z&step=600", range(6, 7)),
        ("?since=2000-01-01T00:00:00Z", range(1_999, 2_001)),
        ("?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", range(1)),
        ("?until=0001-01-01T00:00:00Z", range(1)),
        ("?until=9999-12-31T23:59:59Z&step=3600", range(3, 5)),
    ],
    ids=["three hours", "an hour", "decades", "backwards", "the first year", "the last year"],
)
def test_a_span(ask: Asking, query: str, points: range) -> None:
    """Each column has a value for each step of the span; of a long one the last 2,000."""
    found = shaped(ask("GET", f"/api/series{query}").json, "SeriesColumns")
    assert {len(column) in points for column in found.values()} == {True}
    assert len({len(column) for column in found.values()}) == 1


@pytest.mark.parametrize(
    "query", ["step=59", "step=3601", "step=x", "since=yesterday", "step=60&step=60", "sources=shop"]
)
def test_what_is_no_span(ask: Asking, query: str) -> None:
    """A step out of bounds, an instant that is none and unknown names are refused."""
    assert ask("GET", f"/api/series?{query}").status == 400
