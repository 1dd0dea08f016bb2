"""Reads YAML strictly, with the position of every key and value.

Scalars are those of JSON plus bare words; keys are always text. Anchors, aliases, tags, merge keys, duplicate keys and
second documents are refused, because with each of them a file can mean something else than it shows. Works on the
parser's events rather than its nodes: events distinguish anchors and tags, and deep nesting cannot overflow a stack.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from adapter.files.finding import Finding, Severity
from adapter.files.yaml_hints import syntax_hint
from adapter.printable import printable

MAX_BYTES = 1_000_000
MAX_DEPTH = 40

DocumentPath: TypeAlias = tuple[str | int, ...]
"""The place of a value in the data: keys and list positions from the root."""

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|(?<!^)\ufeff")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
"""The words of YAML 1.2's core schema; `yes`, `on` and `y` are text."""


_TOO_LARGE = 2**63
"""Not every JSON writer accepts whole numbers from here on."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file, counted in characters from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Document:
    """A file as plain data, with the position of every key and value, and the findings of its YAML.

    `data` is None if reading had to stop; with other findings it has everything but what they name, so that a reader
    can find more problems in it.
    """

    file: str
    lines: tuple[str, ...]
    data: Any
    findings: tuple[Finding, ...]
    _values: dict[DocumentPath, Position] = field(repr=False)
    _keys: dict[DocumentPath, Position] = field(repr=False)

    def mark_of(self, path: DocumentPath) -> Position:
        """The position at which the value at `path` begins; for a path that is not in the file, that of its nearest
        parent.
        """
        while path and path not in self._values:
            path = path[:-1]
        return self._values.get(path, Position(1, 1))

    def mark_of_key(self, path: DocumentPath) -> Position:
        """The position of the key of the value at `path`; for a list member or the root, that of the value."""
        return self._keys.get(path) or self.mark_of(path)

    def finding(self, severity: Severity, code: str, mark: Position, message: str) -> Finding:
        """A finding of this file at `mark`, with its source line."""
        return _finding(self.file, self.lines, mark=mark, severity=severity, code=code, message=message)


def read_document(text: str, *, file: str) -> Document:
    """Read `text`; `file` is its name in findings. Never raises for what is in it."""
    lines = tuple(_LINE_BREAK.split(text))
    reader = _Reader(file, lines)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        reader.report("E100", Position(1, 1), f"the file is larger than {MAX_BYTES:,} bytes")
        return reader.document()
    strange = _NOT_TEXT.search(text)
    if strange is not None:
        before = _LINE_BREAK.split(text[: strange.start()])
        mark = Position(len(before), len(before[-1]) + 1)
        reader.report("E101", mark, f"not valid YAML: the character U+{ord(strange[0]):04X} is not allowed")
        return reader.document()
    reader.read(text)
    return reader.document()


class _Unreadable(Exception):  # noqa: N818 - not an error of ours: reading stops, what was found is reported
    """Reading cannot continue; the reason is among the findings."""


class _Reader:
    """Builds a document from the parser's events, by recursive descent; `MAX_DEPTH` keeps the stack small."""

    def __init__(self, file: str, lines: tuple[str, ...]) -> None:
        self._file = file
        self._lines = lines
        self._root: Any = None
        self._findings: list[Finding] = []
        self._values: dict[DocumentPath, Position] = {}
        self._keys: dict[DocumentPath, Position] = {}
        self._depth = 0
        self._events: Iterator[yaml.Event] = iter(())

    def report(self, code: str, mark: Position, message: str, severity: Severity = Severity.ERROR) -> None:
        finding = _finding(self._file, self._lines, mark=mark, severity=severity, code=code, message=message)
        self._findings.append(finding)

    def document(self) -> Document:
        return Document(self._file, self._lines, self._root, tuple(self._findings), self._values, self._keys)

    def read(self, text: str) -> None:
        self._events = _events(text)
        try:
            self._read_stream()
        except yaml.MarkedYAMLError as exc:
            self._report_syntax(exc)
        except _Unreadable:
            pass

    def _read_stream(self) -> None:
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.report("E102", _mark(event), "a file is one document; leave out what follows this `---`")
                    return
                self._root = self._value(next(self._events), ())
        if not documents:
            self.report("E100", Position(1, 1), "the file is empty")

    def _value(self, event: yaml.Event, path: DocumentPath | None) -> Any:
        """The value that starts with `event`. Without a `path` it is only skipped, and no positions are recorded."""
        mark = _mark(event)
        if path is not None:
            self._values[path] = mark
        match event:
            case yaml.ScalarEvent():
                self._refuse_extras(event)
                return self._scalar(event, mark)
            case yaml.SequenceStartEvent():
                self._refuse_extras(event)
                value: Any = []
                self._fill_list(value, path, mark)
                return value
            case yaml.MappingStartEvent():
                self._refuse_extras(event)
                value = {}
                self._fill_block(value, path, mark)
                return value
            case yaml.AliasEvent():
                written = f"*{event.anchor}"
                what = f"quote a text that starts with *; or write out what `{written}` stands for"
                self.report("E102", mark, f"aliases are not read: {what}")
                return written
            case _:
                raise AssertionError(event)

    def _fill_list(self, target: list[Any], path: DocumentPath | None, mark: Position) -> None:
        self._enter(mark)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            target.append(self._value(event, None if path is None else (*path, len(target))))
        self._depth -= 1

    def _fill_block(self, target: dict[str, Any], path: DocumentPath | None, mark: Position) -> None:
        self._enter(mark)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key = self._key(event)
            if key is None or path is None or key in target:
                if key is not None and path is not None:
                    first = self._keys[(*path, key)].line
                    message = f"`{key}` is written twice in the same place (first on line {first})"
                    self.report("E103", _mark(event), message)
                self._value(next(self._events), None)
                continue
            within = (*path, key)
            self._keys[within] = _mark(event)
            target[key] = self._value(next(self._events), within)
        self._depth -= 1

    def _enter(self, mark: Position) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self.report("E100", mark, f"the file is nested deeper than {MAX_DEPTH} levels")
            raise _Unreadable

    def _key(self, event: yaml.Event) -> str | None:
        """The key as written; None, and a finding, for a node that cannot be a key."""
        if not isinstance(event, yaml.ScalarEvent):
            self.report("E102", _mark(event), "a key has to be text")
            self._value(event, None)
            return None
        self._refuse_extras(event)
        if event.implicit[0] and event.value == "<<":
            self.report("E102", _mark(event), "merge keys are not read: write the words out")
            return None
        return str(event.value)

    def _refuse_extras(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self.report("E102", _mark(event), f"anchors are not read: leave out `&{event.anchor}`")
        if event.tag is not None:
            self.report("E102", _mark(event), f"tags are not read: leave out `{event.tag}`")

    def _scalar(self, event: yaml.ScalarEvent, mark: Position) -> Any:
        text: str = event.value
        if not event.implicit[0]:
            return text
        self._warn_of_comment(event)
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        number = _NUMBER.fullmatch(text)
        if number is None:
            return text
        is_whole = not (number[1] or number[2])
        if not math.isfinite(float(text)) or (is_whole and abs(float(text)) >= _TOO_LARGE):
            self.report("E104", mark, "the number is too large for JSON; quote it if it is text")
            return 0
        return int(text) if is_whole else float(text)

    def _warn_of_comment(self, event: yaml.ScalarEvent) -> None:
        """`Order #1` is the value `Order`: YAML reads the rest as a comment. A real comment has a space after the #."""
        end: Any = event.end_mark
        rest = self._lines[end.line][end.column :] if end.line < len(self._lines) else ""
        if event.value and re.match(r" #[^\s#]", rest):
            cut = f"everything after ` #` is a comment, so the value is only '{event.value}'"
            mark = Position(end.line + 1, end.column + 1)
            self.report("W201", mark, f"{cut}; quote it if the # belongs to it", Severity.WARNING)

    def _report_syntax(self, exc: yaml.MarkedYAMLError) -> None:
        begins = None if exc.context_mark is None else (exc.context_mark.line + 1, exc.context_mark.column + 1)
        context = exc.context or ""
        where = exc.problem_mark or exc.context_mark
        if exc.context_mark is not None and context.startswith(("while scanning an a", "while scanning a quoted")):
            # The problem is noticed where the name or the quote ends, and fixed where it begins.
            where = exc.context_mark
        mark = Position(where.line + 1, where.column + 1) if where is not None else Position(1, 1)
        problem = exc.problem or exc.context or "the text ends too early"
        line = self._lines[mark.line - 1] if mark.line <= len(self._lines) else ""
        if line[mark.column - 1 : mark.column] == "\t":
            problem = problem.replace("found character that", "found character '\\t' that")
        hint = syntax_hint(problem=problem, context=context, begins=begins, line=line, column=mark.column)
        self.report("E101", mark, f"not valid YAML: {problem}; {hint}")


def _events(text: str) -> Iterator[yaml.Event]:
    parser = _Parser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def _mark(event: yaml.Event) -> Position:
    start: Any = event.start_mark
    return Position(start.line + 1, start.column + 1)


def _finding(
    file: str, lines: tuple[str, ...], *, mark: Position, severity: Severity, code: str, message: str
) -> Finding:
    source = lines[mark.line - 1] if mark.line <= len(lines) else ""
    return Finding(severity, code, file, mark.line, mark.column, printable(message), printable(source))
