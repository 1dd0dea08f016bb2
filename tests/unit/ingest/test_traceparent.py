"""The header of W3C Trace Context: kept if it is well-formed, else as if it were not there."""

import pytest

from adapter.ingest.traceparent import traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize("more", ["", "-", "-what-a-later-version-adds"])
@pytest.mark.parametrize("version", ["00", "01", "cc"])
def test_a_good_one_is_kept(version: str, more: str) -> None:
    """Of a later version the parts that are known; the present one has no others."""
    sent = f"{version}{GOOD[2:]}"
    assert traceparent([sent + more]) == (None if version == "00" and more else sent)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        f" {GOOD}",
        GOOD.upper(),
        f"ff{GOOD[2:]}",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"01{GOOD[2:]}x",
    ],
)
def test_a_bad_one_is_none(sent: str) -> None:
    """A sender's mistake, or mischief, is in no log line."""
    assert traceparent([sent]) is None


def test_two_are_none() -> None:
    """It is unknown which of them is right."""
    assert traceparent([GOOD, GOOD]) is None
    assert traceparent([]) is None
