"""A blocked output holds up no other work."""

import json
import os
import re

import pytest

from adapter.cli.background_output import JSON_NOTICE, NOTICE, BackgroundWriter

LONG = b"x" * 99 + b"\n"


def read_until(pipe: int, end: bytes) -> bytes:
    """What comes out of a pipe, up to `end`."""
    found = b""
    while not found.endswith(end):
        found += os.read(pipe, 65536)
    return found


def test_what_is_put_is_written_in_order() -> None:
    ours, theirs = os.pipe()
    writer = BackgroundWriter()
    for number in range(1000):
        writer.put(theirs, b"%d\n" % number)

    assert read_until(ours, b"\n999\n") == b"".join(b"%d\n" % number for number in range(1000))
    assert writer.finish(within_s=60)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("notice", [NOTICE, JSON_NOTICE], ids=["text", "json"])
def test_an_output_that_takes_nothing_blocks_nobody_and_lines_are_counted(notice: str) -> None:
    """A pipe holds 64 KB; beyond those and the bound lines are left out, and once it is read again a line says so."""
    ours, theirs = os.pipe()
    writer = BackgroundWriter(max_bytes=200_000, notice=notice)
    for _ in range(10_000):
        writer.put(theirs, LONG)
    assert not writer.finish(within_s=0)

    found, ends = b"", 0
    while not found.endswith(b"\nend\n"):
        writer.put(theirs, b"end\n")
        ends += 1
        found += os.read(ours, 65536)

    lines = found.decode().splitlines()
    others = [line for line in lines if line not in ("end", LONG.decode().rstrip())]
    numbers = [int(re.sub(r"\D", "", line)) for line in others]
    assert [notice % number for number in numbers] == others
    left_out = 10_000 - found.count(LONG)
    assert 7_000 < left_out <= sum(numbers) <= left_out + ends
    assert notice == NOTICE or json.loads(others[-1])["lines"] == numbers[-1]
    os.close(ours)
    os.close(theirs)


def test_an_output_without_a_reader_is_passed_over() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    writer = BackgroundWriter()
    writer.put(theirs, LONG)

    assert writer.finish(within_s=60)
    os.close(theirs)
