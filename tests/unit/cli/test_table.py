"""Tables fit the terminal; programs get every cell whole."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from adapter.cli.table import show_table

LONG = "Order Completed With A Name That Goes On"
TODAY = datetime.now(UTC).astimezone().replace(hour=12, minute=30, second=15, microsecond=0)
BEFORE = TODAY - timedelta(days=40)
COLUMNS = ("id", "name", "at", "why")
ROWS = [
    ("4711-4711-4711-4711", LONG, f"{TODAY.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.123Z", "total is required, and absent"),
    ("r12", "日本語のイベント名前", f"{BEFORE.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z", "-"),
]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_table_is_as_wide_as_the_terminal(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are cut, sentences go on in the next line, and ids and instants stay whole, on the clock of the reader."""
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": str(width), "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    show_table(COLUMNS, ROWS, empty="")
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)

    assert max(map(len, shown.splitlines())) <= width
    assert "4711-4711-4711-4711 " in shown
    assert " 12:30:15 " in shown
    assert f" {BEFORE:%Y-%m-%d} 12:30" in shown
    assert (LONG in shown) == (width == 200)
    assert ("…" in shown) == (width < 200)
    assert {"total", "required,", "absent"} <= set(shown.split())


def test_programs_get_cells_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    show_table(COLUMNS, ROWS, empty="")
    assert capsys.readouterr().out == "".join("\t".join(row) + "\n" for row in ROWS)
