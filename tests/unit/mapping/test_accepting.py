"""`accept` writes what tests give now, and leaves every other character of the file as it was."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapter.errors import MappingError
from adapter.files.document import read_document
from adapter.files.yaml_text import flow_text
from adapter.mapping.accepting import accept
from adapter.mapping.load import check
from tests.unit.mapping.reading import read

RULES = """\
version: 1
rules:
  - when: {type: track, event: [A, B]}   # two names
    track: DONE
    properties: {total: properties.total}
  - when: {type: identify}
    identify: true
  - name: rest
    when: {type: track}
    drop: "nothing but A, or B"
  - when: {type: screen}
    track: SCREEN
    properties: {title: {from: properties.title, required: true}}
tests:
"""


def accepted(tests: str) -> tuple[str, tuple[str, ...]]:
    """The tests of the file afterwards, and the names of those that were written."""
    result = accept(RULES + tests, file="f.yaml", read=read)
    assert result.text.startswith(RULES)
    assert [found for found in check(result.text, file="f.yaml", read=read) if found.blocks] == []
    return result.text.removeprefix(RULES), tuple(result.tests)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "  - name: n  # why\n    given: {type: track, event: A}  # A\n    # end\n",
            "  - name: n  # why\n    given: {type: track, event: A}  # A\n    expect: [{track: DONE}]\n    # end\n",
        ),
        (
            "  - {name: n, given: {type: track, event: A}}\n",
            "  - {name: n, given: {type: track, event: A}, expect: [{track: DONE}]}\n",
        ),
        (
            "  - name: n\n    given:\n      type: track\n      event: A\n",
            "  - name: n\n    given:\n      type: track\n      event: A\n    expect: [{track: DONE}]\n",
        ),
        ("  - name: n\n    given: {type: page}", "  - name: n\n    given: {type: page}\n    expect: {unmatched: true}"),
        (
            "  - given: {event: A, type: track}\n    expect:\n    - track: X\n      properties: {}\n\n    name: n\n",
            "  - given: {event: A, type: track}\n    expect: [{track: DONE, properties: {}}]\n\n    name: n\n",
        ),
        (
            "  - name: n\n    expect: [{track: X, userId: u}]  # kept\n    given: {type: track, event: A}\n",
            "  - name: n\n    expect: [{track: DONE, userId: null}]  # kept\n    given: {type: track, event: A}\n",
        ),
        (
            "  - name: n\n    given: {type: identify, userId: u, traits: {a: 1}}\n    expect: [{track: X}]\n",
            "  - name: n\n    given: {type: identify, userId: u, traits: {a: 1}}\n    expect: [{identify: true}]\n",
        ),
        (
            '  - name: n\n    given: {type: track, event: "Z"}\n    expect: {unmatched: true}\n',
            '  - name: n\n    given: {type: track, event: "Z"}\n    expect: {drop: "nothing but A, or B"}\n',
        ),
    ],
    ids=["comments", "in one line", "no expect", "no last line end", "key order", "keys", "another kind", "dropped"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_only_the_expectation_is_written(before: str, after: str, end: str) -> None:
    """Comments, blank lines, the order of keys and the line ends of the file stay."""
    result = accept((RULES + before).replace("\n", end), file="f.yaml", read=read)
    assert result.text == (RULES + after).replace("\n", end)
    assert result.tests == ("n",)


@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["none", "byte order mark"])
@pytest.mark.parametrize(
    "written",
    [
        "expect: [{track: X}]",
        '"expect" : [{track: X}]',
        "? expect\n    : [{track: X}]",
        "expect:\n      [\n        {track: X},\n      ]",
        "expect:  # why\n      - track: X",
    ],
)
def test_however_it_is_written_only_the_expectation_is_replaced(mark: str, written: str) -> None:
    """Quoted keys, keys of their own line, brackets over lines and characters outside the first plane."""
    head = f'{mark}{RULES}  - name: "😀 a"\n    given: {{type: track, event: A}}  # 😀\n    '
    tail = "  # 😀\n  - name: b\n    given: {type: page}\n    expect: {unmatched: true}\n"
    result = accept(head + written + tail, file="f.yaml", read=read)
    assert result.tests == ("😀 a",)
    assert result.text.startswith(head)
    assert result.text.endswith(tail)
    assert "[{track: DONE}]" in result.text


def test_a_refused_event_is_written_with_its_reason() -> None:
    """An event that the mapping refuses is an expected result like any other."""
    text, _ = accepted("  - name: n\n    given: {type: screen}\n    expect: {unmatched: true}\n")
    assert "expect: {reject: " in text


def test_tests_that_pass_are_not_touched() -> None:
    """What an author wrote shorter, or spread over lines, stays."""
    tests = (
        "  - name: good\n    given: {type: track, event: A, properties: {total: 5}}\n    expect:\n      - track: DONE\n"
        "  - name: bad\n    given: {type: track, event: A}\n    expect: [{track: X}]\n"
    )
    assert accepted(tests) == (tests.replace("track: X", "track: DONE"), ("bad",))
    assert accepted(accepted(tests)[0])[1] == ()


def test_several_calls_stand_in_lines_of_their_own() -> None:
    """A list of calls can be read, and compared by git line by line."""
    rules = "version: 1\nrules: [{name: R, send: [{track: ONE}, {track: TWO}]}]\ntests:\n"
    result = accept(
        rules + "  - name: n\n    given: {type: page}\n    expect: [{track: X}]\n", file="f.yaml", read=read
    )
    assert result.text == (
        rules + "  - name: n\n    given: {type: page}\n    expect:\n      - {track: ONE}\n      - {track: TWO}\n"
    )


@pytest.mark.parametrize(
    "text",
    [
        RULES.replace("track: DONE", "tracks: DONE") + "  - {name: n, given: {}, expect: [{track: X}]}\n",
        RULES + "  - {name: n, given: {}, expected: [{track: X}]}\n",
        RULES + "  - {name: n, given: 5}\n",
        RULES + "  - n\n",
        RULES + "  - {name: n, given: &a {type: page}, expect: [{track: X}]}\n",
        RULES + "  - {name: n, given: {type: page}\n",
        "",
        "[1]\n",
        RULES + "  - {name: n, given: {type: page}}\n---\nversion: 1\n",
    ],
    ids=["rule", "word", "given", "no block", "anchor", "not YAML", "empty", "list", "two documents"],
)
def test_a_file_with_an_error_is_refused(text: str) -> None:
    """Nothing is written into a file that cannot be used, and its problems are said."""
    with pytest.raises(MappingError, match=r"f\.yaml"):
        accept(text, file="f.yaml", read=read)


def test_a_file_without_tests_stays_as_it_is() -> None:
    """There is nothing to accept."""
    text = RULES.removesuffix("tests:\n")
    assert accept(text, file="f.yaml", read=read).text == text


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(value=JSON)
@example(value={"": [], "yes": "no", "5": "5", "a: b": "- #", "\x85": "\u2028\ufeff\x00\U0001f600", "null": None})
def test_whatever_an_event_holds_is_read_back_as_it_was(value: Any) -> None:
    """Control characters, words of YAML, numbers as text and empty keys survive the way through the file."""
    document = read_document(f"value: {flow_text(value)}\n", file="")
    assert (document.data, document.findings) == ({"value": value}, ())
