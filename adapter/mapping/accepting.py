"""Writes the current results of a mapping file's tests into their `expect`. Pure: text in, text out.

Only failing tests, and tests without `expect`, are written; every other character of the file stays. The result is
checked before it is returned, so that a value that YAML cannot hold never reaches a file.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, assert_never

import yaml

from adapter.errors import MappingError
from adapter.files.document import read_document
from adapter.files.finding import Finding, Severity, as_text
from adapter.files.yaml_text import flow_text
from adapter.mapping.compile.document import compile_document
from adapter.mapping.compile.filetests import DEMO_KEY, ReadEvent, mismatch_of, rendered_of
from adapter.mapping.compile.node import Node
from adapter.mapping.compile.table_files import ReadTable, unreadable
from adapter.mapping.load import check
from adapter.model import Call, Calls, Dropped, JsonObject, Refused, Rendered, Unmatched

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WIDTH: Final = 100
"""Characters of an expectation that fits on the line of its key."""
_MAX_REASON: Final = 200
_BOM: Final = "\ufeff"
_PLACEHOLDER: Final = "expect: {unmatched: true}"


@dataclass(frozen=True, slots=True)
class AcceptedTests:
    """The new text of a file, and the names of the tests that were written, in order."""

    text: str
    tests: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Edit:
    """`text` for the characters in [`start`, `stop`)."""

    start: int
    stop: int
    text: str


def accept(text: str, *, file: str, read: ReadEvent, read_table: ReadTable = unreadable) -> AcceptedTests:
    """The file `text` with the results of its tests. Raises MappingError, with every problem, if it has errors."""
    if text.startswith(_BOM):
        # The parser does not count the byte order mark.
        accepted = accept(text.removeprefix(_BOM), file=file, read=read, read_table=read_table)
        return AcceptedTests(_BOM + accepted.text, accepted.tests)
    with_all = _edited(text, _placeholders(text))
    checking = partial(check, file=file, read=read, read_table=read_table)
    _refuse_errors(checking(with_all))
    document = read_document(with_all, file=file)
    ruleset = compile_document(document, hash_key=DEMO_KEY, read_table=read_table).ruleset
    nodes = list(_test_nodes(with_all))
    missing = {place for place, node in enumerate(_test_nodes(text)) if _value_of(node, "expect") is None}
    edits, names = [], []
    for place, test in enumerate(Node(document.data, ()).at("tests").members() if nodes else ()):
        rendered = rendered_of(test, ruleset, read)
        if place in missing or mismatch_of(test.at("expect"), rendered) is not None:
            edits.append(_replacement(with_all, nodes[place], _expectation(test.value["expect"], rendered)))
            names.append(str(test.value["name"]))
    result = _edited(with_all, edits)
    _refuse_errors(checking(result), also=Severity.FAILED)
    return AcceptedTests(result, tuple(names))


def _refuse_errors(findings: Sequence[Finding], *, also: Severity = Severity.ERROR) -> None:
    wrong = [found for found in findings if found.severity in (Severity.ERROR, also)]
    if wrong:
        raise MappingError("\n".join(as_text(found) for found in wrong), is_listing=True)


# What a test expects


def _expectation(before: Any, rendered: Rendered) -> Any:
    """`rendered` as an `expect`; of each call only the keys that the author wrote, if there are any."""
    match rendered:
        case Calls(calls):
            written = before if type(before) is list and len(before) == len(calls) else [{}] * len(calls)
            return [_call(call, keys) for call, keys in zip(calls, written, strict=True)]
        case Dropped():
            return {"drop": rendered.text[:_MAX_REASON] or True}
        case Refused():
            return {"reject": rendered.problems[0].message}
        case Unmatched():
            return {"unmatched": True}
    assert_never(rendered)


def _call(call: Call, written: Mapping[str, Any]) -> JsonObject:
    body = {"track": call.body["event"], **call.body} if call.kind == "track" else {"identify": True, **call.body}
    fields = "properties" if call.kind == "track" else "traits"
    usual = (call.kind, fields) if body.get(fields) else (call.kind,)
    keys = tuple(written) if call.kind in written else (call.kind, *(key for key in written if key in body))
    empty: JsonObject = {"userId": None, "anonymousId": None, "properties": {}, "traits": {}}
    found = {**empty, **body}
    return {key: found[key] for key in (keys if written else usual) if key in found}


# Positions in the file


def _test_nodes(text: str) -> Iterator[Any]:
    """The YAML nodes of the tests, each a block; empty if the file is not a mapping."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError:
        return
    tests = _value_of(root, "tests")
    if isinstance(tests, yaml.SequenceNode):
        yield from (node for node in tests.value if isinstance(node, yaml.MappingNode))


def _value_of(node: Any, key: str) -> Any:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _placeholders(text: str) -> Iterator[_Edit]:
    """An arbitrary expectation for each test without one, so that the file can be read."""
    for node in _test_nodes(text):
        if not node.value or _value_of(node, "expect") is not None:
            continue
        end = _end(node.value[-1][1])
        if node.flow_style:
            yield _Edit(end, end, f", {_PLACEHOLDER}")
            continue
        # After the line, so that a comment after the last value stays with it.
        stop = text.find("\n", end)
        stop = len(text) if stop < 0 else stop - text[:stop].endswith("\r")
        indent = " " * node.value[0][0].start_mark.column
        yield _Edit(stop, stop, f"{_line_end(text)}{indent}{_PLACEHOLDER}")


def _replacement(text: str, test: Any, expectation: Any) -> _Edit:
    key, value = next(pair for pair in test.value if pair[0].value == "expect")
    start = text.index(":", key.end_mark.index) + 1
    one_line = f" {flow_text(expectation)}"
    column = key.start_mark.column
    if test.flow_style or type(expectation) is dict or (len(expectation) == 1 and column + len(one_line) < _WIDTH):
        return _Edit(start, _end(value), one_line)
    indent = f"{_line_end(text)}{' ' * (column + 2)}- "
    return _Edit(start, _end(value), "".join(f"{indent}{flow_text(call)}" for call in expectation))


def _end(node: Any) -> int:
    """The end of the text of `node`: the parser ends a block only at the next word of the file."""
    while node.value and not isinstance(node, yaml.ScalarNode) and not node.flow_style:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return int(node.end_mark.index)


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _edited(text: str, edits: Iterator[_Edit] | Sequence[_Edit]) -> str:
    for edit in sorted(edits, key=lambda edit: -edit.start):
        text = text[: edit.start] + edit.text + text[edit.stop :]
    return text
