"""What real senders put on the wire, each case with the answer, the calls and the warnings that it must have."""

from typing import Any

import pytest

from tests.integration.wire import observe_all, read_cases

CASES = read_cases()
PENDING: frozenset[str] = frozenset()
"""Cases that are known not to be right yet; one that has become right must leave this list."""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one service makes of every case."""
    return observe_all(tmp_path_factory.mktemp("wire"))


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.xfail(strict=True)) if name in PENDING else name for name in CASES],
)
def test_a_case_becomes_what_it_must(name: str, observed: dict[str, Any]) -> None:
    """Status, outcomes, calls and warnings of a case are exactly those in its file."""
    assert observed[name] == CASES[name]["expect"]


def test_only_known_cases_are_pending() -> None:
    """A name that is misspelt in the list would hide nothing, and excuse nothing."""
    assert CASES.keys() >= PENDING
