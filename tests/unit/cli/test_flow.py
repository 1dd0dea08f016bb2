"""Events on a terminal as they come."""

import io
import re
from collections.abc import Sequence
from typing import Any

from rich.console import Console as Terminal

from adapter.cli.flow import Flow, Tail, shows_flow
from tests.unit.cli.test_event_line import entry

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
WAITS = {"outcome": "pending", "endedAt": None, "waitsFor": "delivery is paused"}


def terminal(**given: Any) -> Terminal:
    return Terminal(file=io.StringIO(), force_terminal=True, width=100, height=20, highlight=False, **given)


def text_of(screen: Terminal) -> str:
    assert isinstance(screen.file, io.StringIO)
    return _ESCAPES.sub("", screen.file.getvalue())


def test_an_event_that_has_ended_has_one_line() -> None:
    screen = terminal()

    with Flow(screen) as flow:
        flow.show([entry()], pending=[])
        flow.show([], pending=[])

    assert text_of(screen).count("✓ delivered") == 1


def test_a_pending_event_is_shown_until_it_has_ended() -> None:
    screen = terminal()

    with Flow(screen) as flow:
        flow.show([entry(**WAITS)], pending=["101"])
        assert "… pending" in text_of(screen)
        flow.show([entry()], pending=[])
        before = len(text_of(screen))
        flow.show([], pending=[])

    assert "✓ delivered" in text_of(screen)
    assert "pending" not in text_of(screen)[before:]


def test_what_is_pending_at_the_end_stays_on_the_screen() -> None:
    screen = terminal()

    with Flow(screen) as flow:
        flow.show([entry(**WAITS)], pending=["101"])
        before = len(text_of(screen))

    assert "… pending" in text_of(screen)[before:]


def test_of_many_pending_events_the_latest_are_shown() -> None:
    screen = terminal()
    many = [entry(id=str(id_), **WAITS) for id_ in range(100, 150)]

    with Flow(screen) as flow:
        flow.show(many, pending=[one["id"] for one in many])

        assert "… and 42 pending events more" in text_of(screen)
        flow.show([], pending=["149"])
        assert text_of(screen).splitlines()[-1].startswith("   149")


def test_colours_are_for_terminals_that_want_them() -> None:
    plain = terminal(no_color=True)
    with Flow(plain) as flow:
        flow.show([entry()], pending=[])

    assert isinstance(plain.file, io.StringIO)
    assert "\x1b[32m" not in plain.file.getvalue()
    assert not shows_flow(Terminal(file=io.StringIO()))


class Pages:
    """A console that has pages of news."""

    def __init__(self, *pages: Sequence[dict[str, Any]]) -> None:
        self.pages = list(pages)
        self.asked: list[tuple[str | None, Sequence[str]]] = []

    def tail(self, after: str | None, watch: Sequence[str] = ()) -> dict[str, Any]:
        self.asked.append((after, watch))
        page = self.pages.pop(0) if after is not None else []
        pending = [one["id"] for one in page if one["outcome"] == "pending"]
        return {"entries": list(page), "pending": pending, "next": f"next-{len(self.asked)}"}


def test_a_tail_goes_on_where_it_ended_and_can_skip() -> None:
    console: Any = Pages([entry(**WAITS)], [entry()])
    tail = Tail("begun")

    assert [one["outcome"] for one in tail.look(console)] == ["pending"]
    tail.skip(console)
    assert [one["outcome"] for one in tail.look(console)] == ["delivered"]
    assert console.asked == [("begun", []), (None, ()), ("next-2", ["101"])]
