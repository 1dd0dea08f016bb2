"""The strict YAML loader: what it reads, what it refuses, and that it knows where everything stood."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.files.document import MAX_BYTES, MAX_DEPTH, Position, read_document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0.5e3", -500.0),
        ("007", "007"),
        ("0x1F", "0x1F"),
        (".inf", ".inf"),
        (".5", ".5"),
        ("1_000", "1_000"),
        ("2020-01-01", "2020-01-01"),
        ("12:30:45", "12:30:45"),
        ("yes", "yes"),
        ("Y", "Y"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"1"', "1"),
        ("plain words", "plain words"),
    ],
)
def test_scalars_are_those_of_json_plus_bare_words(text: str, value: Any) -> None:
    """Octal numbers, infinities, dates and the yes/no of YAML 1.1 are text; what is JSON is what JSON says."""
    document = read_document(f"a: {text}", file="f.yaml")
    assert (document.findings, document.data) == ((), {"a": value})
    assert type(document.data["a"]) is type(value)


def test_keys_are_always_text() -> None:
    """A key is read as it is written, so that `1`, `true` and `null` can be names in a table."""
    document = read_document("{1: a, true: b, null: c, 'q': d}", file="f.yaml")
    assert document.data == {"1": "a", "true": "b", "null": "c", "q": "d"}


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count characters from 1, also in flow style and after wide characters."""
    document = read_document("a: [é, {b: 2}]\nc:\n  - x\n", file="f.yaml")
    assert document.mark_of(("a", 1, "b")) == Position(1, 12)
    assert document.mark_of_key(("a", 1, "b")) == Position(1, 9)
    assert document.mark_of(("c", 0)) == Position(3, 5)
    assert document.mark_of_key(("c", 0)) == Position(3, 5)
    assert document.mark_of(("c", 0, "gone", 7)) == Position(3, 5)


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "words"),
    [
        pytest.param("", "E100", 1, 1, "empty", id="empty"),
        pytest.param("# only this\n", "E100", 1, 1, "empty", id="only a comment"),
        pytest.param("a: " + "[" * MAX_DEPTH, "E100", 1, 3 + MAX_DEPTH, "deeper than 40", id="too deep"),
        pytest.param("a: " + "x" * MAX_BYTES, "E100", 1, 1, "larger than 1,000,000", id="too large"),
        pytest.param("a:\n\tb: 1", "E101", 2, 1, "'\\t'", id="tab"),
        pytest.param("a: b: c", "E101", 1, 5, "contains ': '", id="colon in text"),
        pytest.param("a: {", "E101", 2, 1, "not valid YAML", id="open brace"),
        pytest.param("a: x\x07", "E101", 1, 5, "U+0007", id="control character"),
        pytest.param("a: \ud800", "E101", 1, 4, "U+D800", id="lone surrogate"),
        pytest.param("a: &x 1", "E102", 1, 4, "`&x`", id="anchor"),
        pytest.param("a: *x", "E102", 1, 4, "`*x`", id="alias"),
        pytest.param("a: !!str 5", "E102", 1, 4, "tags", id="tag"),
        pytest.param("<<: {a: 1}", "E102", 1, 1, "merge keys", id="merge key"),
        pytest.param("? [a]\n: 1", "E102", 1, 3, "key has to be text", id="list as key"),
        pytest.param("a: 1\n---\nb: 2", "E102", 2, 1, "one document", id="two documents"),
        pytest.param("a: 1\nb: 2\na: 3", "E103", 3, 1, "twice in the same place (first on line 1)", id="twice"),
        pytest.param("a: 1e999", "E104", 1, 4, "too large for JSON", id="infinite number"),
        pytest.param("a:\n  b: Order #1", "W201", 2, 11, "only 'Order'", id="cut by a comment"),
    ],
)  # fmt: skip
def test_what_could_mean_something_else_is_refused(text: str, code: str, line: int, column: int, words: str) -> None:
    """Each is one finding at its line and column, whose text says what it is."""
    (finding,) = read_document(text, file="f.yaml").findings
    assert (finding.code, finding.line, finding.column) == (code, line, column)
    assert words in finding.message
    assert finding.blocks == code.startswith("E")


def test_all_problems_are_found_in_one_reading() -> None:
    """A second problem does not wait for the first one to be mended, and the rest of the data is there."""
    document = read_document("a: &x 1\nb: 1\nb: {c: 2}\nd: !t 4\n", file="f.yaml")
    assert [finding.code for finding in document.findings] == ["E102", "E103", "E102"]
    assert document.data == {"a": 1, "b": 1, "d": "4"}


@pytest.mark.parametrize("text", ["a: b # a comment", "a: b  #c", "a: 'b' #c", "a: b#c", "a: [1] #c"])
def test_an_ordinary_comment_is_not_warned_about(text: str) -> None:
    """Only a bare value with ` #` and no space behind it looks like a cut value."""
    assert read_document(text, file="f.yaml").findings == ()


def test_what_is_shown_cannot_command_a_terminal() -> None:
    """Control characters, which quoted YAML text can make, never reach the message or the source line."""
    (finding,) = read_document('"\\e[2J": 1\n"\\e[2J": 2', file="f.yaml").findings
    assert finding.message.startswith("`\ufffd[2J` is written twice")


@given(st.text(st.characters(), max_size=60) | st.text("ab:{}[],- #\n\t'\"&*!|>%@", max_size=60))
def test_no_text_makes_it_raise(text: str) -> None:
    """Whatever is in a file becomes data or a finding with a place inside the file."""
    document = read_document(text, file="f.yaml")
    assert all(1 <= finding.line <= len(document.lines) + 1 and finding.column >= 1 for finding in document.findings)
