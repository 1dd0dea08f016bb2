"""People write quantities with their unit; the adapter reads exactly those and says what it would read."""

from collections.abc import Callable

import pytest

from adapter.settings.quantities import ListenAddress, address, rate_per_s, size_bytes, volume_per_s
from adapter.wire.durations import duration_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("20s", 20), ("5m", 300), ("72h", 259_200), ("30d", 2_592_000), ("1.5h", 5400)],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    """Every unit of time that the settings page shows is understood."""
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1B", 1), ("512KB", 512_000), ("5MB", 5_000_000), ("10GB", 10_000_000_000), ("1.5TB", 1_500_000_000_000)],
)
def test_a_size_is_read_in_bytes(text: str, size: int) -> None:
    """Sizes are powers of 1000."""
    assert size_bytes(text) == size


@pytest.mark.parametrize(("text", "rate"), [("50/s", 50), ("1200/m", 20), ("3600/h", 1), ("0.5/s", 0.5)])
def test_a_rate_is_read_per_second(text: str, rate: float) -> None:
    """Providers state limits by second, minute or hour; all three are understood."""
    assert rate_per_s(text) == pytest.approx(rate)


@pytest.mark.parametrize(("text", "rate"), [("5MB/s", 5e6), ("600KB/m", 1e4), ("3.6GB/h", 1e6), ("1B/s", 1)])
def test_a_volume_is_read_in_bytes_per_second(text: str, rate: float) -> None:
    """Sizes and rates are written as everywhere else."""
    assert volume_per_s(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:8080", ListenAddress("0.0.0.0", 8080)),  # noqa: S104 - an address to read, nothing listens
        ("localhost:0", ListenAddress("localhost", 0)),
        ("[::1]:65535", ListenAddress("::1", 65535)),
    ],
    ids=str,
)
def test_an_address_is_read_and_written_alike(text: str, expected: ListenAddress) -> None:
    """An address shows itself as it is written, brackets of IPv6 included."""
    assert address(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        *[(duration_s, text) for text in ("", "20", "s", "0s", "-1s", "20 s", "20S", "1h30m", "٣s", "1e3s", "20s\n")],
        *[(size_bytes, text) for text in ("", "5", "0MB", "-1MB", "5 MB", "5mb", "5MiB", "0.1B", "5MB\n")],
        *[(rate_per_s, text) for text in ("", "50", "0/s", "-5/s", "50/d", "50 /s", "auto", "off", "50/s\n")],
        *[(volume_per_s, text) for text in ("", "5MB", "0MB/s", "5/s", "-5MB/s", "5mb/s", "5MB/d", "5MB/s\n")],
        *[(address, text) for text in ("", "8080", ":8080", "host:", "host:65536", "::1:8080", "http://h:1", "h:1\n")],
    ],
    ids=lambda value: value.__name__ if callable(value) else repr(value),
)
def test_anything_else_is_refused_with_what_is_allowed(read: Callable[[str], object], text: str) -> None:
    """A refusal gives examples and never the value, which might be a secret in the wrong place."""
    with pytest.raises(ValueError, match="such as") as refusal:
        read(text)
    assert not text.strip() or f"{text!r}" not in str(refusal.value)
