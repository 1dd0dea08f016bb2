"""What a person gets for YAML that cannot be read: the place to change, and how, by either parser of PyYAML."""

import pytest
import yaml

from adapter.files.document import read_document
from adapter.files.yaml_hints import syntax_hint

RULES = "rules:\n  - name: a\n"

CASES = [
    pytest.param(RULES + "\twhen: 1\n", 3, "indent with spaces instead of tabs", id="tab"),
    pytest.param(
        RULES + "  when: 1\n", 3, "the `-` of this list start in column 3, as on line 2", id="beside the dash"
    ),
    pytest.param(RULES + "    - name: b\n", 3, "align this `-` with the `-` above", id="dash too far right"),
    pytest.param(RULES + " - name: b\n", 3, "align this `-` with the `-` above", id="dash too far left"),
    pytest.param("a:\n    b: 1\n  c: 2\n", 3, "the keys around this line start in column 1", id="between two levels"),
    pytest.param("a: 1\n  b: 2\n", 2, "indent the key as the keys above it", id="key too far right"),
    pytest.param("a: b: c\n", 1, "quote a value that contains ': '", id="colon in a value"),
    pytest.param("a: {b: 1\nc: 2\n", 2, "close the bracket of line 1, column 4", id="brace not closed"),
    pytest.param("a: [b, c\nd: 2\n", 2, "close the bracket of line 1, column 4", id="bracket not closed"),
    pytest.param("a: {", None, "close each { and [", id="brace at the end"),
    pytest.param('a: "x\nb: 2\n', 1, "close the quote of line 1, column 4", id="quote not closed"),
    pytest.param('a: "x\nb: "2"\n', 2, "one quote too many or too few, here or above", id="quote closed by the next"),
    pytest.param("a: {b: *Order*}\n", 1, "quote a value that starts with *", id="asterisk"),
    pytest.param("a: & b\n", 1, "quote a value that starts with &", id="ampersand"),
    pytest.param("a: @b\n", 1, "quote a value that starts with {, [, *, &, @, %", id="at sign"),
    pytest.param('a: "C:\\x"\n', 1, "in double quotes, write \\ as \\\\", id="backslash"),
    pytest.param("a: 1\nb\nc: 2\n", 3, "a key ends with ': '", id="no colon"),
]


@pytest.mark.parametrize(("text", "line", "hint"), CASES)
def test_a_hint_fits_the_mistake(text: str, line: int | None, hint: str) -> None:
    """The finding stands where the text is to be changed, and says how."""
    (finding,) = read_document(text, file="f.yaml").findings
    assert hint in finding.message
    assert line is None or finding.line == line


@pytest.mark.parametrize(("text", "line", "hint"), CASES)
def test_the_parser_in_python_gets_the_same_hint(text: str, line: int | None, hint: str) -> None:
    """PyYAML without libyaml has other words for the same mistakes."""
    del line
    with pytest.raises(yaml.MarkedYAMLError) as raised:
        list(yaml.parse(text, Loader=yaml.SafeLoader))
    error = raised.value
    mark, begins = error.problem_mark, error.context_mark
    assert mark is not None
    lines = [*text.splitlines(), ""]
    assert hint in syntax_hint(
        problem=error.problem or "",
        context=error.context or "",
        begins=None if begins is None else (begins.line + 1, begins.column + 1),
        line=lines[mark.line],
        column=mark.column + 1,
    )
